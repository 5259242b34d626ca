package backendtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/redisimnest/rin/backend"
)

var setCases = []testCase{
	{
		name: "set replaces",
		rule: "Set writes a value whether the key is there or not, and says that it was written.",
		run: func(t *testing.T, s *suite) {
			s.put(t, "k", "old")
			s.put(t, "k", "new")
			s.holds(t, "k", "new")
		},
	},
	{
		name: "set clears the expiry",
		rule: "A Set with neither TTL nor ExpireAt nor KeepTTL leaves a key that does not expire.",
		run: func(t *testing.T, s *suite) {
			s.putFor(t, "k", "old", hour)
			s.put(t, "k", "new")
			s.lasts(t, "k", 0)
		},
	},
	{
		name: "set with a TTL",
		rule: "A Set's TTL is what the key has left from now on, whatever it had before.",
		run: func(t *testing.T, s *suite) {
			s.putFor(t, "k", "v", 3*hour)
			s.lasts(t, "k", 3*hour)
			s.putFor(t, "k", "v", 2*hour)
			s.lasts(t, "k", 2*hour)
		},
	},
	{
		name: "set with an ExpireAt",
		rule: "A Set's ExpireAt is when the key expires, by the store's own time.",
		run: func(t *testing.T, s *suite) {
			do(t, s, &backend.Set{Key: "k", Value: []byte("v"), ExpireAt: s.in(2 * hour)})
			s.holds(t, "k", "v")
			s.lasts(t, "k", 2*hour)
		},
	},
	{
		name: "set with a past ExpireAt",
		rule: "A value set with an ExpireAt that is not after the store's own time is gone at once, and so is what was there; the Set was applied.",
		run: func(t *testing.T, s *suite) {
			for name, at := range pasts(s) {
				s.put(t, name, "old")
				set := do(t, s, &backend.Set{Key: name, Value: []byte("new"), ExpireAt: at})
				if !set.Applied {
					t.Errorf("Set with ExpireAt %s: not applied", name)
				}
				s.absent(t, name)
			}
		},
	},
	{
		name: "set keeps the expiry",
		rule: "KeepTTL leaves a key that is there the expiry it has, none included.",
		run: func(t *testing.T, s *suite) {
			s.put(t, "forever", "old")
			s.putFor(t, "hour", "old", hour)
			for _, key := range []string{"forever", "hour", "absent"} {
				do(t, s, &backend.Set{Key: key, Value: []byte("new"), KeepTTL: true})
				s.holds(t, key, "new")
			}
			s.lasts(t, "forever", 0)
			s.lasts(t, "hour", hour)
			s.lasts(t, "absent", 0)
		},
	},
	{
		name: "set keeps the expiry or gives one",
		rule: "With KeepTTL, TTL or ExpireAt counts only where the key is created.",
		run: func(t *testing.T, s *suite) {
			s.put(t, "forever", "old")
			s.putFor(t, "hour", "old", hour)
			for _, key := range []string{"forever", "hour", "absent"} {
				do(t, s, &backend.Set{Key: key, Value: []byte("new"), KeepTTL: true, TTL: 2 * hour})
				s.holds(t, key, "new")
			}
			s.lasts(t, "forever", 0)
			s.lasts(t, "hour", hour)
			s.lasts(t, "absent", 2*hour)
		},
	},
	{
		name: "set if absent",
		rule: "IfAbsent sets only a key that is not there; Applied says whether it did.",
		run: func(t *testing.T, s *suite) {
			s.putFor(t, "there", "old", hour)
			if set := do(t, s, &backend.Set{Key: "there", Value: []byte("new"), Cond: backend.IfAbsent}); set.Applied {
				t.Error("applied to a key that is there")
			}
			s.holds(t, "there", "old")
			s.lasts(t, "there", hour)
			if set := do(t, s, &backend.Set{Key: "absent", Value: []byte("new"), Cond: backend.IfAbsent}); !set.Applied {
				t.Error("not applied to an absent key")
			}
			s.holds(t, "absent", "new")
		},
	},
	{
		name: "set if present",
		rule: "IfPresent sets only a key that is there; Applied says whether it did.",
		run: func(t *testing.T, s *suite) {
			s.put(t, "there", "old")
			if set := do(t, s, &backend.Set{Key: "there", Value: []byte("new"), Cond: backend.IfPresent}); !set.Applied {
				t.Error("not applied to a key that is there")
			}
			s.holds(t, "there", "new")
			if set := do(t, s, &backend.Set{Key: "absent", Value: []byte("new"), Cond: backend.IfPresent}); set.Applied {
				t.Error("applied to an absent key")
			}
			s.absent(t, "absent")
		},
	},
	{
		name: "set returns the old value",
		rule: "ReturnOld gives the value that was there before, whether or not it was replaced; an empty one was there too.",
		run: func(t *testing.T, s *suite) {
			s.put(t, "there", "old")
			s.put(t, "empty", "")
			for _, cond := range conds {
				refused := do(t, s, &backend.Set{Key: "there", Value: []byte("old"), Cond: cond, ReturnOld: true})
				if string(refused.Old) != "old" || !refused.OldFound {
					t.Errorf("Old with Cond %d = %q, found %t; want %q", cond, refused.Old, refused.OldFound, "old")
				}
			}
			if set := do(t, s, &backend.Set{Key: "empty", ReturnOld: true}); len(set.Old) != 0 || !set.OldFound {
				t.Errorf("Old of an empty value = %q, found %t", set.Old, set.OldFound)
			}
			if set := do(t, s, &backend.Set{Key: "absent", ReturnOld: true}); len(set.Old) != 0 || set.OldFound || !set.Applied {
				t.Errorf("Old of an absent key = %q, found %t, applied %t", set.Old, set.OldFound, set.Applied)
			}
		},
	},
	{
		name: "set in every combination",
		rule: "Cond, ReturnOld and the expiry are independent of each other: a Set is one atomic step that heeds all of them.",
		run:  func(t *testing.T, s *suite) { s.setMatrix(t) },
	},
}

