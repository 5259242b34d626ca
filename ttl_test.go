package rin_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/internal/clienttest"
	"github.com/redisimnest/rin/internal/servertest"
	"github.com/redisimnest/rin/memstore"
)

// slack is how long a loaded machine may take from one command to the next.
const slack = 5 * time.Second

// near says that a TTL of want was set a moment ago; zero is none.
func near(got, want time.Duration) bool {
	if want == 0 {
		return got == 0
	}
	return got <= want && got > want-slack
}

// level is what one place says about expiry.
type level struct {
	says string // "", "ttl" or "none"
	ttl  time.Duration
}

func drawLevel(t *rapid.T, label string) level {
	l := level{says: rapid.SampledFrom([]string{"", "ttl", "none"}).Draw(t, label)}
	if l.says == "ttl" {
		l.ttl = time.Duration(rapid.IntRange(1, 1_000_000).Draw(t, label+" ms")) * time.Millisecond
	}
	return l
}

func (l level) option() rin.TTLOption {
	if l.says == "none" {
		return rin.NoTTL()
	}
	return rin.TTL(l.ttl)
}

// The TTL nearest to the write wins, against a model that is a loop.
func TestTTL_nearestWins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var levels []level // from the root to the write
		for i := range rapid.IntRange(2, 6).Draw(t, "levels") {
			levels = append(levels, drawLevel(t, fmt.Sprint("level ", i)))
		}
		var want time.Duration
		for _, l := range levels {
			if l.says != "" {
				want = l.ttl
			}
		}

		write, keyLevel := levels[len(levels)-1], levels[len(levels)-2]
		var keyOpts []rin.KeyOption
		if keyLevel.says != "" {
			keyOpts = append(keyOpts, keyLevel.option())
		}
		key := rin.Key[int]("k", keyOpts...)
		var node rin.Node = key
		for i := len(levels) - 3; i >= 0; i-- {
			opts := []rin.ClusterOption{rin.Child(node)}
			if levels[i].says != "" {
				opts = append(opts, levels[i].option())
			}
			node = rin.Cluster("c", opts...)
		}
		var set []rin.WriteOption
		if write.says != "" {
			set = append(set, write.option())
		}
		r := memstoreRig()
		root, err := rin.Open(rin.Cluster("root", rin.Child(node)), r)
		if err != nil {
			t.Fatal(err)
		}
		e := key.At(root)
		if err := e.Set(t.Context(), 1, set...); err != nil {
			t.Fatal(err)
		}
		got, err := e.TTL(t.Context())
		if want == 0 {
			want = rin.NoExpiry
		}
		if got != want || err != nil {
			t.Fatalf("%v: the key has %v left, %v, want %v", levels, got, err, want)
		}
	})
}

