package rin_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/memstore"
)

var (
	staleRate = rin.Key[int]("rate:<currency>", rin.TTL(50*time.Millisecond), rin.StaleIfError(time.Hour), rin.Default(18))
	staleList = rin.Key[[]int]("list", rin.TTL(time.Minute), rin.StaleIfError(time.Hour))
	staleRoot = rin.Cluster("root", rin.Child(staleRate, staleList))
)

// While the loader fails, what has expired is served, and by nothing else than a Fetch.
func TestStaleIfError(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, staleRoot, r), t.Context()
		e := staleRate.At(root, "EUR")
		wantFetch(t, "a miss", e, loads(30), 30, nil, 1)
		r.elapse(60 * time.Millisecond)
		broken := fails(errInk)
		var report rin.FetchReport
		wantFetch(t, "the loader fails", e, broken, 30, nil, 1, rin.Report(&report))
		if !report.Stale() || !errors.Is(report.LoadErr, errInk) {
			t.Errorf("the report is %+v, want a stale value because of %v", report, errInk)
		}
		for range 3 {
			wantFetch(t, "it has just failed", fetchedBy(t, r, "EUR"), broken, 30, nil, 1, rin.Report(&report))
		}
		if !report.Stale() {
			t.Errorf("the report is %+v, want a stale value", report)
		}
		checkStaleInvisible(t, root, e)
		for name, forget := range map[string]func() error{
			"forget": func() error { return second(e.Forget(ctx)) },
			"delete": func() error { return second(e.Delete(ctx)) },
			"clear":  func() error { return second(root.Clear(ctx)) },
			"set":    func() error { return e.Set(ctx, 40) },
		} {
			check(t, second(e.Forget(ctx)))
			wantFetch(t, "a load", e, loads(32), 32, nil, 1)
			check(t, forget())
			r.elapse(60 * time.Millisecond)
			wantFetch(t, "after a "+name, e, fails(errInk), 0, errInk, 1)
			if left := keys(t, r); len(left) > 0 {
				t.Errorf("after a %s, %v is left", name, left)
			}
		}
	})
}

// A load that fails is tried again after a second, in the whole fleet, for as long as there is
// something to serve.
func TestStaleIfError_tries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memstore.New()
		e, other, broken := fetchedBy(t, b, "EUR"), fetchedBy(t, b, "EUR"), fails(errInk)
		wantFetch(t, "a miss", e, loads(30), 30, nil, 1)
		time.Sleep(time.Minute)
		for second := range int32(10) {
			for range 4 {
				wantFetch(t, "one process", e, broken, 30, nil, second+1)
				wantFetch(t, "the other", other, broken, 30, nil, second+1, rin.Exclusive(time.Minute))
			}
			time.Sleep(time.Second)
		}
		var report rin.FetchReport
		wantFetch(t, "it works again", e, loads(31), 31, nil, 1, rin.Report(&report))
		if report.Stale() || report.Outcome != rin.OutcomeLoaded {
			t.Errorf("the report is %+v, want a value that was loaded", report)
		}
		time.Sleep(time.Hour + time.Second)
		wantFetch(t, "after all of its time", e, broken, 0, errInk, 11)
	})
}

func fetchedBy(t *testing.T, b backend.Backend, currency string) rin.Entry[int] {
	t.Helper()
	return staleRate.At(mustOpen(t, staleRoot, b), currency)
}

// checkStaleInvisible checks that nothing but a Fetch sees a value that has expired.
func checkStaleInvisible(t *testing.T, root *rin.Scope, e rin.Entry[int]) {
	t.Helper()
	ctx := t.Context()
	if got, err := e.Get(ctx); got != 18 || err != nil {
		t.Errorf("get: %d, %v, want the default", got, err)
	}
	if _, found, err := e.Lookup(ctx); found || err != nil {
		t.Errorf("lookup: %v, %v", found, err)
	}
	if found, err := e.Exists(ctx); found || err != nil {
		t.Errorf("exists: %v, %v", found, err)
	}
	if _, err := e.TTL(ctx); !errors.Is(err, rin.ErrNotFound) {
		t.Errorf("ttl: %v", err)
	}
	if got := sorted(t, root.Subkeys(ctx)); len(got) > 0 {
		t.Errorf("subkeys are %q", got)
	}
	if n, err := root.Count(ctx); n != 0 || err != nil {
		t.Errorf("count: %d, %v", n, err)
	}
}

