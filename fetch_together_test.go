package rin_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/memstore"
)

// A loader that would wait for itself has an error at once, however it goes about
// it, and the next caller can load.
func TestFetch_waitsForItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, ctx := mustOpen(t, fetchRoot, memstore.New()), t.Context()
		a, b := fetchAge.At(root, "a"), fetchAge.At(root, "b")
		one := func(context.Context) (int, error) { return 1, nil }
		own := func(ctx context.Context) (int, error) { return a.Fetch(ctx, one) }
		for name, load := range map[string]func(context.Context) (int, error){
			"its own key":           own,
			"through another key":   func(ctx context.Context) (int, error) { return b.Fetch(ctx, own) },
			"in another goroutine":  func(ctx context.Context) (n int, err error) { wait(func() { n, err = own(ctx) }); return n, err },
			"with a context of its": func(ctx context.Context) (int, error) { return own(context.WithoutCancel(ctx)) },
		} {
			if _, err := a.Fetch(ctx, load); err == nil || !strings.Contains(err.Error(), "the loader would wait for itself") {
				t.Errorf("%s: %v, want an error that says so", name, err)
			}
		}
		if n, err := a.Fetch(ctx, func(ctx context.Context) (int, error) { return b.Fetch(ctx, one) }); n != 1 || err != nil {
			t.Errorf("another key alone: %d, %v, want its value", n, err)
		}
	})
}

func wait(f func()) {
	var group sync.WaitGroup
	group.Go(f)
	group.Wait()
}

// Two loads that wait for each other crosswise are found out too.
func TestFetch_waitCrosswise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, ctx := mustOpen(t, fetchRoot, memstore.New()), t.Context()
		entries := []rin.Entry[int]{fetchAge.At(root, "a"), fetchAge.At(root, "b")}
		errs := make([]error, 2)
		var group sync.WaitGroup
		for i := range entries {
			group.Go(func() {
				_, errs[i] = entries[i].Fetch(ctx, func(ctx context.Context) (int, error) {
					time.Sleep(time.Second) // Both are under way by then.
					return entries[1-i].Fetch(ctx, func(context.Context) (int, error) { return 1, nil })
				})
			})
		}
		group.Wait()
		for i, err := range errs {
			if err == nil || !strings.Contains(err.Error(), "the loader would wait for itself") {
				t.Errorf("%d: %v, want an error that says so", i, err)
			}
		}
	})
}

// Whoever waits for a load that somebody else began gets what its own options
// promise.
func TestFetch_optionsOfThoseWhoWait(t *testing.T) {
	broken := errors.New("broken")
	for _, tc := range []struct {
		name   string
		breaks func(backend.Op) bool
		leader error // what the one without options gets
		reason string
	}{
		{"the write", is[*backend.Fill], broken, "the value was loaded, and LoadAnyway asks for no more"},
		{"the claim", is[*backend.Claim], broken, "the leader may not load, and LoadAnyway may"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &spy{Backend: memstore.New(), fail: func(op backend.Op) error {
					if !tc.breaks(op) {
						return nil
					}
					time.Sleep(time.Second) // so that the other one comes aboard
					return broken
				}}
				e := fetchAge.At(mustOpen(t, fetchRoot, s), 1)
				load := func(context.Context) (int, error) { time.Sleep(time.Second); return 30, nil }
				var group sync.WaitGroup
				group.Go(func() {
					if n, err := e.Fetch(t.Context(), load); n != 0 || !errors.Is(err, tc.leader) {
						t.Errorf("without options: %d, %v, want %v", n, err, tc.leader)
					}
				})
				time.Sleep(time.Millisecond)
				group.Go(func() {
					if n, err := e.Fetch(t.Context(), load, rin.LoadAnyway()); n != 30 || err != nil {
						t.Errorf("with LoadAnyway: %d, %v, want the value: %s", n, err, tc.reason)
					}
				})
				group.Wait()
			})
		})
	}
	t.Run("an absence", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e := fetchAge.At(mustOpen(t, fetchRoot, memstore.New()), 1)
			calls := 0
			load := func(context.Context) (int, error) { calls++; time.Sleep(time.Second); return 0, rin.Absent }
			var group sync.WaitGroup
			group.Go(func() { _, _ = e.Fetch(t.Context(), load) }) // remembers nothing
			time.Sleep(time.Millisecond)
			group.Go(func() {
				if _, err := e.Fetch(t.Context(), load, rin.CacheAbsent(time.Hour)); !errors.Is(err, rin.ErrNotFound) {
					t.Errorf("with CacheAbsent: %v, want ErrNotFound", err)
				}
			})
			group.Wait()
			if _, err := e.Fetch(t.Context(), load, rin.CacheAbsent(time.Hour)); !errors.Is(err, rin.ErrNotFound) || calls != 1 {
				t.Errorf("afterwards: %v after %d loads, want the absence remembered after one", err, calls)
			}
		})
	})
}

