package rin_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/internal/clienttest"
	"github.com/redisimnest/rin/internal/servertest"
	"github.com/redisimnest/rin/memstore"
)

type receipt struct{ Number, Amount int }

var (
	oncePay  = rin.Once[receipt]("payment:<key>", rin.TTL(time.Hour), rin.Poll(2*time.Millisecond), rin.RunLease(300*time.Millisecond))
	onceRoot = rin.Cluster("shop", rin.Child(oncePay))
)

// paid is work that counts how often it is done.
func paid(n *atomic.Int32) func(context.Context) (receipt, error) {
	return func(context.Context) (receipt, error) { return receipt{int(n.Add(1)), 30}, nil }
}

func wantOnce(t *testing.T, what string, e rin.OnceEntry[receipt], work func(context.Context) (receipt, error), number int, replayed bool, wantErr error) {
	t.Helper()
	got, was, err := e.Do(t.Context(), work)
	if got.Number != number || was != replayed || !errors.Is(err, wantErr) || wantErr == nil && err != nil {
		t.Errorf("%s: %+v, replayed %v, %v; want number %d, %v, %v", what, got, was, err, number, replayed, wantErr)
	}
}

// Work is done once, and everybody else gets its result, until it is forgotten.
func TestOnce(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		here, there := oncePay.At(mustOpen(t, onceRoot, r), "k"), oncePay.At(mustOpen(t, onceRoot, r), "k")
		var n atomic.Int32
		if _, done, err := here.Result(t.Context()); done || err != nil {
			t.Errorf("the result beforehand: %v, %v", done, err)
		}
		wantOnce(t, "work that fails", here, func(context.Context) (receipt, error) { return receipt{}, errInk }, 0, false, errInk)
		wantOnce(t, "the first", there, paid(&n), 1, false, nil)
		wantOnce(t, "the second", here, paid(&n), 1, true, nil)
		if got := look(t, r, here.Key()); !near(got.Left, time.Hour) || len(keys(t, r)) != 1 {
			t.Errorf("the result is stored as %+v, beside %v", got, keys(t, r))
		}
		if got, done, err := there.Result(t.Context()); got != (receipt{1, 30}) || !done || err != nil {
			t.Errorf("the result: %+v, %v, %v", got, done, err)
		}
		if was, err := here.Forget(t.Context()); !was || err != nil {
			t.Errorf("forget: %v, %v", was, err)
		}
		wantOnce(t, "when it is forgotten", here, paid(&n), 2, false, nil)
	})
}

// However many want it, in however many processes, the work is done by one at a time, and
// once if it succeeds.
func TestOnce_together(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		const stores, each = 8, 8
		var n, fails, running, replays atomic.Int32
		var group sync.WaitGroup
		for range stores {
			root := mustOpen(t, onceRoot, r)
			for range each {
				group.Go(func() {
					for tries := 0; tries < 5; tries++ {
						got, replayed, err := oncePay.At(root, "k").Do(t.Context(), func(ctx context.Context) (receipt, error) {
							if running.Add(1) > 1 {
								t.Error("two do the work at a time")
							}
							defer running.Add(-1)
							if fails.Add(1) <= 3 {
								return receipt{}, errInk
							}
							return paid(&n)(ctx)
						})
						if replayed {
							replays.Add(1)
						}
						if err == nil && got.Number != 1 || err != nil && !errors.Is(err, errInk) {
							t.Errorf("got %+v, %v", got, err)
						}
						if err == nil {
							return
						}
					}
				})
			}
		}
		group.Wait()
		if n.Load() != 1 || replays.Load() != stores*each-1 {
			t.Errorf("the work was done %d times, with %d replays", n.Load(), replays.Load())
		}
	})
}

// Work whose process has died is done again when its lease has ended.
func TestOnce_deadProcess(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		e := oncePay.At(mustOpen(t, onceRoot, r), "k")
		keepOut(t, r, e, 50*time.Millisecond)
		var n atomic.Int32
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, _, err := e.Do(ctx, paid(&n)); !errors.Is(err, context.DeadlineExceeded) || n.Load() > 0 {
			t.Errorf("while it may live: %v", err)
		}
		r.elapse(50 * time.Millisecond)
		wantOnce(t, "when it is dead", e, paid(&n), 1, false, nil)
	})
}

