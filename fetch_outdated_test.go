package rin_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/memstore"
)

// changes are the ways in which a process tells that the source has changed, for a key that
// holds a value or not. Those that write give the key the value that they are given.
var changes = map[string]func(ctx context.Context, e rin.Entry[int], root *rin.Scope, n int) error{
	"set": func(ctx context.Context, e rin.Entry[int], _ *rin.Scope, n int) error { return e.Set(ctx, n) },
	"set for a time": func(ctx context.Context, e rin.Entry[int], _ *rin.Scope, n int) error {
		return e.Set(ctx, n, rin.TTL(time.Millisecond))
	},
	"set and keep": func(ctx context.Context, e rin.Entry[int], _ *rin.Scope, n int) error {
		return e.Set(ctx, n, rin.KeepTTL())
	},
	"delete": func(ctx context.Context, e rin.Entry[int], _ *rin.Scope, _ int) error { return second(e.Delete(ctx)) },
	"forget": func(ctx context.Context, e rin.Entry[int], _ *rin.Scope, _ int) error { return second(e.Forget(ctx)) },
	"take": func(ctx context.Context, e rin.Entry[int], _ *rin.Scope, _ int) error {
		_, _, err := e.Take(ctx)
		return err
	},
	"clear": func(ctx context.Context, _ rin.Entry[int], root *rin.Scope, _ int) error {
		return second(root.Clear(ctx))
	},
	"swap": func(ctx context.Context, e rin.Entry[int], _ *rin.Scope, n int) error {
		_, _, err := e.Swap(ctx, n)
		return err
	},
	"update": func(ctx context.Context, e rin.Entry[int], _ *rin.Scope, n int) error {
		return second(e.Update(ctx, func(int, bool) (int, error) { return n, nil }))
	},
	"remove": func(ctx context.Context, e rin.Entry[int], _ *rin.Scope, _ int) error {
		return second(e.Update(ctx, func(int, bool) (int, error) { return 0, rin.Remove }))
	},
	"set, then expire": func(ctx context.Context, e rin.Entry[int], _ *rin.Scope, n int) error {
		return errors.Join(e.Set(ctx, n), second(e.Expire(ctx, time.Millisecond)))
	},
	"set, then delete": func(ctx context.Context, e rin.Entry[int], _ *rin.Scope, n int) error {
		return errors.Join(e.Set(ctx, n), second(e.Delete(ctx)))
	},
	"a batch": func(ctx context.Context, e rin.Entry[int], root *rin.Scope, n int) error {
		b := root.Batch()
		e.In(b).Set(n, rin.TTL(time.Millisecond))
		return b.Run(ctx)
	},
	"set all": func(ctx context.Context, e rin.Entry[int], _ *rin.Scope, n int) error {
		return rin.SetAll(ctx, e.To(n))
	},
	"copy": func(ctx context.Context, e rin.Entry[int], root *rin.Scope, n int) error {
		from := fetchAge.At(root, "from")
		return errors.Join(from.Set(ctx, n), second(from.CopyTo(ctx, e, rin.Overwrite())))
	},
}

// A load that began before a change of the key, in whatever way and process, stores nothing,
// and who comes after the change does not wait for it.
func TestFetch_outdatedLoad(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		for name, change := range changes {
			for kind, opts := range map[string][]rin.FetchOption{"": nil, ", exclusive": {rin.Exclusive(time.Minute)}} {
				t.Run(name+kind, func(t *testing.T) {
					here, there, ctx := mustOpen(t, fetchRoot, r), mustOpen(t, fetchRoot, r), t.Context()
					e := fetchAge.At(here, name+kind)
					const old, other = 1, 2
					l := loads(old)
					l.first = func(ctx context.Context) {
						check(t, change(ctx, fetchAge.At(there, name+kind), there, other))
						r.elapse(2 * time.Millisecond) // what is set for a millisecond is gone
						if n, err := e.Fetch(ctx, loads(other).load, opts...); n != other || err != nil {
							// The loader's context would make it wait for itself, if it waited.
							t.Errorf("the next caller: %d, %v, want a load of its own", n, err)
						}
					}
					if n, err := e.Fetch(ctx, l.load, opts...); n != old || err != nil {
						t.Errorf("fetch: %d, %v, want what was loaded", n, err)
					}
					if n, err := e.Get(ctx); n != other || err != nil {
						t.Errorf("afterwards the key holds %d, %v", n, err)
					}
					_, err := here.Clear(ctx)
					check(t, err)
				})
			}
		}
	})
}

