package backendtest

import (
	"bytes"
	"testing"
	"time"

	"github.com/redisimnest/rin/backend"
)

// leased has the token "v" hold a lease for long, on a key that expires in an hour.
func leased(key string) backend.Op {
	return &backend.ZAdd{
		Key: key, Expiry: backend.Expiry{TTL: hour},
		Members: []backend.Scored{{Member: old(), Score: float64(far.UnixMilli())}},
	}
}

func leaseOps() []Op {
	return ofKind(
		backend.KindSortedSet,
		Op{
			Name: "acquire", Effect: backend.Write, Needs: Either, Holds: leased, Reason: "the second one gives another number",
			New: func(key string) backend.Op {
				return &backend.Acquire{Key: key, Token: fresh(), TTL: 2 * hour, Permits: 2}
			},
			Rule: "Acquire gives a token a lease.",
		},
		Op{
			Name: "prolong", Effect: backend.Write, Holds: leased, Reason: "the second one comes later",
			New: func(key string) backend.Op {
				return &backend.Prolong{Key: key, Token: old(), TTL: 2 * hour, Keep: hour}
			},
			Rule: "Prolong gives a lease another TTL.",
		},
		Op{
			Name: "leases", Holds: leased,
			New:  func(key string) backend.Op { return &backend.Leases{Key: key} },
			Rule: "Leases gives the tokens that have a lease.",
		},
	)
}

var leaseCases = []testCase{
	{
		name: "permits",
		rule: "No more tokens than Permits have a lease at a time; who gets none learns how long it takes at most.",
		run: func(t *testing.T, s *suite) {
			s.acquires(t, "a", 2, hour)
			s.acquires(t, "b", 2, 2*hour)
			s.keepsOut(t, "c", 2, hour)
			s.keepsOut(t, "c", 1, 2*hour) // Both have to end.
			s.held(t, lease("a", hour), lease("b", 2*hour))
			do(t, s, &backend.ZRem{Key: "k", Members: [][]byte{[]byte("a")}})
			s.acquires(t, "c", 2, hour)
			s.held(t, lease("c", hour), lease("b", 2*hour))
		},
	},
	{
		name: "the same token",
		rule: "An Acquire of a token that has a lease gives it a new one, with another number and another TTL, and takes no other permit.",
		run: func(t *testing.T, s *suite) {
			first := s.acquires(t, "a", 1, hour)
			if again := s.acquires(t, "a", 1, 3*hour); again <= first {
				t.Errorf("the number of the second lease is %d, that of the first was %d", again, first)
			}
			s.held(t, lease("a", 3*hour))
			s.lasts(t, "k", 27*hour)
		},
	},
	{
		name: "numbers grow",
		rule: "The number of a lease is greater than those of all before it, though they were given back, taken away, or lost.",
		run: func(t *testing.T, s *suite) {
			last := int64(1)
			for _, between := range []backend.Op{
				&backend.ZRem{Key: "k", Members: [][]byte{[]byte("a")}}, &backend.Delete{Key: "k"},
				&backend.ZAdd{Key: "k", Members: []backend.Scored{{Score: 9007199254740000}}},
				&backend.ZRemRangeByScore{Key: "k", Min: backend.Lowest, Max: backend.Bound{Score: backend.LastLease}},
			} {
				now := s.acquires(t, "a", 1, hour)
				if now <= last {
					t.Errorf("the number %d came after %d", now, last)
				}
				last = now
				do(t, s, between)
				s.Elapse(t, time.Millisecond)
			}
			if now := s.acquires(t, "a", 1, hour); now != 9007199254740002 {
				t.Errorf("the number is %d, the second one after a last number of 9007199254740000", now)
			}
		},
	},
	{
		name: "a lease ends",
		rule: "A lease that has ended leaves room for another, is not prolonged, and is not among Leases.",
		run: func(t *testing.T, s *suite) {
			s.acquires(t, "a", 2, moment)
			s.acquires(t, "b", 2, hour)
			s.keepsOut(t, "c", 2, moment)
			s.Elapse(t, 2*moment)
			s.held(t, lease("b", hour))
			s.prolongs(t, "a", false)
			s.acquires(t, "c", 2, 2*hour)
			s.held(t, lease("b", hour), lease("c", 2*hour))
			s.lasts(t, "k", 26*hour)
		},
	},
	{
		name: "waiting",
		rule: "An Acquire that waits and gets no lease leaves Waiting there for Wait, which keeps nobody out and is no lease; one that gets a lease, or does not wait, leaves nothing.",
		run: func(t *testing.T, s *suite) {
			wait := func(token string, d time.Duration) {
				do(t, s, &backend.Acquire{Key: "k", Token: []byte(token), TTL: hour, Permits: 2, Wait: d})
			}
			waits := func() (waits bool) {
				return do(t, s, &backend.ZRem{Key: "k", Members: [][]byte{[]byte(backend.Waiting)}}).Removed == 1
			}
			wait("a", hour)
			wait("b", hour)
			s.keepsOut(t, "c", 2, hour)
			if waits() {
				t.Error("it is noted that somebody waits, though nobody does")
			}
			wait("c", hour)
			s.held(t, lease("a", hour), lease("b", hour))
			if !waits() || waits() {
				t.Error("it is not noted once that c waits")
			}
			wait("c", moment)
			s.Elapse(t, 2*moment)
			do(t, s, &backend.ZRem{Key: "k", Members: [][]byte{[]byte("a")}})
			s.acquires(t, "c", 2, hour)
			if waits() {
				t.Error("it is noted that somebody waits, though Wait is over")
			}
		},
	},
	{
		name: "prolong",
		rule: "Prolong gives the lease another TTL, longer or shorter, and the key lives for Keep longer than the last one; a token without a lease gets none.",
		run: func(t *testing.T, s *suite) {
			s.prolongs(t, "a", false)
			s.absent(t, "k")
			s.acquires(t, "a", 2, hour)
			s.acquires(t, "b", 2, 2*hour)
			s.prolongs(t, "a", true)
			s.held(t, lease("b", 2*hour), lease("a", 3*hour))
			s.lasts(t, "k", 27*hour)
			s.prolongs(t, "c", false)
			s.held(t, lease("b", 2*hour), lease("a", 3*hour))
		},
	},
}

