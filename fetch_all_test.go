package rin_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

type ages = map[rin.Entry[int]]int

// allLoader loads many, and remembers for which it was called.
type allLoader struct {
	mu     sync.Mutex
	values map[string]int // by key
	err    error
	calls  [][]string
	first  func(ctx context.Context)
}

func (l *allLoader) load(ctx context.Context, missing []rin.Entry[int]) (ages, error) {
	if l.first != nil {
		l.first(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var asked []string
	found := ages{}
	for _, e := range missing {
		asked = append(asked, e.Key())
		if n, ok := l.values[e.Key()]; ok {
			found[e] = n
		}
	}
	l.calls = append(l.calls, asked)
	return found, l.err
}

// agesAt are the entries of so many users.
func agesAt(root *rin.Scope, n int) (entries []rin.Entry[int]) {
	for i := range n {
		entries = append(entries, fetchAge.At(root, i))
	}
	return entries
}

func valuesOf(entries []rin.Entry[int]) map[string]int {
	values := map[string]int{}
	for i, e := range entries {
		values[e.Key()] = 100 + i
	}
	return values
}

// What is missing is loaded by one call, and stored in one round trip.
func TestFetchAll(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		s := &spy{Backend: r}
		root, ctx := mustOpen(t, fetchRoot, s), t.Context()
		entries := agesAt(root, 50)
		for i := range 10 {
			check(t, entries[i].Set(ctx, i))
		}
		l := &allLoader{values: valuesOf(entries)}
		delete(l.values, entries[20].Key())
		for round := range 3 {
			s.taken()
			before := s.tripped()
			results, err := rin.FetchAll(ctx, append(entries, entries[30]), l.load, rin.CacheAbsent(time.Minute))
			if err != nil {
				t.Errorf("fetch all: %v", err)
			}
			for i, res := range results {
				want := 100 + i
				switch {
				case i < 10:
					want = i // it was there
				case i == 50:
					want = 130 // it is asked for twice
				}
				if i == 20 && (!errors.Is(res.Err, rin.ErrNotFound) || res.Found) {
					t.Errorf("%d: %+v, want ErrNotFound", i, res)
				}
				if i != 20 && (res.Value != want || !res.Found || res.Err != nil) {
					t.Errorf("%d: %+v, want %d", i, res, want)
				}
			}
			want := 1
			if round == 0 {
				want = 3 // and the claims, and the fills
			}
			if n := s.tripped() - before; n != want && (round > 0 || n != want+1) { // the second of one key may look again
				t.Errorf("round %d took %d round trips, want %d", round, n, want)
			}
		}
		if len(l.calls) != 1 || len(l.calls[0]) != 40 {
			t.Errorf("the loader was called for %v, want once for 40", l.calls)
		}
		for i := 10; i < 50; i++ {
			if got := look(t, r, entries[i].Key()); got.Found != (i != 20) || got.Found && !near(got.Left, time.Hour) {
				t.Errorf("%d is stored as %+v", i, got)
			}
		}
	})
}

// A loader that fails for some fails those only.
func TestFetchAll_partly(t *testing.T) {
	root, ctx := mustOpen(t, fetchRoot, memstore.New()), t.Context()
	entries := agesAt(root, 4)
	l := &allLoader{values: map[string]int{entries[1].Key(): 7}, err: errInk}
	check(t, entries[0].Set(ctx, 5))
	results, err := rin.FetchAll(ctx, entries, l.load)
	var batch *rin.BatchError
	if !errors.As(err, &batch) || batch.Of != 4 || len(batch.Failed) != 2 || !errors.Is(err, errInk) {
		t.Errorf("fetch all: %v, want a *BatchError of two that failed", err)
	}
	if results[0].Value != 5 || results[1].Value != 7 || !errors.Is(results[2].Err, errInk) || !errors.Is(results[3].Err, errInk) {
		t.Errorf("the results are %v", results)
	}
	if n, err := entries[1].Get(ctx); n != 7 || err != nil {
		t.Errorf("what was loaded is stored as %d, %v", n, err)
	}
}

// A key is loaded once at a time, by a Fetch or a FetchAll.
func TestFetchAll_together(t *testing.T) {
	for name, opts := range map[string][]rin.FetchOption{"one process": nil, "two processes": {rin.Exclusive(time.Minute)}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := memstore.New()
				here := mustOpen(t, fetchRoot, b)
				there := here
				if opts != nil {
					there = mustOpen(t, fetchRoot, b)
				}
				one := loads(7)
				one.first = func(context.Context) { time.Sleep(time.Minute) }
				l := &allLoader{values: valuesOf(agesAt(here, 4)), first: func(context.Context) { time.Sleep(time.Second) }}
				var group sync.WaitGroup
				group.Go(func() { wantFetch(t, "the first", fetchAge.At(there, 2), one, 7, nil, 1, opts...) })
				time.Sleep(time.Millisecond)
				group.Go(func() {
					results, err := rin.FetchAll(t.Context(), agesAt(here, 4), l.load, opts...)
					if got := fmt.Sprint(results); got != "[100 101 7 103]" || err != nil {
						t.Errorf("fetch all: %v, %v", got, err)
					}
				})
				time.Sleep(10 * time.Millisecond)
				group.Go(func() { wantFetch(t, "the last", fetchAge.At(there, 3), one, 103, nil, 1, opts...) })
				group.Wait()
				if len(l.calls) != 1 || len(l.calls[0]) != 3 {
					t.Errorf("the loader was called for %v, want once for three", l.calls)
				}
			})
		})
	}
}

