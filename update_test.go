package rin_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/codec"
	"github.com/redisimnest/rin/internal/servertest"
	"github.com/redisimnest/rin/memstore"
)

// a tree to change.
var (
	changeAge    = rin.Key[int]("age", rin.Default(18))
	changeBare   = rin.Key[int]("bare")
	changeWindow = rin.Key[int]("window", rin.Renew(rin.Never))
	changeSoft   = rin.Key[int]("soft", rin.Default(18), rin.OnMismatch(rin.TreatAsMissing))
	changeTags   = rin.Key[map[string]int]("tags")
	changeOld    = rin.Key[map[string]int]("tags", rin.Codec(codec.Gob))
	changeWhen   = rin.Key[time.Time]("when")
	changeList   = rin.Key[[]int]("list", rin.Default([]int{1}))
	changeAny    = rin.Key[any]("any")
	changeRoot   = rin.Cluster("root", rin.TTL(time.Hour),
		rin.Child(changeAge, changeBare, changeWindow, changeSoft, changeTags, changeWhen, changeList, changeAny))
	changeRootBefore = rin.Cluster("root", rin.Child(changeOld))
)

func TestCompareAndSwap(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, changeRoot, r), t.Context()
		for _, tc := range []struct {
			name    string
			key     *rin.KeyOf[int]
			stored  string // "": nothing
			old     int
			opts    []rin.WriteOption
			swapped bool
			left    time.Duration
			err     error
			reason  string
		}{
			{"equal", changeAge, "~text:int:1", 1, nil, true, time.Hour, nil, "the TTL is set in the same step"},
			{"other type of the same number", changeAge, "~text:int8:1", 1, nil, true, time.Hour, nil, "values are compared, not bytes"},
			{"unequal", changeAge, "~text:int:2", 1, nil, false, 30 * time.Minute, nil, "nothing is changed"},
			{"absent", changeBare, "", 0, nil, false, 0, nil, "a zero value is a value"},
			{"absent with a default", changeAge, "", 18, nil, false, 0, nil, "a default plays no part"},
			{"own TTL", changeAge, "~text:int:1", 1, []rin.WriteOption{rin.TTL(time.Minute)}, true, time.Minute, nil, "the write's own wins"},
			{"no TTL", changeAge, "~text:int:1", 1, []rin.WriteOption{rin.NoTTL()}, true, 0, nil, "the write's own wins"},
			{"KeepTTL", changeAge, "~text:int:1", 1, []rin.WriteOption{rin.KeepTTL()}, true, 30 * time.Minute, nil, "the key keeps what it has"},
			{"ExpireAt", changeAge, "~text:int:1", 1, []rin.WriteOption{rin.ExpireAt(backend.Now(r).Add(2 * time.Hour))}, true, 2 * time.Hour, nil, "the write's own wins"},
			{"Renew(Never)", changeWindow, "~text:int:1", 1, nil, true, 30 * time.Minute, nil, "a window goes on"},
			{"Renew(Never), own TTL", changeWindow, "~text:int:1", 1, []rin.WriteOption{rin.TTL(time.Minute)}, true, time.Minute, nil, "the write's own wins"},
			{"wrong type", changeAge, "~text:string:1", 1, nil, false, 30 * time.Minute, rin.ErrWrongType, "nothing is changed"},
			{"foreign", changeAge, "1", 1, nil, false, 30 * time.Minute, rin.ErrForeign, "nothing is changed"},
			{"malformed", changeSoft, "~text:int:x", 1, nil, false, 30 * time.Minute, rin.ErrMalformed, "nothing is changed"},
			{"wrong type as missing", changeSoft, "~text:string:1", 18, nil, false, 30 * time.Minute, nil, "what counts as missing holds no value"},
			{"nil option", changeAge, "~text:int:1", 1, []rin.WriteOption{nil}, false, 30 * time.Minute, errAny, "nothing is changed"},
			{"bad TTL", changeAge, "~text:int:1", 1, []rin.WriteOption{rin.TTL(-1)}, false, 30 * time.Minute, rin.ErrTTL, "nothing is changed"},
		} {
			t.Run(tc.name, func(t *testing.T) {
				e := tc.key.At(root)
				if _, err := e.Delete(ctx); err != nil {
					t.Fatal(err)
				}
				if tc.stored != "" {
					check(t, r.Exec(ctx, &backend.Set{Key: e.Key(), Value: []byte(tc.stored), TTL: 30 * time.Minute}))
				}
				swapped, err := e.CompareAndSwap(ctx, tc.old, 7, tc.opts...)
				if swapped != tc.swapped || !isErr(err, tc.err) {
					t.Errorf("swapped: %v, %v, want %v, %v: %s", swapped, err, tc.swapped, tc.err, tc.reason)
				}
				if op := (*rin.OpError)(nil); err != nil && (!errors.As(err, &op) || op.Op != "compare and swap" || op.Key != e.Key()) {
					t.Errorf("the error is %#v", err)
				}
				after := stored{tc.stored, tc.stored != "", tc.left}
				if tc.swapped {
					after.Value = "~text:int:7"
				}
				if got := look(t, r, e.Key()); got.Value != after.Value || got.Found != after.Found || !near(got.Left, after.Left) {
					t.Errorf("the key is %+v, want %+v: %s", got, after, tc.reason)
				}
			})
		}
	})
}