func TestSetOptions(t *testing.T) {
	var (
		key  = rin.Key[int]("k", rin.TTL(time.Hour))
		bare = rin.Key[int]("bare")
		tree = rin.Cluster("root", rin.Child(key, bare))
	)
	const before = 30 * time.Minute
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, tree, r), t.Context()
		in := func(d time.Duration) rin.WriteOption { return rin.ExpireAt(backend.Now(r).Add(d)) }
		for _, tc := range []struct {
			name    string
			opts    []rin.WriteOption
			present time.Duration // what a key has left that had 30 minutes
			absent  time.Duration // what a key has left that was not there
			reason  string
		}{
			{"none", nil, time.Hour, time.Hour, "the declared TTL counts from each write"},
			{"TTL", []rin.WriteOption{rin.TTL(time.Minute)}, time.Minute, time.Minute, "the write's own wins"},
			{"NoTTL", []rin.WriteOption{rin.NoTTL()}, 0, 0, "the write's own wins"},
			{"KeepTTL", []rin.WriteOption{rin.KeepTTL()}, before, time.Hour, "a key that is created has nothing to keep"},
			{"ExpireAt", []rin.WriteOption{in(2 * time.Hour)}, 2 * time.Hour, 2 * time.Hour, "the write's own wins"},
			{"TTL, then NoTTL", []rin.WriteOption{rin.TTL(time.Minute), rin.NoTTL()}, 0, 0, "the last one wins"},
			{"NoTTL, then TTL", []rin.WriteOption{rin.NoTTL(), rin.TTL(time.Minute)}, time.Minute, time.Minute, "the last one wins"},
			{"TTL, then KeepTTL", []rin.WriteOption{rin.TTL(time.Minute), rin.KeepTTL()}, before, time.Hour, "the last one wins, and leaves nothing of the first"},
			{"KeepTTL, then TTL", []rin.WriteOption{rin.KeepTTL(), rin.TTL(time.Minute)}, time.Minute, time.Minute, "the last one wins"},
			{"ExpireAt, then TTL", []rin.WriteOption{in(2 * time.Hour), rin.TTL(time.Minute)}, time.Minute, time.Minute, "the last one wins"},
			{"TTL, then ExpireAt", []rin.WriteOption{rin.TTL(time.Minute), in(2 * time.Hour)}, 2 * time.Hour, 2 * time.Hour, "the last one wins"},
			{"ExpireAt, then KeepTTL", []rin.WriteOption{in(2 * time.Hour), rin.KeepTTL()}, before, time.Hour, "the last one wins, and leaves nothing of the first"},
			{"ExpireAt, then NoTTL", []rin.WriteOption{in(2 * time.Hour), rin.NoTTL()}, 0, 0, "the last one wins"},
		} {
			t.Run(tc.name, func(t *testing.T) {
				e := key.At(root)
				writes := map[string]func() error{
					"set":            func() error { return e.Set(ctx, 2, tc.opts...) },
					"set if present": func() error { _, err := e.SetIfPresent(ctx, 2, tc.opts...); return err },
					"swap":           func() error { _, _, err := e.Swap(ctx, 2, tc.opts...); return err },
				}
				for name, write := range writes {
					check(t, e.Set(ctx, 1, rin.TTL(before)), write())
					if got := look(t, r, e.Key()).Left; !near(got, tc.present) {
						t.Errorf("%s of a key that is there leaves %v, want %v: %s", name, got, tc.present, tc.reason)
					}
				}
				delete(writes, "set if present")
				writes["set if absent"] = func() error { _, err := e.SetIfAbsent(ctx, 2, tc.opts...); return err }
				for name, write := range writes {
					_, err := e.Delete(ctx)
					check(t, err, write())
					if got := look(t, r, e.Key()).Left; !near(got, tc.absent) {
						t.Errorf("%s of a new key leaves %v, want %v: %s", name, got, tc.absent, tc.reason)
					}
				}
			})
		}
		t.Run("KeepTTL of none", func(t *testing.T) {
			e := key.At(root)
			check(t, e.Set(ctx, 1, rin.NoTTL()), e.Set(ctx, 2, rin.KeepTTL()))
			if got := look(t, r, e.Key()); got.Left != 0 || got.Value != "~text:int:2" {
				t.Errorf("the key is %+v; no expiry is kept too", got)
			}
		})
		t.Run("KeepTTL where nothing is declared", func(t *testing.T) {
			e := bare.At(root)
			check(t, e.Set(ctx, 1, rin.KeepTTL()))
			if got := look(t, r, e.Key()).Left; got != 0 {
				t.Errorf("a new key has %v left, want no expiry", got)
			}
			check(t, e.Set(ctx, 1, rin.TTL(before)), e.Set(ctx, 2))
			if got := look(t, r, e.Key()).Left; got != 0 {
				t.Errorf("an ordinary write leaves %v, want no expiry", got)
			}
		})
		t.Run("refused SetIfAbsent", func(t *testing.T) {
			e := key.At(root)
			check(t, e.Set(ctx, 1, rin.TTL(before)))
			if ok, err := e.SetIfAbsent(ctx, 2, rin.NoTTL()); ok || err != nil {
				t.Errorf("set if absent: %v, %v", ok, err)
			}
			if got := look(t, r, e.Key()); !near(got.Left, before) || got.Value != "~text:int:1" {
				t.Errorf("a write that was refused leaves %+v", got)
			}
		})
	})
}

