package rin_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/internal/servertest"
	"github.com/redisimnest/rin/memstore"
)

// a tree to load: keys of every policy that a Fetch heeds.
var (
	fetchAge     = rin.Key[int]("age", rin.Default(18))
	fetchFree    = rin.Key[int]("free", rin.NoTTL())
	fetchSliding = rin.Key[int]("sliding", rin.Renew(rin.OnAccess))
	fetchWindow  = rin.Key[int]("window", rin.Renew(rin.Never))
	fetchSoft    = rin.Key[int]("soft", rin.OnMismatch(rin.TreatAsMissing))
	fetchTry     = rin.Key[int]("try", rin.OnMismatch(rin.TryDecode))
	fetchAny     = rin.Key[any]("any")
	fetchNote    = rin.Key[string]("<note>")
	fetchNotes   = rin.Cluster("notes", rin.Child(fetchNote))
	fetchUser    = rin.Cluster("user:<id>", rin.TTL(time.Hour),
		rin.Child(fetchAge, fetchFree, fetchSliding, fetchWindow, fetchSoft, fetchTry, fetchAny, fetchNotes))
	fetchRoot = rin.Cluster("root", rin.Child(fetchUser))
	fetchBare = rin.Cluster("", rin.Child(fetchUser))
)

// A loader answers with what it is given, and counts its calls.
type loader[T any] struct {
	value T
	err   error
	calls atomic.Int32
	// first, where it is set, is called before it answers.
	first func(context.Context)
}

func (l *loader[T]) load(ctx context.Context) (T, error) {
	l.calls.Add(1)
	if l.first != nil {
		l.first(ctx)
	}
	return l.value, l.err
}

func loads[T any](value T) *loader[T] { return &loader[T]{value: value} }

// fails is a loader that has no value.
func fails(err error) *loader[int] { return &loader[int]{err: err} }

// wantFetch fetches, and compares the value, the error, and how often the loader
// has been called by now.
func wantFetch(t *testing.T, what string, e rin.Entry[int], l *loader[int], want int, wantErr error, calls int32, opts ...rin.FetchOption) error {
	t.Helper()
	got, err := e.Fetch(t.Context(), l.load, opts...)
	if got != want || !errors.Is(err, wantErr) || wantErr == nil && err != nil {
		t.Errorf("%s: %d, %v, want %d, %v", what, got, err, want, wantErr)
	}
	if n := l.calls.Load(); n != calls {
		t.Errorf("%s: the loader has been called %d times, want %d", what, n, calls)
	}
	return err
}

// await waits until it is so, for as long as a loaded machine may take.
func await(t testing.TB, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(4 * slack); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("still not so: %s", what)
			return
		}
	}
}

// loadsOf is where the leases of loads are kept, and that there is nothing to load.
func loadsOf(e interface{ Key() string }) string { return backend.Sibling(e.Key(), "%loads") }

// held are the tokens that have a lease to load an entry, with how long they have left.
func held(t testing.TB, b backend.Backend, e interface{ Key() string }) map[string]time.Duration {
	t.Helper()
	leases, held := &backend.Leases{Key: loadsOf(e)}, map[string]time.Duration{}
	check(t, b.Exec(t.Context(), leases))
	for _, lease := range leases.Held {
		held[string(lease.Token)] = lease.Left
	}
	return held
}

// keepOut has another process have the lease to load an entry.
func keepOut(t testing.TB, b backend.Backend, e interface{ Key() string }, lease time.Duration) {
	t.Helper()
	claim := &backend.Claim{Key: e.Key(), Leases: loadsOf(e), Token: []byte("another"), TTL: lease, Anew: true}
	if check(t, b.Exec(t.Context(), claim)); !claim.Claimed {
		t.Error("another process does not get the lease")
	}
}

func TestFetch(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		s := &spy{Backend: r}
		root := mustOpen(t, fetchRoot, s)
		for _, tc := range []struct {
			key    *rin.KeyOf[int]
			left   time.Duration
			reason string
		}{
			{fetchAge, time.Hour, "the declared TTL is set, and the declared default plays no part"},
			{fetchFree, 0, "nothing expires that is declared not to"},
			{fetchSliding, time.Hour, "the declared TTL is set"},
			{fetchWindow, time.Hour, "a fixed window begins with the load"},
			{fetchSoft, time.Hour, "the declared TTL is set"},
		} {
			t.Run(tc.key.Pattern(), func(t *testing.T) {
				e, l := tc.key.At(root, 1), loads(30)
				wantFetch(t, "a miss", e, l, 30, nil, 1)
				if got := look(t, r, e.Key()); got.Value != "~text:int:30" || !near(got.Left, tc.left) {
					t.Errorf("stored %+v, want 30 with %v left: %s", got, tc.left, tc.reason)
				}
				s.taken()
				wantFetch(t, "a hit", e, l, 30, nil, 1, rin.Exclusive(time.Minute), rin.LoadAnyway())
				if sent := s.taken(); !slices.Equal(sent, []string{"get"}) {
					t.Errorf("a hit sent %v, want one get", sent)
				}
				wantFetch(t, "a hit with CacheAbsent", e, l, 30, nil, 1, rin.CacheAbsent(time.Minute))
				if n := s.tripped(); n != 1 {
					t.Errorf("a hit with CacheAbsent took %d round trips, want one", n)
				}
			})
		}
		t.Run("zero value", func(t *testing.T) {
			e, l := fetchAge.At(root, 2), loads(0)
			wantFetch(t, "a miss", e, l, 0, nil, 1)
			wantFetch(t, "a hit", e, l, 0, nil, 1)
		})
		t.Run("sliding", func(t *testing.T) {
			e, l := fetchSliding.At(root, 3), loads(1)
			check(t, e.Set(t.Context(), 30, rin.TTL(10*time.Minute)))
			wantFetch(t, "a hit", e, l, 30, nil, 0)
			if left := look(t, r, e.Key()).Left; !near(left, time.Hour) {
				t.Errorf("a hit leaves %v, want the TTL renewed", left)
			}
		})
	})
}

