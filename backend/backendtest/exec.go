package backendtest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/redisimnest/rin/backend"
)

var execCases = []testCase{
	{
		name: "no ops",
		rule: "Exec without ops does nothing and returns nil.",
		run: func(t *testing.T, s *suite) {
			if err := s.Exec(t.Context()); err != nil {
				t.Errorf("Exec() = %v", err)
			}
		},
	},
	{
		name: "order on one key",
		rule: "Ops on one key take effect in their order, and each has the answer of its moment.",
		run: func(t *testing.T, s *suite) {
			missing, first := &backend.Get{Key: "k"}, &backend.Set{Key: "k", Value: []byte("1"), TTL: hour}
			one, refused := &backend.Get{Key: "k"}, &backend.Set{Key: "k", Value: []byte("2"), Cond: backend.IfAbsent}
			swap, persist := &backend.Set{Key: "k", Value: []byte("3"), KeepTTL: true, ReturnOld: true}, &backend.Persist{Key: "k"}
			ttl, take := &backend.TTL{Key: "k"}, &backend.Take{Key: "k"}
			exists, again := &backend.Exists{Key: "k"}, &backend.Set{Key: "k", Value: []byte("4"), Cond: backend.IfAbsent}
			s.all(t, missing, first, one, refused, swap, persist, ttl, take, exists, again)

			checks := []struct {
				what string
				ok   bool
			}{
				{"the first Get finds nothing", !missing.Found},
				{"the first Set is applied", first.Applied},
				{"the second Get finds it", one.Found && string(one.Value) == "1"},
				{"IfAbsent is refused", !refused.Applied},
				{"ReturnOld gives the first value", swap.Applied && string(swap.Old) == "1"},
				{"Persist removes the expiry that KeepTTL kept", persist.Applied},
				{"TTL finds no expiry", ttl.Found && ttl.Remaining == 0},
				{"Take gives the third value", take.Found && string(take.Value) == "3"},
				{"Exists finds nothing", !exists.Found},
				{"IfAbsent is applied after the Take", again.Applied},
			}
			for _, c := range checks {
				if !c.ok {
					t.Errorf("not so: %s", c.what)
				}
			}
			s.holds(t, "k", "4")
		},
	},
	{
		name: "an answer for each op",
		rule: "Each op of a batch has its own answer, over many keys, some of them absent and some asked for twice.",
		run:  func(t *testing.T, s *suite) { s.checkBatch(t, 200) },
	},
	{
		name: "5,000 ops",
		rule: "A batch may be of any size.",
		run:  func(t *testing.T, s *suite) { s.checkBatch(t, 5000) },
	},
	{
		name: "unknown op",
		rule: "An op that the store does not know fails with ErrUnsupported; the others run.",
		run: func(t *testing.T, s *suite) {
			unknown, set := alien("k"), &backend.Set{Key: "k", Value: []byte("v")}
			err := s.Exec(t.Context(), unknown, set)
			if !errors.Is(err, backend.ErrUnsupported) || !errors.Is(backend.Err(unknown), backend.ErrUnsupported) {
				t.Errorf("Exec: %v, the op: %v; want ErrUnsupported of both", err, backend.Err(unknown))
			}
			if set.Err != nil || !set.Applied {
				t.Errorf("the op behind it: %v, applied %t", set.Err, set.Applied)
			}
			s.holds(t, "k", "v")
		},
	},
	{
		name:    "first error",
		foreign: true,
		rule:    "Exec returns the first op's error that is not nil.",
		run: func(t *testing.T, s *suite) {
			s.Foreign(t, "list")
			fine := func() backend.Op { return &backend.Exists{Key: "list"} }
			wrong := func() backend.Op { return &backend.Get{Key: "list"} }
			unknown := func() backend.Op { return alien("list") }
			if err := s.Exec(t.Context(), fine(), wrong(), unknown(), fine()); !errors.Is(err, backend.ErrWrongKind) {
				t.Errorf("ErrWrongKind before ErrUnsupported: Exec = %v", err)
			}
			if err := s.Exec(t.Context(), fine(), unknown(), wrong(), fine()); !errors.Is(err, backend.ErrUnsupported) {
				t.Errorf("ErrUnsupported before ErrWrongKind: Exec = %v", err)
			}
		},
	},
	{
		name:    "an op of two slots",
		cluster: true,
		rule:    "A batch with an op whose keys do not share a slot sends nothing, and every op fails with ErrCrossSlot, which names the two.",
		run: func(t *testing.T, s *suite) {
			move := &backend.SMove{Key: "user:42:age", To: "user:42:name", Member: []byte("m")}
			set := &backend.Set{Key: "k"}
			err := s.Exec(t.Context(), set, move)
			for _, err := range []error{err, set.Err, move.Err} {
				if !errors.Is(err, backend.ErrCrossSlot) || !strings.Contains(err.Error(), `"user:42:age"`) || !strings.Contains(err.Error(), `"user:42:name"`) {
					t.Errorf("an error of the batch is %v, want ErrCrossSlot with both keys", err)
				}
			}
			s.absent(t, "k")
		},
	},
}

// alien is an op that no store knows.
func alien(key string) backend.Op {
	return &backend.Do{Key: key, Command: []string{"RIN.NOSUCHCOMMAND"}}
}

// checkBatch executes n ops in one batch: on every key that it uses a Set, two
// Gets and, on a neighbour, a Get that finds nothing.
func (s *suite) checkBatch(t *testing.T, n int) {
	t.Helper()
	ops := make([]backend.Op, 0, n)
	for i := range n / 4 {
		key := fmt.Sprintf("key-%d", i)
		ops = append(ops, &backend.Set{Key: key, Value: []byte(key)}, &backend.Get{Key: key},
			&backend.Get{Key: key + "-absent"}, &backend.Get{Key: key})
	}
	s.all(t, ops...)
	for set := range only[*backend.Set](ops) {
		if !set.Applied {
			t.Errorf("Set %q: not applied", set.Key)
		}
	}
	for get := range only[*backend.Get](ops) {
		// The value of a key is its name.
		wantFound := !strings.HasSuffix(get.Key, "-absent")
		if get.Found != wantFound || get.Found && string(get.Value) != get.Key {
			t.Errorf("Get %q = %q, found %t; want found %t", get.Key, get.Value, get.Found, wantFound)
		}
	}
}
