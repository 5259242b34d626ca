package rin_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/internal/clienttest"
	"github.com/redisimnest/rin/internal/servertest"
	"github.com/redisimnest/rin/memstore"
)

// a tree for faults: what is read has a default, so that a miss would show.
var (
	faultAge  = rin.Key[int]("age", rin.Default(18))
	faultUser = rin.Cluster("user:<id>", rin.TTL(time.Hour), rin.Child(faultAge))
	faultRoot = rin.Cluster("root", rin.Child(faultUser))
)

// faultScopeOps are the operations of a scope that ask the store.
func faultScopeOps(s *rin.Scope) map[string]func(context.Context) error {
	ops := scopeOps(s)
	delete(ops, "parse")
	delete(ops, "batch")
	ops["each"] = func(ctx context.Context) error { return lastErr(faultUser.Each(ctx, s)) }
	return ops
}

// A failure is never a default and never a miss.
func TestFailure_isNeverAMiss(t *testing.T) {
	broken := errors.New("broken")
	s := &spy{Backend: memstore.New(), fail: func(backend.Op) error { return broken }}
	e, ctx := faultAge.At(mustOpen(t, faultRoot, s), 1), t.Context()

	value, err := e.Get(ctx)
	if value != 0 || !errors.Is(err, broken) {
		t.Errorf("get: %d, %v, want the failure and not the default", value, err)
	}
	value, found, err := e.Lookup(ctx)
	if value != 0 || found || !errors.Is(err, broken) {
		t.Errorf("lookup: %d, %v, %v, want the failure", value, found, err)
	}
	old, existed, err := e.Swap(ctx, 1)
	if old != 0 || existed || !errors.Is(err, broken) {
		t.Errorf("swap: %d, %v, %v, want the failure", old, existed, err)
	}
	for op, run := range entryOps(e) {
		err := run(ctx)
		var opErr *rin.OpError
		if !errors.As(err, &opErr) || !errors.Is(err, broken) || errors.Is(err, rin.ErrNotFound) {
			t.Errorf("%s: %v, want the failure in an *OpError", op, err)
			continue
		}
		if opErr.Op != strings.TrimSuffix(op, " at") || opErr.Key != "root:user:1:age" || opErr.Pattern != "root:user:<id>:age" {
			t.Errorf("%s: the error says %#v", op, opErr)
		}
	}
}

func TestScanFailure_isNeverAnEmptySubtree(t *testing.T) {
	broken := errors.New("broken")
	for _, after := range []int{0, 1} {
		b, ctx := memstore.New(), t.Context()
		s := &spy{Backend: b, pages: failingAfter(after, broken)}
		root := mustOpen(t, faultRoot, s, rin.PageSize(2))
		for i := range 5 {
			check(t, faultAge.At(root, i).Set(ctx, i))
		}
		for op, run := range faultScopeOps(root) {
			var opErr *rin.OpError
			if err := run(ctx); !errors.Is(err, broken) || !errors.As(err, &opErr) || opErr.Op != op || opErr.Key != "root" {
				t.Errorf("%s: %#v, want the failure after page %d", op, err, after)
			}
		}
		if n, err := root.Count(ctx); err == nil || n > int64(2*after) {
			t.Errorf("count: %d, %v", n, err)
		}
	}
}

// failingAfter ends a scan with err after some pages.
func failingAfter(pages int, err error) func(pageSeq) pageSeq {
	return func(seq pageSeq) pageSeq {
		return func(yield func([]string, error) bool) {
			n := 0
			for page, pageErr := range seq {
				if n == pages {
					break
				}
				n++
				if !yield(page, pageErr) {
					return
				}
			}
			yield(nil, err)
		}
	}
}