// Whoever loses the lease is told so, by the context and by the error, and stores nothing.
func TestOnce_lostLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memstore.New()
		e, other := oncePay.At(mustOpen(t, onceRoot, b), "k"), oncePay.At(mustOpen(t, onceRoot, b), "k")
		var n atomic.Int32
		wantOnce(t, "it is forgotten meanwhile", e, func(ctx context.Context) (receipt, error) {
			check(t, second(other.Forget(ctx)))
			wantOnce(t, "another", other, paid(&n), 1, false, nil)
			<-ctx.Done()
			if err := context.Cause(ctx); !errors.Is(err, rin.ErrLeaseLost) {
				t.Errorf("the context ends with %v", err)
			}
			return receipt{9, 30}, nil
		}, 9, false, rin.ErrLeaseLost)
		wantOnce(t, "afterwards", e, paid(&n), 1, true, nil)
		slow := oncePay.At(mustOpen(t, onceRoot, b), "slow")
		wantOnce(t, "work that takes long keeps its lease", slow, func(ctx context.Context) (receipt, error) {
			time.Sleep(time.Hour)
			return receipt{7, 30}, ctx.Err()
		}, 7, false, nil)
	})
}

// However the work ends, its lease is given back at once.
func TestOnce_ends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memstore.New()
		e := oncePay.At(mustOpen(t, onceRoot, b), "k")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := e.Do(ctx, func(ctx context.Context) (receipt, error) { <-ctx.Done(); return receipt{}, ctx.Err() }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the caller leaves: %v", err)
		}
		func() {
			defer func() {
				if recover() != "boom" {
					t.Error("the panic does not reach the caller")
				}
			}()
			_, _, _ = e.Do(t.Context(), func(context.Context) (receipt, error) { panic("boom") })
		}()
		if left := keys(t, b); len(left) > 0 {
			t.Errorf("%v is left", left)
		}
		ctx, cancel = context.WithCancel(t.Context())
		got, _, err := e.Do(ctx, func(context.Context) (receipt, error) { cancel(); return receipt{Number: 5}, nil })
		if got.Number != 5 || err != nil || !look(t, b, e.Key()).Found {
			t.Errorf("the caller leaves when the work is done: %+v, %v", got, err)
		}
		synctest.Wait()
	})
}

// Where replies are lost, the work is not done twice, and the result is stored.
func TestOnce_lostReplies(t *testing.T) {
	behindProxy(t, func(t *testing.T, _ *rin.Scope, direct backend.Backend, proxy *servertest.Proxy) {
		root := mustOpen(t, onceRoot, clienttest.Server(proxy.Addr()).Open(t, clienttest.Goredis))
		var n atomic.Int32
		for i, lose := range []func(){func() {}, func() { proxy.Swallow("EVAL") }} {
			e := oncePay.At(root, fmt.Sprint(i))
			proxy.Swallow("EVAL")
			wantOnce(t, "the replies are lost", e, func(ctx context.Context) (receipt, error) {
				lose()
				return paid(&n)(ctx)
			}, i+1, false, nil)
			wantOnce(t, "afterwards", e, paid(&n), i+1, true, nil)
			if !look(t, direct, e.Key()).Found {
				t.Error("the result is not stored")
			}
		}
	})
}

func TestOnce_declaration(t *testing.T) {
	for want, tree := range map[string]*rin.ClusterNode{
		"RunLease(1ms)": rin.Cluster("root", rin.Child(rin.Once[int]("k", rin.RunLease(time.Millisecond)))),
		"Poll(0s)":      rin.Cluster("root", rin.Child(rin.Once[int]("k", rin.Poll(0)))),
	} {
		if _, err := rin.Open(tree, memstore.New()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("open: %v, want an error with %q", err, want)
		}
	}
	var none *rin.OnceNode[int]
	e, ctx := oncePay.At(mustOpen(t, onceRoot, memstore.New()), "k"), t.Context()
	if _, _, err := e.Do(ctx, nil); err == nil {
		t.Error("no work is no error")
	}
	if _, _, err := none.At(nil).Do(ctx, func(context.Context) (int, error) { return 1, nil }); err == nil || none.At(nil).Err() == nil {
		t.Error("a nil node is no error")
	}
	if e.String() != "shop:payment:k" || e.Err() != nil {
		t.Errorf("it prints as %s, %v", e, e.Err())
	}
}