// Each of those who wait for a load that fails gets a copy of the old value.
func TestStaleIfError_copies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := staleList.At(mustOpen(t, staleRoot, memstore.New()))
		if _, err := e.Fetch(t.Context(), loads([]int{1, 2}).load); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				got, err := e.Fetch(t.Context(), func(context.Context) ([]int, error) { time.Sleep(time.Second); return nil, errInk })
				if !slices.Equal(got, []int{1, 2}) || err != nil {
					t.Errorf("fetch: %v, %v", got, err)
				}
				slices.Reverse(got)
			})
		}
		group.Wait()
	})
}

func TestStaleIfError_refused(t *testing.T) {
	for want, tree := range map[string]*rin.ClusterNode{
		"StaleIfError(0s)": rin.Cluster("root", rin.Child(rin.Key[int]("k", rin.TTL(time.Hour), rin.StaleIfError(0)))),
		"no TTL":           rin.Cluster("root", rin.Child(rin.Key[int]("k", rin.StaleIfError(time.Hour)))),
	} {
		if _, err := rin.Open(tree, memstore.New()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("open: %v, want an error with %q", err, want)
		}
	}
}

// After the soft limit a caller gets what has expired, and the load goes on; after the hard one
// an error.
func TestLoadTimeout(t *testing.T) {
	bubble := func(name string, f func(t *testing.T, e rin.Entry[int], slow *loader[int])) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				slow := loads(31)
				slow.first = func(ctx context.Context) {
					select {
					case <-time.After(time.Minute):
					case <-ctx.Done():
						slow.err = ctx.Err()
					}
				}
				root := mustOpen(t, staleRoot, memstore.New())
				f(t, staleRate.At(root, "EUR"), slow)
				check(t, root.Close(t.Context()))
			})
		})
	}
	took := func(t *testing.T, want time.Duration, f func()) {
		t.Helper()
		start := time.Now()
		if f(); time.Since(start) != want {
			t.Errorf("it took %v, want %v", time.Since(start), want)
		}
	}
	old := func(t *testing.T, e rin.Entry[int]) {
		wantFetch(t, "the first load", e, loads(30), 30, nil, 1)
		time.Sleep(time.Second)
	}
	bubble("soft, with an old value", func(t *testing.T, e rin.Entry[int], slow *loader[int]) {
		old(t, e)
		var report rin.FetchReport
		for range 2 {
			took(t, time.Second, func() {
				wantFetch(t, "it is slow", e, slow, 30, nil, 1, rin.LoadTimeout(time.Second, time.Hour), rin.Report(&report))
			})
		}
		if !report.Stale() {
			t.Errorf("the report is %+v", report)
		}
		took(t, 58*time.Second, func() { wantFetch(t, "it goes on", e, slow, 31, nil, 1) })
	})
	bubble("soft, without one", func(t *testing.T, e rin.Entry[int], slow *loader[int]) {
		took(t, time.Minute, func() { wantFetch(t, "it is slow", e, slow, 31, nil, 1, rin.LoadTimeout(time.Second, 0)) })
	})
	bubble("hard", func(t *testing.T, e rin.Entry[int], slow *loader[int]) {
		took(t, time.Second, func() {
			err := wantFetch(t, "it is too slow", e, slow, 0, rin.ErrLoadTimeout, 1, rin.LoadTimeout(0, time.Second))
			var op *rin.OpError
			if !errors.As(err, &op) || op.Op != "fetch" {
				t.Errorf("the error is %#v", err)
			}
		})
		wantFetch(t, "the next", e, loads(32), 32, nil, 1)
	})
	bubble("hard, with an old value", func(t *testing.T, e rin.Entry[int], slow *loader[int]) {
		old(t, e)
		took(t, time.Second, func() { wantFetch(t, "it is too slow", e, slow, 30, nil, 1, rin.LoadTimeout(0, time.Second)) })
	})
	bubble("the caller's own context", func(t *testing.T, e rin.Entry[int], slow *loader[int]) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := e.Fetch(ctx, slow.load, rin.LoadTimeout(0, time.Minute)); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, rin.ErrLoadTimeout) {
			t.Errorf("fetch: %v, want the caller's own deadline", err)
		}
	})
	bubble("a loader that doesn't heed its context", func(t *testing.T, e rin.Entry[int], _ *loader[int]) {
		deaf := loads(33)
		deaf.first = func(context.Context) { time.Sleep(time.Minute) }
		took(t, time.Second, func() {
			wantFetch(t, "it is too slow", e, deaf, 0, rin.ErrLoadTimeout, 1, rin.LoadTimeout(0, time.Second))
		})
	})
}