func check(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// recordTTLs opens a tree on a store whose ops show their TTLs.
func recordTTLs(t testing.TB, tree *rin.ClusterNode) (root *rin.Scope, last func() time.Duration) {
	var ttl time.Duration
	s := &spy{Backend: memstore.New(), fail: func(op backend.Op) error {
		switch op := op.(type) {
		case *backend.Set:
			ttl = op.TTL
		case *backend.Get:
			ttl = op.TTL
		case *backend.Expire:
			ttl = op.TTL
		}
		return nil
	}}
	return mustOpen(t, tree, s), func() time.Duration { return ttl }
}

// The backend is only ever given whole milliseconds.
func TestTTL_rounds(t *testing.T) {
	for _, tc := range []struct {
		ttl, want time.Duration
		reason    string
	}{
		{time.Millisecond, time.Millisecond, "a whole number stays"},
		{time.Millisecond + 1, 2 * time.Millisecond, "a value lives no shorter than was asked for"},
		{1500 * time.Microsecond, 2 * time.Millisecond, "a value lives no shorter than was asked for"},
		{time.Hour, time.Hour, "a whole number stays"},
		{math.MaxInt64 - 1, math.MaxInt64 - math.MaxInt64%time.Millisecond, "there is nothing to round up to"},
	} {
		key := rin.Key[int]("k", rin.TTL(tc.ttl), rin.Renew(rin.OnAccess))
		root, last := recordTTLs(t, rin.Cluster("root", rin.Child(key)))
		e, ctx := key.At(root), t.Context()
		for name, run := range map[string]func() error{
			"declared": func() error { return e.Set(ctx, 1) },
			"given":    func() error { return e.Set(ctx, 1, rin.TTL(tc.ttl)) },
			"read":     func() error { _, _, err := e.Lookup(ctx); return err },
			"expire":   func() error { _, err := e.Expire(ctx, tc.ttl); return err },
			"touch":    func() error { _, err := e.Touch(ctx); return err },
		} {
			if err := run(); err != nil || last() != tc.want {
				t.Errorf("%s %v reaches the backend as %v, %v, want %v: %s", name, tc.ttl, last(), err, tc.want, tc.reason)
			}
		}
	}
}

// A bare number is in nanoseconds, and was meant in seconds.
func TestTTL_unit(t *testing.T) {
	key := rin.Key[int]("k", rin.TTL(time.Hour))
	s := &spy{Backend: memstore.New()}
	e, ctx := key.At(mustOpen(t, rin.Cluster("root", rin.Child(key)), s)), t.Context()
	_, expire := e.Expire(ctx, 30)
	for name, err := range map[string]error{"set": e.Set(ctx, 1, rin.TTL(30)), "expire": expire} {
		want := "rin: " + name + " root:k: invalid TTL: 30ns is less than a millisecond; did you mean 30*time.Second?"
		if !errors.Is(err, rin.ErrTTL) || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if sent := s.taken(); len(sent) > 0 {
		t.Errorf("sent %v to the store", sent)
	}
}

// What TTL returns can be given back.
func TestNoExpiry_givenBack(t *testing.T) {
	key := rin.Key[int]("k", rin.TTL(time.Hour))
	declared := rin.Key[int]("declared", rin.TTL(rin.NoExpiry))
	tree := rin.Cluster("root", rin.TTL(time.Minute), rin.Child(key, declared))
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, tree, r), t.Context()
		e := key.At(root)
		check(t, e.Set(ctx, 1, rin.NoTTL()))
		ttl, err := e.TTL(ctx)
		check(t, err, e.Set(ctx, 2, rin.TTL(ttl)), declared.At(root).Set(ctx, 1))
		for _, e := range []rin.Entry[int]{e, declared.At(root)} {
			if got, err := e.TTL(ctx); got != rin.NoExpiry || err != nil {
				t.Errorf("%v has %v left, %v, want NoExpiry", e, got, err)
			}
		}
		_, err = e.Expire(ctx, ttl)
		if !errors.Is(err, rin.ErrTTL) || !strings.Contains(err.Error(), "use Persist to remove an expiry") {
			t.Errorf("expire after NoExpiry: %v, want ErrTTL that names Persist: 292 years are not what was asked for", err)
		}
		if got := look(t, r, e.Key()); got.Left != 0 || !got.Found {
			t.Errorf("the refusal left %+v", got)
		}
	})
}