// A load begins a window anew also where it replaces what is there.
func TestFetch_replacesTheWindow(t *testing.T) {
	var (
		soft = rin.Key[int]("soft", rin.OnMismatch(rin.TreatAsMissing))
		tree = rin.Cluster("root", rin.TTL(time.Hour), rin.Renew(rin.Never), rin.Child(soft))
	)
	for _, opts := range [][]rin.FetchOption{nil, {rin.Exclusive(time.Minute)}} {
		b := memstore.New()
		e := soft.At(mustOpen(t, tree, b))
		check(t, b.Exec(t.Context(), &backend.Set{Key: e.Key(), Value: []byte("~text:string:x"), TTL: time.Minute}))
		wantFetch(t, fmt.Sprint(opts), e, loads(30), 30, nil, 1, opts...)
		if got := look(t, b, e.Key()); got.Value != "~text:int:30" || !near(got.Left, time.Hour) {
			t.Errorf("%v: stored %+v, want 30 for an hour", opts, got)
		}
	}
}

// A Key[any] may be loaded as nothing at all: it can't be stored, but it is the
// answer where LoadAnyway asks for one.
func TestFetch_nilInterface(t *testing.T) {
	e := fetchAny.At(mustOpen(t, fetchRoot, memstore.New()), 1)
	load := func(context.Context) (any, error) { return nil, nil }
	if got, err := e.Fetch(t.Context(), load); got != nil || err == nil {
		t.Errorf("fetch: %v, %v, want the failure to store it", got, err)
	}
	if got, err := e.Fetch(t.Context(), load, rin.LoadAnyway()); got != nil || err != nil {
		t.Errorf("fetch with LoadAnyway: %v, %v, want nil and no error", got, err)
	}
}

func TestFetch_arguments(t *testing.T) {
	s := &spy{Backend: memstore.New()}
	e, l := fetchAge.At(mustOpen(t, fetchRoot, s), 1), loads(30)
	const on = "rin: fetch root:user:1:age: "
	for _, tc := range []struct {
		opts []rin.FetchOption
		is   error
		text string
	}{
		{[]rin.FetchOption{nil}, nil, on + "an option of the fetch is nil; leave it out"},
		{[]rin.FetchOption{rin.Exclusive(0)}, rin.ErrTTL, on + "Exclusive(0s): invalid TTL: it is not positive"},
		{[]rin.FetchOption{rin.LoadAnyway(), rin.Exclusive(-time.Second)}, rin.ErrTTL, on + "Exclusive(-1s): invalid TTL: it is not positive"},
		{[]rin.FetchOption{rin.CacheAbsent(-1)}, rin.ErrTTL, on + "CacheAbsent(-1ns): invalid TTL: it is not positive"},
		{[]rin.FetchOption{rin.RefreshEarly(0)}, nil, on + "RefreshEarly(0): beta must be a positive number; 1 suits most"},
		{[]rin.FetchOption{rin.RefreshEarly(-1)}, nil, on + "RefreshEarly(-1): beta must be a positive number; 1 suits most"},
		{[]rin.FetchOption{rin.RefreshEarly(math.NaN())}, nil, on + "RefreshEarly(NaN): beta must be a positive number; 1 suits most"},
		{[]rin.FetchOption{rin.RefreshEarly(math.Inf(1))}, nil, on + "RefreshEarly(+Inf): beta must be a positive number; 1 suits most"},
	} {
		got, err := e.Fetch(t.Context(), l.load, tc.opts...)
		if err == nil || err.Error() != tc.text || got != 0 || tc.is != nil && !errors.Is(err, tc.is) {
			t.Errorf("%v: %d, %v, want %s", tc.opts, got, err, tc.text)
		}
	}
	if _, err := e.Fetch(t.Context(), nil); err == nil || err.Error() != on+"the loader is nil" {
		t.Errorf("without a loader: %v", err)
	}
	if sent := s.taken(); len(sent) > 0 || l.calls.Load() > 0 {
		t.Errorf("sent %v, and called the loader %d times", sent, l.calls.Load())
	}
}

func TestFetchOption_String(t *testing.T) {
	got := fmt.Sprint(rin.Exclusive(time.Minute), " ", rin.RefreshEarly(1.5), " ", rin.CacheAbsent(time.Second), " ", rin.LoadAnyway())
	if want := "Exclusive(1m0s) RefreshEarly(1.5) CacheAbsent(1s) LoadAnyway()"; got != want {
		t.Errorf("the options print as %s, want %s", got, want)
	}
}

// everyFetch are the ways to fetch that must not change how a load fails.
var everyFetch = map[string][]rin.FetchOption{
	"plain":         nil,
	"Exclusive":     {rin.Exclusive(time.Minute)},
	"CacheAbsent":   {rin.CacheAbsent(time.Minute)},
	"LoadAnyway":    {rin.LoadAnyway()},
	"RefreshEarly":  {rin.RefreshEarly(1)},
	"all of them":   {rin.Exclusive(time.Minute), rin.CacheAbsent(time.Minute), rin.LoadAnyway(), rin.RefreshEarly(1)},
	"without locks": {rin.CacheAbsent(time.Minute), rin.LoadAnyway(), rin.RefreshEarly(1)},
}

func TestFetch_loaderFails(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		e := fetchAge.At(mustOpen(t, fetchRoot, r), 1)
		for name, opts := range everyFetch {
			l := fails(errInk)
			for i := range 2 { // nothing of the first failure is left for the second
				got, err := e.Fetch(t.Context(), l.load, opts...)
				if got != 0 || err != errInk { //nolint:errorlint // it is the loader's own error, as it is
					t.Errorf("%s: %d, %#v, want the loader's own error", name, got, err)
				}
				if n := l.calls.Load(); int(n) != i+1 {
					t.Errorf("%s: %d loads, want %d", name, n, i+1)
				}
			}
			if left := keys(t, r); len(left) > 0 {
				t.Errorf("%s: a load that failed left %v", name, left)
			}
		}
	})
}