// What a loader says of its answer.
func TestFetch_answers(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		e, ctx := fetchAge.At(mustOpen(t, fetchRoot, r), 1), t.Context()
		fetch := func(load func(context.Context) (int, error)) (int, error) { return e.Fetch(ctx, load) }
		if n, err := fetch(func(ctx context.Context) (int, error) { rin.StoreFor(ctx, 10*time.Minute); return 30, nil }); n != 30 || err != nil {
			t.Errorf("StoreFor: %d, %v", n, err)
		}
		if got := look(t, r, e.Key()); got.Value != "~text:int:30" || !near(got.Left, 10*time.Minute) {
			t.Errorf("StoreFor stored %+v", got)
		}
		check(t, second(e.Forget(ctx)))
		if n, err := fetch(func(ctx context.Context) (int, error) { rin.DoNotStore(ctx); return 31, nil }); n != 31 || err != nil || len(keys(t, r)) > 0 {
			t.Errorf("DoNotStore: %d, %v, and %v is stored", n, err, keys(t, r))
		}
		if _, err := fetch(func(ctx context.Context) (int, error) { rin.StoreFor(ctx, -time.Second); return 31, nil }); !errors.Is(err, rin.ErrTTL) || len(keys(t, r)) > 0 {
			t.Errorf("StoreFor of what is past: %v, and %v is stored", err, keys(t, r))
		}
		if _, err := fetch(func(context.Context) (int, error) { return 0, rin.Unchanged }); !errors.Is(err, rin.Unchanged) || len(keys(t, r)) > 0 {
			t.Errorf("Unchanged without an old value: %v", err)
		}
		rin.StoreFor(ctx, time.Hour) // outside of a loader: no effect
		rin.DoNotStore(ctx)
		if _, found := rin.OldValue[int](ctx); found {
			t.Error("there is an old value outside of a loader")
		}
	})
}

// A loader that is given the old value may say that it is still good.
func TestFetch_unchanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memstore.New()
		e, ctx := staleRate.At(mustOpen(t, staleRoot, b), "EUR"), t.Context()
		wantFetch(t, "the first load", e, loads(30), 30, nil, 1)
		time.Sleep(time.Second)
		unchanged := func(ctx context.Context) (int, error) {
			if old, found := rin.OldValue[int](ctx); old != 30 || !found {
				t.Errorf("the old value is %d, %v", old, found)
			}
			if _, found := rin.OldValue[string](ctx); found {
				t.Error("there is an old value of another type")
			}
			return 0, rin.Unchanged
		}
		if n, err := e.Fetch(ctx, unchanged); n != 30 || err != nil {
			t.Errorf("when it has expired: %d, %v", n, err)
		}
		if got := look(t, b, e.Key()); got.Value != "~text:int:30" || got.Left != 50*time.Millisecond {
			t.Errorf("it is stored anew as %+v", got)
		}
		time.Sleep(20 * time.Millisecond)
		if n, err := e.Fetch(ctx, unchanged, rin.RefreshEarly(certain)); n != 30 || err != nil {
			t.Errorf("before it expires: %d, %v", n, err)
		}
		synctest.Wait()
		if got := look(t, b, e.Key()); got.Value != "~text:int:30" || got.Left != 50*time.Millisecond {
			t.Errorf("it is refreshed as %+v", got)
		}
	})
}
