package rin_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/memstore"
)

// a tree to read and write at once.
var (
	allBare  = rin.Key[int]("bare:<id>")
	allAge   = rin.Key[int]("age:<id>", rin.Default(18), rin.TTL(time.Hour))
	allSeen  = rin.Key[int]("seen:<id>", rin.TTL(time.Hour), rin.Renew(rin.OnAccess))
	allSoft  = rin.Key[int]("soft:<id>", rin.OnMismatch(rin.TreatAsMissing))
	allTags  = rin.Key[[]string]("tags:<id>", rin.Default([]string{"a"}))
	allBytes = rin.Key[[]byte]("bytes:<id>")
	allAny   = rin.Key[any]("any:<id>")
	allRoot  = rin.Cluster("root", rin.Child(allBare, allAge, allSeen, allSoft, allTags, allBytes, allAny))
)

// wantResults compares results; the errors are matched as a table gives them.
func wantResults[T any](t *testing.T, got, want []rin.Result[T]) {
	t.Helper()
	same := cmp.Comparer(func(a, b error) bool { return isErr(a, b) || isErr(b, a) })
	if diff := cmp.Diff(want, got, same); diff != "" {
		t.Errorf("the results differ (-want +got):\n%s", diff)
	}
}

// wantFailed checks which operations a [rin.BatchError] names, by index.
func wantFailed(t *testing.T, err error, of int, want map[int]error) {
	t.Helper()
	var all *rin.BatchError
	if !errors.As(err, &all) || all.Of != of || len(all.Failed) != len(want) {
		t.Errorf("the error is %v, want a BatchError with %d of %d failed", err, len(want), of)
		return
	}
	for _, f := range all.Failed {
		if wanted, ok := want[f.Index]; !ok || !isErr(f.Err, wanted) {
			t.Errorf("#%d failed with %v, want %v", f.Index, f.Err, wanted)
		}
	}
}

func TestGetAll(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, allRoot, r), t.Context()
		age, bare := func(id int) rin.Entry[int] { return allAge.At(root, id) }, func(id int) rin.Entry[int] { return allBare.At(root, id) }
		check(t, age(1).Set(ctx, 31), age(2).Set(ctx, 32), bare(1).Set(ctx, 0))
		put(t, r, allSoft.At(root, 1).Key(), "~text:string:x")

		got, err := rin.GetAll(ctx, age(2), bare(9), age(1), age(9), bare(1), age(2), allSoft.At(root, 1))
		check(t, err) // a key that is not there is no failure
		wantResults(t, got, []rin.Result[int]{
			{Value: 32, Found: true},
			{Err: rin.ErrNotFound},
			{Value: 31, Found: true},
			{Value: 18}, // the default
			{Value: 0, Found: true},
			{Value: 32, Found: true}, // once more
			{Err: rin.ErrNotFound},   // treated as missing
		})
		if op := (*rin.OpError)(nil); !errors.As(got[1].Err, &op) || op.Op != "get" || op.Key != "root:bare:9" || op.Pattern != "root:bare:<id>" {
			t.Errorf("the error of a missing key is %#v", got[1].Err)
		}
	})
}

// What a caller does to one result does not reach another.
func TestGetAll_resultsAreTheCallers(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, allRoot, r), t.Context()
		blob, tags := allBytes.At(root, 1), allTags.At(root, 1)
		check(t, blob.Set(ctx, []byte("blob")))
		for range 2 { // nor a later read
			blobs, err := rin.GetAll(ctx, blob, blob)
			check(t, err)
			blobs[0].Value[0] = 'X'
			if got := string(blobs[1].Value); got != "blob" {
				t.Errorf("the second value is %q, want it untouched", got)
			}
			lists, err := rin.GetAll(ctx, tags, tags)
			check(t, err)
			lists[0].Value[0] = "spoilt"
			if got := lists[1].Value[0]; got != "a" {
				t.Errorf("the second default is %q, want it untouched", got)
			}
		}
	})
}

func TestGetAll_misreads(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, allRoot, r), t.Context()
		entries := make([]rin.Entry[int], 5)
		for i := range entries {
			entries[i] = allAge.At(root, i)
			check(t, entries[i].Set(ctx, i))
		}
		put(t, r, entries[1].Key(), "~text:string:x")
		put(t, r, entries[3].Key(), "3")
		failed := map[int]error{1: rin.ErrWrongType, 3: rin.ErrForeign}
		want := []rin.Result[int]{
			{Value: 0, Found: true},
			{Found: true, Err: rin.ErrWrongType},
			{Value: 2, Found: true},
			{Found: true, Err: rin.ErrForeign},
			{Value: 4, Found: true},
		}
		_, err := entries[4].Delete(ctx)
		check(t, err)
		r.list(entries[4].Key())
		failed[4], want[4] = rin.ErrWrongKind, rin.Result[int]{Err: rin.ErrWrongKind}
		got, err := rin.GetAll(ctx, entries...)
		wantFailed(t, err, len(entries), failed)
		wantResults(t, got, want)
		if !errors.Is(err, rin.ErrWrongType) || !strings.Contains(err.Error(), "#1: rin: get root:age:1: ") {
			t.Errorf("the error is %v, want it to tell of each failure", err)
		}
	})
}

