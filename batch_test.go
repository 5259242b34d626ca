package rin_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"github.com/valkey-io/valkey-go"
	"pgregory.net/rapid"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/goredis"
	"github.com/redisimnest/rin/backend/valkeygo"
	"github.com/redisimnest/rin/internal/servertest"
	"github.com/redisimnest/rin/memstore"
)

// a tree for batches: users whose keys share a slot, and differ in their policy.
var (
	batchAge     = rin.Key[int]("age", rin.Default(18))
	batchBare    = rin.Key[int]("bare", rin.NoTTL())
	batchSliding = rin.Key[int]("sliding", rin.Renew(rin.OnAccess))
	batchWindow  = rin.Key[int]("window", rin.Renew(rin.Never))
	batchSoft    = rin.Key[int]("soft", rin.OnMismatch(rin.TreatAsMissing))
	batchNote    = rin.Key[string]("note")
	batchAny     = rin.Key[any]("any")
	batchUser    = rin.Cluster("user:{<id>}", rin.TTL(time.Hour),
		rin.Child(batchAge, batchBare, batchSliding, batchWindow, batchSoft, batchNote, batchAny))
	batchRoot = rin.Cluster("root", rin.Child(batchUser))
)

// twins are the operations that can be done at once and in a batch, both ways.
// An answer is what came back, errors by their text.
type twins struct {
	now   func(context.Context, rin.Entry[int]) any
	later func(rin.BatchEntry[int]) func() any
}

func twinsOf(value int, d time.Duration, at time.Time, opts []rin.WriteOption) map[string]twins {
	type (
		ctx = context.Context
		now = rin.Entry[int]
		in  = rin.BatchEntry[int]
	)
	until := func(at time.Time, err error) any { return two(remaining(time.Until(at)), err) }
	left := func(d time.Duration, err error) any { return two(remaining(d), err) }
	return map[string]twins{
		"get":            {func(c ctx, e now) any { return two(e.Get(c)) }, func(e in) func() any { return answer(e.Get()) }},
		"lookup":         {func(c ctx, e now) any { return three(e.Lookup(c)) }, func(e in) func() any { return maybe(e.Lookup()) }},
		"set":            {func(c ctx, e now) any { err := e.Set(c, value, opts...); return two(err == nil, err) }, func(e in) func() any { return answer(e.Set(value, opts...)) }},
		"set if absent":  {func(c ctx, e now) any { return two(e.SetIfAbsent(c, value, opts...)) }, func(e in) func() any { return answer(e.SetIfAbsent(value, opts...)) }},
		"set if present": {func(c ctx, e now) any { return two(e.SetIfPresent(c, value, opts...)) }, func(e in) func() any { return answer(e.SetIfPresent(value, opts...)) }},
		"swap":           {func(c ctx, e now) any { return three(e.Swap(c, value, opts...)) }, func(e in) func() any { return maybe(e.Swap(value, opts...)) }},
		"take":           {func(c ctx, e now) any { return three(e.Take(c)) }, func(e in) func() any { return maybe(e.Take()) }},
		"type":           {func(c ctx, e now) any { return two(e.Type(c)) }, func(e in) func() any { return answer(e.Type()) }},
		"raw":            {func(c ctx, e now) any { return three(e.Raw(c)) }, func(e in) func() any { return maybe(e.Raw()) }},
		"delete":         {func(c ctx, e now) any { return two(e.Delete(c)) }, func(e in) func() any { return answer(e.Delete()) }},
		"forget":         {func(c ctx, e now) any { return two(e.Forget(c)) }, func(e in) func() any { return answer(e.Forget()) }},
		"exists":         {func(c ctx, e now) any { return two(e.Exists(c)) }, func(e in) func() any { return answer(e.Exists()) }},
		"memory usage":   {func(c ctx, e now) any { return two(e.MemoryUsage(c)) }, func(e in) func() any { return answer(e.MemoryUsage()) }},
		"expire":         {func(c ctx, e now) any { return two(e.Expire(c, d)) }, func(e in) func() any { return answer(e.Expire(d)) }},
		"expire at":      {func(c ctx, e now) any { return two(e.ExpireAt(c, at)) }, func(e in) func() any { return answer(e.ExpireAt(at)) }},
		"persist":        {func(c ctx, e now) any { return two(e.Persist(c)) }, func(e in) func() any { return answer(e.Persist()) }},
		"touch":          {func(c ctx, e now) any { return two(e.Touch(c)) }, func(e in) func() any { return answer(e.Touch()) }},
		"ttl":            {func(c ctx, e now) any { return left(e.TTL(c)) }, func(e in) func() any { f := e.TTL(); return func() any { return left(f.Result()) } }},
		"expire time":    {func(c ctx, e now) any { return until(e.ExpireTime(c)) }, func(e in) func() any { f := e.ExpireTime(); return func() any { return until(f.Result()) } }},
	}
}

