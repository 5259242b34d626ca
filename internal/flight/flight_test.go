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
func answer(v any, err error) flight.Work {
	return func(context.Context) (any, error) { time.Sleep(time.Second); return v, err }
}

func TestJoin(t *testing.T) {
	for name, tc := range map[string]struct {
		work  flight.Work
		value any
		err   error
	}{
		"a value":  {answer(30, nil), 30, nil},
		"an error": {answer(nil, errInk), nil, errInk},
		"Goexit":   {func(context.Context) (any, error) { time.Sleep(time.Second); runtime.Goexit(); return 1, nil }, nil, flight.ErrGoexit},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var g group
				calls := 0
				var callers sync.WaitGroup
				for range 10 {
					callers.Go(func() {
						got, _, err := g.Join(t.Context(), "k", 0, func(ctx context.Context) (any, error) { calls++; return tc.work(ctx) })
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
	_, _, err := g.Join(t.Context(), "k", 0, func(context.Context) (any, error) { panic(errInk) })
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
		work := func(ctx context.Context) (any, error) {
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
		}
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
	_, _, err := g.Join(t.Context(), "a", 0, func(ctx context.Context) (any, error) {
		_, _, err := g.Join(ctx, "b", 0, func(ctx context.Context) (any, error) {
			_, _, err := g.Join(ctx, "a", 0, answer(nil, nil))
			return nil, err
		})
		return nil, err
	})
	if !errors.Is(err, flight.ErrCircle) {
		t.Errorf("got %v, want %v", err, flight.ErrCircle)
	}
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g group
		work := func(ctx context.Context) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		f := g.Start(t.Context(), "background", nil, true, work)
		if again := g.Start(t.Context(), "background", nil, true, work); f == nil || again != nil {
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
	for name, detach := range map[string]func(*group, context.Context){
		"by a caller":   func(g *group, _ context.Context) { g.Current("k").Detach() },
		"by the flight": func(_ *group, ctx context.Context) { flight.Of(ctx).Detach() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var g group
				old := make(chan any)
				go func() {
					got, _, _ := g.Join(t.Context(), "k", 0, func(ctx context.Context) (any, error) {
						flight.Of(ctx).SetMark("seen")
						if mark := g.Current("k").Mark(); mark != "seen" {
							t.Errorf("the mark is %q", mark)
						}
						detach(&g, ctx)
						time.Sleep(time.Hour)
						return "old", nil
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
		_, _, err := g.Join(t.Context(), "k", time.Second, func(ctx context.Context) (any, error) {
			time.Sleep(time.Minute)
			done = ctx.Err() == nil
			return nil, nil
		})
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
