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
		rule:    "An op that wants a kind of value fails with ErrWrongKind where the key holds another one, answers nothing and changes nothing.",
		run: func(t *testing.T, s *suite) {
			s.Foreign(t, "k")
			do(t, s, content{backend.KindHash, [][]byte{[]byte(before)}}.write("h", 0))
			for _, o := range s.ops() {
				key := "k"
				if o.Kind == backend.KindList {
					key = "h"
				}
				if o.Kind == backend.KindAny {
					continue
				}
				if o.First != nil {
					do(t, s, o.First(key))
				}
				was := s.state(t, key)
				s.wantWrongKind(t, o.New(key))
				if now := s.state(t, key); !now.is(was) {
					t.Errorf("%s left %+v of %+v", o.Name, now, was)
				}
			}
		},
	},
	{
		name:    "wrong kind of leases",
		foreign: true,
		rule:    "A Fill fails with ErrWrongKind where Leases is another kind of Redis value, and changes nothing.",
		run: func(t *testing.T, s *suite) {
			s.Foreign(t, leasesOf("k"))
			s.wantWrongKind(t, &backend.Fill{Key: "k", Leases: leasesOf("k"), Token: []byte("a"), Value: []byte("v")})
			s.absent(t, "k")
			s.lasts(t, leasesOf("k"), 0)
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
		rule:    "Without ReturnOld a Set asks only whether the key is there, whatever kind of value it holds.",
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
		rule:    "An op that wants no kind is about keys of any, and so is a scan: to them such a key is there.",
		run: func(t *testing.T, s *suite) {
			var keys []string
			for _, o := range Ops() {
				if o.Kind != backend.KindAny || o.Protocol {
					continue
				}
				s.Foreign(t, o.Name)
				do(t, s, &backend.Expire{Key: o.Name, TTL: hour})
				if o.First != nil {
					do(t, s, o.First(o.Name))
				}
				if op := do(t, s, o.New(o.Name)); answered(op, o.New(o.Name)) != o.does(true) {
					t.Errorf("%s on another kind: %+v", o.Name, op)
				}
				if do(t, s, &backend.Exists{Key: o.Name}).Found {
					keys = append(keys, o.Name)
				}
			}
			s.scans(t, "", keys...)
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
	fresh := copyOf(op)
	err := s.Exec(t.Context(), op)
	if !errors.Is(err, backend.ErrWrongKind) || !errors.Is(backend.Err(op), backend.ErrWrongKind) {
		t.Errorf("%s on another kind: Exec %v, Err %v; want ErrWrongKind of both (%+v)", backend.Name(op), err, backend.Err(op), op)
	}
	if answered(op, fresh) {
		t.Errorf("%s on another kind answered: %+v", backend.Name(op), op)
	}
}