func answer[R any](f *rin.Future[R]) func() any { return func() any { return two(f.Result()) } }

func maybe[R any](f *rin.Future[rin.Maybe[R]]) func() any {
	return func() any {
		v, err := f.Result()
		return three(v.Value, v.Found, err)
	}
}

func TestEveryBatchOperationIsKnown(t *testing.T) {
	typ := reflect.TypeFor[rin.BatchEntry[int]]()
	if n, known := typ.NumMethod(), len(twinsOf(0, 0, time.Time{}, nil)); n != known {
		t.Errorf("%v has %d operations, and the tests know %d; add the new ones to twinsOf", typ, n, known)
	}
}

// deed is one operation on one key.
type deed struct {
	key  *rin.KeyOf[int]
	name string
	twins
}

func drawDeed(t *rapid.T) deed {
	all := twinsOf(rapid.IntRange(0, 99).Draw(t, "value"),
		time.Duration(rapid.IntRange(-5, 200).Draw(t, "minutes"))*time.Minute,
		time.Now().Add(time.Duration(rapid.IntRange(-5, 200).Draw(t, "in minutes"))*time.Minute),
		drawSetOptions(t))
	name := rapid.SampledFrom(slices.Sorted(maps.Keys(all))).Draw(t, "operation")
	key := rapid.SampledFrom([]*rin.KeyOf[int]{batchAge, batchBare, batchSliding, batchWindow, batchSoft}).Draw(t, "key")
	return deed{key, name, all[name]}
}

// valid says that an operation can be sent: one that can't keeps a batch from
// running, which is another test's.
func (d deed) valid(ctx context.Context) bool {
	scratch, err := rin.Open(batchRoot, memstore.New())
	return err == nil && !strings.Contains(fmt.Sprint(d.now(ctx, d.key.At(scratch, 0))), "invalid TTL")
}