// errAny stands in a table for an error that has no name.
var errAny = errors.New("any error")

// A number in an any keeps all its digits, so that neighbours beyond 2^53 are told
// apart, and an Update leaves alone what it does not touch.
func TestCompareAndSwap_longNumber(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, changeRoot, r), t.Context()
		const id = int64(1<<53 + 1)
		e := changeAny.At(root)
		check(t, e.Set(ctx, []any{id, "x"}))
		if swapped, err := e.CompareAndSwap(ctx, []any{id - 1, "x"}, "gone"); swapped || err != nil {
			t.Errorf("2^53 is 2^53 + 1: %v, %v", swapped, err)
		}
		now, err := e.Update(ctx, func(v any, _ bool) (any, error) {
			v.([]any)[1] = "y"
			return v, nil
		})
		if diff := cmp.Diff([]any{id, "y"}, now); diff != "" || err != nil {
			t.Errorf("after an Update: %v\n%s", err, diff)
		}
		if swapped, err := e.CompareAndSwap(ctx, []any{id, "y"}, "gone"); !swapped || err != nil {
			t.Errorf("2^53 + 1 is not itself: %v, %v", swapped, err)
		}
	})
}

func isErr(err, want error) bool {
	if errors.Is(want, errAny) {
		return err != nil
	}
	return errors.Is(err, want)
}

// A value that was written in other bytes is the same value.
func TestCompareAndSwap_otherBytes(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		s := &spy{Backend: r}
		root, before, ctx := mustOpen(t, changeRoot, s), mustOpen(t, changeRootBefore, r), t.Context()
		many := map[string]int{}
		for i := range 20 {
			many[fmt.Sprint("key ", i)] = i
		}
		e := changeTags.At(root)
		check(t, changeOld.At(before).Set(ctx, many))
		s.taken()
		if swapped, err := e.CompareAndSwap(ctx, maps.Clone(many), map[string]int{"a": 1}); !swapped || err != nil || s.tripped() != 2 {
			t.Errorf("written by another codec: %v, %v in %d round trips, want it swapped in two", swapped, err, s.tripped())
		}
		if got := look(t, r, e.Key()).Value; got != `~json:map[string]int:{"a":1}` {
			t.Errorf("the key holds %q", got)
		}
		check(t, changeOld.At(before).Set(ctx, many))
		many["key 1"] = 0
		if swapped, err := e.CompareAndSwap(ctx, many, nil); swapped || err != nil {
			t.Errorf("another value of another codec: %v, %v", swapped, err)
		}
		// Gob writes maps in any order.
		old := changeOld.At(before)
		check(t, old.Set(ctx, many))
		for i := range 10 {
			next := maps.Clone(many)
			next["key 1"] = i
			if swapped, err := old.CompareAndSwap(ctx, many, next); !swapped || err != nil {
				t.Errorf("a map in another order: %v, %v", swapped, err)
			}
			many = next
		}

		when := changeWhen.At(root)
		now := time.Now() // with a monotonic clock, and a zone of this machine
		check(t, when.Set(ctx, now))
		if swapped, err := when.CompareAndSwap(ctx, now, now.Add(time.Hour)); !swapped || err != nil {
			t.Errorf("a time: %v, %v", swapped, err)
		}
		berlin := time.Date(2026, 7, 1, 12, 0, 0, 0, time.FixedZone("CEST", 2*60*60))
		put(t, r, when.Key(), "~gob:time:junk")
		if swapped, err := when.CompareAndSwap(ctx, berlin, now); swapped || !errors.Is(err, rin.ErrMalformed) {
			t.Errorf("a damaged time: %v, %v", swapped, err)
		}
		check(t, when.Set(ctx, berlin))
		if swapped, err := when.CompareAndSwap(ctx, berlin, now); !swapped || err != nil {
			t.Errorf("a time in another zone: %v, %v", swapped, err)
		}
	})
}

