// Package backendtest holds the rules of package backend as a conformance
// suite. Whoever implements a backend runs it:
//
//	func TestConformance(t *testing.T) {
//		backendtest.Run(t, backendtest.Harness{
//			New:    func(t testing.TB) backend.Backend { return mystore.New() },
//			Elapse: func(t testing.TB, d time.Duration) { time.Sleep(d) },
//		})
//	}
//
// Each case carries the sentence that it enforces, and prints it when it fails.
//
// What no suite can bring about on every store, a lost reply above all, is left
// to the backend's own tests: ErrUnknownOutcome, and that an op whose effect is
// Once is never sent twice.
package backendtest

import (
	"slices"
	"testing"
	"time"

	"github.com/redisimnest/rin/backend"
)

// Harness is what the suite has to know about a backend.
type Harness struct {
	// New gives an empty store, or empties the one there is. The suite calls it
	// once a case, inside Leaf, and runs one case at a time.
	New func(t testing.TB) backend.Backend

	// Leaf runs f, one case, and returns when it has ended: synctest.Test for a
	// store whose time is a bubble's. By default f is simply called.
	Leaf func(t *testing.T, f func(*testing.T))

	// Elapse makes the store's time pass by at least d, which is well under a
	// second: time.Sleep in a bubble, moving the clock where the store has one
	// that moves by hand, waiting for the server's own TIME on a server.
	Elapse func(t testing.TB, d time.Duration)

	// Foreign makes key hold another kind of Redis value, such as a list,
	// without an expiry. Nil says that the store has no other kinds; the cases
	// that need one are then reported as skipped.
	Foreign func(t testing.TB, key string)

	// Cluster says that the store is a cluster, whose transactions are bound to
	// one slot. The cases about that are otherwise reported as skipped.
	Cluster bool

	// NoTransactions says that the store is no [backend.Transactor]. The cases
	// about transactions are then reported as skipped.
	NoTransactions bool

	// NoWaits says that the store is no [backend.Waiter]. The cases about waiting are
	// then reported as skipped.
	NoWaits bool

	// NoCommands says that the store does not speak the Redis protocol, and knows no
	// [backend.Do]. The cases about replies are then reported as skipped.
	NoCommands bool

	// Lacks says which ops the store does not know, beside those of NoCommands: they have to
	// be ErrUnsupported. No Redis before 7.4 and no Valkey before 9.0 knows those of
	// FieldExpiry. By default the store knows all.
	Lacks func(Op) bool

	// NoAbort says that the store runs the rest of a transaction of which it does
	// not know an op, as miniredis does. The case about that is then reported as
	// skipped.
	NoAbort bool
}

// Run runs every case of the suite against the harness's backend, as subtests
// of t.
func Run(t *testing.T, h Harness) {
	if h.New == nil || h.Elapse == nil {
		t.Fatal("backendtest: a Harness needs New and Elapse")
	}
	if h.Leaf == nil {
		h.Leaf = func(t *testing.T, f func(*testing.T)) { f(t) }
	}
	for _, f := range families() {
		t.Run(f.name, func(t *testing.T) { f.run(t, h) })
	}
}

// family is the cases about one idea. Their names are unique within it.
type family struct {
	name  string
	cases []testCase
}

func families() []family {
	return []family{
		{"op", opCases()},
		{"value", slices.Concat(getCases, setCases, takeCases)},
		{"key", slices.Concat(deleteCases, existsCases, ttlCases, expireCases, persistCases, expireTimeCases, memoryCases)},
		{"change", slices.Concat(swapCases, compareAndDeleteCases)},
		{"lease", leaseCases},
		{"count", countCases},
		{"fill", fillCases},
		{"limit", limitCases},
		{"kind", kindCases},
		{"exec", execCases},
		{"do", doCases},
		{"transaction", transactionCases},
		{"context", contextCases},
		{"ownership", ownershipCases},
		{"wait", waitCases},
		{"scan", scanCases},
		{"concurrency", concurrencyCases},
	}
}

func (f family) run(t *testing.T, h Harness) {
	for _, c := range f.cases {
		t.Run(c.name, func(t *testing.T) { c.start(t, h) })
	}
}

// testCase is one rule. Its run may not call t.Run or t.Skip: in a bubble, the
// one panics and the other passes.
type testCase struct {
	name        string
	rule        string // the sentence that it enforces
	foreign     bool   // it needs Harness.Foreign
	cluster     bool   // it needs Harness.Cluster
	transaction bool   // it needs a backend.Transactor
	waits       bool   // it needs a backend.Waiter
	abort       bool   // it needs one that aborts
	commands    bool   // it needs a store that knows backend.Do
	run         func(t *testing.T, s *suite)
}

func (c testCase) start(t *testing.T, h Harness) {
	switch {
	case c.foreign && h.Foreign == nil:
		t.Skip("the harness has no Foreign: the store is said to know one kind of value only")
	case c.cluster && !h.Cluster:
		t.Skip("the harness is not that of a Cluster")
	case c.transaction && h.NoTransactions:
		t.Skip("the harness has NoTransactions")
	case c.waits && h.NoWaits:
		t.Skip("the harness has NoWaits")
	case c.abort && h.NoAbort:
		t.Skip("the harness has NoAbort")
	case c.commands && h.NoCommands:
		t.Skip("the harness has NoCommands")
	}
	h.Leaf(t, func(t *testing.T) {
		defer c.explain(t)
		c.run(t, &suite{Harness: h, Backend: h.New(t)})
	})
}

// explain prints the rule of a case that failed.
func (c testCase) explain(t *testing.T) {
	if t.Failed() {
		t.Logf("rule: %s", c.rule)
	}
}