// A moment behind the last one that a store counts would come out as long past,
// and delete the key.
func TestExpireAt_farAhead(t *testing.T) {
	last := time.UnixMilli(math.MaxInt64)
	key := rin.Key[int]("k", rin.TTL(time.Hour))
	tree := rin.Cluster("root", rin.Child(key))
	onEveryBackend(t, func(t *testing.T, r rig) {
		e, ctx := key.At(mustOpen(t, tree, r)), t.Context()
		for _, at := range []time.Time{last.Add(1), last.AddDate(1000, 0, 0), time.Unix(math.MaxInt64/2, 0)} {
			check(t, e.Set(ctx, 1))
			err := e.Set(ctx, 2, rin.ExpireAt(at))
			_, again := e.ExpireAt(ctx, at)
			for _, err := range []error{err, again} {
				if !errors.Is(err, rin.ErrTTL) || !strings.Contains(err.Error(), "is later than a store can count; use NoTTL or Persist") {
					t.Errorf("to expire at %v: %v, want ErrTTL", at, err)
				}
			}
			if got := look(t, r, e.Key()); got.Value != "~text:int:1" || !near(got.Left, time.Hour) {
				t.Errorf("the refusal left %+v", got)
			}
		}
		check(t, e.Set(ctx, 3, rin.ExpireAt(time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC))))
		if v, err := e.Get(ctx); v != 3 || err != nil {
			t.Errorf("a key that expires in the year 9999 reads %v, %v", v, err)
		}
		check(t, e.Set(ctx, 4, rin.ExpireAt(last)))
		_, err := e.ExpireAt(ctx, last)
		check(t, err)
		if v, err := e.Get(ctx); v != 4 || err != nil {
			t.Errorf("a key that expires at the last moment reads %v, %v", v, err)
		}
	})
}

func TestRemaining_prints(t *testing.T) {
	for ttl, want := range map[time.Duration]string{rin.NoExpiry: "no expiry", 90 * time.Second: "1m30s", 0: "0s"} {
		if got := fmt.Sprint(rin.Remaining(ttl)); got != want {
			t.Errorf("%v prints as %q, want %q", int64(ttl), got, want)
		}
	}
}

func TestJitter(t *testing.T) {
	const n = 2000
	key := rin.Key[int]("k")
	exact := rin.Key[int]("exact", rin.Jitter(0))
	tree := rin.Cluster("root", rin.TTL(time.Hour), rin.Jitter(0.1), rin.Renew(rin.OnAccess), rin.Child(key, exact))
	root, last := recordTTLs(t, tree)
	e, ctx := key.At(root), t.Context()
	check(t, e.Set(ctx, 1)) // A read finds it, whichever comes first.
	for name, run := range map[string]func() error{
		"write": func() error { return e.Set(ctx, 1) },
		"read":  func() error { _, err := e.Get(ctx); return err },
		"touch": func() error { _, err := e.Touch(ctx); return err },
	} {
		low, high, sum := rin.NoExpiry, time.Duration(0), 0.0
		for range n {
			check(t, run())
			ttl := last()
			if ttl%time.Millisecond != 0 {
				t.Fatalf("%s: a TTL of %v is no whole number of milliseconds", name, ttl)
			}
			low, high, sum = min(low, ttl), max(high, ttl), sum+ttl.Minutes()
		}
		// Evenly spread, 2000 draws miss an eighth of a side once in 10⁵⁰ runs.
		if low < 54*time.Minute || low > 54*time.Minute+45*time.Second || high > 66*time.Minute || high < 65*time.Minute+15*time.Second {
			t.Errorf("%s: TTLs lie between %v and %v, want 54 to 66 minutes, all of it", name, low, high)
		}
		if mean := sum / n; math.Abs(mean-60) > 1 {
			t.Errorf("%s: the mean is %.1f minutes, want about 60", name, mean)
		}
	}
	for name, want := range map[string]time.Duration{"a TTL given to a write": time.Minute, "a write without jitter": time.Hour} {
		var err error
		if want == time.Minute {
			err = e.Set(ctx, 1, rin.TTL(want))
		} else {
			err = exact.At(root).Set(ctx, 1)
		}
		if err != nil || last() != want {
			t.Errorf("%s is %v, %v, want %v exactly", name, last(), err, want)
		}
	}
}