// A batch answers, and leaves, what its operations do one by one.
func TestBatch_likeOneByOne(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root := mustOpen(t, batchRoot, r)
		rapid.Check(t, func(t *rapid.T) {
			ctx := t.Context()
			if _, err := root.Clear(ctx); err != nil {
				t.Fatal(err)
			}
			for _, key := range []*rin.KeyOf[int]{batchAge, batchBare, batchSoft} {
				if before := rapid.SampledFrom([]string{"", "~text:int:1", "~text:string:x", "~text:int:x", "x"}).Draw(t, "before"); before != "" {
					for _, user := range []string{"one", "two"} {
						if err := r.Exec(ctx, &backend.Set{Key: key.At(root, user).Key(), Value: []byte(before)}); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			var opts []rin.BatchOption
			if rapid.Bool().Draw(t, "atomic") {
				opts = append(opts, rin.Atomic())
			}
			b := root.Batch(opts...)
			var want, got []any
			var futures []func() any
			for range rapid.IntRange(1, 20).Draw(t, "operations") {
				d := drawDeed(t)
				if !d.valid(ctx) {
					continue
				}
				want = append(want, d.name, d.now(ctx, d.key.At(root, "one")))
				futures = append(futures, d.later(d.key.At(root, "two").In(b)))
				got = append(got, d.name, nil)
			}
			err := b.Run(ctx)
			for i, f := range futures {
				got[2*i+1] = f()
			}
			if diff := cmp.Diff(sameUser(want), sameUser(got), cmp.Comparer(sameTTL)); diff != "" {
				t.Fatalf("the batch answers otherwise (-one by one +batch):\n%s", diff)
			}
			if diff := cmp.Diff(failures(got), indices(err)); diff != "" {
				t.Fatalf("%v names others than those that failed (-want +got):\n%s", err, diff)
			}
			for _, key := range []*rin.KeyOf[int]{batchAge, batchBare, batchSliding, batchWindow, batchSoft} {
				one, two := state(ctx, key.At(root, "one")), sameUser(state(ctx, key.At(root, "two")))
				if diff := cmp.Diff(one, two, cmp.Comparer(sameTTL)); diff != "" {
					t.Fatalf("%s is left otherwise (-one by one +batch):\n%s", key.Pattern(), diff)
				}
			}
		})
	})
}

// sameUser makes answers about user two answers about user one.
func sameUser(answers []any) []any {
	same := make([]any, len(answers))
	for i, a := range answers {
		switch a := a.(type) {
		case []any:
			same[i] = sameUser(a)
		case string:
			same[i] = strings.ReplaceAll(a, "{two}", "{one}")
		default:
			same[i] = a
		}
	}
	return same
}

func state(ctx context.Context, e rin.Entry[int]) []any {
	raw, found, err := e.Raw(ctx)
	left, leftErr := e.TTL(ctx)
	return []any{string(raw), found, text(err), remaining(left), text(leftErr)}
}

// failures are the places of the answers that are failures; not to find anything
// is none.
func failures(answers []any) (failed []int) {
	for i := 1; i < len(answers); i += 2 {
		all := answers[i].([]any)
		if text, _ := all[len(all)-1].(string); text != "" && !strings.HasSuffix(text, ": not found") {
			failed = append(failed, i/2)
		}
	}
	return failed
}

func indices(err error) (failed []int) {
	var all *rin.BatchError
	if errors.As(err, &all) {
		for _, f := range all.Failed {
			failed = append(failed, f.Index)
		}
	}
	return failed
}

func TestBatch_lifecycle(t *testing.T) {
	s := &spy{Backend: memstore.New()}
	root, ctx := mustOpen(t, batchRoot, s), t.Context()
	e := batchAge.At(root, 1)
	const on = "rin: get root:user:{1}:age: "
	wantText := func(what string, err error, want string) {
		t.Helper()
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", what, err, want)
		}
	}
	result := func(f *rin.Future[int]) error { _, err := f.Result(); return err }

	b := root.Batch()
	early := e.In(b).Get()
	if b.Len() != 1 {
		t.Errorf("the batch has %d operations, want one", b.Len())
	}
	wantText("a result before Run", result(early), on+"the batch has not run yet: call Run before Result")
	check(t, b.Run(ctx))
	if n, err := early.Result(); n != 18 || err != nil {
		t.Errorf("the result is %d, %v, want the default", n, err)
	}
	s.taken()
	wantText("a second Run", b.Run(ctx), "rin: batch root: the batch has run already; make another one")
	wantText("an operation after Run", result(e.In(b).Get()), on+"the batch has run already; make another one")
	if n, err := early.Result(); n != 18 || err != nil {
		t.Errorf("after a second Run the result is %d, %v", n, err)
	}
	wantText("a nil batch", result(e.In(nil).Get()), on+"the batch is nil: make it with Scope.Batch")
	wantText("Run of a nil batch", (*rin.Batch)(nil).Run(ctx), "rin: batch: the batch is nil: make it with Scope.Batch")
	if n := (*rin.Batch)(nil).Len(); n != 0 {
		t.Errorf("a nil batch has %d operations", n)
	}

	for name, tc := range map[string]struct {
		b    *rin.Batch
		text string
	}{
		"a nil scope":     {(*rin.Scope)(nil).Batch(), "rin: batch: the scope is nil: make it with rin.Open, or with the At method of its cluster"},
		"a failed scope":  {batchUser.At(root).Batch(), "rin: batch root:user:{<id>}: missing parameter: <id>"},
		"a nil option":    {root.Batch(nil), "rin: batch root: an option of the batch is nil; leave it out"},
		"of nil options":  {root.Batch(rin.Atomic(), nil), "rin: batch root: an option of the batch is nil; leave it out"},
		"a failed parent": {batchUser.At(nil, 1).Batch(), "rin: batch user:{<id>}: the scope is nil: make it with rin.Open, or with the At method of its cluster"},
	} {
		f := e.In(tc.b).Get()
		reason := on + tc.text[strings.Index(tc.text[len("rin: "):], ": ")+len("rin: : "):]
		wantText("an operation in a batch of "+name, result(f), reason)
		wantText("Run of a batch of "+name, tc.b.Run(ctx), tc.text)
		wantText("a result of a batch of "+name, result(f), reason)
	}
	var zero rin.Batch
	f := e.In(&zero).Get()
	if err := zero.Run(ctx); !errors.Is(err, rin.ErrOtherStore) || !errors.Is(result(f), rin.ErrOtherStore) {
		t.Errorf("a zero batch: %v, %v, want ErrOtherStore", err, result(f))
	}
	if sent := s.taken(); len(sent) > 0 {
		t.Errorf("sent %v", sent)
	}
	if got := rin.Atomic().String(); got != "Atomic()" {
		t.Errorf("the option prints as %s", got)
	}
}

