package rin_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/memstore"
)

// A thousand callers who find nothing load it once.
func TestFlight_stampede(t *testing.T) {
	const callers = 1000
	for name, opts := range map[string][]rin.FetchOption{"in one process": nil, "in the fleet": {rin.Exclusive(time.Minute)}} {
		t.Run(name, func(t *testing.T) {
			onEveryBackend(t, func(t *testing.T, r rig) {
				e, l := fetchAge.At(mustOpen(t, fetchRoot, r), 1), loads(30)
				l.first = func(context.Context) {
					await(t, "everybody waits", func() bool { return rin.Waiters(e) == callers })
				}
				var group sync.WaitGroup
				var wrong atomic.Int32
				for range callers {
					group.Go(func() {
						if got, err := e.Fetch(t.Context(), l.load, opts...); got != 30 || err != nil {
							wrong.Add(1)
						}
					})
				}
				group.Wait()
				if n := l.calls.Load(); n != 1 || wrong.Load() > 0 {
					t.Errorf("%d loads, want one; %d of %d callers did not get the value", n, wrong.Load(), callers)
				}
				if got := look(t, r, e.Key()); got.Value != "~text:int:30" || !near(got.Left, time.Hour) {
					t.Errorf("stored %+v", got)
				}
			})
		})
	}
}

// Callers who come and go get the value, and it is loaded anew only when it is
// not there.
func TestFlight_stragglers(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		e, l := fetchAge.At(mustOpen(t, fetchRoot, r), 1), loads(30)
		var group sync.WaitGroup
		for range 16 {
			group.Go(func() {
				for range 20 {
					if got, err := e.Fetch(t.Context(), l.load); got != 30 || err != nil {
						t.Errorf("fetch: %d, %v", got, err)
					}
				}
			})
		}
		group.Wait()
		if n := l.calls.Load(); n != 1 {
			t.Errorf("%d loads, want one", n)
		}
	})
}

// Each key, and each store, has a load of its own.
func TestFlight_areApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := mustOpen(t, fetchRoot, memstore.New()), mustOpen(t, fetchRoot, memstore.New())
		var group sync.WaitGroup
		start := time.Now()
		for i, e := range []rin.Entry[int]{fetchAge.At(one, 1), fetchAge.At(one, 2), fetchFree.At(one, 1), fetchAge.At(two, 1)} {
			group.Go(func() {
				l := loads(i)
				l.first = func(context.Context) { time.Sleep(time.Second) }
				wantFetch(t, e.Key(), e, l, i, nil, 1)
			})
		}
		group.Wait()
		if took := time.Since(start); took != time.Second {
			t.Errorf("four loads took %v, want a second: they don't wait for each other", took)
		}
	})
}

// The first caller's context is not the load's: others get the value when it
// ends.
func TestFlight_firstLeaves(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		e, l := fetchAge.At(mustOpen(t, fetchRoot, r), 1), loads(30)
		started, proceed := make(chan struct{}), make(chan struct{})
		l.first = func(ctx context.Context) {
			close(started)
			<-proceed
			if err := ctx.Err(); err != nil {
				t.Errorf("the load's context has ended: %v", err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var group sync.WaitGroup
		group.Go(func() {
			got, err := e.Fetch(ctx, l.load)
			var op *rin.OpError
			if got != 0 || !errors.Is(err, context.Canceled) || !errors.As(err, &op) || op.Op != "fetch" || op.Key != e.Key() {
				t.Errorf("the first caller gets %d, %#v, want Canceled in an *OpError", got, err)
			}
			close(proceed)
		})
		<-started
		for range 3 {
			group.Go(func() { wantFetch(t, "another caller", e, l, 30, nil, 1) })
		}
		await(t, "all wait", func() bool { return rin.Waiters(e) == 4 })
		cancel()
		group.Wait()
		if got := look(t, r, e.Key()).Value; got != "~text:int:30" {
			t.Errorf("the key holds %q", got)
		}
	})
}

// A load that nobody waits for is cancelled, and the next one begins only after
// it has ended.
func TestFlight_lastLeaves(t *testing.T) {
	inBubble(t, "the loader heeds its context", func(t *testing.T, _ *memstore.Store, e rin.Entry[int]) {
		var ended time.Duration
		start := time.Now()
		load := func(ctx context.Context) (int, error) {
			<-ctx.Done()
			ended = time.Since(start)
			return 0, ctx.Err()
		}
		var group sync.WaitGroup
		for i := range 3 {
			group.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i+1)*time.Second)
				defer cancel()
				if _, err := e.Fetch(ctx, load); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("caller %d: %v, want DeadlineExceeded", i, err)
				}
			})
		}
		group.Wait()
		synctest.Wait()
		if ended != 3*time.Second {
			t.Errorf("the load was cancelled after %v, want 3s: when the last caller left", ended)
		}
		wantFetch(t, "the next caller", e, loads(30), 30, nil, 1)
	})
	inBubble(t, "the loader does not", func(t *testing.T, b *memstore.Store, e rin.Entry[int]) {
		stubborn := loads(30)
		var running, most atomic.Int32
		busy := func(context.Context) {
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(time.Minute)
			running.Add(-1)
		}
		stubborn.first = busy
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := e.Fetch(ctx, stubborn.load); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the first caller: %v, want DeadlineExceeded", err)
		}
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		next := loads(31)
		next.first = busy
		if _, err := e.Fetch(impatient, next.load); !errors.Is(err, context.DeadlineExceeded) || next.calls.Load() > 0 {
			t.Errorf("a caller who gives up before it begins: %v, after %d loads", err, next.calls.Load())
		}
		wantFetch(t, "a patient caller", e, next, 31, nil, 1)
		if most.Load() != 1 || stubborn.calls.Load() != 1 {
			t.Errorf("%d loads ran at a time, want one", most.Load())
		}
		if got := look(t, b, e.Key()).Value; got != "~text:int:31" {
			t.Errorf("the key holds %q; what was loaded for nobody is not stored", got)
		}
	})
}