func TestJitter_extremes(t *testing.T) {
	for _, ttl := range []time.Duration{time.Millisecond, time.Hour, math.MaxInt64 - 1} {
		key := rin.Key[int]("k", rin.TTL(ttl), rin.Jitter(0.9))
		root, last := recordTTLs(t, rin.Cluster("root", rin.Child(key)))
		for range 200 {
			check(t, key.At(root).Set(t.Context(), 1))
			if got := last(); got < time.Millisecond || got < ttl/20 {
				t.Fatalf("TTL(%v) ± 90 %% came out as %v", ttl, got)
			}
		}
	}
}

// renewals are three keys that differ in when their TTL begins anew.
var (
	onWrite   = rin.Key[int]("on_write")
	onAccess  = rin.Key[int]("on_access", rin.Renew(rin.OnAccess))
	never     = rin.Key[int]("never", rin.Renew(rin.Never))
	renewTTL  = time.Minute
	renewTree = rin.Cluster("root", rin.TTL(renewTTL), rin.Child(onWrite, onAccess, never))
)

// To the millisecond, by a clock that only moves when it is told to.
func TestRenew_exactly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, ctx := mustOpen(t, renewTree, memstore.New()), t.Context()
		left := func(e rin.Entry[int]) time.Duration {
			d, err := e.TTL(ctx)
			if err != nil {
				t.Helper()
				t.Fatal(err)
			}
			return d
		}
		for _, e := range []rin.Entry[int]{onWrite.At(root), onAccess.At(root), never.At(root)} {
			check(t, e.Set(ctx, 1))
		}
		time.Sleep(20 * time.Second)
		reads := map[string]func(rin.Entry[int]){
			"get":    func(e rin.Entry[int]) { _, err := e.Get(ctx); check(t, err) },
			"lookup": func(e rin.Entry[int]) { _, _, err := e.Lookup(ctx); check(t, err) },
		}
		inspections := map[string]func(rin.Entry[int]){
			"raw":    func(e rin.Entry[int]) { _, _, err := e.Raw(ctx); check(t, err) },
			"type":   func(e rin.Entry[int]) { _, err := e.Type(ctx); check(t, err) },
			"exists": func(e rin.Entry[int]) { _, err := e.Exists(ctx); check(t, err) },
			"ttl":    func(e rin.Entry[int]) { left(e) },
		}
		for name, look := range inspections {
			look(onAccess.At(root))
			if got := left(onAccess.At(root)); got != 40*time.Second {
				t.Errorf("%s left %v, want 40s: looking is no access", name, got)
			}
		}
		for name, read := range reads {
			for _, tc := range []struct {
				entry rin.Entry[int]
				want  time.Duration
			}{{onWrite.At(root), 40 * time.Second}, {onAccess.At(root), time.Minute}, {never.At(root), 40 * time.Second}} {
				read(tc.entry)
				if got := left(tc.entry); got != tc.want {
					t.Errorf("after a %s %s has %v left, want %v", name, tc.entry.Key(), got, tc.want)
				}
			}
		}
		time.Sleep(10 * time.Second)
		writes := map[string]func(rin.Entry[int]){
			"set":            func(e rin.Entry[int]) { check(t, e.Set(ctx, 2)) },
			"set if present": func(e rin.Entry[int]) { _, err := e.SetIfPresent(ctx, 2); check(t, err) },
			"swap":           func(e rin.Entry[int]) { _, _, err := e.Swap(ctx, 2); check(t, err) },
		}
		for name, write := range writes {
			for _, tc := range []struct {
				entry rin.Entry[int]
				want  time.Duration
			}{{onWrite.At(root), time.Minute}, {onAccess.At(root), time.Minute}, {never.At(root), 30 * time.Second}} {
				write(tc.entry)
				if got := left(tc.entry); got != tc.want {
					t.Errorf("after a %s %s has %v left, want %v", name, tc.entry.Key(), got, tc.want)
				}
			}
		}
		time.Sleep(30*time.Second - time.Millisecond)
		if got := left(never.At(root)); got != time.Millisecond {
			t.Errorf("the fixed window has %v left, want its last millisecond", got)
		}
		time.Sleep(time.Millisecond)
		if ok, err := never.At(root).Exists(ctx); ok || err != nil {
			t.Errorf("the fixed window is still there: %v, %v", ok, err)
		}
		check(t, never.At(root).Set(ctx, 3))
		if got := left(never.At(root)); got != time.Minute {
			t.Errorf("the next window has %v, want a minute", got)
		}
		check(t, never.At(root).Set(ctx, 3, rin.TTL(time.Hour)))
		if got := left(never.At(root)); got != time.Hour {
			t.Errorf("a TTL given to a write left %v, want an hour: it is applied whatever Renew says", got)
		}
	})
}