func TestFetch_absent(t *testing.T) {
	wrapped := fmt.Errorf("no user 1: %w", rin.Absent)
	onEveryBackend(t, func(t *testing.T, r rig) {
		e := fetchAge.At(mustOpen(t, fetchRoot, r), 1)
		for _, absent := range []error{rin.Absent, wrapped} {
			l := fails(absent)
			for i := range 2 {
				err := wantFetch(t, "without CacheAbsent", e, l, 0, rin.ErrNotFound, int32(i+1), rin.Exclusive(time.Minute))
				var op *rin.OpError
				if !errors.As(err, &op) || op.Op != "fetch" || op.Key != e.Key() {
					t.Errorf("the error is %#v", err)
				}
			}
			if left := keys(t, r); len(left) > 0 {
				t.Errorf("an absence that is not remembered left %v", left)
			}
			for range 2 {
				wantFetch(t, "with CacheAbsent", e, l, 0, rin.ErrNotFound, 3, rin.CacheAbsent(time.Minute))
			}
			if diff := cmp.Diff(map[string]bool{loadsOf(e): true}, keys(t, r)); diff != "" {
				t.Errorf("a remembered absence is stored so (-want +got):\n%s", diff)
			}
			if left := left(t, r, loadsOf(e)); !near(left, time.Minute) {
				t.Errorf("an absence is remembered for %v, want a minute", left)
			}
			wantFetch(t, "whoever asks", e, l, 0, rin.ErrNotFound, 3)
			if _, err := e.Forget(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Whatever is not Fetch finds nothing where an absence is remembered, or a lease
// is held.
func TestFetch_besideIsInvisible(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		for name, tree := range map[string]*rin.ClusterNode{"below a root": fetchRoot, "below nothing": fetchBare} {
			t.Run(name, func(t *testing.T) {
				root, ctx := mustOpen(t, tree, r), t.Context()
				e, note := fetchAge.At(root, 1), fetchNote.At(root, 1, "n")
				wantFetch(t, "an age", e, fails(rin.Absent), 0, rin.ErrNotFound, 1, rin.CacheAbsent(time.Minute))
				nothing := func(context.Context) (string, error) { return "", rin.Absent }
				if _, err := note.Fetch(ctx, nothing, rin.CacheAbsent(time.Minute)); !errors.Is(err, rin.ErrNotFound) {
					t.Fatalf("a note: %v", err)
				}
				keepOut(t, r, fetchFree.At(root, 1), time.Hour)
				if n := len(keys(t, r)); n != 3 {
					t.Fatalf("%d keys are there, want two absences and a lease", n)
				}
				checkNothing(t, r, root, e)
				if ok, err := note.SetIfAbsent(ctx, "x"); !ok || err != nil {
					t.Errorf("set if absent: %v, %v, want it done", ok, err)
				}
				if got := sorted(t, root.Subkeys(ctx)); !slices.Equal(got, []string{note.Key()}) {
					t.Errorf("subkeys are %q, want the note", got)
				}
				if n, err := fetchUser.At(root, 1).Clear(ctx, rin.DryRun()); n != 1 || err != nil {
					t.Errorf("a dry clear counts %d, %v, want the note", n, err)
				}
				if n, err := fetchUser.At(root, 1).Clear(ctx); n != 1 || err != nil {
					t.Errorf("clear: %d, %v, want the note", n, err)
				}
				if left := keys(t, r); len(left) > 0 {
					t.Errorf("clear left %v", left)
				}
			})
		}
	})
}

// checkNothing checks that nobody sees anything of an entry.
func checkNothing(t *testing.T, r rig, root *rin.Scope, e rin.Entry[int]) {
	t.Helper()
	ctx := t.Context()
	if got, err := e.Get(ctx); got != 18 || err != nil {
		t.Errorf("get: %d, %v, want the default", got, err)
	}
	if got, found, err := e.Lookup(ctx); got != 0 || found || err != nil {
		t.Errorf("lookup: %d, %v, %v", got, found, err)
	}
	if found, err := e.Exists(ctx); found || err != nil {
		t.Errorf("exists: %v, %v", found, err)
	}
	if left, err := e.TTL(ctx); left != 0 || !errors.Is(err, rin.ErrNotFound) {
		t.Errorf("ttl: %v, %v", left, err)
	}
	if typ, err := e.Type(ctx); typ != "" || err != nil {
		t.Errorf("type: %q, %v", typ, err)
	}
	if raw, found, err := e.Raw(ctx); raw != nil || found || err != nil {
		t.Errorf("raw: %q, %v, %v", raw, found, err)
	}
	if got := sorted(t, root.Subkeys(ctx)); len(got) > 0 {
		t.Errorf("subkeys are %q", got)
	}
	if got := collect(t, root.Entries(ctx)); len(got) > 0 {
		t.Errorf("entries are %v", got)
	}
	if n, err := root.Count(ctx); n != 0 || err != nil {
		t.Errorf("count: %d, %v", n, err)
	}
	if got := collect(t, fetchUser.Each(ctx, root)); len(got) > 0 {
		t.Errorf("each yields %v", got)
	}
	for key := range keys(t, r) {
		if found, err := root.Parse(key); err == nil || found.Node != nil {
			t.Errorf("parse(%q): %v, %v, want it declared by no node", key, found, err)
		}
	}
}

func TestFetch_absenceIsForgotten(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, fetchRoot, r), t.Context()
		e := fetchAge.At(root, 1)
		for name, forget := range map[string]func(){
			"Delete": func() {
				if was, err := e.Delete(ctx); was || err != nil {
					t.Errorf("delete: %v, %v, want no value", was, err)
				}
			},
			"Forget": func() {
				if was, err := e.Forget(ctx); was || err != nil {
					t.Errorf("forget: %v, %v, want no value", was, err)
				}
			},
			"Forget of a batch": func() {
				b := root.Batch()
				was := e.In(b).Forget()
				check(t, b.Run(ctx))
				if was, err := was.Result(); was || err != nil {
					t.Errorf("forget: %v, %v, want no value", was, err)
				}
			},
			"Clear": func() {
				if n, err := fetchUser.At(root, 1).Clear(ctx); n != 0 || err != nil {
					t.Errorf("clear: %d, %v, want no value", n, err)
				}
			},
			"expiry": func() { r.elapse(200 * time.Millisecond) },
		} {
			wantFetch(t, "an absence", e, fails(rin.Absent), 0, rin.ErrNotFound, 1, rin.CacheAbsent(200*time.Millisecond))
			forget()
			wantFetch(t, "after "+name, e, loads(30), 30, nil, 1)
			if was, err := e.Forget(ctx); !was || err != nil {
				t.Errorf("forget of a value: %v, %v", was, err)
			}
			if left := keys(t, r); len(left) > 0 {
				t.Errorf("after %s and a load, %v is left", name, left)
			}
		}
	})
}

