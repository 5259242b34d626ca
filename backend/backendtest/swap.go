package backendtest

import (
	"fmt"
	"testing"

	"github.com/redisimnest/rin/backend"
)

var swapCases = []testCase{
	{
		name: "swap in every combination",
		rule: "A CompareAndSwap writes if the key holds exactly Old, or with Absent if it is not there, and says what is there where it is not; its expiry is that of a Set.",
		run:  func(t *testing.T, s *suite) { s.swapMatrix(t) },
	},
	{
		name: "swap any bytes",
		rule: "A CompareAndSwap compares, writes and gives back bytes, whatever they are.",
		run: func(t *testing.T, s *suite) {
			now := ""
			s.put(t, "k", now)
			for _, next := range []string{"1", "0", "01", "OK", "-ERR", "NX", "a\x00b", "a\x00c", " a", "a ", "\xff\xfe", "\r\n", ""} {
				s.refusesSwap(t, &backend.CompareAndSwap{Key: "k", Old: []byte(now + "?"), Value: []byte("wrong")}, now)
				if swap := do(t, s, &backend.CompareAndSwap{Key: "k", Old: []byte(now), Value: []byte(next)}); !swap.Applied {
					t.Errorf("from %q to %q: not applied", now, next)
				}
				now = next
				s.holds(t, "k", now)
			}
		},
	},
}

// refusesSwap checks that the swap is refused because the key holds current.
func (s *suite) refusesSwap(t *testing.T, swap *backend.CompareAndSwap, current string) {
	t.Helper()
	if do(t, s, swap); swap.Applied || !swap.Found || string(swap.Current) != current {
		t.Errorf("CompareAndSwap %q: applied %t, Current %q, found %t; want it refused for %q",
			swap.Key, swap.Applied, swap.Current, swap.Found, current)
	}
}

// swapRow is one combination of the matrix.
type swapRow struct {
	key    string
	before state
	absent bool
	old    string
	expiry expiry
}

func (r swapRow) String() string {
	return fmt.Sprintf("CompareAndSwap on %+v with Absent %t, Old %q, %v", r.before, r.absent, r.old, r.expiry)
}

func swapRows() (rows []swapRow) {
	befores := []state{{}, {true, "", 0}, {true, "old", 0}, {true, "old", hour}, {true, "older", hour}}
	for _, before := range befores {
		for _, absent := range []bool{false, true} {
			for _, old := range []string{"", "old"} {
				for _, e := range expiries {
					key := fmt.Sprintf("k%d", len(rows))
					rows = append(rows, swapRow{key, before, absent, old, e})
				}
			}
		}
	}
	return rows
}

func (s *suite) swapMatrix(t *testing.T) {
	for _, row := range swapRows() {
		if row.before.found {
			s.putFor(t, row.key, row.before.value, row.before.left)
		}
		row.check(t, s, do(t, s, row.op(s)))
	}
}

func (r swapRow) op(s *suite) *backend.CompareAndSwap {
	o := &backend.CompareAndSwap{
		Key: r.key, Absent: r.absent, Old: []byte(r.old), Value: []byte("new"),
		TTL: r.expiry.ttl, KeepTTL: r.expiry.keep,
	}
	if r.expiry.at != 0 {
		o.ExpireAt = s.in(r.expiry.at)
	}
	return o
}

func (r swapRow) check(t *testing.T, s *suite, got *backend.CompareAndSwap) {
	t.Helper()
	if got.Applied != r.applied() {
		t.Errorf("%v: applied %t, want %t", r, got.Applied, r.applied())
	}
	current := state{}
	if !r.applied() {
		current = r.before
	}
	if got.Found != current.found || string(got.Current) != current.value {
		t.Errorf("%v: Current %q, found %t; want %q, %t", r, got.Current, got.Found, current.value, current.found)
	}
	if after := s.state(t, r.key); !after.is(r.after()) {
		t.Errorf("%v: left %+v, want %+v", r, after, r.after())
	}
}

// applied is the model's answer to whether the swap is carried out.
func (r swapRow) applied() bool {
	if r.absent {
		return !r.before.found
	}
	return r.before.found && r.before.value == r.old
}

// after is the model's answer to what the swap leaves.
func (r swapRow) after() state {
	if !r.applied() {
		return r.before
	}
	return r.expiry.leaves(r.before)
}

var compareAndDeleteCases = []testCase{
	{
		name: "compare and delete",
		rule: "A CompareAndDelete deletes a key if it holds exactly Old, and says what is there where it holds anything else; an absent key holds nothing, not even an empty value.",
		run: func(t *testing.T, s *suite) {
			for _, row := range []struct {
				before, old string
				want        bool
			}{
				{"v", "v", true},
				{"", "", true},
				{"a\x00b", "a\x00b", true},
				{"v", "w", false},
				{"v", "", false},
				{"v", "v ", false},
				{"v", "V", false},
				{"", "v", false},
			} {
				s.put(t, "k", row.before)
				del := do(t, s, &backend.CompareAndDelete{Key: "k", Old: []byte(row.old)})
				if del.Deleted != row.want || del.Found == row.want {
					t.Errorf("%q with Old %q: deleted %t, found %t; want deleted %t, or else found", row.before, row.old, del.Deleted, del.Found, row.want)
				}
				if row.want {
					s.absent(t, "k")
					continue
				}
				s.holds(t, "k", row.before)
				if string(del.Current) != row.before {
					t.Errorf("%q with Old %q: Current %q", row.before, row.old, del.Current)
				}
			}
			s.refuses(t, "absent", &backend.CompareAndDelete{Key: "absent"})
		},
	},
}