// What can't be encoded is an error before anything is sent.
func TestCompareAndSwap_unwritable(t *testing.T) {
	s := &spy{Backend: memstore.New()}
	e := changeAny.At(mustOpen(t, changeRoot, s))
	for _, values := range [][2]any{{func() {}, 1}, {1, func() {}}, {nil, 1}} {
		if swapped, err := e.CompareAndSwap(t.Context(), values[0], values[1]); swapped || err == nil {
			t.Errorf("%T for %T: %v, %v, want an error", values[1], values[0], swapped, err)
		}
	}
	if sent := s.taken(); len(sent) > 0 {
		t.Errorf("sent %v", sent)
	}
}

// Whoever changes a key between two looks at it is not overwritten.
func TestCompareAndSwap_isAtomic(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		s := &spy{Backend: r}
		e := changeTags.At(mustOpen(t, changeRoot, s))
		put(t, r, e.Key(), `~json:map[string]int:{ "a": 1 }`) // other bytes, so that it takes two looks
		tries := 0
		s.fail = func(backend.Op) error {
			if tries++; tries == 2 {
				put(t, r, e.Key(), `~json:map[string]int:{"a":2}`)
			}
			return nil
		}
		if swapped, err := e.CompareAndSwap(t.Context(), map[string]int{"a": 1}, nil); swapped || err != nil || tries != 2 {
			t.Errorf("%v, %v after %d looks, want it refused at the second", swapped, err, tries)
		}
		if got := look(t, r, e.Key()).Value; got != `~json:map[string]int:{"a":2}` {
			t.Errorf("the key holds %q", got)
		}
	})
}

func TestChange_wrongKind(t *testing.T) {
	onServers(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, changeRoot, r), t.Context()
		e := changeSoft.At(root)
		r.list(e.Key())
		if swapped, err := e.CompareAndSwap(ctx, 1, 2); swapped || !errors.Is(err, rin.ErrWrongKind) {
			t.Errorf("compare and swap: %v, %v, want ErrWrongKind", swapped, err)
		}
		if got, err := e.Update(ctx, func(int, bool) (int, error) { t.Error("called"); return 1, nil }); got != 0 || !errors.Is(err, rin.ErrWrongKind) {
			t.Errorf("update: %d, %v, want ErrWrongKind", got, err)
		}
		if typ, err := e.Exists(ctx); !typ || err != nil {
			t.Errorf("the list is gone: %v, %v", typ, err)
		}
	})
}

// A swap whose reply is lost is not sent again.
func TestChange_unknownOutcome(t *testing.T) {
	behindProxy(t, func(t *testing.T, root *rin.Scope, direct backend.Backend, proxy *servertest.Proxy) {
		e, ctx := faultAge.At(root, 1), t.Context()
		add := func(old int, _ bool) (int, error) { return old + 1, nil }
		for name, swap := range map[string]func() error{
			"compare and swap": func() error { _, err := e.CompareAndSwap(ctx, 1, 2); return err },
			"update":           func() error { _, err := e.Update(ctx, add); return err },
		} {
			check(t, e.Set(ctx, 1))
			sent := proxy.Count("EVAL")
			proxy.Swallow("EVAL")
			if err := swap(); !errors.Is(err, rin.ErrUnknownOutcome) {
				t.Errorf("%s: %v, want ErrUnknownOutcome", name, err)
			}
			if n := proxy.Count("EVAL") - sent; n != 1 {
				t.Errorf("%s: the script was sent %d times, want once", name, n)
			}
			if got := look(t, direct, e.Key()).Value; got != "~text:int:2" {
				t.Errorf("%s: the key holds %q", name, got)
			}
		}
	})
}