// A value counts more than a remembered absence, and what deletes it forgets that, too.
func TestFetch_valueWinsOverAbsence(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		e, ctx := fetchAge.At(mustOpen(t, fetchRoot, r), 1), t.Context()
		l := fails(rin.Absent)
		wantFetch(t, "an absence", e, l, 0, rin.ErrNotFound, 1, rin.CacheAbsent(time.Minute))
		check(t, e.Set(ctx, 30))
		wantFetch(t, "a value", e, l, 30, nil, 1)
		if _, err := e.Delete(ctx); err != nil {
			t.Fatal(err)
		}
		wantFetch(t, "after a delete", e, l, 0, rin.ErrNotFound, 2, rin.CacheAbsent(time.Minute))
		if ok, err := e.SetIfAbsent(ctx, 31); !ok || err != nil {
			t.Errorf("set if absent: %v, %v, want it done", ok, err)
		}
		wantFetch(t, "a value", e, l, 31, nil, 2)
	})
}

// What the key holds is never replaced because it can't be read, unless the
// declaration says so.
func TestFetch_mismatch(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root := mustOpen(t, fetchRoot, r)
		for _, tc := range []struct {
			key    *rin.KeyOf[int]
			stored string
			want   int
			err    error
			loads  int32
			reason string
		}{
			{fetchAge, "~text:string:x", 0, rin.ErrWrongType, 0, "another type is an error"},
			{fetchAge, "x", 0, rin.ErrForeign, 0, "so is what others have written"},
			{fetchAge, "~text:int:x", 0, rin.ErrMalformed, 0, "so is what is damaged"},
			{fetchAge, "~none:[]int:x", 0, rin.ErrUnknownCodec, 0, "so is a codec that nobody knows"},
			{fetchAge, "~text:int8:5", 5, nil, 0, "a number that fits is no mismatch"},
			{fetchSoft, "~text:string:x", 30, nil, 1, "another type is a miss where the declaration says so"},
			{fetchSoft, "~text:int:x", 0, rin.ErrMalformed, 0, "what is damaged is an error all the same"},
			{fetchTry, "~text:string:7", 7, nil, 0, "another type is decoded where the declaration says so"},
			{fetchTry, "~text:string:x", 0, rin.ErrWrongType, 0, "if it can be"},
		} {
			for name, opts := range everyFetch {
				e, l := tc.key.At(root, 1), loads(30)
				put(t, r, e.Key(), tc.stored)
				wantFetch(t, fmt.Sprintf("%q, %s, %s", tc.stored, name, tc.reason), e, l, tc.want, tc.err, tc.loads, opts...)
				after := tc.stored
				if tc.loads > 0 {
					after = "~text:int:30"
				}
				if got := look(t, r, e.Key()).Value; got != after {
					t.Errorf("%q, %s: the key holds %q", tc.stored, name, got)
				}
			}
		}
		for name, opts := range everyFetch {
			e := fetchSoft.At(root, 2)
			check(t, r.Exec(t.Context(), &backend.Delete{Key: e.Key()}))
			r.list(e.Key())
			wantFetch(t, "a list, "+name, e, loads(30), 0, rin.ErrWrongKind, 0, opts...)
			if exists := (&backend.Exists{Key: e.Key()}); r.Exec(t.Context(), exists) != nil || !exists.Found {
				t.Errorf("%s: the list is gone", name)
			}
		}
	})
}