// The loader sees the values of the caller who was first, and none of its
// deadlines.
func TestFlight_context(t *testing.T) {
	type name struct{}
	inBubble(t, "values", func(t *testing.T, _ *memstore.Store, e rin.Entry[int]) {
		ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), name{}, "alice"), time.Hour)
		defer cancel()
		_, err := e.Fetch(ctx, func(ctx context.Context) (int, error) {
			if got := ctx.Value(name{}); got != "alice" {
				t.Errorf("the loader's context has %v, want alice", got)
			}
			if deadline, ok := ctx.Deadline(); ok {
				t.Errorf("the loader's context ends at %v", deadline)
			}
			return 30, nil
		})
		check(t, err)
	})
}

// A loader that has trouble with a context of its own is not the caller's
// trouble.
func TestFlight_loadersOwnContext(t *testing.T) {
	e := fetchAge.At(mustOpen(t, fetchRoot, memstore.New()), 1)
	for _, own := range []error{context.Canceled, context.DeadlineExceeded} {
		if _, err := e.Fetch(t.Context(), fails(own).load); err != own { //nolint:errorlint // it is the loader's own error, as it is
			t.Errorf("fetch: %#v, want the loader's own error", err)
		}
	}
}

// A loader that panics, or ends its goroutine, fails everybody who waits, and
// the next caller loads.
func TestFlight_panic(t *testing.T) {
	for name, tc := range map[string]struct {
		end   func()
		check func(error) bool
		text  string
	}{
		"a panic":          {func() { panic("boom") }, isPanic("boom"), "the loader panicked: boom\n\ngoroutine "},
		"a panic of error": {func() { panic(errInk) }, func(err error) bool { return isPanic(errInk)(err) && errors.Is(err, errInk) }, "the loader panicked: out of ink\n\ngoroutine "},
		"Goexit":           {runtime.Goexit, func(err error) bool { return err != nil }, "the loader ended its goroutine"},
	} {
		for kind, opts := range everyFetch {
			inBubble(t, name+", "+kind, func(t *testing.T, b *memstore.Store, e rin.Entry[int]) {
				l := loads(0)
				l.first = func(context.Context) { time.Sleep(time.Second); tc.end() }
				var group sync.WaitGroup
				for i := range 10 {
					group.Go(func() {
						got, err := e.Fetch(t.Context(), l.load, opts...)
						if got != 0 || !tc.check(err) || !strings.HasPrefix(fmt.Sprint(err), tc.text) {
							t.Errorf("caller %d: %d, %v", i, got, err)
						}
					})
				}
				group.Wait()
				if n := l.calls.Load(); n != 1 {
					t.Errorf("%d loads, want one", n)
				}
				if left := keys(t, b); len(left) > 0 {
					t.Errorf("it left %v", left)
				}
				wantFetch(t, "the next caller", e, loads(30), 30, nil, 1, opts...)
			})
		}
	}
}

// isPanic says that an error is a panic with a value, and knows where it was.
func isPanic(value any) func(error) bool {
	return func(err error) bool {
		var p *rin.PanicError
		return errors.As(err, &p) && p.Value == value && strings.Contains(string(p.Stack), "flight_test.go")
	}
}

// The goroutine of a load ends with it, so that a bubble with none left is proof
// enough; and what is stored is there before anybody is told.
func TestFlight_storesBeforeItLands(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		s := &spy{Backend: r}
		e := fetchAge.At(mustOpen(t, fetchRoot, s), 1)
		for i := range 20 {
			wantFetch(t, "a miss", e, loads(i), i, nil, 1)
			if got := look(t, r, e.Key()).Value; got != fmt.Sprint("~text:int:", i) {
				t.Fatalf("the key holds %q when the value is returned", got)
			}
			check(t, r.Exec(t.Context(), &backend.Delete{Key: e.Key()}))
		}
	})
}
