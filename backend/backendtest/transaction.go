package backendtest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/redisimnest/rin/backend"
)

// The cases' transactions are about keys of one slot.
const (
	keyA = "{t}a"
	keyB = "{t}b"
)

var transactionCases = []testCase{
	{
		name:        "no ops",
		transaction: true,
		rule:        "Transact without ops does nothing and returns nil.",
		run: func(t *testing.T, s *suite) {
			if err := s.transact(t.Context()); err != nil {
				t.Errorf("Transact() = %v", err)
			}
		},
	},
	{
		name:        "an answer for each op",
		transaction: true,
		rule:        "The ops of a transaction take effect in their order, and each has the answer of its moment.",
		run: func(t *testing.T, s *suite) {
			missing, set := &backend.Get{Key: keyA}, &backend.Set{Key: keyA, Value: []byte("1"), TTL: hour}
			get, refused := &backend.Get{Key: keyA}, &backend.Set{Key: keyA, Cond: backend.IfAbsent}
			swap := &backend.CompareAndSwap{Key: keyA, Old: []byte("1"), Value: []byte("2"), KeepTTL: true}
			ttl, elsewhere := &backend.TTL{Key: keyA}, &backend.Exists{Key: keyB}
			move, take := &backend.Set{Key: keyB, Value: []byte("3"), ReturnOld: true}, &backend.Take{Key: keyA}
			gone := &backend.Get{Key: keyA}
			s.commit(t, missing, set, get, refused, swap, ttl, elsewhere, move, take, gone)

			for what, ok := range map[string]bool{
				"the first Get finds nothing":  !missing.Found,
				"the Set is applied":           set.Applied,
				"the second Get finds it":      get.Found && string(get.Value) == "1",
				"IfAbsent is refused":          !refused.Applied,
				"the swap is applied":          swap.Applied,
				"TTL finds the kept expiry":    about(ttl.Remaining, hour),
				"the other key is absent":      !elsewhere.Found,
				"it has no old value":          move.Applied && !move.OldFound,
				"Take gives the swapped value": take.Found && string(take.Value) == "2",
				"the last Get finds nothing":   !gone.Found,
			} {
				if !ok {
					t.Errorf("not so: %s", what)
				}
			}
			s.holds(t, keyB, "3")
			s.absent(t, keyA)
		},
	},
	{
		name:        "every op",
		transaction: true,
		rule:        "An op does in a transaction what it does by itself.",
		run: func(t *testing.T, s *suite) {
			for _, o := range Ops() {
				o.check(t, s, s.transact)
			}
		},
	},
	{
		name:        "3,000 ops",
		transaction: true,
		rule:        "A transaction may be of any size.",
		run: func(t *testing.T, s *suite) {
			var ops []backend.Op
			for i := range 1500 {
				key := fmt.Sprintf("{t}%d", i)
				ops = append(ops, &backend.Set{Key: key, Value: []byte(key)}, &backend.Get{Key: key})
			}
			s.commit(t, ops...)
			for get := range only[*backend.Get](ops) {
				if string(get.Value) != get.Key {
					t.Errorf("Get %q = %q, found %t", get.Key, get.Value, get.Found)
				}
			}
		},
	},
	{
		name:        "wrong kind in the middle",
		transaction: true,
		foreign:     true,
		rule:        "An op that fails on a key of another kind neither keeps the others from running nor undoes them.",
		run: func(t *testing.T, s *suite) {
			s.Foreign(t, keyB)
			before, wrong := &backend.Set{Key: keyA, Value: []byte("v")}, &backend.Get{Key: keyB}
			script, after := &backend.CompareAndSwap{Key: keyB}, &backend.Get{Key: keyA}
			err := s.transact(t.Context(), before, wrong, script, after)
			for who, err := range map[string]error{"Transact": err, "Get": wrong.Err, "CompareAndSwap": script.Err} {
				if !errors.Is(err, backend.ErrWrongKind) {
					t.Errorf("%s: %v, want ErrWrongKind", who, err)
				}
			}
			if before.Err != nil || !before.Applied || after.Err != nil || string(after.Value) != "v" {
				t.Errorf("Set: applied %t, %v; Get: %q, %v", before.Applied, before.Err, after.Value, after.Err)
			}
			s.holds(t, keyA, "v")
		},
	},
	{
		name:        "unknown op",
		transaction: true,
		abort:       true,
		rule:        "An op that the store does not know keeps the transaction from running: every op fails with ErrUnsupported.",
		run: func(t *testing.T, s *suite) {
			before, unknown := &backend.Set{Key: keyA}, alien(keyA)
			after := &backend.Set{Key: keyB}
			err := s.transact(t.Context(), before, unknown, after)
			for _, err := range []error{err, before.Err, backend.Err(unknown), after.Err} {
				if !errors.Is(err, backend.ErrUnsupported) {
					t.Errorf("an error of the transaction is %v, want ErrUnsupported", err)
				}
			}
			s.absent(t, keyA)
			s.absent(t, keyB)
		},
	},
	{
		name:        "ended context",
		transaction: true,
		rule:        "With a context that has ended before the call nothing of a transaction is sent, and every op has the context's error.",
		run: func(t *testing.T, s *suite) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			ops := []backend.Op{&backend.Set{Key: keyA}, &backend.Get{Key: keyA}, &backend.Set{Key: keyB}}
			s.checkEndedErr(t, "Transact", s.transact(ctx, ops...), context.Canceled)
			for _, op := range ops {
				s.checkEndedErr(t, backend.Name(op), backend.Err(op), context.Canceled)
			}
			s.absent(t, keyA)
			s.absent(t, keyB)
		},
	},
	{
		name:        "all or none",
		transaction: true,
		rule:        "Others see the effects of all ops of a transaction, or of none.",
		run: func(t *testing.T, s *suite) {
			s.crowd(func(i int) {
				for j := range 10 {
					value := fmt.Appendf(nil, "%d-%d", i, j)
					s.tryCommit(t, &backend.Set{Key: keyA, Value: value}, &backend.Set{Key: keyB, Value: value})
					a, b := &backend.Get{Key: keyA}, &backend.Get{Key: keyB}
					if s.tryCommit(t, a, b); string(a.Value) != string(b.Value) {
						t.Errorf("a is %q, b is %q, which are always written together", a.Value, b.Value)
					}
				}
			})
		},
	},
	{
		name:        "seen one, seen all",
		transaction: true,
		rule:        "Who has seen the effect of one op of a transaction sees those of the others, also without a transaction.",
		run: func(t *testing.T, s *suite) {
			s.commit(t, &backend.Set{Key: keyA, Value: []byte("0")}, &backend.Set{Key: keyB, Value: []byte("0")})
			s.crowd(func(i int) {
				for j := range 50 {
					if i == 0 {
						n := strconv.AppendInt(nil, int64(j+1), 10)
						s.tryCommit(t, &backend.Set{Key: keyA, Value: n}, &backend.Set{Key: keyB, Value: n})
						continue
					}
					first := numberOf(try(t, s, &backend.Get{Key: keyA}))
					if second := numberOf(try(t, s, &backend.Get{Key: keyB})); second < first {
						t.Errorf("a was %d, and then b was %d, which is always written with a", first, second)
					}
				}
			})
		},
	},
	{
		name:        "filling seen as one",
		transaction: true,
		rule:        "A Fill is one step: nobody sees its value and its lease together.",
		run: func(t *testing.T, s *suite) {
			leases := leasesOf("{t}k")
			s.crowd(func(i int) {
				for j := range 20 {
					n := strconv.AppendInt(nil, int64(j), 10)
					if i > 0 {
						value, lease := &backend.Get{Key: "{t}k"}, &backend.ZScore{Key: leases, Member: n}
						s.tryCommit(t, value, lease)
						if value.Found && lease.Found && string(value.Value) == string(n) {
							t.Errorf("the value of %q is there beside its lease", n)
						}
						continue
					}
					claim := try(t, s, &backend.Claim{Key: "{t}k", Leases: leases, Token: n, TTL: hour, Anew: true})
					try(t, s, &backend.Fill{Key: "{t}k", Value: n, Leases: leases, Token: n, Seen: claim.Seen()})
				}
			})
		},
	},
	{
		name:        "nothing comes between",
		transaction: true,
		rule:        "Nothing that others do comes between the ops of a transaction.",
		run: func(t *testing.T, s *suite) {
			s.crowd(func(i int) {
				for j := range 10 {
					mine := fmt.Sprintf("%d-%d", i, j)
					get := &backend.Get{Key: keyA}
					try(t, s, &backend.Set{Key: keyA, Value: []byte("plain")})
					if s.tryCommit(t, &backend.Set{Key: keyA, Value: []byte(mine)}, get); string(get.Value) != mine {
						t.Errorf("a transaction wrote %q and read %q", mine, get.Value)
					}
				}
			})
		},
	},
	{
		name:        "keys of two slots",
		transaction: true,
		cluster:     true,
		rule:        "A transaction whose keys do not share a slot sends nothing, and every op fails with ErrCrossSlot, which names two of them.",
		run: func(t *testing.T, s *suite) {
			ops := []backend.Op{&backend.Set{Key: "user:42:age"}, &backend.Get{Key: "user:42:age"}, &backend.Set{Key: "user:42:name"}}
			err := s.transact(t.Context(), ops...)
			for _, err := range []error{err, backend.Err(ops[0]), backend.Err(ops[1]), backend.Err(ops[2])} {
				if !errors.Is(err, backend.ErrCrossSlot) || !strings.Contains(err.Error(), `"user:42:age"`) || !strings.Contains(err.Error(), `"user:42:name"`) {
					t.Errorf("an error of the transaction is %v, want ErrCrossSlot with both keys", err)
				}
			}
			s.absent(t, "user:42:age")
			s.absent(t, "user:42:name")
		},
	},
}

// transact runs ops as one transaction.
func (s *suite) transact(ctx context.Context, ops ...backend.Op) error {
	return backend.Transact(ctx, s.Backend, ops...)
}

// commit runs a transaction that may not fail.
func (s *suite) commit(t testing.TB, ops ...backend.Op) {
	t.Helper()
	if err := errors.Join(s.transact(t.Context(), ops...), backend.FirstErr(ops)); err != nil {
		t.Fatalf("Transact: %v", err)
	}
}

// tryCommit runs a transaction from any goroutine: it reports an error and goes
// on.
func (s *suite) tryCommit(t testing.TB, ops ...backend.Op) {
	t.Helper()
	if err := s.transact(t.Context(), ops...); err != nil {
		t.Errorf("Transact: %v", err)
	}
}

// numberOf is the value of a Get that holds digits; -1 where it does not.
func numberOf(get *backend.Get) int {
	n, err := strconv.Atoi(string(get.Value))
	if err != nil {
		return -1
	}
	return n
}