func TestUpdate(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, changeRoot, r), t.Context()
		for _, tc := range []struct {
			name   string
			key    *rin.KeyOf[int]
			stored string // "": nothing
			old    int
			found  bool
			opts   []rin.WriteOption
			left   time.Duration
			err    error
			reason string
		}{
			{"there", changeAge, "~text:int:5", 5, true, nil, time.Hour, nil, "the TTL is set in the same step"},
			{"another number", changeAge, "~text:int8:5", 5, true, nil, time.Hour, nil, "it is read as it is stored"},
			{"absent", changeBare, "", 0, false, nil, time.Hour, nil, "without a default it is the zero value"},
			{"absent with a default", changeAge, "", 18, false, nil, time.Hour, nil, "the default is where it begins"},
			{"absent, KeepTTL", changeAge, "", 18, false, []rin.WriteOption{rin.KeepTTL()}, time.Hour, nil, "a key that is created has nothing to keep"},
			{"KeepTTL", changeAge, "~text:int:5", 5, true, []rin.WriteOption{rin.KeepTTL()}, 30 * time.Minute, nil, "the key keeps what it has"},
			{"own TTL", changeAge, "~text:int:5", 5, true, []rin.WriteOption{rin.TTL(time.Minute)}, time.Minute, nil, "the write's own wins"},
			{"Renew(Never)", changeWindow, "~text:int:5", 5, true, nil, 30 * time.Minute, nil, "a window goes on"},
			{"Renew(Never), absent", changeWindow, "", 0, false, nil, time.Hour, nil, "a window begins"},
			{"wrong type", changeAge, "~text:string:5", 0, false, nil, 30 * time.Minute, rin.ErrWrongType, "nothing is changed"},
			{"malformed", changeSoft, "~text:int:x", 0, false, nil, 30 * time.Minute, rin.ErrMalformed, "nothing is changed"},
			{"wrong type as missing", changeSoft, "~text:string:5", 18, false, nil, time.Hour, nil, "what counts as missing is replaced, and the default is where it begins"},
			{"nil option", changeAge, "~text:int:5", 5, true, []rin.WriteOption{nil}, 30 * time.Minute, errAny, "nothing is changed"},
		} {
			t.Run(tc.name, func(t *testing.T) {
				e, calls := tc.key.At(root), 0
				if _, err := e.Delete(ctx); err != nil {
					t.Fatal(err)
				}
				if tc.stored != "" {
					check(t, r.Exec(ctx, &backend.Set{Key: e.Key(), Value: []byte(tc.stored), TTL: 30 * time.Minute}))
				}
				got, err := e.Update(ctx, func(old int, found bool) (int, error) {
					if calls++; old != tc.old || found != tc.found {
						t.Errorf("the function is given %d, %v, want %d, %v: %s", old, found, tc.old, tc.found, tc.reason)
					}
					return 7, nil
				}, tc.opts...)
				after, want := stored{"~text:int:7", true, tc.left}, 7
				if tc.err != nil {
					after.Value, want = tc.stored, 0
				}
				if got != want || !isErr(err, tc.err) {
					t.Errorf("update: %d, %v, want %d, %v: %s", got, err, want, tc.err, tc.reason)
				}
				if got := look(t, r, e.Key()); got.Value != after.Value || !near(got.Left, after.Left) || calls > 1 {
					t.Errorf("the key is %+v after %d calls, want %+v: %s", got, calls, after, tc.reason)
				}
			})
		}
	})
}

// 64 goroutines of as many processes each add 1 to one key a hundred times, and
// none of it is lost.
func TestUpdate_countsExactly(t *testing.T) {
	const goroutines = 64
	onEveryBackend(t, func(t *testing.T, r rig) {
		times := 100
		if raceEnabled && !strings.Contains(t.Name(), "memstore") {
			times = 20 // the race detector makes miniredis's scripts ten times as slow, and clients five times
		}
		ctx, start := t.Context(), time.Now()
		var group sync.WaitGroup
		for range goroutines {
			e := changeBare.At(mustOpen(t, changeRoot, r))
			group.Go(func() {
				for range times {
					if _, err := e.Update(ctx, func(old int, _ bool) (int, error) { return old + 1, nil }); err != nil {
						t.Errorf("update: %v", err)
						return
					}
				}
			})
		}
		group.Wait()
		t.Logf("%d updates took %v", goroutines*times, time.Since(start))
		if got, err := changeBare.At(mustOpen(t, changeRoot, r)).Get(ctx); got != goroutines*times || err != nil {
			t.Errorf("the count is %d, %v, want %d", got, err, goroutines*times)
		}
	})
}