// isNotSent says that an operation was kept back because of another one.
func isNotSent(err error) bool { return err != nil && strings.Contains(err.Error(), "not sent") }

// unsendable are entries that can't be sent together with those of root's store.
func unsendable(t *testing.T, root *rin.Scope) map[string]struct {
	entry rin.Entry[int]
	err   error
} {
	other := mustOpen(t, allRoot, memstore.New())
	return map[string]struct {
		entry rin.Entry[int]
		err   error
	}{
		"missing parameter": {allAge.At(root), rin.ErrMissingParam},
		"not bound":         {rin.Entry[int]{}, errAny},
		"other store":       {allAge.At(other, 1), rin.ErrOtherStore},
	}
}

func TestGetAll_sendsNothing(t *testing.T) {
	s := &spy{Backend: memstore.New()}
	root, ctx := mustOpen(t, allRoot, s), t.Context()
	good := allAge.At(root, 1)
	for name, bad := range unsendable(t, root) {
		t.Run(name, func(t *testing.T) {
			got, err := rin.GetAll(ctx, good, bad.entry, good)
			wantFailed(t, err, 3, map[int]error{1: bad.err})
			if len(got) != 3 || !isNotSent(got[0].Err) || !isErr(got[1].Err, bad.err) || isNotSent(got[1].Err) || !isNotSent(got[2].Err) {
				t.Errorf("the results are %+v, want the one error, and the others not sent", got)
			}
			if seen := s.taken(); len(seen) > 0 {
				t.Errorf("%v was sent, want nothing", seen)
			}
		})
	}
	for name, bad := range map[string]rin.Entry[int]{"missing parameter": allAge.At(root), "not bound": {}} {
		got, err := rin.GetAll(ctx, bad, bad)
		wantFailed(t, err, 2, map[int]error{0: errAny, 1: errAny})
		if len(got) != 2 || got[0].Err == nil || s.tripped() != 0 {
			t.Errorf("%s, of every entry: %+v in %d round trips", name, got, s.tripped())
		}
	}
}

func TestGetAll_isOneRoundTrip(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		s := &spy{Backend: r}
		root, ctx := mustOpen(t, allRoot, s), t.Context()
		var (
			entries [1000]rin.Entry[int]
			pairs   [1000]rin.Pair[int]
		)
		for i := range entries {
			entries[i] = allAge.At(root, i)
			pairs[i] = entries[i].To(i)
		}
		if err := rin.SetAll(ctx, pairs[:]...); err != nil || s.tripped() != 1 || len(s.taken()) != 1000 {
			t.Fatalf("set all: %v, want 1000 ops in one round trip", err)
		}
		got, err := rin.GetAll(ctx, entries[:]...)
		if trips, seen := s.tripped(), s.taken(); err != nil || trips != 1 || len(seen) != 1000 {
			t.Fatalf("get all: %v, %d ops in %d round trips, want 1000 in one", err, len(seen), trips)
		}
		for i, result := range got {
			if result != (rin.Result[int]{Value: i, Found: true}) {
				t.Errorf("#%d is %+v", i, result)
			}
		}
	})
}

func TestGetAll_empty(t *testing.T) {
	if got, err := rin.GetAll[int](t.Context()); len(got) != 0 || err != nil {
		t.Errorf("get all of nothing: %v, %v", got, err)
	}
	if err := rin.SetAll[int](t.Context()); err != nil {
		t.Errorf("set all of nothing: %v", err)
	}
}

func TestGetAll_renews(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, allRoot, r), t.Context()
		seen, age, missing := allSeen.At(root, 1), allAge.At(root, 1), allSeen.At(root, 2)
		check(t, seen.Set(ctx, 1, rin.TTL(time.Minute)), age.Set(ctx, 1, rin.TTL(time.Minute)))
		got, err := rin.GetAll(ctx, seen, age, missing)
		check(t, err)
		wantResults(t, got, []rin.Result[int]{{Value: 1, Found: true}, {Value: 1, Found: true}, {Err: rin.ErrNotFound}})
		if left := look(t, r, seen.Key()).Left; !near(left, time.Hour) {
			t.Errorf("a key that is renewed on access has %v left, want %v", left, time.Hour)
		}
		if left := look(t, r, age.Key()).Left; !near(left, time.Minute) {
			t.Errorf("a key that is not renewed has %v left, want %v", left, time.Minute)
		}
		if look(t, r, missing.Key()).Found {
			t.Error("reading a missing key made it")
		}
	})
}