// The same, by each store's own clock.
func TestRenew(t *testing.T) {
	const pause = 300 * time.Millisecond
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, renewTree, r), t.Context()
		entries := []rin.Entry[int]{onWrite.At(root), onAccess.At(root), never.At(root)}
		for _, e := range entries {
			check(t, e.Set(ctx, 1))
		}
		r.elapse(pause)
		for i, e := range entries {
			renewed := look(t, r, e.Key()).Left
			if renewed > renewTTL-pause {
				t.Fatalf("%s has %v left after %v", e.Key(), renewed, pause)
			}
			_, err := e.Get(ctx)
			check(t, err)
			if got := look(t, r, e.Key()).Left; (got > renewTTL-pause) != (i == 1) {
				t.Errorf("after a read %s has %v left of %v", e.Key(), got, renewTTL)
			}
		}
		for i, e := range entries {
			check(t, e.Set(ctx, 2))
			if got := look(t, r, e.Key()).Left; (got > renewTTL-pause) != (i <= 1) || got == 0 {
				t.Errorf("after a write %s has %v left of %v", e.Key(), got, renewTTL)
			}
		}
	})
}

// An expired value is gone, whatever store it was in.
func TestTTL_expires(t *testing.T) {
	key := rin.Key[int]("k", rin.TTL(40*time.Millisecond), rin.Default(7))
	onEveryBackend(t, func(t *testing.T, r rig) {
		e, ctx := key.At(mustOpen(t, rin.Cluster("root", rin.Child(key)), r)), t.Context()
		check(t, e.Set(ctx, 1))
		r.elapse(40 * time.Millisecond)
		if got, err := e.Get(ctx); got != 7 || err != nil {
			t.Errorf("an expired value reads as %d, %v, want the default", got, err)
		}
		if _, err := e.TTL(ctx); !errors.Is(err, rin.ErrNotFound) {
			t.Errorf("its TTL: %v, want ErrNotFound", err)
		}
	})
}

// A sliding read is one command.
func TestRenew_onAccessIsOneCommand(t *testing.T) {
	s := &spy{Backend: memstore.New()}
	root, ctx := mustOpen(t, renewTree, s), t.Context()
	_, _, err := onAccess.At(root).Lookup(ctx)
	check(t, err)
	if got := s.taken(); fmt.Sprint(got) != "[get]" {
		t.Errorf("a sliding read sends %v, want one get", got)
	}

	for _, client := range clienttest.Clients {
		t.Run(string(client), func(t *testing.T) {
			addr := servertest.Start(t, servertest.Redis)
			proxy := servertest.NewProxy(t, addr)
			e := onAccess.At(mustOpen(t, renewTree, clienttest.Server(proxy.Addr()).Open(t, client)))
			check(t, e.Set(ctx, 1))
			servertest.Do(t, addr, "CONFIG", "RESETSTAT")
			_, err := e.Get(ctx)
			check(t, err)
			stats := fmt.Sprint(servertest.Do(t, addr, "INFO", "commandstats"))
			for line := range strings.Lines(stats) {
				command, isStat := strings.CutPrefix(line, "cmdstat_")
				command, rest, _ := strings.Cut(command, ":")
				switch {
				case !isStat, strings.HasPrefix(command, "config"), command == "info":
				case command == "hello", strings.HasPrefix(command, "client"): // a connection introduces itself
				case command == "getex" && strings.HasPrefix(rest, "calls=1,"):
				default:
					t.Errorf("the server ran %s", line)
				}
			}
			if n := proxy.Count("GETEX"); n != 1 {
				t.Errorf("%d GETEX passed, want 1", n)
			}
		})
	}
}