func lease(token string, left time.Duration) backend.Lease {
	return backend.Lease{Token: []byte(token), Left: left}
}

func (s *suite) acquire(t *testing.T, token string, permits int64, ttl time.Duration) *backend.Acquire {
	t.Helper()
	return do(t, s, &backend.Acquire{Key: "k", Token: []byte(token), TTL: ttl, Permits: permits})
}

// acquires takes a lease that can be had, and returns its number.
func (s *suite) acquires(t *testing.T, token string, permits int64, ttl time.Duration) int64 {
	t.Helper()
	o := s.acquire(t, token, permits, ttl)
	if !o.Acquired || o.Number == 0 || o.Left != 0 {
		t.Errorf("Acquire for %q, of %d permits: acquired %t, number %d, left %v", token, permits, o.Acquired, o.Number, o.Left)
	}
	return o.Number
}

// keepsOut asks for a lease that can't be had before about left has passed.
func (s *suite) keepsOut(t *testing.T, token string, permits int64, left time.Duration) {
	t.Helper()
	o := s.acquire(t, token, permits, hour)
	if o.Acquired || o.Number != 0 || !about(o.Left, left) {
		t.Errorf("Acquire for %q, of %d permits: acquired %t, number %d, left %v; want none for %v", token, permits, o.Acquired, o.Number, o.Left, left)
	}
}

// prolongs checks whether a token's lease can be made one of three hours.
func (s *suite) prolongs(t *testing.T, token string, want bool) {
	t.Helper()
	if o := do(t, s, &backend.Prolong{Key: "k", Token: []byte(token), TTL: 3 * hour, Keep: 24 * hour}); o.Prolonged != want {
		t.Errorf("Prolong %q: prolonged %t", token, o.Prolonged)
	}
}

// held checks who has leases, and for how long.
func (s *suite) held(t *testing.T, want ...backend.Lease) {
	t.Helper()
	got := do(t, s, &backend.Leases{Key: "k"}).Held
	if len(got) != len(want) {
		t.Errorf("Leases = %v, want %v", got, want)
		return
	}
	for i := range got {
		if !bytes.Equal(got[i].Token, want[i].Token) || !about(got[i].Left, want[i].Left) {
			t.Errorf("lease %d is of %q, for %v; want %q, for about %v", i, got[i].Token, got[i].Left, want[i].Token, want[i].Left)
		}
	}
}