// A batch of any size is one call of the store, and an empty one is none.
func TestBatch_oneRoundTrip(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		for _, opts := range [][]rin.BatchOption{nil, {rin.Atomic()}} {
			s := &spy{Backend: r}
			root, ctx := mustOpen(t, batchRoot, s), t.Context()
			if err := root.Batch(opts...).Run(ctx); err != nil || s.tripped() != 0 {
				t.Errorf("%v: an empty batch: %v, in %d round trips", opts, err, s.tripped())
			}
			b, n := root.Batch(opts...), 0
			for i := range 50 {
				for _, twin := range twinsOf(i, time.Hour, time.Now().Add(time.Hour), nil) {
					twin.later(batchAge.At(root, 1).In(b))
					n++
				}
				batchNote.At(root, 1).In(b).Set(fmt.Sprint(i))
				n++
			}
			if b.Len() != n {
				t.Errorf("%v: %d operations are queued, want %d", opts, b.Len(), n)
			}
			if err := b.Run(ctx); len(indices(err)) > 0 || s.tripped() != 1 {
				t.Errorf("%v: %v, in %d round trips, want one", opts, err, s.tripped())
			}
			if atomic := s.taken()[0] == "transact"; atomic != (opts != nil) {
				t.Errorf("%v: it was a transaction: %v", opts, atomic)
			}
			if got, err := batchNote.At(root, 1).Get(ctx); got != "49" || err != nil {
				t.Errorf("%v: the note is %q, %v", opts, got, err)
			}
		}
	})
}