// What RefreshEarly loads is not stored where the key was changed meanwhile, not even to
// what it was.
func TestRefreshEarly_outdated(t *testing.T) {
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := memstore.New()
				here, there, ctx := mustOpen(t, fetchRoot, b), mustOpen(t, fetchRoot, b), t.Context()
				e := fetchAge.At(here, 1)
				check(t, e.Set(ctx, 30))
				time.Sleep(time.Minute)
				l := loads(31)
				l.first = func(context.Context) {
					time.Sleep(time.Second)
					check(t, change(ctx, fetchAge.At(there, 1), there, 30))
					time.Sleep(time.Second)
				}
				wantFetchSoon(t, e, l)
				time.Sleep(time.Minute)
				if n, found, err := e.Lookup(ctx); n == 31 || err != nil || l.calls.Load() != 1 {
					t.Errorf("the key holds %d, %v, %v; want nothing of the load", n, found, err)
				}
			})
		})
	}
}

// caching is a process in TestFetch_neverGoesBack.
type caching struct {
	root *rin.Scope
	rand *rand.Rand
	sets bool
}

// fills is how many loads TestFetch_neverGoesBack has stored.
var fills = flag.Int64("fills", 20_000, "how many loads are to be stored")

// Two processes fetch and change one key at random moments, with delays everywhere. No load
// stores what is older than the last change that was made before it stored, and nobody who
// fetches after a change gets what is older.
func TestFetch_neverGoesBack(t *testing.T) {
	for name, tc := range map[string]struct {
		ttl  time.Duration
		sets bool
	}{
		"long TTL": {time.Hour, true}, "short TTL": {20 * time.Millisecond, true},
		"deleted only, long TTL": {time.Hour, false}, "deleted only, short TTL": {20 * time.Millisecond, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				value := rin.Key[int64]("value", rin.TTL(tc.ttl))
				tree := rin.Cluster("root", rin.Child(value))
				var (
					source, changed, stores atomic.Int64
					b                       = memstore.New()
				)
				// The oracle: whatever is stored by a fill is not older than the last
				// acknowledged change.
				watched := backend.Intercept(b, func(ctx context.Context, ops []backend.Op, next backend.Next) error {
					time.Sleep(rand.N(2 * time.Millisecond))
					for _, op := range ops {
						before := changed.Load()
						if err := next(ctx, []backend.Op{op}); err != nil {
							return err
						}
						if fill, ok := op.(*backend.Fill); ok && fill.Applied {
							stores.Add(1)
							var stored int64
							if _, err := fmt.Sscanf(string(fill.Value), "~text:int64:%d", &stored); err != nil || stored < before {
								t.Errorf("a load of %q was stored after the change to %d: %v", fill.Value, before, err)
							}
						}
					}
					time.Sleep(rand.N(2 * time.Millisecond))
					return nil
				})
				var done sync.WaitGroup
				var roots []*rin.Scope
				for seed := range uint64(2) {
					root := mustOpen(t, tree, watched)
					roots = append(roots, root)
					for worker := range uint64(4) {
						done.Go(func() {
							p := caching{root, rand.New(rand.NewPCG(seed, worker)), tc.sets}
							for stores.Load() < *fills && !t.Failed() {
								p.act(t, value.At(root), &source, &changed)
							}
						})
					}
				}
				done.Wait()
				for _, root := range roots {
					check(t, root.Close(t.Context()))
				}
			})
		})
	}
}

// act fetches the value, or changes the source and then says so.
func (p *caching) act(t *testing.T, e rin.Entry[int64], source, changed *atomic.Int64) {
	ctx := t.Context()
	dontStore := p.rand.IntN(4) == 0
	load := func(ctx context.Context) (int64, error) {
		if dontStore {
			rin.DoNotStore(ctx)
		}
		n := source.Load()
		time.Sleep(rand.N(6 * time.Millisecond)) // in a goroutine that is not p's
		return n, nil
	}
	var opts []rin.FetchOption
	if p.rand.IntN(3) == 0 {
		opts = append(opts, rin.Exclusive(time.Second))
	}
	if p.rand.IntN(3) == 0 {
		opts = append(opts, rin.RefreshEarly(50))
	}
	if p.rand.IntN(8) > 0 {
		before := changed.Load()
		got, err := e.Fetch(ctx, load, opts...)
		if err != nil || !p.sets && got < before { // of two who set, the last to do so may have the older value
			t.Errorf("fetch: %d, %v, after the change to %d", got, err, before)
		}
		return
	}
	n := source.Add(1)
	var err error
	switch way := p.rand.IntN(5); {
	case way == 0 || way == 2 && !p.sets:
		_, err = e.Forget(ctx)
	case way == 1:
		_, err = e.Delete(ctx)
	case way == 2:
		err = e.Set(ctx, n, rin.TTL(time.Duration(1+p.rand.Int64N(5))*time.Millisecond))
	case way == 3:
		_, err = p.root.Clear(ctx)
	case way == 4:
		_, _, err = e.Take(ctx)
	}
	if err != nil {
		t.Errorf("a change: %v", err)
	}
	for old := changed.Load(); old < n && !changed.CompareAndSwap(old, n); old = changed.Load() {
	}
}