// With a context that has ended nothing is sent, and the error says so.
func TestEndedContext(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root := mustOpen(t, faultRoot, r)
		e := faultAge.At(root, 1)
		check(t, e.Set(t.Context(), 30))
		before := look(t, r, e.Key())
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
		defer cancel()
		for want, ctx := range map[error]context.Context{context.Canceled: cancelled, context.DeadlineExceeded: late} {
			for op, run := range entryOps(e) {
				if err := run(ctx); !errors.Is(err, want) || errors.Is(err, rin.ErrUnknownOutcome) || errors.Is(err, rin.ErrNotFound) {
					t.Errorf("%s: %v, want %v", op, err, want)
				}
			}
			for op, run := range faultScopeOps(root) {
				if err := run(ctx); !errors.Is(err, want) {
					t.Errorf("%s: %v, want %v", op, err, want)
				}
			}
		}
		if after := look(t, r, e.Key()); after.Value != before.Value || !near(after.Left, time.Hour) {
			t.Errorf("the key was %+v and is %+v", before, after)
		}
	})
}

// behindProxy runs f with both clients on a real Redis that a proxy stands in
// front of; direct is the store without it.
func behindProxy(t *testing.T, f func(t *testing.T, root *rin.Scope, direct backend.Backend, proxy *servertest.Proxy)) {
	t.Helper()
	for _, client := range clienttest.Clients {
		t.Run(string(client), func(t *testing.T) {
			addr := servertest.Start(t, servertest.Redis)
			proxy := servertest.NewProxy(t, addr)
			f(t, mustOpen(t, faultRoot, clienttest.Server(proxy.Addr()).Open(t, client)), clienttest.Server(addr).Open(t, clienttest.Goredis), proxy)
		})
	}
}

// Every operation on a server that is gone fails, in time, and reads fail as
// reads: they neither find nothing nor leave it open what happened.
func TestDeadServer(t *testing.T) {
	behindProxy(t, func(t *testing.T, root *rin.Scope, _ backend.Backend, proxy *servertest.Proxy) {
		e := faultAge.At(root, 1)
		check(t, e.Set(t.Context(), 30))
		proxy.Vanish()
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		var group sync.WaitGroup
		run := func(op string, f func(context.Context) error) {
			group.Go(func() {
				err := f(ctx)
				var opErr *rin.OpError
				if !errors.As(err, &opErr) || errors.Is(err, rin.ErrNotFound) {
					t.Errorf("%s: %v, want a failure in an *OpError", op, err)
				}
			})
		}
		for op, f := range entryOps(e) {
			run(op, f)
		}
		for op, f := range faultScopeOps(root) {
			run(op, f)
		}
		group.Wait()
		if value, err := e.Get(ctx); value != 0 || err == nil {
			t.Errorf("get: %d, %v, want a failure and not the default", value, err)
		}
	})
}

