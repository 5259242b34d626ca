package flight_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redisimnest/rin/internal/flight"
)

type group = flight.Group[string]

var errInk = errors.New("out of ink")

// answer is a work that takes a second.
func answer(v any, err error) flight.Work[string] {
	return bring(func(context.Context) (any, error) { time.Sleep(time.Second); return v, err })
}

// bring is the work of one flight, which brings what f returns.
func bring(f func(context.Context) (any, error)) flight.Work[string] {
	return func(ctx context.Context, flights []*flight.Flight[string]) { flights[0].Bring(f(ctx)) }
}

func TestJoin(t *testing.T) {
	for name, tc := range map[string]struct {
		work  flight.Work[string]
		value any
		err   error
	}{
		"a value":  {answer(30, nil), 30, nil},
		"an error": {answer(nil, errInk), nil, errInk},
		"Goexit":   {bring(func(context.Context) (any, error) { time.Sleep(time.Second); runtime.Goexit(); return 1, nil }), nil, flight.ErrGoexit},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var g group
				calls := 0
				var callers sync.WaitGroup
				for range 10 {
					callers.Go(func() {
						got, _, err := g.Join(t.Context(), "k", 0, func(ctx context.Context, flights []*flight.Flight[string]) {
							calls++
							tc.work(ctx, flights)
						})
						if got != tc.value || !errors.Is(err, tc.err) {
							t.Errorf("%v, %v; want %v, %v", got, err, tc.value, tc.err)
						}
					})
				}
				callers.Wait()
				if calls != 1 {
					t.Errorf("%d calls, want 1: all waited for one", calls)
				}
			})
		})
	}
}

func TestJoin_panic(t *testing.T) {
	var g group
	_, _, err := g.Join(t.Context(), "k", 0, bring(func(context.Context) (any, error) { panic(errInk) }))
	var p *flight.PanicError
	if !errors.As(err, &p) || p.Value != any(errInk) || len(p.Stack) == 0 || err.Error() != "panic: out of ink" {
		t.Errorf("%v, want the panic and where it was", err)
	}
}

// A work whose last waiter has left is cancelled, and the next begins when it has
// ended.
func TestJoin_lastLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g group
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		running := 0
		work := bring(func(ctx context.Context) (any, error) {
			if running++; running > 1 {
				t.Error("two run at a time")
			}
			defer func() { running-- }()
			select {
			case <-ctx.Done():
				time.Sleep(time.Second) // it does not heed its context at once
				return nil, ctx.Err()
			case <-time.After(time.Minute):
				return "late", nil
			}
		})
		if _, _, err := g.Join(ctx, "k", 0, work); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the caller's own deadline", err)
		}
		if got, first, err := g.Join(t.Context(), "k", 0, work); got != "late" || !first || err != nil {
			t.Errorf("the next: %v, %v, %v", got, first, err)
		}
	})
}

func TestJoin_circle(t *testing.T) {
	var g group
	_, _, err := g.Join(t.Context(), "a", 0, bring(func(ctx context.Context) (any, error) {
		_, _, err := g.Join(ctx, "b", 0, bring(func(ctx context.Context) (any, error) {
			_, _, err := g.Join(ctx, "a", 0, answer(nil, nil))
			return nil, err
		}))
		return nil, err
	}))
	if !errors.Is(err, flight.ErrCircle) {
		t.Errorf("got %v, want %v", err, flight.ErrCircle)
	}
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g group
		work := bring(func(ctx context.Context) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		keys := []string{"background"}
		f := g.Start(t.Context(), keys, true, work)
		if again := g.Start(t.Context(), keys, true, work); f[0] == nil || again[0] != nil {
			t.Errorf("started %v, again %v", f, again)
		}
		go g.Join(t.Context(), "joined", 0, answer(nil, nil)) //nolint:errcheck // it is ended below
		synctest.Wait()
		if n := g.Waiters("joined"); n != 1 {
			t.Errorf("%d wait, want 1", n)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if left := g.Close(ctx); left != 1 {
			t.Errorf("%d are left, want the one that somebody waits for", left)
		}
		if left := g.Close(t.Context()); left != 0 {
			t.Errorf("%d are left, want none", left)
		}
		if _, _, err := g.Join(t.Context(), "k", 0, answer(nil, nil)); !errors.Is(err, flight.ErrClosed) {
			t.Errorf("got %v, want %v", err, flight.ErrClosed)
		}
	})
}