// A failure of the store is returned, and passed over only where LoadAnyway says
// so.
func TestFetch_storeFails(t *testing.T) {
	broken := errors.New("broken")
	lease := []rin.FetchOption{rin.Exclusive(time.Minute)}
	for _, tc := range []struct {
		name   string
		breaks func(backend.Op) bool
		opts   []rin.FetchOption
		loads  int32 // without LoadAnyway
		stored bool  // with LoadAnyway
		reason string
	}{
		{"everything", func(backend.Op) bool { return true }, lease, 0, false, "a store that is gone costs no more than itself"},
		{"reads", is[*backend.Get], nil, 0, true, "a failure is never a miss"},
		{"reads with their TTL", is[*backend.TTL], []rin.FetchOption{rin.RefreshEarly(1)}, 0, true, "a failure is never a miss"},
		{"the claim", is[*backend.Claim], nil, 0, false, "a failure is never a miss, and without a claim nothing is stored"},
		{"the claim of a lease", is[*backend.Claim], lease, 0, false, "without the lease nobody loads"},
		{"the write", is[*backend.Fill], nil, 1, false, "the value is there all the same"},
		{"the write under a lease", is[*backend.Fill], lease, 1, false, "the value is there all the same"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &spy{Backend: memstore.New()}
			e, l := fetchAge.At(mustOpen(t, fetchRoot, s), 1), loads(30)
			s.fail = func(op backend.Op) error {
				if tc.breaks(op) {
					return broken
				}
				return nil
			}
			got := wantFetch(t, "without LoadAnyway", e, l, 0, broken, tc.loads, tc.opts...)
			if op := (*rin.OpError)(nil); !errors.As(got, &op) || op.Op != "fetch" || op.Key != e.Key() {
				t.Errorf("the error is %#v, want an *OpError", got)
			}
			s.fail, l = nil, loads(31)
			if _, err := e.Forget(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.fail = func(op backend.Op) error {
				if tc.breaks(op) {
					return broken
				}
				return nil
			}
			wantFetch(t, "with LoadAnyway", e, l, 31, nil, 1, append(tc.opts, rin.LoadAnyway())...)
			s.fail = nil
			if got := look(t, s, e.Key()); got.Found != tc.stored {
				t.Errorf("with LoadAnyway the key is %+v, want stored: %v: %s", got, tc.stored, tc.reason)
			}
		})
	}
	t.Run("an absence", func(t *testing.T) {
		s := &spy{Backend: memstore.New()}
		e, l := fetchAge.At(mustOpen(t, fetchRoot, s), 1), fails(rin.Absent)
		s.fail = func(op backend.Op) error {
			if is[*backend.Fill](op) {
				return broken
			}
			return nil
		}
		wantFetch(t, "without LoadAnyway", e, l, 0, broken, 1, rin.CacheAbsent(time.Minute))
		wantFetch(t, "with LoadAnyway", e, l, 0, rin.ErrNotFound, 2, rin.CacheAbsent(time.Minute), rin.LoadAnyway())
	})
}

func is[O backend.Op](op backend.Op) bool { _, ok := op.(O); return ok }

// An answer that comes too late for its caller is none, also with LoadAnyway.
func TestFetch_loadAnywayHeedsTheContext(t *testing.T) {
	e, l := fetchAge.At(mustOpen(t, fetchRoot, memstore.New()), 1), loads(30)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := e.Fetch(ctx, l.load, rin.LoadAnyway()); got != 0 || !errors.Is(err, context.Canceled) || l.calls.Load() > 0 {
		t.Errorf("fetch: %d, %v after %d loads, want Canceled and none", got, err, l.calls.Load())
	}
}

// Two processes that need one value load it once.
func TestFetch_exclusive(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		waiting := &spy{Backend: r}
		one, two := fetchAge.At(mustOpen(t, fetchRoot, r), 1), fetchAge.At(mustOpen(t, fetchRoot, waiting), 1)
		refused := make(chan struct{})
		var once sync.Once
		tried := false
		waiting.fail = func(op backend.Op) error {
			if tried && is[*backend.Claim](op) { // it looks whether the value has come
				once.Do(func() { close(refused) })
			}
			tried = tried || is[*backend.Claim](op)
			return nil
		}
		first, second := loads(30), loads(31)
		var group sync.WaitGroup
		first.first = func(context.Context) {
			checkLease(t, r, one)
			group.Go(func() { wantFetch(t, "the other process", two, second, 30, nil, 0, rin.Exclusive(time.Minute)) })
			<-refused
		}
		wantFetch(t, "the process that loads", one, first, 30, nil, 1, rin.Exclusive(time.Minute))
		group.Wait()
		if diff := cmp.Diff(map[string]bool{one.Key(): true}, keys(t, r)); diff != "" {
			t.Errorf("at last the store holds (-want +got):\n%s", diff)
		}
		if got := look(t, r, one.Key()); got.Value != "~text:int:30" || !near(got.Left, time.Hour) {
			t.Errorf("stored %+v, want 30 for an hour", got)
		}
	})
}

// checkLease checks the lease of a load that is under way.
func checkLease(t *testing.T, r rig, e rin.Entry[int]) {
	t.Helper()
	if diff := cmp.Diff(map[string]bool{loadsOf(e): true}, keys(t, r)); diff != "" {
		t.Errorf("during a load the store holds (-want +got):\n%s", diff)
	}
	if a, b := backend.Slot(e.Key()), backend.Slot(loadsOf(e)); a != b {
		t.Errorf("the leases are in slot %d, the value in slot %d", b, a)
	}
	for token, left := range held(t, r, e) {
		if len(token) < 16 || !near(left, time.Minute) {
			t.Errorf("%q has the lease for %v, want a token that nobody guesses, for a minute", token, left)
		}
	}
}

// A process that dies with the lease keeps others out to its end.
func TestFetch_deadHolder(t *testing.T) {
	const lease = 300 * time.Millisecond
	onEveryBackend(t, func(t *testing.T, r rig) {
		s := &spy{Backend: r}
		e, l := fetchAge.At(mustOpen(t, fetchRoot, s), 1), loads(30)
		looked := make(chan struct{})
		var once sync.Once
		s.fail = func(op backend.Op) error {
			if is[*backend.Claim](op) {
				once.Do(func() { close(looked) })
			}
			return nil
		}
		l.first = func(context.Context) {
			if _, dead := held(t, r, e)["another"]; dead {
				t.Error("a load began while another process had the lease")
			}
		}
		keepOut(t, r, e, lease)
		var group sync.WaitGroup
		group.Go(func() { wantFetch(t, "after the lease", e, l, 30, nil, 1, rin.Exclusive(time.Minute)) })
		<-looked
		r.elapse(lease)
		group.Wait()
		if diff := cmp.Diff(map[string]bool{e.Key(): true}, keys(t, r)); diff != "" {
			t.Errorf("at last the store holds (-want +got):\n%s", diff)
		}
	})
}

