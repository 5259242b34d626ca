package rin_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/memstore"
)

// errorsBy compares errors by their text.
var errorsBy = cmp.Comparer(func(a, b error) bool { return fmt.Sprint(a) == fmt.Sprint(b) })

func TestGetAll(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		s := &spy{Backend: r}
		root, ctx := mustOpen(t, batchRoot, s), t.Context()
		age := func(id any) rin.Entry[int] { return batchAge.At(root, id) }
		check(t, age(1).Set(ctx, 1), age(2).Set(ctx, 0), batchBare.At(root, 1).Set(ctx, 3))
		s.taken()
		got, err := rin.GetAll(ctx, age(2), age(3), age(1), batchBare.At(root, 1), age(2), batchBare.At(root, 2))
		notFound := &rin.OpError{Op: "get", Pattern: "root:user:{<id>}:bare", Key: "root:user:{2}:bare", Err: rin.ErrNotFound}
		want := []rin.Result[int]{{0, true, nil}, {18, false, nil}, {1, true, nil}, {3, true, nil}, {0, true, nil}, {0, false, notFound}}
		if diff := cmp.Diff(want, got, errorsBy); diff != "" || err != nil || s.tripped() != 1 {
			t.Errorf("get all: %v in %d round trips, want one (-want +got):\n%s", err, s.tripped(), diff)
		}
		if !errors.Is(got[5].Err, rin.ErrNotFound) {
			t.Errorf("what is not there is %#v, want ErrNotFound", got[5].Err)
		}
	})
}

func TestGetAll_failures(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		s := &spy{Backend: r}
		root, ctx := mustOpen(t, batchRoot, s), t.Context()
		good, wrong, bad := batchAge.At(root, 1), batchAge.At(root, 2), batchAge.At(root)
		check(t, good.Set(ctx, 30))
		put(t, r, wrong.Key(), "~text:string:x")
		got, err := rin.GetAll(ctx, good, wrong, good)
		if !slices.Equal(indices(err), []int{1}) || !errors.Is(err, rin.ErrWrongType) || got[0] != got[2] || got[0] != (rin.Result[int]{Value: 30, Found: true}) {
			t.Errorf("one bad value: %v, %v", got, err)
		}
		if got[1].Value != 0 || !got[1].Found || !errors.Is(got[1].Err, rin.ErrWrongType) {
			t.Errorf("the bad value is %+v", got[1])
		}
		s.taken()
		other := batchAge.At(mustOpen(t, batchRoot, r), 1)
		for name, tc := range map[string]struct {
			entries []rin.Entry[int]
			failed  []int
			is      error
		}{
			"a bad handle":       {[]rin.Entry[int]{good, bad}, []int{1}, rin.ErrMissingParam},
			"a bad handle first": {[]rin.Entry[int]{bad, good}, []int{0}, rin.ErrMissingParam},
			"only bad handles":   {[]rin.Entry[int]{bad, {}}, []int{0, 1}, rin.ErrMissingParam},
			"other store":        {[]rin.Entry[int]{good, other, good}, []int{1}, rin.ErrOtherStore},
		} {
			got, err := rin.GetAll(ctx, tc.entries...)
			if !slices.Equal(indices(err), tc.failed) || !errors.Is(err, tc.is) || len(got) != len(tc.entries) {
				t.Errorf("%s: %v, %v", name, got, err)
			}
			for i, result := range got {
				if result.Err == nil || result.Value != 0 || result.Found {
					t.Errorf("%s: result %d is %+v, want an error", name, i, result)
				}
			}
			var pairs []rin.Pair[int]
			for _, e := range tc.entries {
				pairs = append(pairs, e.To(1))
			}
			if err := rin.SetAll(ctx, pairs...); !slices.Equal(indices(err), tc.failed) || !errors.Is(err, tc.is) {
				t.Errorf("%s: set all: %v", name, err)
			}
		}
		if sent := s.taken(); len(sent) > 0 {
			t.Errorf("sent %v", sent)
		}
	})
}

func TestGetAll_none(t *testing.T) {
	if got, err := rin.GetAll[int](t.Context()); len(got) != 0 || err != nil {
		t.Errorf("get all of nothing: %v, %v", got, err)
	}
	check(t, rin.SetAll[int](t.Context()))
}

// A failing store gives no defaults.
func TestGetAll_storeFails(t *testing.T) {
	broken := errors.New("broken")
	s := &spy{Backend: memstore.New(), fail: func(backend.Op) error { return broken }}
	e := batchAge.At(mustOpen(t, batchRoot, s), 1)
	got, err := rin.GetAll(t.Context(), e, e)
	want := []rin.Result[int]{{Err: broken}, {Err: broken}}
	if diff := cmp.Diff(want, got, cmpopts.EquateErrors()); diff != "" || !errors.Is(err, broken) {
		t.Errorf("get all: %v (-want +got):\n%s", err, diff)
	}
	if err := rin.SetAll(t.Context(), e.To(1)); !errors.Is(err, broken) {
		t.Errorf("set all: %v", err)
	}
}

// Each default is a copy of its own.
func TestGetAll_defaultsAreCopies(t *testing.T) {
	e := changeList.At(mustOpen(t, changeRoot, memstore.New()))
	got, err := rin.GetAll(t.Context(), e, e)
	check(t, err)
	got[0].Value[0] = 9
	if got[1].Value[0] != 1 {
		t.Error("two results share a default")
	}
}

func TestSetAll(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		s := &spy{Backend: r}
		root, ctx := mustOpen(t, batchRoot, s), t.Context()
		check(t, rin.SetAll(ctx, batchAge.At(root, 1).To(1), batchBare.At(root, 1).To(2), batchAge.At(root, 1).To(3)))
		if s.tripped() != 1 {
			t.Errorf("it took %d round trips, want one", s.tripped())
		}
		if got := look(t, r, batchAge.At(root, 1).Key()); got.Value != "~text:int:3" || !near(got.Left, time.Hour) {
			t.Errorf("the age is %+v, want the last value, for an hour", got)
		}
		if got := look(t, r, batchBare.At(root, 1).Key()); got.Value != "~text:int:2" || got.Left != 0 {
			t.Errorf("the other is %+v, want its own TTL: none", got)
		}
		err := rin.SetAll(ctx, batchAny.At(root, 1).To(1), batchAny.At(root, 2).To(context.Background))
		if !slices.Equal(indices(err), []int{1}) || look(t, r, batchAny.At(root, 1).Key()).Found {
			t.Errorf("a value that can't be stored: %v, want it named and nothing sent", err)
		}
	})
}

func TestAll_thousand(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) { checkAll(t, mustOpen(t, batchRoot, r), 1000) })
}

// checkAll sets and gets n entries.
func checkAll(t *testing.T, root *rin.Scope, n int) {
	t.Helper()
	var entries []rin.Entry[int]
	var pairs []rin.Pair[int]
	for i := range n {
		e := batchAge.At(root, fmt.Sprint("all ", i))
		entries, pairs = append(entries, e), append(pairs, e.To(i))
	}
	check(t, rin.SetAll(t.Context(), pairs...))
	slices.Reverse(entries)
	got, err := rin.GetAll(t.Context(), entries...)
	check(t, err)
	for i, result := range got {
		if want := (rin.Result[int]{Value: n - 1 - i, Found: true}); result != want {
			t.Fatalf("result %d is %+v, want %+v", i, result, want)
		}
	}
}