// One value that can't be read spoils its own future only, and the error names
// it.
func TestBatch_badValues(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		for _, opts := range [][]rin.BatchOption{nil, {rin.Atomic()}} {
			root := mustOpen(t, batchRoot, r)
			for key, value := range map[rin.Entry[int]]string{
				batchAge.At(root, 1): "~text:string:x", batchBare.At(root, 1): "~text:int:30",
				batchSliding.At(root, 1): "~text:int:x", batchWindow.At(root, 1): "x",
			} {
				put(t, r, key.Key(), value)
			}
			b := root.Batch(opts...)
			wrong, fine := batchAge.At(root, 1).In(b).Get(), batchBare.At(root, 1).In(b).Get()
			missing, damaged := batchNote.At(root, 1).In(b).Get(), batchSliding.At(root, 1).In(b).Lookup()
			written, foreign := batchNote.At(root, 1).In(b).Set("x"), batchWindow.At(root, 1).In(b).Take()
			err := b.Run(t.Context())
			var all *rin.BatchError
			if !errors.As(err, &all) || all.Of != 6 || !slices.Equal(indices(err), []int{0, 3, 5}) {
				t.Fatalf("run: %v, want a *BatchError that names 0, 3 and 5 of 6", err)
			}
			for _, want := range []error{rin.ErrWrongType, rin.ErrMalformed, rin.ErrForeign} {
				if !errors.Is(err, want) {
					t.Errorf("the error is not %v", want)
				}
			}
			var op *rin.OpError
			if errors.Is(err, rin.ErrNotFound) || !errors.As(err, &op) || op.Op != "get" || op.Pattern != "root:user:{<id>}:age" {
				t.Errorf("the error is ErrNotFound, or the first *OpError is %#v", op)
			}
			golden(t, "batch.txt", err.Error()+"\n")
			if v, err := fine.Result(); v != 30 || err != nil {
				t.Errorf("a good value is %d, %v", v, err)
			}
			if v, err := written.Result(); !v || err != nil {
				t.Errorf("a write is %v, %v", v, err)
			}
			if _, err := missing.Result(); !errors.Is(err, rin.ErrNotFound) {
				t.Errorf("what is not there is %v, want ErrNotFound", err)
			}
			if v, err := wrong.Result(); v != 0 || !errors.Is(err, rin.ErrWrongType) {
				t.Errorf("another type is %d, %v, want ErrWrongType", v, err)
			}
			if v, err := damaged.Result(); v.Value != 0 || !errors.Is(err, rin.ErrMalformed) {
				t.Errorf("a damaged value is %v, %v, want ErrMalformed", v, err)
			}
			if _, err := foreign.Result(); !errors.Is(err, rin.ErrForeign) {
				t.Errorf("a foreign value is %v, want ErrForeign", err)
			}
			if _, err := root.Clear(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A batch in which one operation can't be sent sends none, and says which.
func TestBatch_notSent(t *testing.T) {
	s := &spy{Backend: memstore.New()}
	root, other := mustOpen(t, batchRoot, s), mustOpen(t, batchRoot, s)
	const notSent = "not sent, because another operation of the batch is not valid"
	for name, tc := range map[string]struct {
		queue func(*rin.Batch) func() any
		is    error
		text  string
	}{
		"bad handle": {
			func(b *rin.Batch) func() any { return answer(batchAge.At(root).In(b).Get()) },
			rin.ErrMissingParam, "rin: get root:user:{<id>}:age: missing parameter: <id>",
		},
		"zero entry": {
			func(b *rin.Batch) func() any { return answer(rin.Entry[int]{}.In(b).Touch()) },
			nil, "rin: touch: the entry is not bound to a store: make it with the At method of its key",
		},
		"other store": {
			func(b *rin.Batch) func() any { return answer(batchAge.At(other, 1).In(b).Get()) },
			rin.ErrOtherStore, "rin: get root:user:{1}:age: the entry belongs to another store",
		},
		"value that can't be stored": {
			func(b *rin.Batch) func() any { return answer(batchAny.At(root, 1).In(b).Set(func() {})) },
			nil, "rin: set root:user:{1}:any: ",
		},
		"bad TTL": {
			func(b *rin.Batch) func() any { return answer(batchAge.At(root, 1).In(b).Set(1, rin.TTL(-1))) },
			rin.ErrTTL, "rin: set root:user:{1}:age: invalid TTL: TTL(-1ns) is not positive; write rin.NoTTL() for values that do not expire",
		},
		"bad expiry": {
			func(b *rin.Batch) func() any { return answer(batchAge.At(root, 1).In(b).Expire(0)) },
			rin.ErrTTL, "rin: expire root:user:{1}:age: invalid TTL: 0s is not positive; use Persist to remove an expiry, or Delete to remove the key",
		},
		"nil option": {
			func(b *rin.Batch) func() any { return maybe(batchAge.At(root, 1).In(b).Swap(1, nil)) },
			nil, "rin: swap root:user:{1}:age: an option of the write is nil; leave it out",
		},
	} {
		for _, opts := range [][]rin.BatchOption{nil, {rin.Atomic()}} {
			b := root.Batch(opts...)
			before := batchAge.At(root, 1).In(b).Set(1)
			bad := tc.queue(b)
			after := batchAge.At(root, 2).In(b).Get()
			err := b.Run(t.Context())
			if !slices.Equal(indices(err), []int{1}) || tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("%s: %v, want a *BatchError that names #1", name, err)
			}
			if text := fmt.Sprint(err); !strings.HasPrefix(text, "rin: batch: 1 of 3 operations failed:\n\t#1: "+tc.text) {
				t.Errorf("%s: the error is %s", name, text)
			}
			if got := bad().([]any); !strings.HasPrefix(fmt.Sprint(got[len(got)-1]), tc.text) {
				t.Errorf("%s: its future is %v", name, got)
			}
			if _, err := before.Result(); err == nil || err.Error() != "rin: set root:user:{1}:age: "+notSent {
				t.Errorf("%s: the operation before is %v", name, err)
			}
			if n, err := after.Result(); n != 0 || err == nil || err.Error() != "rin: get root:user:{2}:age: "+notSent {
				t.Errorf("%s: the operation after is %d, %v", name, n, err)
			}
			if sent := s.taken(); len(sent) > 0 {
				t.Errorf("%s: sent %v", name, sent)
			}
		}
	}
}

// A key of another kind in the middle keeps nothing after it from being done.
func TestBatch_wrongKind(t *testing.T) {
	onServers(t, func(t *testing.T, r rig) {
		for _, opts := range [][]rin.BatchOption{nil, {rin.Atomic()}} {
			root, ctx := mustOpen(t, batchRoot, r), t.Context()
			list := batchNote.At(root, 1)
			check(t, r.Exec(ctx, &backend.Delete{Key: list.Key()}))
			r.list(list.Key())
			b := root.Batch(opts...)
			before, wrong, after := batchAge.At(root, 1).In(b).Set(30), list.In(b).Get(), batchAge.At(root, 1).In(b).Get()
			err := b.Run(ctx)
			if _, kind := wrong.Result(); !errors.Is(err, rin.ErrWrongKind) || !errors.Is(kind, rin.ErrWrongKind) || !slices.Equal(indices(err), []int{1}) {
				t.Errorf("%v: %v and %v, want ErrWrongKind of #1", opts, err, kind)
			}
			if ok, err := before.Result(); !ok || err != nil {
				t.Errorf("%v: the set before: %v, %v", opts, ok, err)
			}
			if n, err := after.Result(); n != 30 || err != nil {
				t.Errorf("%v: the get after: %d, %v", opts, n, err)
			}
		}
	})
}

func TestBatch_contextEnded(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root := mustOpen(t, batchRoot, r)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, opts := range [][]rin.BatchOption{nil, {rin.Atomic()}} {
			b := root.Batch(opts...)
			set, get := batchAge.At(root, 1).In(b).Set(30), batchAge.At(root, 1).In(b).Get()
			err := b.Run(ctx)
			_, setErr := set.Result()
			n, getErr := get.Result()
			for _, err := range []error{err, setErr, getErr} {
				if !errors.Is(err, context.Canceled) || errors.Is(err, rin.ErrUnknownOutcome) {
					t.Errorf("%v: %v, want Canceled, and nothing sent", opts, err)
				}
			}
			if n != 0 || !slices.Equal(indices(err), []int{0, 1}) || len(keys(t, r)) > 0 {
				t.Errorf("%v: %v, the value is %d, the store holds %v", opts, err, n, keys(t, r))
			}
		}
	})
}

