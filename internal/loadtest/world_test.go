package loadtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
)

// The keys under load. Each placeholder is a number, and a value is one too, which
// the oracle keeps in mind, or follows from the key.
var (
	fixed   = rin.Key[int]("<n>")
	fixeds  = rin.Cluster("fixed", rin.Child(fixed)) // is there all the time
	own     = rin.Key[int]("own:<caller>:<n>")       // has one writer
	counter = rin.Key[int]("counter:<n>")            // has many
	claim   = rin.Key[string]("claim:<n>")           // goes to the first
	cached  = rin.Key[int]("cached:<n>", rin.TTL(time.Hour))
	root    = rin.Cluster("load", rin.Child(fixeds, own, counter, claim, cached))
)

const (
	fixedKeys  = 600
	counters   = 20
	cachedKeys = 50
	ownKeys    = 5 // of each caller
	opTime     = time.Second
	walkTime   = 5 * time.Second

	// punctuality is far below the seconds by which what forgets its deadline is late
	// (the clients' own times for a dial, a read or a refresh), and far above what a
	// busy machine takes for the steps after the deadline, beside its late timers.
	punctuality = 500 * time.Millisecond
)

// world is a store under load.
type world struct {
	*oracle
	root   *rin.Scope
	store  backend.Backend
	canary *canary

	tally  sync.Mutex
	counts map[string]*count
	claims int // how many there are to claim
}

// count is what became of the operations of one name.
type count struct {
	done, failed, unknown int
	latest                time.Duration // beyond the deadline
	reasons               map[string]int
}

// newWorld opens the declaration on a store and fills it.
func newWorld(t *testing.T, b backend.Backend) *world {
	t.Helper()
	scope, err := rin.Open(root, b, rin.PageSize(50))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{oracle: newOracle(), root: scope, store: b, canary: newCanary(t), counts: map[string]*count{}}
	ctx := t.Context()
	for n := range fixedKeys {
		must(t, fixed.At(fixeds.At(scope), n).Set(ctx, n))
	}
	for n := range counters {
		must(t, counter.At(scope, n).Set(ctx, 0))
	}
	return w
}

// do carries out one operation within a time, and notes what became of it.
func (w *world) do(t *testing.T, name string, within time.Duration, f func(ctx context.Context) error) outcome {
	w.gate.RLock()
	defer w.gate.RUnlock()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	err := f(ctx)
	deadline, _ := ctx.Deadline()
	late := time.Since(deadline)

	w.tally.Lock()
	defer w.tally.Unlock()
	c := w.counts[name]
	if c == nil {
		c = &count{reasons: map[string]int{}}
		w.counts[name] = c
	}
	c.latest = max(c.latest, late)
	if late > punctuality {
		w.canary.wonder(name, deadline, late)
	}
	switch {
	case err == nil:
		c.done++
		return done
	case errors.Is(err, rin.ErrUnknownOutcome):
		c.unknown++
		c.reasons[reason(err)]++
		return unknown
	}
	c.failed++
	c.reasons[reason(err)]++
	for _, wrong := range []error{rin.ErrNotFound, rin.ErrWrongType, rin.ErrWrongKind, rin.ErrMalformed} {
		if errors.Is(err, wrong) {
			w.mistake("%s: %v, of what is there", name, err)
		}
	}
	return notDone
}

// reason is the last part of an error, without what changes from one to the next.
func reason(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n\tand ") // of a batch
	parts := strings.Split(text[strings.LastIndex(text, "; ")+1:], ": ")
	last := strings.TrimSpace(parts[len(parts)-1])
	return strings.Join(strings.FieldsFunc(last, func(r rune) bool { return '0' <= r && r <= '9' || r == '.' }), "#")
}

// callers are the kinds of callers, sixteen in all.
var callers = []struct {
	many int
	act  func(t *testing.T, w *world, me string, r *rand.Rand)
}{
	{4, setAndGet},
	{3, claimOne},
	{4, addOne},
	{2, fetchOne},
	{2, batchSome},
	{1, walkAll},
}

// load has all callers act until stop is closed.
func (w *world) load(t *testing.T, stop <-chan struct{}) {
	var acting sync.WaitGroup
	for kind, c := range callers {
		for i := range c.many {
			r := rand.New(rand.NewPCG(uint64(kind), uint64(i)))
			acting.Go(func() {
				for {
					select {
					case <-stop:
						return
					case <-time.After(rand.N(4 * time.Millisecond)):
						c.act(t, w, fmt.Sprintf("%d-%d", kind, i), r)
					}
				}
			})
		}
	}
	acting.Wait()
}

// setAndGet writes to a key that nobody else writes to, and reads one.
func setAndGet(t *testing.T, w *world, me string, r *rand.Rand) {
	e := own.At(w.root, me, r.IntN(ownKeys))
	n, ended := w.sets(e.Key())
	ended(w.do(t, "set", opTime, func(ctx context.Context) error { return e.Set(ctx, n) }))

	saw := w.reads(e.Key())
	w.do(t, "lookup", opTime, func(ctx context.Context) error {
		n, _, err := e.Lookup(ctx)
		if err == nil {
			saw(n)
		}
		return err
	})
	getFixed(t, w, r.IntN(fixedKeys))
}

// getFixed reads a key that is there all the time.
func getFixed(t *testing.T, w *world, n int) {
	w.do(t, "get", opTime, func(ctx context.Context) error {
		got, err := fixed.At(fixeds.At(w.root), n).Get(ctx)
		if err == nil && got != n {
			w.mistake("fixed %d is %d", n, got)
		}
		return err
	})
}