// A flight that is detached is boarded by nobody, and lands all the same.
func TestDetach(t *testing.T) {
	for name, detach := range map[string]func(*group, *flight.Flight[string]){
		"by a caller":   func(g *group, _ *flight.Flight[string]) { g.Current("k").Detach() },
		"by the flight": func(_ *group, f *flight.Flight[string]) { f.Detach() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var g group
				old := make(chan any)
				go func() {
					got, _, _ := g.Join(t.Context(), "k", 0, func(_ context.Context, flights []*flight.Flight[string]) {
						flights[0].SetMark("seen")
						if mark := g.Current("k").Mark(); mark != "seen" {
							t.Errorf("the mark is %q", mark)
						}
						detach(&g, flights[0])
						time.Sleep(time.Hour)
						flights[0].Bring("old", nil)
					})
					old <- got
				}()
				synctest.Wait()
				if f := g.Current("k"); f != nil {
					t.Error("it can still be boarded")
				}
				if got, first, err := g.Join(t.Context(), "k", 0, answer("new", nil)); got != "new" || !first || err != nil {
					t.Errorf("the next: %v, %v, %v", got, first, err)
				}
				if got := <-old; got != "old" {
					t.Errorf("the first: %v", got)
				}
				if left := g.Close(t.Context()); left != 0 {
					t.Errorf("%d are left", left)
				}
			})
		})
	}
}

// A flight goes on without the caller who has lost patience.
func TestJoin_patience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g group
		done := false
		_, _, err := g.Join(t.Context(), "k", time.Second, bring(func(ctx context.Context) (any, error) {
			time.Sleep(time.Minute)
			done = ctx.Err() == nil
			return nil, nil
		}))
		if !errors.Is(err, flight.ErrPatience) || g.Current("k") == nil {
			t.Errorf("%v, want %v and a flight that goes on", err, flight.ErrPatience)
		}
		time.Sleep(time.Hour)
		if synctest.Wait(); !done {
			t.Error("it was cancelled")
		}
		if got, _, err := g.Join(t.Context(), "k", time.Minute, answer("v", nil)); got != "v" || err != nil {
			t.Errorf("in time: %v, %v", got, err)
		}
	})
}

// Flights that begin together land together. Their work is cancelled when all have been left.
func TestStart_together(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g group
		under := func(ctx context.Context, flights []*flight.Flight[string]) {
			select {
			case <-ctx.Done():
			case <-time.After(time.Minute):
			}
			for _, f := range flights {
				if f != nil {
					f.Bring("brought", ctx.Err())
				}
			}
		}
		go g.Join(t.Context(), "b", 0, answer(nil, nil)) //nolint:errcheck // it only has to be there
		synctest.Wait()
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		start := func() (a, c *flight.Flight[string]) {
			flights := g.Start(t.Context(), []string{"a", "b", "c", "c"}, false, under)
			if flights[1] != nil || flights[3] != flights[2] {
				t.Fatal("a key has two flights")
			}
			if _, err := g.Wait(ended, flights[3], 0); !errors.Is(err, context.Canceled) {
				t.Errorf("c: %v, want the context's end", err)
			}
			return flights[0], flights[2]
		}
		a, c := start()
		if _, err := g.Wait(t.Context(), a, time.Second); !errors.Is(err, flight.ErrPatience) {
			t.Errorf("a: %v, want %v", err, flight.ErrPatience)
		}
		if _, err := g.Wait(ended, c, 0); !errors.Is(err, context.Canceled) {
			t.Errorf("c: %v, want the context's end", err)
		}
		if got, first, err := g.Join(t.Context(), "a", 0, under); got != "brought" || first || err != nil {
			t.Errorf("a: %v, %v, %v; want what goes on without those who have left", got, first, err)
		}

		time.Sleep(time.Hour)
		go g.Join(t.Context(), "b", 0, answer(nil, nil)) //nolint:errcheck // it only has to be there
		synctest.Wait()
		a, c = start()
		for _, f := range []*flight.Flight[string]{a, c} {
			if _, err := g.Wait(ended, f, 0); !errors.Is(err, context.Canceled) {
				t.Errorf("%v, want the context's end", err)
			}
		}
		before := time.Now()
		if left := g.Close(t.Context()); left != 0 || time.Since(before) > time.Second {
			t.Errorf("%d are left after %v, want a work that was cancelled", left, time.Since(before))
		}
	})
}

// A work waits for another one of its own through any of the flights that these began with.
func TestStart_circle(t *testing.T) {
	var g, other group
	for _, key := range []string{"a", "b"} {
		flights := g.Start(t.Context(), []string{"a", "b"}, false, func(ctx context.Context, flights []*flight.Flight[string]) {
			_, _, err := other.Join(ctx, "c", 0, bring(func(ctx context.Context) (any, error) {
				_, _, err := g.Join(ctx, key, 0, answer(nil, nil))
				return nil, err
			}))
			for _, f := range flights {
				f.Bring(nil, err)
			}
		})
		for _, f := range flights {
			if _, err := g.Wait(t.Context(), f, 0); !errors.Is(err, flight.ErrCircle) {
				t.Errorf("by %s: %v, want %v", key, err, flight.ErrCircle)
			}
		}
	}
}