func TestBatch_deadServer(t *testing.T) {
	behindProxy(t, func(t *testing.T, root *rin.Scope, _ backend.Backend, proxy *servertest.Proxy) {
		e := faultAge.At(root, 1)
		check(t, e.Set(t.Context(), 30))
		proxy.Vanish()
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		for _, opts := range [][]rin.BatchOption{nil, {rin.Atomic()}} {
			b := root.Batch(opts...)
			set, get := e.In(b).Set(31), e.In(b).Get()
			err := b.Run(ctx)
			if !slices.Equal(indices(err), []int{0, 1}) || errors.Is(err, rin.ErrNotFound) {
				t.Errorf("%v: %v, want both to fail", opts, err)
			}
			if ok, err := set.Result(); ok || err == nil {
				t.Errorf("%v: set: %v, %v", opts, ok, err)
			}
			if n, err := get.Result(); n != 0 || err == nil {
				t.Errorf("%v: get: %d, %v, want a failure and not the default", opts, n, err)
			}
		}
	})
}

// A write of a batch whose reply is lost may have happened, and is sent once.
func TestBatch_unknownOutcome(t *testing.T) {
	behindProxy(t, func(t *testing.T, root *rin.Scope, direct backend.Backend, proxy *servertest.Proxy) {
		first := root.Batch(rin.Atomic()) // The first transaction of a backend asks more.
		faultAge.At(root, 1).In(first).Get()
		check(t, first.Run(t.Context()))
		for command, opts := range map[string][]rin.BatchOption{"GETDEL": nil, "EXEC": {rin.Atomic()}} {
			e := faultAge.At(root, 1)
			check(t, e.Set(t.Context(), 30))
			sent := proxy.Count(command)
			proxy.Swallow(command)
			b := root.Batch(opts...)
			take := e.In(b).Take()
			err := b.Run(t.Context())
			if _, lost := take.Result(); !errors.Is(err, rin.ErrUnknownOutcome) || !errors.Is(lost, rin.ErrUnknownOutcome) {
				t.Errorf("%v: %v and %v, want ErrUnknownOutcome", opts, err, lost)
			}
			if n := proxy.Count(command) - sent; n != 1 || look(t, direct, e.Key()).Found {
				t.Errorf("%v: %s was sent %d times, want once, and done", opts, command, n)
			}
		}
	})
}