var conds = []backend.Cond{backend.Always, backend.IfAbsent, backend.IfPresent}

// pasts are times before the store's, as far before as a server's clock, which
// counts milliseconds, can tell.
func pasts(s *suite) map[string]time.Time {
	return map[string]time.Time{
		"just past":   s.in(-moment),
		"an hour ago": s.in(-hour),
		"in 1970":     time.Unix(0, 0),
		"in 1900":     time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC),
	}
}

// state is what a key holds, as the plain model of [backend.Set] has it.
type state struct {
	found bool
	value string
	left  time.Duration // about; zero: it does not expire
}

// expiry is how a write of a matrix gives its expiry.
type expiry struct {
	ttl, at time.Duration // at is from now
	keep    bool
}

func (e expiry) String() string {
	return fmt.Sprintf("TTL %v, ExpireAt now%+v, KeepTTL %t", e.ttl, e.at, e.keep)
}

var expiries = []expiry{
	{},
	{ttl: 2 * hour},
	{at: 2 * hour},
	{at: -hour},
	{keep: true},
	{keep: true, ttl: 2 * hour},
	{keep: true, at: 2 * hour},
	{keep: true, at: -hour},
}

// setRow is one combination of the matrix.
type setRow struct {
	key       string
	before    state
	cond      backend.Cond
	returnOld bool
	expiry    expiry
}

func (r setRow) String() string {
	return fmt.Sprintf("Set on %+v with Cond %d, ReturnOld %t, %v", r.before, r.cond, r.returnOld, r.expiry)
}

func setRows() (rows []setRow) {
	befores := []state{{}, {true, "old", 0}, {true, "old", hour}}
	for _, before := range befores {
		for _, cond := range conds {
			for _, e := range expiries {
				for _, returnOld := range []bool{false, true} {
					key := fmt.Sprintf("k%d", len(rows))
					rows = append(rows, setRow{key, before, cond, returnOld, e})
				}
			}
		}
	}
	return rows
}

func (s *suite) setMatrix(t *testing.T) {
	for _, row := range setRows() {
		if row.before.found {
			s.putFor(t, row.key, row.before.value, row.before.left)
		}
		set := do(t, s, row.op(s))
		row.check(t, s, set)
	}
}

func (r setRow) op(s *suite) *backend.Set {
	o := &backend.Set{
		Key: r.key, Value: []byte("new"), Cond: r.cond, ReturnOld: r.returnOld,
		TTL: r.expiry.ttl, KeepTTL: r.expiry.keep,
	}
	if r.expiry.at != 0 {
		o.ExpireAt = s.in(r.expiry.at)
	}
	return o
}

func (r setRow) check(t *testing.T, s *suite, got *backend.Set) {
	t.Helper()
	if got.Applied != r.applied() {
		t.Errorf("%v: applied %t, want %t", r, got.Applied, r.applied())
	}
	old := state{}
	if r.returnOld {
		old = r.before
	}
	if got.OldFound != old.found || string(got.Old) != old.value {
		t.Errorf("%v: Old %q, found %t; want %q, %t", r, got.Old, got.OldFound, old.value, old.found)
	}
	if after := s.state(t, r.key); !after.is(r.after()) {
		t.Errorf("%v: left %+v, want %+v", r, after, r.after())
	}
}

// applied is the model's answer to whether the Set is carried out.
func (r setRow) applied() bool {
	return r.cond == backend.Always || (r.cond == backend.IfPresent) == r.before.found
}

// after is the model's answer to what the Set leaves.
func (r setRow) after() state {
	if !r.applied() {
		return r.before
	}
	return r.expiry.leaves(r.before)
}

// leaves is the model's answer to what a write of "new" with this expiry leaves.
func (e expiry) leaves(before state) state {
	switch {
	case e.keep && before.found:
		return state{true, "new", before.left}
	case e.at < 0:
		return state{}
	default:
		return state{true, "new", e.ttl + e.at}
	}
}

// state reads what a key holds: a plain value, or the text of what else it is.
func (s *suite) state(t *testing.T, key string) state {
	t.Helper()
	c, left := contentOf(func(ops ...backend.Op) { s.all(t, ops...) }, key)
	return state{c.found(), c.String(), left}
}

func (got state) is(want state) bool {
	return got.found == want.found && got.value == want.value && about(got.left, want.left)
}