// Two calls that need each other's keys end.
func TestFetchAll_crosswise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := mustOpen(t, fetchRoot, memstore.New())
		entries := agesAt(root, 10)
		l := &allLoader{values: valuesOf(entries), first: func(context.Context) { time.Sleep(time.Second) }}
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				mine := slices.Clone(entries[i%3 : 5+i%5])
				if i%2 == 0 {
					slices.Reverse(mine)
				}
				if _, err := rin.FetchAll(t.Context(), mine, l.load); err != nil {
					t.Errorf("fetch all: %v", err)
				}
			})
		}
		group.Wait()
		asked := map[string]int{}
		for _, call := range l.calls {
			for _, key := range call {
				asked[key]++
			}
		}
		for key, n := range asked {
			if n != 1 {
				t.Errorf("%s was loaded %d times", key, n)
			}
		}
		_, err := rin.FetchAll(t.Context(), agesAt(root, 12)[10:], func(ctx context.Context, missing []rin.Entry[int]) (ages, error) {
			return nil, second(missing[1].Fetch(ctx, loads(1).load))
		})
		if err == nil {
			t.Error("a loader that waits for itself is no error")
		}
	})
}

// FetchAll refreshes what is due by one call, and lets nobody wait.
func TestFetchAll_refreshes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, ctx := mustOpen(t, fetchRoot, memstore.New()), t.Context()
		entries := agesAt(root, 3)
		for i, e := range entries {
			check(t, e.Set(ctx, i))
		}
		l := &allLoader{values: valuesOf(entries), first: func(context.Context) { time.Sleep(time.Second) }}
		results, err := rin.FetchAll(ctx, entries, l.load, rin.RefreshEarly(certain))
		if got := fmt.Sprint(results); got != "[0 1 2]" || err != nil {
			t.Errorf("fetch all: %v, %v", got, err)
		}
		time.Sleep(time.Minute)
		results, err = rin.FetchAll(ctx, entries, l.load)
		if got := fmt.Sprint(results); got != "[100 101 102]" || err != nil || len(l.calls) != 1 {
			t.Errorf("fetch all: %v, %v after %d calls", got, err, len(l.calls))
		}
	})
}

// However the loader ends, and whoever waits, all leases are given back and no goroutine is
// left.
func TestFetchAll_ends(t *testing.T) {
	for name, end := range map[string]func(ctx context.Context) (ages, error){
		"an error": func(context.Context) (ages, error) { return nil, errInk },
		"nothing":  func(context.Context) (ages, error) { return nil, nil },
		"a panic":  func(context.Context) (ages, error) { panic("boom") },
		"too late": func(ctx context.Context) (ages, error) { <-ctx.Done(); return nil, ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := memstore.New()
				root := mustOpen(t, fetchRoot, b)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				results, err := rin.FetchAll(ctx, agesAt(root, 3), func(ctx context.Context, _ []rin.Entry[int]) (ages, error) { return end(ctx) }, rin.Exclusive(time.Minute))
				for _, res := range results {
					if p := (*rin.PanicError)(nil); res.Err == nil || errors.As(res.Err, &p) != (name == "a panic") {
						t.Errorf("a result is %+v", res)
					}
				}
				if (err == nil) != (name == "nothing") {
					t.Errorf("fetch all: %v", err)
				}
				synctest.Wait()
				if left := keys(t, b); len(left) > 0 {
					t.Errorf("%v is left", left)
				}
			})
		})
	}
}

func TestFetchAll_arguments(t *testing.T) {
	root, other, ctx := mustOpen(t, fetchRoot, memstore.New()), mustOpen(t, fetchRoot, memstore.New()), t.Context()
	l := &allLoader{}
	if results, err := rin.FetchAll(ctx, nil, l.load); len(results) > 0 || err != nil {
		t.Errorf("of nothing: %v, %v", results, err)
	}
	if _, err := rin.FetchAll[int](ctx, agesAt(root, 1), nil); err == nil {
		t.Error("a nil loader is no error")
	}
	if _, err := rin.FetchAll(ctx, agesAt(root, 1), l.load, nil); err == nil {
		t.Error("a nil option is no error")
	}
	if _, err := rin.FetchAll(ctx, agesAt(root, 1), l.load, rin.Report(new(rin.FetchReport))); err == nil {
		t.Error("a Report is no error")
	}
	results, err := rin.FetchAll(ctx, append(agesAt(root, 1), agesAt(other, 1)...), l.load)
	if !errors.Is(err, rin.ErrOtherStore) || results[0].Err == nil || len(l.calls) > 0 {
		t.Errorf("of two stores: %v, %v", results, err)
	}
}

// An entry that stands twice is loaded once, whether it is there or not.
func TestFetchAll_twice(t *testing.T) {
	root, l := mustOpen(t, fetchRoot, memstore.New()), &allLoader{}
	entries := agesAt(root, 2)
	l.values = map[string]int{entries[0].Key(): 100}
	results, err := rin.FetchAll(t.Context(), slices.Concat(entries, entries), l.load)
	check(t, err)
	if len(l.calls) != 1 || len(l.calls[0]) != 2 {
		t.Errorf("the loader was asked for %v", l.calls)
	}
	for i, r := range results {
		if loaded := i%2 == 0; r.Found != loaded || loaded && r.Value != 100 || !loaded && !errors.Is(r.Err, rin.ErrNotFound) {
			t.Errorf("#%d: %v", i, r)
		}
	}
}