// Others see all of a transaction or nothing: whoever sees its first write finds
// its last one done.
func TestAtomic(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) { checkAtomic(t, mustOpen(t, batchRoot, r)) })
}

func checkAtomic(t *testing.T, root *rin.Scope) {
	t.Helper()
	const rounds = 200
	ctx := t.Context()
	first, last := batchAge.At(root, 1), batchBare.At(root, 1)
	check(t, first.Set(ctx, 0), last.Set(ctx, 0))
	done := make(chan struct{})
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				a, err := first.Get(ctx)
				b, err2 := last.Get(ctx)
				if err := errors.Join(err, err2); err != nil || b < a {
					t.Errorf("an observer sees %d, and then %d, %v", a, b, err)
					return
				}
				both := root.Batch(rin.Atomic())
				x, y := first.In(both).Get(), last.In(both).Get()
				err = both.Run(ctx)
				a, _ = x.Result()
				b, _ = y.Result()
				if err != nil || a != b {
					t.Errorf("a transaction sees %d and %d, %v", a, b, err)
					return
				}
			}
		})
	}
	for i := range rounds {
		b := root.Batch(rin.Atomic())
		first.In(b).Set(i + 1)
		for range 20 {
			batchSliding.At(root, 1).In(b).Set(i)
		}
		last.In(b).Set(i + 1)
		if err := b.Run(ctx); err != nil {
			t.Errorf("round %d: %v", i, err)
			break
		}
	}
	close(done)
	group.Wait()
	if got, err := last.Get(ctx); got != rounds || err != nil {
		t.Errorf("at last the value is %d, %v, want %d", got, err, rounds)
	}
}

// only is a backend that has no more than it must.
type only struct{ backend.Backend }

func (o only) Scan(ctx context.Context, prefix string) iter.Seq2[[]string, error] {
	return o.Backend.Scan(ctx, prefix)
}

func TestAtomic_unsupported(t *testing.T) {
	logger, logged := logTo(t, -4)
	for name, opts := range map[string][]rin.OpenOption{"plain": nil, "with a logger": {logger}} {
		store := memstore.New()
		root := mustOpen(t, batchRoot, only{store}, opts...)
		b := root.Batch(rin.Atomic())
		set := batchAge.At(root, 1).In(b).Set(1)
		get := batchAge.At(root, 1).In(b).Get()
		err := b.Run(t.Context())
		_, setErr := set.Result()
		n, getErr := get.Result()
		for _, err := range []error{err, setErr, getErr} {
			if !errors.Is(err, rin.ErrUnsupported) {
				t.Errorf("%s: %v, want ErrUnsupported", name, err)
			}
		}
		if n != 0 || len(keys(t, store)) > 0 {
			t.Errorf("%s: the value is %d, and the store holds %v", name, n, keys(t, store))
		}
	}
	if lines := logged(); len(lines) != 2 || lines[0].Error == "" {
		t.Errorf("logged %+v, want both ops with their failure", lines)
	}
}