// A negative hit is one round trip, and writes nothing.
func TestFetch_negativeHit(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		s := &spy{Backend: r}
		e, l := fetchAge.At(mustOpen(t, fetchRoot, s), 1), loads(0)
		l.err = rin.Absent
		opts := []rin.FetchOption{rin.CacheAbsent(time.Minute), rin.Exclusive(time.Minute)}
		wantFetch(t, "a miss", e, l, 0, rin.ErrNotFound, 1, opts...)
		s.taken()
		wantFetch(t, "a negative hit", e, l, 0, rin.ErrNotFound, 1, opts...)
		if n := s.tripped(); n != 1 {
			t.Errorf("a negative hit took %d round trips, want one", n)
		}
		for _, op := range s.taken() {
			if op != "get" && op != "zscore" {
				t.Errorf("a negative hit sent a %s", op)
			}
		}
	})
}

// RefreshEarly says where it could never come.
func TestFetch_refreshEarlyRefused(t *testing.T) {
	root, ctx := mustOpen(t, fetchRoot, memstore.New()), t.Context()
	for key, want := range map[*rin.KeyOf[int]]string{
		fetchSliding: "RefreshEarly would never come",
		fetchFree:    "RefreshEarly has no TTL to go by",
	} {
		if _, err := key.At(root, 1).Fetch(ctx, loads(1).load, rin.RefreshEarly(1)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", key.Pattern(), err, want)
		}
	}
}

// A loader that says ErrNotFound is told what it could say instead.
func TestFetch_loaderSaysNotFound(t *testing.T) {
	e := fetchAge.At(mustOpen(t, fetchRoot, memstore.New()), 1)
	_, err := e.Fetch(t.Context(), func(context.Context) (int, error) { return 0, rin.ErrNotFound })
	if !errors.Is(err, rin.ErrNotFound) || !strings.Contains(err.Error(), "rin.Absent") {
		t.Errorf("%v, want it with the name of rin.Absent", err)
	}
}

// Forget of one entry fits into an atomic batch, also on a cluster.
func TestForget_isOfOneSlot(t *testing.T) {
	onClusters(t, func(t *testing.T, b backend.Backend) {
		root := mustOpen(t, fetchRoot, b)
		e := fetchAge.At(root, 1)
		check(t, e.Set(t.Context(), 1))
		batch := root.Batch(rin.Atomic())
		forgot := e.In(batch).Forget()
		e.In(batch).Set(2)
		check(t, batch.Run(t.Context()))
		if did, err := forgot.Result(); !did || err != nil {
			t.Errorf("forget: %v, %v", did, err)
		}
	})
}

// Keys that end like those beside a value, and are none of them, are shown.
func TestWalk_foreignSiblings(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, fetchRoot, r), t.Context()
		e, l := fetchAge.At(root, 1), loads(0)
		l.err = rin.Absent
		wantFetch(t, "a miss", e, l, 0, rin.ErrNotFound, 1, rin.CacheAbsent(time.Minute))
		foreign := []string{e.Key() + "%stale", e.Key() + "%loads{1}", "root:nobody%loads", backend.Sibling("root:nobody", "%stale"), "root:%loads"}
		for _, key := range foreign {
			put(t, r, key, "theirs")
		}
		var seen []string
		for key, err := range root.Subkeys(ctx) {
			check(t, err)
			seen = append(seen, key)
		}
		if len(seen) != len(foreign) {
			t.Errorf("the walk shows %q, want all of %q and nothing of ours", seen, foreign)
		}
		if _, err := root.Clear(ctx); err != nil || len(keys(t, r)) > 0 {
			t.Errorf("clear: %v, and %v is left", err, keys(t, r))
		}
	})
}