// In one process the updates of a key take turns, so that none is in vain.
func TestUpdate_takesTurns(t *testing.T) {
	const goroutines, times = 64, 20
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, changeRoot, r), t.Context()
		var group sync.WaitGroup
		calls := 0 // without a lock: the turn is one
		for range goroutines {
			group.Go(func() {
				for range times {
					if _, err := changeBare.At(root).Update(ctx, func(old int, _ bool) (int, error) { calls++; return old + 1, nil }); err != nil {
						t.Errorf("update: %v", err)
						return
					}
				}
			})
		}
		group.Wait()
		if got, err := changeBare.At(root).Get(ctx); got != goroutines*times || calls != got || err != nil {
			t.Errorf("the count is %d, %v, after %d calls, want %d of both", got, err, calls, goroutines*times)
		}
	})
}

// A turn is given up at the end of the context, and however the function ends.
func TestUpdate_leavesItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, ctx := mustOpen(t, changeRoot, memstore.New()), t.Context()
		e := changeAge.At(root)
		var group sync.WaitGroup
		group.Go(func() {
			_, err := e.Update(ctx, func(int, bool) (int, error) { time.Sleep(time.Minute); return 1, nil })
			check(t, err)
		})
		synctest.Wait()
		soon, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		start := time.Now()
		_, err := e.Update(soon, func(int, bool) (int, error) { t.Error("called out of turn"); return 2, nil })
		if op := (*rin.OpError)(nil); !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &op) || op.Op != "update" || time.Since(start) != time.Second {
			t.Errorf("update: %v after %v, want DeadlineExceeded after a second", err, time.Since(start))
		}
		if _, err := changeBare.At(root).Update(ctx, func(int, bool) (int, error) { return 3, nil }); err != nil || time.Since(start) != time.Second {
			t.Errorf("another key: %v after %v, want it at once", err, time.Since(start))
		}
		group.Wait()
		for _, end := range []func(){func() { panic("boom") }, runtime.Goexit} {
			group.Go(func() {
				defer func() { _ = recover() }()
				_, _ = e.Update(ctx, func(int, bool) (int, error) { end(); return 4, nil })
			})
			group.Wait()
		}
		if n, err := e.Update(ctx, func(old int, _ bool) (int, error) { return old + 1, nil }); n != 2 || err != nil {
			t.Errorf("update: %d, %v, want one more than what was stored", n, err)
		}
	})
}

// What the function is given is its own, to change and return.
func TestUpdate_inPlace(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		e, ctx := changeList.At(mustOpen(t, changeRoot, r)), t.Context()
		bytes := rin.Key[[]byte]("bytes")
		b := bytes.At(mustOpen(t, rin.Cluster("raw", rin.Child(bytes)), r))
		check(t, b.Set(ctx, []byte("abc")))
		for i := range 3 {
			got, err := e.Update(ctx, func(old []int, _ bool) ([]int, error) {
				old[0]++
				return old, nil
			})
			if diff := cmp.Diff([]int{i + 2}, got); diff != "" || err != nil {
				t.Errorf("update %d: %v\n%s", i, err, diff)
			}
			if _, err := b.Update(ctx, func(old []byte, _ bool) ([]byte, error) { old[0]++; return old, nil }); err != nil {
				t.Errorf("update of bytes: %v", err)
			}
		}
		if got, err := b.Get(ctx); string(got) != "dbc" || err != nil {
			t.Errorf("the bytes are %q, %v", got, err)
		}
		if _, err := e.Delete(ctx); err != nil {
			t.Fatal(err)
		}
		if got, err := e.Get(ctx); len(got) != 1 || got[0] != 1 || err != nil {
			t.Errorf("the default is %v, %v by now", got, err)
		}
	})
}