// onCluster runs f with both clients on a real cluster of three primaries.
func onCluster(t *testing.T, f func(t *testing.T, b backend.Backend, addrs []string)) {
	t.Helper()
	addrs := servertest.StartCluster(t, servertest.Redis)
	t.Run("goredis", func(t *testing.T) {
		client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs})
		t.Cleanup(func() { client.Close() })
		f(t, goredis.New(client), addrs)
	})
	t.Run("valkeygo", func(t *testing.T) {
		for _, addr := range addrs {
			servertest.Do(t, addr, "FLUSHALL")
		}
		client, err := valkey.NewClient(valkey.ClientOption{InitAddress: addrs})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		f(t, valkeygo.New(client), addrs)
	})
}

func TestCluster(t *testing.T) {
	onCluster(t, func(t *testing.T, b backend.Backend, addrs []string) {
		root, ctx := mustOpen(t, batchRoot, b), t.Context()
		t.Run("a transaction over slots", func(t *testing.T) {
			calls := func() (n int) {
				for _, addr := range addrs {
					n += servertest.Calls(t, addr, "multi") + servertest.Calls(t, addr, "set")
				}
				return n
			}
			before := calls()
			batch := root.Batch(rin.Atomic())
			batchAge.At(root, 1).In(batch).Set(1)
			age := batchAge.At(root, 2).In(batch).Set(2)
			err := batch.Run(ctx)
			_, setErr := age.Result()
			if !errors.Is(err, rin.ErrCrossSlot) || !errors.Is(setErr, rin.ErrCrossSlot) || !slices.Equal(indices(err), []int{0, 1}) {
				t.Errorf("run: %v and %v, want ErrCrossSlot", err, setErr)
			}
			for _, want := range []string{`"root:user:{1}:age"`, `"root:user:{2}:age"`, "user:{<user_id>}"} {
				if !strings.Contains(fmt.Sprint(err), want) {
					t.Errorf("the error is %v, want %s in it", err, want)
				}
			}
			if n := calls() - before; n != 0 || len(keys(t, b)) > 0 {
				t.Errorf("%d commands were sent, and the cluster holds %v", n, keys(t, b))
			}
		})
		t.Run("a transaction in a slot", func(t *testing.T) { checkAtomic(t, root) })
		t.Run("a batch over slots", func(t *testing.T) {
			batch := root.Batch()
			var sets []*rin.Future[bool]
			for i := range 300 {
				sets = append(sets, batchAge.At(root, i).In(batch).Set(i))
			}
			check(t, batch.Run(ctx))
			for i, set := range sets {
				if ok, err := set.Result(); !ok || err != nil {
					t.Errorf("set %d: %v, %v", i, ok, err)
				}
			}
		})
		t.Run("many entries over slots", func(t *testing.T) { checkAll(t, root, 1000) })
		t.Run("a move over slots", func(t *testing.T) {
			check(t, batchAge.At(root, "from").Set(ctx, 30))
			if moved, err := batchAge.At(root, "from").MoveTo(ctx, batchAge.At(root, "to")); !moved || err != nil {
				t.Errorf("move: %v, %v", moved, err)
			}
		})
		t.Run("a lease", func(t *testing.T) {
			e := fetchAge.At(mustOpen(t, fetchRoot, b), "no tag")
			wantFetch(t, "a miss", e, loads(30), 30, nil, 1, rin.Exclusive(time.Minute), rin.CacheAbsent(time.Minute))
			wantFetch(t, "a hit", e, fails(errInk), 30, nil, 0, rin.RefreshEarly(unlikely))
			if left := held(t, b, e); len(left) > 0 {
				t.Errorf("%v is held", left)
			}
		})
		t.Run("an update", func(t *testing.T) {
			if n, err := batchAge.At(root, "u").Update(ctx, func(old int, _ bool) (int, error) { return old + 1, nil }); n != 19 || err != nil {
				t.Errorf("update: %d, %v", n, err)
			}
		})
	})
}

// checkAll sets and gets n entries, each in a slot of its own.
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
