package backendtest

import (
	"fmt"
	"iter"
	"maps"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redisimnest/rin/backend"
)

// TestRun runs the suite where nothing of it is skipped.
func TestRun(t *testing.T) {
	Run(t, harness(func(b backend.Backend) backend.Backend { return b }))
}

// harness is that of a store with lists which spoil has had its hands on.
func harness(spoil spoil) Harness {
	var store *lists
	return Harness{
		New: func(testing.TB) backend.Backend {
			store = newLists()
			return spoil(store)
		},
		Leaf:    synctest.Test,
		Elapse:  func(_ testing.TB, d time.Duration) { time.Sleep(d) },
		Foreign: func(t testing.TB, key string) { store.push(t, key) },
		Cluster: true,
	}
}

func TestRun_namesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for name := range cases() {
		if seen[name] {
			t.Errorf("two cases are called %s", name)
		}
		seen[name] = true
	}
}

// cases are all cases, by family and name.
func cases() iter.Seq2[string, testCase] {
	return func(yield func(string, testCase) bool) {
		for _, f := range families() {
			for _, c := range f.cases {
				if !yield(f.name+"/"+c.name, c) {
					return
				}
			}
		}
	}
}

// TestMutants holds that every case can fail: it reports a store that breaks its
// rule, and says the rule. A failing test cannot be watched from within, so the
// mutants run in a process of their own.
func TestMutants(t *testing.T) {
	const inChild = "BACKENDTEST_MUTANTS"
	if os.Getenv(inChild) != "" {
		runMutants(t)
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMutants$", "-test.v", "-test.count=1")
	cmd.Env = append(os.Environ(), inChild+"=1")
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatal("the mutants' process succeeded")
	}
	checkMutants(t, string(out))
}

// runMutants runs each mutant against the case that has to report it.
func runMutants(t *testing.T) {
	for i, m := range mutants {
		for name, c := range cases() {
			if name == m.breaks {
				t.Run(fmt.Sprint(i), func(t *testing.T) { c.start(t, harness(m.spoil)) })
			}
		}
	}
}

// checkMutants checks that each mutant was reported, by its case, with its rule.
func checkMutants(t *testing.T, out string) {
	rules := maps.Collect(cases())
	for i, m := range mutants {
		c, own := rules[m.breaks], outputOf(i, out)
		if !strings.Contains(out, fmt.Sprintf("--- FAIL: TestMutants/%d ", i)) {
			t.Errorf("%s does not report a store that %s:\n%s", m.breaks, m.how, own)
		} else if !strings.Contains(own, "rule: "+c.rule) {
			t.Errorf("%s does not say its rule to a store that %s:\n%s", m.breaks, m.how, own)
		}
	}
}

func TestMutants_coverEveryCase(t *testing.T) {
	untried := maps.Collect(cases())
	for _, m := range mutants {
		delete(untried, m.breaks)
	}
	for name := range untried {
		t.Errorf("no mutant shows that %s can fail", name)
	}
}

// outputOf is what mutant i's test printed.
func outputOf(i int, out string) string {
	_, from, _ := strings.Cut(out, fmt.Sprintf("=== RUN   TestMutants/%d\n", i))
	own, _, _ := strings.Cut(from, "=== RUN")
	return own
}
