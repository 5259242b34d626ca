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
						got, err := g.Join(t.Context(), "k", func(ctx context.Context) (any, error) { calls++; return tc.work(ctx) })
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
	_, err := g.Join(t.Context(), "k", func(context.Context) (any, error) { panic(errInk) })
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
		if _, err := g.Join(ctx, "k", work); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the caller's own deadline", err)
		}
		if got, err := g.Join(t.Context(), "k", work); got != "late" || err != nil {
			t.Errorf("the next: %v, %v", got, err)
		}
	})
}

func TestJoin_circle(t *testing.T) {
	var g group
	_, err := g.Join(t.Context(), "a", func(ctx context.Context) (any, error) {
		return g.Join(ctx, "b", func(ctx context.Context) (any, error) {
			return g.Join(ctx, "a", func(context.Context) (any, error) { return nil, nil })
		})
	})
	if !errors.Is(err, flight.ErrCircle) {
		t.Errorf("got %v, want %v", err, flight.ErrCircle)
	}
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g group
		g.Refresh(t.Context(), time.Hour, "refreshed", func(ctx context.Context) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		go g.Join(t.Context(), "joined", answer(nil, nil)) //nolint:errcheck // it is ended below
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
		if _, err := g.Join(t.Context(), "k", answer(nil, nil)); !errors.Is(err, flight.ErrClosed) {
			t.Errorf("got %v, want %v", err, flight.ErrClosed)
		}
	})
}