func TestGetAll_contextEnds(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root := mustOpen(t, allRoot, r)
		e, other := allAge.At(root, 1), allAge.At(root, 2)
		check(t, e.Set(t.Context(), 1))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		failed := map[int]error{0: context.Canceled, 1: context.Canceled}
		got, err := rin.GetAll(ctx, e, other)
		wantFailed(t, err, 2, failed)
		wantResults(t, got, []rin.Result[int]{{Err: context.Canceled}, {Err: context.Canceled}})
		wantFailed(t, rin.SetAll(ctx, e.To(2), other.To(2)), 2, failed)
		if got := look(t, r, e.Key()).Value; got != "~text:int:1" || look(t, r, other.Key()).Found {
			t.Errorf("the first key holds %q, want nothing changed", got)
		}
	})
}

func TestSetAll(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		s := &spy{Backend: r}
		root, ctx := mustOpen(t, allRoot, s), t.Context()
		age, bare, seen := allAge.At(root, 1), allBare.At(root, 1), allSeen.At(root, 1)
		check(t, bare.Set(ctx, 1, rin.TTL(time.Minute)))
		s.taken()
		// The second value of a key replaces the first.
		if err := rin.SetAll(ctx, age.To(1), bare.To(2), age.To(3), seen.To(4)); err != nil || s.tripped() != 1 {
			t.Errorf("set all: %v in %d round trips, want one", err, s.tripped())
		}
		for key, want := range map[string]stored{
			age.Key():  {"~text:int:3", true, time.Hour},
			bare.Key(): {"~text:int:2", true, 0}, // no TTL is declared
			seen.Key(): {"~text:int:4", true, time.Hour},
		} {
			if got := look(t, r, key); got.Value != want.Value || !near(got.Left, want.Left) {
				t.Errorf("%s is %+v, want %+v", key, got, want)
			}
		}
	})
}

func TestSetAll_sendsNothing(t *testing.T) {
	s := &spy{Backend: memstore.New()}
	root, ctx := mustOpen(t, allRoot, s), t.Context()
	good := allAge.At(root, 1)
	for name, bad := range unsendable(t, root) {
		t.Run(name, func(t *testing.T) {
			wantFailed(t, rin.SetAll(ctx, good.To(1), bad.entry.To(2), good.To(3)), 3, map[int]error{1: bad.err})
			if seen := s.taken(); len(seen) > 0 {
				t.Errorf("%v was sent, want nothing", seen)
			}
		})
	}
	some := allAny.At(root, 1)
	wantFailed(t, rin.SetAll(ctx, some.To(1), some.To(func() {})), 2, map[int]error{1: errAny})
	if seen := s.taken(); len(seen) > 0 {
		t.Errorf("%v was sent with a value that can't be encoded, want nothing", seen)
	}
	wantFailed(t, rin.SetAll(ctx, rin.Pair[int]{}), 1, map[int]error{0: errAny})
}

// One write that fails leaves the others alone.
func TestSetAll_storeFails(t *testing.T) {
	broken := errors.New("broken")
	b := memstore.New()
	root, ctx := mustOpen(t, allRoot, backend.Intercept(b, failKey("root:age:1", broken))), t.Context()
	err := rin.SetAll(ctx, allAge.At(root, 0).To(0), allAge.At(root, 1).To(1), allAge.At(root, 2).To(2))
	wantFailed(t, err, 3, map[int]error{1: broken})
	if got := keys(t, b); !cmp.Equal(got, map[string]bool{"root:age:0": true, "root:age:2": true}) {
		t.Errorf("the keys are %v, want the two others", got)
	}
	got, err := rin.GetAll(ctx, allAge.At(root, 0), allAge.At(root, 1))
	wantFailed(t, err, 2, map[int]error{1: broken})
	wantResults(t, got, []rin.Result[int]{{Value: 0, Found: true}, {Err: broken}})
}

// failKey is an interceptor that fails the ops on one key, and no other.
func failKey(key string, err error) backend.Interceptor {
	return func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		var others []backend.Op
		for _, op := range ops {
			if backend.Key(op) == key {
				backend.Fail(op, err)
			} else {
				others = append(others, op)
			}
		}
		return next(ctx, others)
	}
}