// claimOne claims a key that others may claim too.
func claimOne(t *testing.T, w *world, me string, r *rand.Rand) {
	w.tally.Lock()
	if r.IntN(3) == 0 {
		w.claims++
	}
	e := claim.At(w.root, w.claims)
	w.tally.Unlock()
	start := time.Now()
	w.do(t, "claim", opTime, func(ctx context.Context) error {
		mine, err := e.SetIfAbsent(ctx, me)
		if mine {
			w.claimed(e.Key(), me, start)
		}
		return err
	})
}

// addOne adds one to a counter of all.
func addOne(t *testing.T, w *world, _ string, r *rand.Rand) {
	e := counter.At(w.root, r.IntN(counters))
	ended := w.adds(e.Key())
	saw := w.reads(e.Key())
	ended(w.do(t, "update", opTime, func(ctx context.Context) error {
		_, err := e.Update(ctx, func(old int, found bool) (int, error) {
			if !found {
				w.mistake("%s is missing", e.Key())
			}
			saw(old)
			return old + 1, nil
		})
		return err
	}))
}

// fetchOne fetches what always loads the same.
func fetchOne(t *testing.T, w *world, _ string, r *rand.Rand) {
	n := r.IntN(cachedKeys)
	e := cached.At(w.root, n)
	w.do(t, "fetch", opTime, func(ctx context.Context) error {
		got, err := e.Fetch(ctx, func(context.Context) (int, error) { return n, nil })
		if err == nil && got != n {
			w.mistake("cached %d is %d", n, got)
		}
		return err
	})
	if r.IntN(10) == 0 {
		w.do(t, "delete", opTime, func(ctx context.Context) error {
			_, err := e.Delete(ctx)
			return err
		})
	}
}

// batchSome writes and reads many keys in one round trip. Each entry has an answer
// of its own.
func batchSome(t *testing.T, w *world, me string, r *rand.Rand) {
	e := own.At(w.root, me, r.IntN(ownKeys))
	first := r.IntN(fixedKeys)
	n, ended := w.sets(e.Key())
	how := notDone
	w.do(t, "batch", opTime, func(ctx context.Context) error {
		b := w.root.Batch()
		set := e.In(b).Set(n)
		gets := make([]*rin.Future[int], 20)
		for i := range gets {
			gets[i] = fixed.At(fixeds.At(w.root), (first+i)%fixedKeys).In(b).Get()
		}
		err := b.Run(ctx)
		for i, get := range gets {
			if got, err := get.Result(); err == nil && got != (first+i)%fixedKeys || errors.Is(err, rin.ErrNotFound) {
				w.mistake("in a batch, fixed %d is %d, %v", (first+i)%fixedKeys, got, err)
			}
		}
		switch _, err := set.Result(); {
		case err == nil:
			how = done
		case errors.Is(err, rin.ErrUnknownOutcome):
			how = unknown
		}
		return err
	})
	ended(how)
}

// walkAll counts the keys that are there all the time.
func walkAll(t *testing.T, w *world, _ string, _ *rand.Rand) {
	w.do(t, "walk", walkTime, func(ctx context.Context) error {
		n, err := fixeds.At(w.root).Count(ctx)
		if err == nil && n != fixedKeys {
			w.mistake("a walk without an error has %d keys of %d", n, fixedKeys)
		}
		return err
	})
}

// check reads every key once more, and reports. Nothing is under way.
func (w *world) check(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	for _, key := range slices.Sorted(maps.Keys(w.cells)) {
		saw, get := w.reads(key), &backend.Get{Key: key}
		must(t, w.store.Exec(ctx, get))
		n := 0
		fmt.Sscanf(string(get.Value), "~text:int:%d", &n)
		saw(n)
	}
	held := map[string]string{}
	for n := range w.claims + 1 {
		e := claim.At(w.root, n)
		owner, _, err := e.Lookup(ctx)
		must(t, err)
		held[e.Key()] = owner
	}
	granted := w.checkClaims(held)
	for n := range fixedKeys {
		getFixed(t, w, n)
	}
	w.canary.judge(t)
	for i, mistake := range w.mistakes {
		if i == 10 {
			t.Errorf("and %d more", len(w.mistakes)-10)
			break
		}
		t.Error(mistake)
	}
	t.Logf("%d claims granted, %d mistakes, timers were up to %v late\n%s", granted, len(w.mistakes), w.canary.worst().Round(time.Millisecond), w.report(t))
}

// report is what became of all operations, as a table. Each must have gone well
// many times.
func (w *world) report(t *testing.T) string {
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "operation\tdone\tfailed\tunknown\tlatest after its deadline\t")
	for _, name := range slices.Sorted(maps.Keys(w.counts)) {
		c := w.counts[name]
		latest := "never"
		if c.latest > 0 {
			latest = c.latest.Round(time.Millisecond).String()
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%s\t\n", name, c.done, c.failed, c.unknown, latest)
		if c.done < 10 {
			t.Errorf("%s went well %d times only; the reasons are %v", name, c.done, c.reasons)
		}
	}
	table.Flush()
	reasons := map[string]int{}
	for _, c := range w.counts {
		for reason, n := range c.reasons {
			reasons[reason] += n
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		fmt.Fprintf(&out, "%6d × %s\n", reasons[reason], reason)
	}
	return out.String()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