// A write whose reply is lost may have happened; one that must not happen twice
// is not sent again.
func TestUnknownOutcome(t *testing.T) {
	behindProxy(t, func(t *testing.T, root *rin.Scope, direct backend.Backend, proxy *servertest.Proxy) {
		e, ctx := faultAge.At(root, 1), t.Context()
		for _, tc := range []struct {
			op, command string
			there       bool   // whether the key is there before
			after       string // what the server did all the same
		}{
			{"set if absent", "SET", false, "~text:int:1"},
			{"set if present", "SET", true, "~text:int:1"},
			{"swap", "SET", true, "~text:int:1"},
			{"take", "GETDEL", true, ""},
			{"delete", "UNLINK", true, "~text:int:5"}, // it was the UNLINK of the leases, ahead of that of the key
			{"persist", "PERSIST", true, "~text:int:5"},
		} {
			t.Run(tc.op, func(t *testing.T) {
				if _, err := e.Delete(ctx); err != nil {
					t.Fatal(err)
				}
				if tc.there {
					check(t, e.Set(ctx, 5))
				}
				sent := proxy.Count(tc.command)
				proxy.Swallow(tc.command)
				err := entryOps(e)[tc.op](ctx)
				var opErr *rin.OpError
				if !errors.Is(err, rin.ErrUnknownOutcome) || !errors.As(err, &opErr) || opErr.Op != tc.op || opErr.Key != e.Key() {
					t.Errorf("the error is %v, want ErrUnknownOutcome in an *OpError", err)
				}
				if n := proxy.Count(tc.command) - sent; n != 1 {
					t.Errorf("%s was sent %d times, want once", tc.command, n)
				}
				if got := look(t, direct, e.Key()).Value; got != tc.after {
					t.Errorf("the key holds %q, want %q", got, tc.after)
				}
			})
		}
		t.Run("clear", func(t *testing.T) {
			check(t, e.Set(ctx, 5))
			proxy.Swallow("UNLINK")
			if n, err := root.Clear(ctx); n != 0 || !errors.Is(err, rin.ErrUnknownOutcome) {
				t.Errorf("clear: %d, %v, want none that is known of, and ErrUnknownOutcome", n, err)
			}
		})
		t.Run("set", func(t *testing.T) {
			proxy.Swallow("SET")
			if err := e.Set(ctx, 6); err != nil && !errors.Is(err, rin.ErrUnknownOutcome) {
				t.Errorf("set: %v, want none, since it may be sent again, or ErrUnknownOutcome", err)
			}
			if got := look(t, direct, e.Key()); got.Value != "~text:int:6" || !near(got.Left, time.Hour) {
				t.Errorf("the key is %+v", got)
			}
		})
	})
}

// A server that hangs is left when the context ends, and the buffers of the
// write may be used again at once.
func TestStalledServer(t *testing.T) {
	behindProxy(t, func(t *testing.T, root *rin.Scope, direct backend.Backend, proxy *servertest.Proxy) {
		e := faultAge.At(root, 1)
		check(t, e.Set(t.Context(), 1))
		proxy.Stall()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := e.SetIfPresent(ctx, 123456); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, rin.ErrUnknownOutcome) {
			t.Errorf("set if present: %v, want DeadlineExceeded and ErrUnknownOutcome", err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if value, err := e.Get(ctx); value != 0 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("get: %d, %v, want DeadlineExceeded", value, err)
		}
		elsewhere := faultAge.At(mustOpen(t, faultRoot, memstore.New()), 1)
		for i := range 100 { // takes what the write above gave back
			check(t, elsewhere.Set(t.Context(), 900_000+i))
		}
		proxy.Resume()
		deadline := time.Now().Add(slack)
		for got := ""; got != "~text:int:123456"; got = look(t, direct, e.Key()).Value {
			if got != "" && got != "~text:int:1" {
				t.Fatalf("the write that was under way became %q", got)
			}
			if time.Now().After(deadline) {
				return // It was never sent, which an unknown outcome allows.
			}
			time.Sleep(time.Millisecond)
		}
	})
}

// Once an operation has returned, what it was made of serves the next one. A
// client that still works on the old one may not look at it: the race detector
// sees it if it does.
func TestAbandonedOperation(t *testing.T) {
	behindProxy(t, func(t *testing.T, root *rin.Scope, _ backend.Backend, proxy *servertest.Proxy) {
		check(t, faultAge.At(root, 0).Set(t.Context(), 0))
		proxy.Stall()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		var group sync.WaitGroup
		for i := range 20 {
			group.Go(func() {
				if _, err := faultAge.At(root, i).SetIfAbsent(ctx, i); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("set if absent: %v, want DeadlineExceeded", err)
				}
				if _, err := faultAge.At(root, i).Get(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("get: %v, want DeadlineExceeded", err)
				}
			})
		}
		group.Wait()
		proxy.Vanish() // Now the client deals with what has failed.
		e := faultAge.At(mustOpen(t, faultRoot, memstore.New()), 1)
		for end := time.Now().Add(100 * time.Millisecond); time.Now().Before(end); {
			check(t, e.Set(t.Context(), 1))
			if _, err := e.Get(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}