// A load that takes longer than its lease keeps it.
func TestFetch_slowHolder(t *testing.T) {
	inBubble(t, "memstore", func(t *testing.T, b *memstore.Store, e rin.Entry[int]) {
		other, l := fetchAge.At(mustOpen(t, fetchRoot, b), 1), loads(31)
		slow := loads(30)
		slow.first = func(context.Context) { time.Sleep(30 * time.Minute) }
		var group sync.WaitGroup
		group.Go(func() { wantFetch(t, "slow", e, slow, 30, nil, 1, rin.Exclusive(time.Second)) })
		time.Sleep(time.Minute)
		group.Go(func() { wantFetch(t, "meanwhile", other, l, 30, nil, 0, rin.Exclusive(time.Second)) })
		group.Wait()
	})
}

// A load whose lease was lost returns its value to whoever waited, and leaves what has been
// stored meanwhile, and the lease of whoever has one now.
func TestFetch_lateHolder(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		late, soon := fetchAge.At(mustOpen(t, fetchRoot, r), 1), fetchAge.At(mustOpen(t, fetchRoot, r), 1)
		lose := func() { check(t, r.Exec(t.Context(), &backend.Delete{Key: loadsOf(late)})) }
		t.Run("another has loaded", func(t *testing.T) {
			l := loads(30)
			l.first = func(context.Context) {
				lose()
				wantFetch(t, "meanwhile", soon, loads(31), 31, nil, 1, rin.Exclusive(time.Minute))
			}
			wantFetch(t, "late", late, l, 30, nil, 1, rin.Exclusive(time.Minute))
			if got := look(t, r, late.Key()).Value; got != "~text:int:31" {
				t.Errorf("the key holds %q, want what was loaded last", got)
			}
		})
		t.Run("another is loading", func(t *testing.T) {
			if _, err := late.Forget(t.Context()); err != nil {
				t.Fatal(err)
			}
			l := loads(30)
			l.first = func(context.Context) {
				lose()
				keepOut(t, r, late, time.Minute)
			}
			wantFetch(t, "late", late, l, 30, nil, 1, rin.Exclusive(time.Minute))
			if _, kept := held(t, r, late)["another"]; !kept || look(t, r, late.Key()).Found {
				t.Errorf("the other process has the lease: %v; the key is %+v", kept, look(t, r, late.Key()))
			}
		})
	})
}

// However a load ends, its lease is given back at once.
func TestFetch_releasesItsLease(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		e := fetchAge.At(mustOpen(t, fetchRoot, r), 1)
		for name, end := range map[string]func() (int, error){
			"an error": func() (int, error) { return 0, errInk },
			"Absent":   func() (int, error) { return 0, rin.Absent },
			"a panic":  func() (int, error) { panic("boom") },
			"Goexit":   func() (int, error) { runtime.Goexit(); return 0, nil },
		} {
			if _, err := e.Fetch(t.Context(), func(context.Context) (int, error) { return end() }, rin.Exclusive(time.Hour)); err == nil {
				t.Errorf("%s is no error", name)
			}
			if left := keys(t, r); len(left) > 0 {
				t.Errorf("%s left %v", name, left)
			}
			if _, err := e.Fetch(t.Context(), func(context.Context) (int, error) { return end() }); err == nil || len(keys(t, r)) > 0 {
				t.Errorf("%s without Exclusive: %v, and it left %v", name, err, keys(t, r))
			}
			wantFetch(t, "after "+name, e, loads(30), 30, nil, 1, rin.Exclusive(time.Hour))
			if _, err := e.Forget(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Who waits for another process's load gives up with its context, and leaves its lease
// alone.
func TestFetch_waiterGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memstore.New()
		e, l := fetchAge.At(mustOpen(t, fetchRoot, b), 1), loads(30)
		keepOut(t, b, e, time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		got, err := e.Fetch(ctx, l.load, rin.Exclusive(time.Hour))
		var op *rin.OpError
		if got != 0 || !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &op) || op.Op != "fetch" {
			t.Errorf("fetch: %d, %v, want DeadlineExceeded in an *OpError", got, err)
		}
		if waited := time.Since(start); waited != time.Minute {
			t.Errorf("it waited for %v, want a minute", waited)
		}
		synctest.Wait()
		if _, kept := held(t, b, e)["another"]; !kept || l.calls.Load() > 0 {
			t.Errorf("the other process has its lease: %v, after %d loads", kept, l.calls.Load())
		}
	})
}

// behindFetchProxy is behindProxy for a test of one entry.
func behindFetchProxy(t *testing.T, f func(t *testing.T, e rin.Entry[int], direct backend.Backend, proxy *servertest.Proxy)) {
	t.Helper()
	behindProxy(t, func(t *testing.T, root *rin.Scope, direct backend.Backend, proxy *servertest.Proxy) {
		f(t, faultAge.At(root, 1), direct, proxy)
	})
}

// A claim whose reply is lost is asked for again, and then given back.
func TestFetch_lostClaim(t *testing.T) {
	behindFetchProxy(t, func(t *testing.T, e rin.Entry[int], direct backend.Backend, proxy *servertest.Proxy) {
		l := loads(30)
		proxy.Swallow("EVAL")
		wantFetch(t, "the reply is lost", e, l, 30, nil, 1, rin.Exclusive(time.Hour))
		if diff := cmp.Diff(map[string]bool{e.Key(): true}, keys(t, direct)); diff != "" {
			t.Errorf("the store holds (-want +got):\n%s", diff)
		}
	})
}