func TestUpdate_functionFails(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, changeRoot, r), t.Context()
		e := changeAge.At(root)
		for _, before := range []string{"", "~text:int:5"} {
			if before != "" {
				put(t, r, e.Key(), before)
			}
			got, err := e.Update(ctx, func(int, bool) (int, error) { return 7, fmt.Errorf("write: %w", errInk) })
			if got != 0 || !errors.Is(err, errInk) || err.Error() != "rin: update root:age: write: out of ink" {
				t.Errorf("update: %d, %v, want the function's error", got, err)
			}
			if got := look(t, r, e.Key()).Value; got != before {
				t.Errorf("the key holds %q, want %q", got, before)
			}
		}
		if _, err := e.Update(ctx, nil); err == nil || err.Error() != "rin: update root:age: the function is nil" {
			t.Errorf("without a function: %v", err)
		}
		if _, err := changeAny.At(root).Update(ctx, func(any, bool) (any, error) { return func() {}, nil }); err == nil {
			t.Error("a value that can't be stored is no error")
		}
	})
}

// contested is a store in which another writer always comes first.
func contested(key string) *spy {
	s, n := &spy{Backend: memstore.New()}, 0
	s.fail = func(op backend.Op) error {
		if !is[*backend.CompareAndSwap](op) {
			return nil
		}
		n++
		return s.Backend.Exec(context.Background(), &backend.Set{Key: key, Value: fmt.Append(nil, "~text:int:", n)})
	}
	return s
}

func TestUpdate_conflicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := contested("root:age")
		e, calls, last := changeAge.At(mustOpen(t, changeRoot, s)), 0, 0
		start := time.Now()
		got, err := e.Update(t.Context(), func(old int, found bool) (int, error) {
			if calls++; calls > 1 && (old != last+1 || !found) {
				t.Errorf("call %d is given %d, %v, want what the other writer wrote", calls, old, found)
			}
			last = calls - 1
			return -1, nil
		})
		if got != 0 || !errors.Is(err, rin.ErrConflict) || calls != 1000 {
			t.Errorf("update: %d, %v after %d calls, want ErrConflict after 1,000", got, err, calls)
		}
		const text = "rin: update root:age: another writer changed the key meanwhile, 1000 times"
		if err == nil || err.Error() != text {
			t.Errorf("the error is %v, want %s", err, text)
		}
		// 999 pauses of 10 ms on average, give or take 0.2 s.
		if took := time.Since(start); took < 8*time.Second || took > 12*time.Second {
			t.Errorf("it tried for %v, want about 10 s", took)
		}
		if got := look(t, s, "root:age").Value; got != "~text:int:1000" {
			t.Errorf("the key holds %q", got)
		}
	})
}

// On a slow store the time ends it.
func TestUpdate_givesUpInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, calls := contested("root:age"), 0
		conflict := s.fail
		s.fail = func(op backend.Op) error { time.Sleep(time.Second); return conflict(op) }
		start := time.Now()
		_, err := changeAge.At(mustOpen(t, changeRoot, s)).Update(t.Context(), func(int, bool) (int, error) { calls++; return -1, nil })
		if took := time.Since(start); !errors.Is(err, rin.ErrConflict) || took < 30*time.Second || took > 33*time.Second {
			t.Errorf("update: %v after %d calls and %v, want ErrConflict after 30 s", err, calls, took)
		}
	})
}

// A conflict that goes away is none.
func TestUpdate_tryAgain(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		s := &spy{Backend: r}
		e, others := changeAge.At(mustOpen(t, changeRoot, s)), []string{"~text:int:5", "", "~text:int:6"}
		s.fail = func(op backend.Op) error {
			if !is[*backend.CompareAndSwap](op) || len(others) == 0 {
				return nil
			}
			if others[0] == "" {
				check(t, r.Exec(t.Context(), &backend.Delete{Key: e.Key()}))
			} else {
				put(t, r, e.Key(), others[0])
			}
			others = others[1:]
			return nil
		}
		var given []string
		got, err := e.Update(t.Context(), func(old int, found bool) (int, error) {
			given = append(given, fmt.Sprintf("%d %v", old, found))
			return old + 1, nil
		})
		if got != 7 || err != nil {
			t.Errorf("update: %d, %v, want 7", got, err)
		}
		if diff := cmp.Diff([]string{"18 false", "5 true", "18 false", "6 true"}, given); diff != "" {
			t.Errorf("the function was given (-want +got):\n%s", diff)
		}
		if got := look(t, r, e.Key()); got.Value != "~text:int:7" || !near(got.Left, time.Hour) {
			t.Errorf("the key is %+v", got)
		}
	})
}