// A fixed window stays fixed, however many write into it at once.
func TestRenew_neverUnderConcurrentWriters(t *testing.T) {
	const writers, writes = 32, 15
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, renewTree, r), t.Context()
		e := never.At(root)
		var group sync.WaitGroup
		var done atomic.Bool
		group.Go(func() {
			for last := renewTTL; !done.Load(); {
				left, err := e.TTL(ctx)
				if errors.Is(err, rin.ErrNotFound) && last == renewTTL {
					continue // Nobody has written yet.
				}
				if err != nil || left > last {
					t.Errorf("the TTL went from %v to %v, %v", last, left, err)
					return
				}
				last = left
			}
		})
		var writing sync.WaitGroup
		for w := range writers {
			writing.Go(func() {
				for i := range writes {
					var err error
					switch (w + i) % 4 {
					case 0:
						err = e.Set(ctx, i)
					case 1:
						_, err = e.SetIfAbsent(ctx, i)
					case 2:
						_, err = e.SetIfPresent(ctx, i)
					case 3:
						_, _, err = e.Swap(ctx, i)
					}
					if err != nil {
						t.Errorf("write: %v", err)
					}
				}
			})
		}
		writing.Wait()
		done.Store(true)
		group.Wait()
		if left, err := e.TTL(ctx); left > renewTTL || err != nil {
			t.Errorf("at the end the TTL is %v, %v", left, err)
		}
	})
}

func TestExpiryOperations(t *testing.T) {
	var (
		key  = rin.Key[int]("k", rin.TTL(time.Hour), rin.Renew(rin.Never))
		bare = rin.Key[int]("bare")
		tree = rin.Cluster("root", rin.Child(key, bare))
	)
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, tree, r), t.Context()
		e, b := key.At(root), bare.At(root)
		applied := func(what string, want bool) func(bool, error) {
			return func(got bool, err error) {
				t.Helper()
				if got != want || err != nil {
					t.Errorf("%s: %v, %v, want %v", what, got, err, want)
				}
			}
		}
		left := func(e rin.Entry[int], want time.Duration) {
			t.Helper()
			got, err := e.TTL(ctx)
			if want == 0 && got != rin.NoExpiry || want > 0 && !near(got, want) || err != nil {
				t.Errorf("%s has %v left, %v, want %v", e.Key(), got, err, want)
			}
		}
		soon := func(d time.Duration) time.Time { return backend.Now(r).Add(d) }

		applied("expire of a missing key", false)(e.Expire(ctx, time.Minute))
		applied("expire at of a missing key", false)(e.ExpireAt(ctx, soon(time.Minute)))
		applied("persist of a missing key", false)(e.Persist(ctx))
		applied("touch of a missing key", false)(e.Touch(ctx))
		applied("touch of a missing key without a TTL", false)(b.Touch(ctx))
		if _, err := e.TTL(ctx); !errors.Is(err, rin.ErrNotFound) {
			t.Errorf("TTL of a missing key: %v, want ErrNotFound", err)
		}
		if all := keys(t, r); len(all) > 0 {
			t.Errorf("these created %v", all)
		}

		check(t, e.Set(ctx, 1), b.Set(ctx, 1))
		left(e, time.Hour)
		left(b, 0)
		applied("expire", true)(e.Expire(ctx, time.Minute))
		left(e, time.Minute)
		applied("expire at", true)(e.ExpireAt(ctx, soon(2*time.Hour)))
		left(e, 2*time.Hour)
		applied("touch", true)(e.Touch(ctx))
		left(e, time.Hour)
		applied("persist", true)(e.Persist(ctx))
		left(e, 0)
		applied("persist again", false)(e.Persist(ctx))
		applied("touch of a persistent key", true)(e.Touch(ctx))
		left(e, time.Hour)

		applied("expire of a persistent key", true)(b.Expire(ctx, time.Minute))
		left(b, time.Minute)
		applied("touch where no TTL is declared", true)(b.Touch(ctx))
		left(b, 0)
		applied("touch again", true)(b.Touch(ctx))
		left(b, 0)
	})
	if rin.NoExpiry < 100*365*24*time.Hour {
		t.Error("NoExpiry is no longer than other TTLs")
	}
}