// A server that dies between the claim and the write takes the value with it only
// where LoadAnyway is not given.
func TestFetch_serverDies(t *testing.T) {
	for _, anyway := range []bool{false, true} {
		t.Run(fmt.Sprint("LoadAnyway=", anyway), func(t *testing.T) {
			behindFetchProxy(t, func(t *testing.T, e rin.Entry[int], direct backend.Backend, proxy *servertest.Proxy) {
				l := loads(30)
				l.first = func(context.Context) { proxy.Vanish() }
				ctx, cancel := context.WithTimeout(t.Context(), 4*slack)
				defer cancel()
				opts := []rin.FetchOption{rin.Exclusive(time.Hour)}
				if anyway {
					opts = append(opts, rin.LoadAnyway())
				}
				got, err := e.Fetch(ctx, l.load, opts...)
				var op *rin.OpError
				switch {
				case anyway && (got != 30 || err != nil):
					t.Errorf("fetch: %d, %v, want 30", got, err)
				case !anyway && (got != 0 || !errors.As(err, &op) || errors.Is(err, rin.ErrNotFound)):
					t.Errorf("fetch: %d, %v, want a failure in an *OpError", got, err)
				}
				if diff := cmp.Diff(map[string]bool{loadsOf(e): true}, keys(t, direct)); diff != "" {
					t.Errorf("the store holds (-want +got):\n%s", diff)
				}
				if left := left(t, direct, loadsOf(e)); left > time.Hour || left < 58*time.Minute {
					t.Errorf("the lease has %v left, want what it was", left)
				}
			})
		})
	}
}

// A beta with which a read surely loads anew, and one with which it surely does
// not.
const (
	certain  = 1e30
	unlikely = 1e-30
)

// A value is loaded anew while it is still good, and served meanwhile.
func TestRefreshEarly(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		s := &spy{Backend: r}
		e, l := fetchAge.At(mustOpen(t, fetchRoot, s), 1), loads(31)
		check(t, e.Set(t.Context(), 30, rin.TTL(10*time.Minute)))
		r.elapse(0) // What expires on miniredis doesn't come nearer while its clock goes on.
		proceed := make(chan struct{})
		l.first = func(context.Context) { <-proceed }
		s.taken()
		for range 20 {
			got, err := e.Fetch(t.Context(), l.load, rin.RefreshEarly(certain))
			if got != 30 || err != nil {
				t.Errorf("fetch: %d, %v, want the value that is there", got, err)
			}
		}
		if n := s.tripped(); n < 20 || n > 21 {
			t.Errorf("20 reads took %d round trips, with the claim of the refresh", n)
		}
		close(proceed)
		await(t, "the new value is stored", func() bool { return look(t, r, e.Key()).Value == "~text:int:31" })
		if got := look(t, r, e.Key()); !near(got.Left, time.Hour) {
			t.Errorf("the new value has %v left, want the declared TTL", got.Left)
		}
		await(t, "the load has ended", func() bool { return rin.Waiters(e) == 0 })
		if n := l.calls.Load(); n != 1 {
			t.Errorf("%d loads, want one at a time", n)
		}
	})
}

// inBubble runs f on memstore with a clock that goes on when all wait.
func inBubble(t *testing.T, name string, f func(t *testing.T, b *memstore.Store, e rin.Entry[int])) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := memstore.New()
			f(t, b, fetchAge.At(mustOpen(t, fetchRoot, b), 1))
		})
	})
}