func TestUpdate_contextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := changeAge.At(mustOpen(t, changeRoot, contested("root:age")))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := e.Update(ctx, func(int, bool) (int, error) { return -1, nil })
		var op *rin.OpError
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, rin.ErrConflict) || !errors.As(err, &op) || op.Op != "update" {
			t.Errorf("update: %v, want DeadlineExceeded in an *OpError", err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("it took %v, want a second exactly: it does not sleep on", took)
		}
	})
}

func TestCompareAndDelete(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		s := &spy{Backend: r}
		root, ctx := mustOpen(t, changeRoot, s), t.Context()
		e := changeTags.At(root)
		for _, tc := range []struct {
			before string
			old    map[string]int
			want   bool
			trips  int
			reason string
		}{
			{"", nil, false, 1, "a key that is not there holds no value"},
			{`~json:map[string]int:{"a":1}`, map[string]int{"a": 1}, true, 1, "it holds the value"},
			{`~json:map[string]int:{ "a": 1 }`, map[string]int{"a": 1}, true, 2, "it holds the value in other bytes"},
			{`~json:map[string]int:{"a":2}`, map[string]int{"a": 1}, false, 1, "it holds another value"},
		} {
			if tc.before != "" {
				put(t, r, e.Key(), tc.before)
			}
			s.taken()
			if deleted, err := e.CompareAndDelete(ctx, tc.old); deleted != tc.want || err != nil || s.tripped() != tc.trips {
				t.Errorf("%q: %v, %v in %d round trips, want %v in %d: %s", tc.before, deleted, err, s.tripped(), tc.want, tc.trips, tc.reason)
			}
			if got := look(t, r, e.Key()); got.Found != (tc.before != "" && !tc.want) || got.Found && got.Value != tc.before {
				t.Errorf("%q: the key is %+v: %s", tc.before, got, tc.reason)
			}
		}
		put(t, r, e.Key(), "~text:int:1")
		if deleted, err := e.CompareAndDelete(ctx, map[string]int{}); deleted || !errors.Is(err, rin.ErrWrongType) {
			t.Errorf("a value of another type: %v, %v, want ErrWrongType", deleted, err)
		}
	})
}

// The function of an Update may delete the key, or leave it as it is, only while
// it holds what the function was given.
func TestUpdate_removesOrLeaves(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		s := &spy{Backend: r}
		e, ctx := changeAge.At(mustOpen(t, changeRoot, s)), t.Context()
		unchanged := func(old int, _ bool) (int, error) { return old, fmt.Errorf("nothing to do: %w", rin.Unchanged) }
		removed := func(old int, _ bool) (int, error) { return old, rin.Remove }
		for _, tc := range []struct {
			name, before string
			change       func(int, bool) (int, error)
			got          int
			trips        int
			after        string
		}{
			{"leave", "~text:int:5", unchanged, 5, 1, "~text:int:5"},
			{"leave what is not there", "", unchanged, 18, 1, ""},
			{"remove", "~text:int:5", removed, 5, 2, ""},
			{"remove what is not there", "", removed, 18, 2, ""}, // loads under way are told,
		} {
			if tc.before != "" {
				put(t, r, e.Key(), tc.before)
			}
			s.taken()
			if got, err := e.Update(ctx, tc.change); got != tc.got || err != nil || s.tripped() != tc.trips {
				t.Errorf("%s: %d, %v in %d round trips, want %d in %d", tc.name, got, err, s.tripped(), tc.got, tc.trips)
			}
			if got := look(t, r, e.Key()).Value; got != tc.after {
				t.Errorf("%s: the key holds %q, want %q", tc.name, got, tc.after)
			}
			_, err := e.Delete(ctx)
			check(t, err)
		}
	})
}

// Another writer's value is never removed: the function is asked again.
func TestUpdate_removesWhatItSaw(t *testing.T) {
	s := &spy{Backend: memstore.New()}
	e := changeAge.At(mustOpen(t, changeRoot, s))
	put(t, s, e.Key(), "~text:int:1")
	var saw []int
	_, err := e.Update(t.Context(), func(old int, _ bool) (int, error) {
		if saw = append(saw, old); len(saw) == 1 {
			put(t, s, e.Key(), "~text:int:2")
		}
		return 0, rin.Remove
	})
	if err != nil || len(saw) != 2 || saw[1] != 2 || look(t, s, e.Key()).Found {
		t.Errorf("update: %v, the function saw %v, the key is %+v; want it asked again with 2", err, saw, look(t, s, e.Key()))
	}
}
