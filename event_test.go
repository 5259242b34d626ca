package rin_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

// counted is an OnEvent that counts, as "fetch hit".
func counted() (opt rin.OpenOption, counts func() map[string]int) {
	var mu sync.Mutex
	all := map[string]int{}
	opt = rin.OnEvent(func(_ context.Context, e rin.Event) {
		mu.Lock()
		defer mu.Unlock()
		what := e.Op + " " + string(e.Outcome)
		if e.Err != nil {
			what += "!"
		}
		all[what]++
	})
	return opt, func() map[string]int {
		mu.Lock()
		defer mu.Unlock()
		was := maps.Clone(all)
		clear(all)
		return was
	}
}

// All that can happen in a fetch is told, once.
func TestOnEvent_fetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opt, counts := counted()
		b := memstore.New()
		root, ctx := mustOpen(t, staleRoot, b, opt), t.Context()
		quiet := mustOpen(t, staleRoot, b)
		e := staleRate.At(root, "EUR")
		refused, slow := loads(31), loads(32)
		refused.first = func(ctx context.Context) { check(t, second(staleRate.At(quiet, "EUR").Forget(ctx))) }
		slow.first = func(context.Context) { time.Sleep(10 * time.Millisecond) }
		fetch := func(load func(context.Context) (int, error), opts ...rin.FetchOption) {
			_, _ = e.Fetch(ctx, load, opts...)
			synctest.Wait()
		}
		for _, step := range []struct {
			what string
			do   func()
			want map[string]int
		}{
			{"a miss", func() { fetch(loads(30).load) }, map[string]int{"fetch loaded": 1, "load stored": 1}},
			{"a hit", func() { fetch(loads(30).load) }, map[string]int{"fetch hit": 1}},
			{"a refresh", func() { fetch(loads(30).load, rin.RefreshEarly(certain)) }, map[string]int{"fetch hit": 1, "refresh stored": 1}},
			{"a stale hit", func() { time.Sleep(time.Minute); fetch(fails(errInk).load) }, map[string]int{"fetch stale": 1, "load !": 1}},
			{"one more", func() { fetch(fails(errInk).load) }, map[string]int{"fetch stale": 1}},
			{"a late store", func() { time.Sleep(time.Minute); fetch(refused.load) }, map[string]int{"fetch loaded": 1, "load refused": 1}},
			{"a failure", func() { fetch(fails(errInk).load) }, map[string]int{"fetch !": 1, "load !": 1}},
			{"an absence", func() { fetch(fails(rin.Absent).load, rin.CacheAbsent(time.Second)) }, map[string]int{"fetch absent!": 1, "load absent": 1}},
			{"a negative hit", func() { fetch(fails(rin.Absent).load, rin.CacheAbsent(time.Second)) }, map[string]int{"fetch absent!": 1}},
			{"what is not to be stored", func() {
				time.Sleep(time.Second)
				fetch(func(ctx context.Context) (int, error) { rin.DoNotStore(ctx); return 1, nil })
			}, map[string]int{"fetch loaded": 1, "load not stored": 1}},
			{"a caller who joins", func() {
				go func() { _, _ = e.Fetch(ctx, slow.load) }()
				time.Sleep(time.Millisecond)
				fetch(slow.load)
			}, map[string]int{"fetch loaded": 1, "fetch joined": 1, "load stored": 1}},
			{"a lease that is waited for", func() {
				time.Sleep(time.Minute)
				go func() { _, _ = staleRate.At(quiet, "EUR").Fetch(ctx, slow.load, rin.Exclusive(time.Minute)) }()
				time.Sleep(time.Millisecond)
				fetch(slow.load, rin.Exclusive(time.Minute))
				time.Sleep(time.Second)
			}, map[string]int{"fetch joined": 1, "wait applied": 1}},
		} {
			if step.do(); !maps.Equal(counts(), step.want) {
				t.Errorf("%s: told of something else than %v", step.what, step.want)
			}
		}
	})
}

// An event says what the caller gets, and how long it took.
func TestOnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type name struct{}
		var events []rin.Event
		root := mustOpen(t, fetchRoot, memstore.New(), rin.OnEvent(func(ctx context.Context, e rin.Event) {
			if ctx.Value(name{}) != "alice" {
				t.Errorf("%s: the context is another one", e.Op)
			}
			events = append(events, e)
		}))
		e, ctx := fetchAge.At(root, 1), context.WithValue(t.Context(), name{}, "alice")
		slow := loads(30)
		slow.first = func(context.Context) { time.Sleep(time.Second) }
		_, err := e.Fetch(ctx, slow.load)
		check(t, err)
		_, missing := fetchFree.At(root, 1).Get(ctx)
		var got []string
		for _, e := range events {
			got = append(got, fmt.Sprint(e.Op, " ", e.Pattern, " ", e.Key, " ", e.Outcome, " ", e.Took, " ", e.Err))
		}
		want := []string{
			"load root:user:<id>:age root:user:1:age stored 1s <nil>",
			"fetch root:user:<id>:age root:user:1:age loaded 1s <nil>",
			"get root:user:<id>:free root:user:1:free  0s " + missing.Error(),
		}
		if !slices.Equal(got, want) {
			t.Errorf("the events are %q, want %q", got, want)
		}
	})
	if _, err := rin.Open(fetchRoot, memstore.New(), rin.OnEvent(nil)); err == nil {
		t.Error("a nil function is no error")
	}
}