func TestRefreshEarly_decides(t *testing.T) {
	inBubble(t, "never for a tiny beta", func(t *testing.T, _ *memstore.Store, e rin.Entry[int]) {
		check(t, e.Set(t.Context(), 30))
		l := loads(31)
		time.Sleep(time.Hour - time.Millisecond) // the last moment
		for range 1000 {
			wantFetch(t, "fetch", e, l, 30, nil, 0, rin.RefreshEarly(unlikely))
		}
	})
	inBubble(t, "never without an expiry", func(t *testing.T, _ *memstore.Store, e rin.Entry[int]) {
		check(t, e.Set(t.Context(), 30, rin.NoTTL()))
		l := loads(31)
		for range 1000 {
			wantFetch(t, "fetch", e, l, 30, nil, 0, rin.RefreshEarly(certain))
		}
	})
	// With beta 1, a value that has as long left as a load takes is loaded anew
	// with a probability of 1/e: 736 of 2000, give or take 22.
	inBubble(t, "by chance", func(t *testing.T, b *memstore.Store, _ rin.Entry[int]) {
		root, l := mustOpen(t, fetchRoot, b), loads(31)
		l.first = func(context.Context) { time.Sleep(time.Second) }
		wantFetch(t, "the first load", fetchAge.At(root, "measured"), l, 31, nil, 1)
		for i := range 2000 {
			e := fetchAge.At(root, i)
			check(t, e.Set(t.Context(), 30, rin.TTL(time.Second)))
			if got, err := e.Fetch(t.Context(), l.load, rin.RefreshEarly(1)); got != 30 || err != nil {
				t.Fatalf("fetch: %d, %v", got, err)
			}
		}
		synctest.Wait()
		if n := l.calls.Load() - 1; n < 590 || n > 880 {
			t.Errorf("%d of 2000 were loaded anew, want about 736", n)
		}
		time.Sleep(2 * time.Second)
	})
	// Where no load has been measured, it is taken for a hundredth of the TTL.
	inBubble(t, "unmeasured", func(t *testing.T, _ *memstore.Store, e rin.Entry[int]) {
		check(t, e.Set(t.Context(), 30))
		l := loads(31)
		for range 1000 { // with an hour left, once in e¹⁰⁰ reads
			wantFetch(t, "fetch", e, l, 30, nil, 0, rin.RefreshEarly(1))
		}
		time.Sleep(time.Hour - time.Millisecond) // with a millisecond left, all but once in 36,000 reads
		for range 20 {
			if _, err := e.Fetch(t.Context(), l.load, rin.RefreshEarly(1)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if n := l.calls.Load(); n != 1 {
			t.Errorf("%d loads, want one at the end of the TTL", n)
		}
	})
}

// A background load that fails reaches no reader.
func TestRefreshEarly_fails(t *testing.T) {
	for name, end := range map[string]func() (int, error){
		"an error": func() (int, error) { return 0, errInk },
		"Absent":   func() (int, error) { return 0, rin.Absent },
		"a panic":  func() (int, error) { panic("boom") },
		"Goexit":   func() (int, error) { runtime.Goexit(); return 0, nil },
	} {
		for kind, opts := range map[string][]rin.FetchOption{"": nil, " under a lock": {rin.Exclusive(time.Minute)}} {
			inBubble(t, name+kind, func(t *testing.T, b *memstore.Store, e rin.Entry[int]) {
				check(t, e.Set(t.Context(), 30))
				calls := 0
				for range 3 {
					got, err := e.Fetch(t.Context(), func(context.Context) (int, error) { calls++; return end() }, append(opts, rin.RefreshEarly(certain))...)
					if got != 30 || err != nil {
						t.Errorf("fetch: %d, %v, want the value that is there", got, err)
					}
					synctest.Wait()
				}
				if calls != 3 {
					t.Errorf("%d loads, want another one after each that failed", calls)
				}
				if diff := cmp.Diff(map[string]bool{e.Key(): true}, keys(t, b)); diff != "" {
					t.Errorf("the store holds (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestRefreshEarly_context(t *testing.T) {
	type name struct{}
	inBubble(t, "has the reader's values, and ends with the TTL", func(t *testing.T, _ *memstore.Store, e rin.Entry[int]) {
		check(t, e.Set(t.Context(), 30, rin.TTL(time.Minute)))
		var value any
		var took time.Duration
		load := func(ctx context.Context) (int, error) {
			start := time.Now()
			value = ctx.Value(name{})
			<-ctx.Done()
			took = time.Since(start)
			return 31, nil
		}
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), name{}, "alice"))
		if got, err := e.Fetch(ctx, load, rin.RefreshEarly(certain)); got != 30 || err != nil {
			t.Errorf("fetch: %d, %v", got, err)
		}
		cancel() // the reader has what it wanted
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if value != "alice" || took != time.Minute {
			t.Errorf("the loader had %v and %v, want alice and a minute", value, took)
		}
		if _, found, err := e.Lookup(t.Context()); found || err != nil {
			t.Errorf("lookup: %v, %v; what came after the end of the TTL is not stored", found, err)
		}
	})
	inBubble(t, "a reader who comes after the TTL loads for itself", func(t *testing.T, _ *memstore.Store, e rin.Entry[int]) {
		check(t, e.Set(t.Context(), 30, rin.TTL(time.Minute)))
		slow := func(ctx context.Context) (int, error) {
			<-ctx.Done()
			time.Sleep(time.Second) // it does not heed its context at once
			return 0, ctx.Err()
		}
		if got, err := e.Fetch(t.Context(), slow, rin.RefreshEarly(certain)); got != 30 || err != nil {
			t.Errorf("fetch: %d, %v", got, err)
		}
		time.Sleep(time.Minute)
		wantFetch(t, "after the TTL", e, loads(32), 32, nil, 1)
	})
	inBubble(t, "a reader who comes after a delete loads for itself", func(t *testing.T, _ *memstore.Store, e rin.Entry[int]) {
		check(t, e.Set(t.Context(), 30, rin.TTL(time.Minute)))
		l := loads(31)
		l.first = func(context.Context) { time.Sleep(30 * time.Second) }
		wantFetchSoon(t, e, l)
		if _, err := e.Delete(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantFetch(t, "after a delete", e, loads(32), 32, nil, 1)
		time.Sleep(time.Minute)
		wantFetch(t, "when the refresh has ended", e, loads(33), 32, nil, 0)
	})
}

// wantFetchSoon starts a background load.
func wantFetchSoon(t *testing.T, e rin.Entry[int], l *loader[int]) {
	t.Helper()
	if got, err := e.Fetch(t.Context(), l.load, rin.RefreshEarly(certain)); got != 30 || err != nil {
		t.Errorf("fetch: %d, %v", got, err)
	}
	synctest.Wait()
}

// A background load asks for the lock, and does without where another process
// loads already.
func TestRefreshEarly_exclusive(t *testing.T) {
	inBubble(t, "free", func(t *testing.T, b *memstore.Store, e rin.Entry[int]) {
		check(t, e.Set(t.Context(), 30))
		l := loads(31)
		l.first = func(context.Context) {
			if len(held(t, b, e)) != 1 {
				t.Error("a background load has no lease")
			}
		}
		wantFetch(t, "fetch", e, loads(0), 30, nil, 0)
		if got, err := e.Fetch(t.Context(), l.load, rin.RefreshEarly(certain), rin.Exclusive(time.Minute)); got != 30 || err != nil {
			t.Errorf("fetch: %d, %v", got, err)
		}
		synctest.Wait()
		if got := slices.Sorted(maps.Keys(keys(t, b))); !slices.Equal(got, []string{e.Key()}) || look(t, b, e.Key()).Value != "~text:int:31" {
			t.Errorf("the store holds %v, and %+v", got, look(t, b, e.Key()))
		}
	})
	inBubble(t, "held", func(t *testing.T, b *memstore.Store, e rin.Entry[int]) {
		check(t, e.Set(t.Context(), 30))
		keepOut(t, b, e, time.Hour)
		l := loads(31)
		for range 10 {
			wantFetch(t, "fetch", e, l, 30, nil, 0, rin.RefreshEarly(certain), rin.Exclusive(time.Minute))
			synctest.Wait()
		}
		if _, kept := held(t, b, e)["another"]; !kept || l.calls.Load() > 0 {
			t.Errorf("the other process has its lease: %v, after %d loads", kept, l.calls.Load())
		}
	})
}
