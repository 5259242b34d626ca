package backendtest

import (
	"errors"
	"testing"

	"github.com/redisimnest/rin/backend"
)

var kindCases = []testCase{
	{
		name:    "wrong kind",
		foreign: true,
		rule:    "An op that wants a string fails with ErrWrongKind where the key holds another kind of Redis value, answers nothing and changes nothing.",
		run: func(t *testing.T, s *suite) {
			s.Foreign(t, "k")
			for _, op := range []backend.Op{
				&backend.Get{Key: "k"},
				&backend.Take{Key: "k"},
				&backend.Set{Key: "k", ReturnOld: true},
				&backend.Set{Key: "k", ReturnOld: true, TTL: hour},
				&backend.Set{Key: "k", ReturnOld: true, KeepTTL: true, TTL: hour},
				&backend.Set{Key: "k", ReturnOld: true, Cond: backend.IfAbsent},
				&backend.Set{Key: "k", ReturnOld: true, Cond: backend.IfPresent},
				&backend.CompareAndSwap{Key: "k", TTL: hour},
				&backend.CompareAndSwap{Key: "k", Absent: true, TTL: hour},
				&backend.CompareAndDelete{Key: "k"},
			} {
				s.wantWrongKind(t, op)
				s.lasts(t, "k", 0)
			}
		},
	},
	{
		name:    "wrong kind of lock",
		foreign: true,
		rule:    "A SetLocked fails with ErrWrongKind where Lock holds another kind of Redis value, and changes nothing.",
		run: func(t *testing.T, s *suite) {
			lock := backend.Sibling("k", "lock")
			s.Foreign(t, lock)
			s.put(t, "k", "v")
			s.wantWrongKind(t, &backend.SetLocked{Key: "k", Value: []byte("w"), Lock: lock})
			s.holds(t, "k", "v")
			s.lasts(t, lock, 0)
		},
	},
	{
		name:    "wrong kind is not renewed",
		foreign: true,
		rule:    "A Get with a TTL that fails with ErrWrongKind leaves the key the expiry it has.",
		run: func(t *testing.T, s *suite) {
			s.Foreign(t, "k")
			s.wantWrongKind(t, &backend.Get{Key: "k", TTL: hour})
			s.lasts(t, "k", 0)
		},
	},
	{
		name:    "set replaces another kind",
		foreign: true,
		rule:    "Without ReturnOld a Set, and a SetLocked, asks only whether the key is there, whatever kind of value it holds.",
		run: func(t *testing.T, s *suite) {
			for cond, applied := range map[backend.Cond]bool{backend.Always: true, backend.IfPresent: true, backend.IfAbsent: false} {
				s.Foreign(t, "k")
				if set := do(t, s, &backend.Set{Key: "k", Value: []byte("v"), Cond: cond}); set.Applied != applied {
					t.Errorf("Set with Cond %d: applied %t, want %t", cond, set.Applied, applied)
				}
				if applied {
					s.holds(t, "k", "v")
				} else {
					s.wantWrongKind(t, &backend.Get{Key: "k"})
				}
				do(t, s, &backend.Delete{Key: "k"})
			}
			s.Foreign(t, "k")
			s.lock(t, "k", "token")
			s.setLocked(t, "k", "token", 0)
			s.holds(t, "k", "new")
		},
	},
	{
		name:    "set keeps another kind's expiry",
		foreign: true,
		rule:    "KeepTTL leaves a key that is there the expiry it has, whatever kind of value it held.",
		run: func(t *testing.T, s *suite) {
			s.Foreign(t, "k")
			do(t, s, &backend.Expire{Key: "k", TTL: hour})
			do(t, s, &backend.Set{Key: "k", Value: []byte("v"), KeepTTL: true, TTL: 2 * hour})
			s.holds(t, "k", "v")
			s.lasts(t, "k", hour)
		},
	},
	{
		name:    "keys of any kind",
		foreign: true,
		rule:    "Exists, TTL, ExpireTime, MemoryUsage, Expire, Persist, Delete and Scan are about keys of any kind.",
		run: func(t *testing.T, s *suite) {
			s.Foreign(t, "k")
			exists, expire := &backend.Exists{Key: "k"}, &backend.Expire{Key: "k", TTL: hour}
			if s.all(t, exists, expire); !exists.Found || !expire.Applied {
				t.Errorf("found %t, expire applied %t; want both", exists.Found, expire.Applied)
			}
			s.lasts(t, "k", hour)
			at, size := &backend.ExpireTime{Key: "k"}, &backend.MemoryUsage{Key: "k"}
			if s.all(t, at, size); !at.Found || at.At.IsZero() || !size.Found || size.Bytes <= 0 {
				t.Errorf("expires at %v, takes %d bytes; want both", at.At, size.Bytes)
			}
			if persist := do(t, s, &backend.Persist{Key: "k"}); !persist.Applied {
				t.Error("Persist: not applied")
			}
			s.lasts(t, "k", 0)
			s.scans(t, "", "k")
			if del := do(t, s, &backend.Delete{Key: "k"}); !del.Deleted {
				t.Error("Delete: not deleted")
			}
			s.absent(t, "k")
		},
	},
	{
		name:    "wrong kind in a batch",
		foreign: true,
		rule:    "An op's failure does not keep later ops from running, and spoils no other op's answer.",
		run: func(t *testing.T, s *suite) {
			s.Foreign(t, "list")
			s.put(t, "k", "v")
			before, wrong := &backend.Get{Key: "k"}, &backend.Get{Key: "list"}
			set, after := &backend.Set{Key: "k", Value: []byte("w")}, &backend.Get{Key: "k"}
			err := s.Exec(t.Context(), before, wrong, set, after)
			if !errors.Is(err, backend.ErrWrongKind) || !errors.Is(wrong.Err, backend.ErrWrongKind) {
				t.Errorf("Exec: %v, the op: %v; want ErrWrongKind of both", err, wrong.Err)
			}
			for _, op := range []backend.Op{before, set, after} {
				if err := backend.Err(op); err != nil {
					t.Errorf("%s %q: %v; want no error", backend.Name(op), backend.Key(op), err)
				}
			}
			if string(before.Value) != "v" || !set.Applied || string(after.Value) != "w" {
				t.Errorf("got %q, applied %t, then %q; want %q, true, %q", before.Value, set.Applied, after.Value, "v", "w")
			}
		},
	},
}

// wantWrongKind checks that op fails for its key's kind, and gives no answer.
func (s *suite) wantWrongKind(t *testing.T, op backend.Op) {
	t.Helper()
	err := s.Exec(t.Context(), op)
	if !errors.Is(err, backend.ErrWrongKind) || !errors.Is(backend.Err(op), backend.ErrWrongKind) {
		t.Errorf("%s on another kind: Exec %v, Err %v; want ErrWrongKind of both (%+v)", backend.Name(op), err, backend.Err(op), op)
	}
	if found(op) {
		t.Errorf("%s on another kind answered: %+v", backend.Name(op), op)
	}
}