// Close ends what nobody waits for, waits for what somebody does, and then
// everything says that it is closed.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memstore.New()
		root, ctx := mustOpen(t, fetchRoot, b), t.Context()
		e, refreshed := fetchAge.At(root, "load"), fetchAge.At(root, "refresh")
		check(t, refreshed.Set(ctx, 1, rin.TTL(time.Millisecond*5)))
		var ended bool
		_, err := refreshed.Fetch(ctx, func(ctx context.Context) (int, error) { <-ctx.Done(); ended = true; return 0, ctx.Err() }, rin.RefreshEarly(1e9))
		check(t, err)
		var group sync.WaitGroup
		group.Go(func() {
			n, err := e.Fetch(ctx, func(context.Context) (int, error) { time.Sleep(time.Minute); return 30, nil })
			if n != 30 || err != nil {
				t.Errorf("the load under way: %d, %v", n, err)
			}
		})
		synctest.Wait()
		soon, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		other := mustOpen(t, fetchRoot, b)
		check(t, other.Close(ctx))
		check(t, root.Close(ctx))
		group.Wait()
		if !ended || soon.Err() == nil {
			t.Errorf("the refresh ended: %v; Close waited: %v; want both", ended, soon.Err() != nil)
		}
		for op, run := range entryOps(e) {
			if err := run(ctx); !errors.Is(err, rin.ErrClosed) {
				t.Errorf("%s: %v, want ErrClosed", op, err)
			}
		}
		if _, err := root.Count(ctx); !errors.Is(err, rin.ErrClosed) {
			t.Errorf("count: %v, want ErrClosed", err)
		}
		if got := look(t, b, e.Key()).Value; got != "~text:int:30" {
			t.Errorf("the backend, which is still open, holds %q", got)
		}
	})
}

func TestClose_contextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := mustOpen(t, fetchRoot, memstore.New())
		e := fetchAge.At(root, 1)
		var group sync.WaitGroup
		group.Go(func() {
			_, err := e.Fetch(t.Context(), func(context.Context) (int, error) { time.Sleep(time.Minute); return 30, nil })
			if !errors.Is(err, rin.ErrClosed) {
				t.Errorf("a load that ends too late: %v, want ErrClosed, since it was not stored", err)
			}
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := root.Close(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 loads were still under way") {
			t.Errorf("close: %v, want the deadline, and how many loads there were", err)
		}
		group.Wait()
	})
}

// Those who wait for one load change their values as they like, and nobody sees what another
// has changed: slices, maps, pointers, and what is in them.
func TestFetch_copiesForEach(t *testing.T) {
	type profile struct {
		Tags []string
		Sums map[string]int
		Next *profile
	}
	const callers = 64
	key, anything := rin.Key[profile]("profile"), rin.Key[any]("anything")
	root := rin.Cluster("root", rin.Child(key, anything))
	made := func() profile {
		return profile{[]string{"a"}, map[string]int{"a": 1}, &profile{Tags: []string{"b"}}}
	}
	for name, store := range map[string]func() backend.Backend{
		"loaded": func() backend.Backend { return memstore.New() },
		"of which the store keeps nothing": func() backend.Backend {
			return backend.Intercept(memstore.New(), func(ctx context.Context, ops []backend.Op, next backend.Next) error {
				for _, op := range ops {
					if _, isSet := op.(*backend.Set); isSet {
						return backend.FailAll(ops, errors.New("full"))
					}
				}
				return next(ctx, ops)
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := key.At(mustOpen(t, root, store()))
				var loads atomic.Int32
				var group sync.WaitGroup
				for i := range callers {
					group.Go(func() {
						p, err := e.Fetch(t.Context(), func(context.Context) (profile, error) {
							time.Sleep(time.Second) // All of them wait by then.
							loads.Add(1)
							return made(), nil
						}, rin.LoadAnyway())
						if diff := cmp.Diff(made(), p); diff != "" || err != nil {
							t.Errorf("%v, (-want +got):\n%s", err, diff)
							return
						}
						p.Tags[0], p.Sums["a"], p.Next.Tags[0] = "changed", i, "changed"
						time.Sleep(time.Second)
						if p.Sums["a"] != i {
							t.Errorf("another has changed %v", p.Sums)
						}
					})
				}
				group.Wait()
				if loads.Load() != 1 {
					t.Errorf("it was loaded %d times", loads.Load())
				}
			})
		})
	}
	t.Run("any", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e := anything.At(mustOpen(t, root, memstore.New()))
			var group sync.WaitGroup
			for range callers {
				group.Go(func() {
					v, err := e.Fetch(t.Context(), func(context.Context) (any, error) {
						time.Sleep(time.Second)
						return []int{1, 2}, nil
					})
					list, isList := v.([]int)
					if err != nil || !isList || list[0] != 1 {
						t.Errorf("Fetch = %v, %v", v, err)
						return
					}
					list[0] = 7
				})
			}
			group.Wait()
		})
	})
}
