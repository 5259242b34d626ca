package backendtest

import (
	"testing"
	"time"

	"github.com/redisimnest/rin/backend"
)

// leasesOf is where the cases put the leases of a key.
func leasesOf(key string) string { return backend.Sibling(key, "leases") }

// keptOf is where the cases keep the value of a key for longer.
func keptOf(key string) string { return backend.Sibling(key, "kept") }

func fillOps() []Op {
	return ofKind(
		backend.KindString,
		Op{
			Name: "claim", Effect: backend.Write, Needs: Absent, Changes: leasesOf,
			New: func(key string) backend.Op {
				return &backend.Claim{Key: key, Leases: leasesOf(key), Token: old(), TTL: hour}
			},
			Reason: "the second one comes later",
			Rule:   "Claim takes a lease where there is no value, and only there.",
		},
		Op{
			Name: "fill", Effect: backend.Write, Needs: Absent,
			First: func(key string) backend.Op { return leased(leasesOf(key)) },
			New: func(key string) backend.Op {
				return &backend.Fill{Key: key, Leases: leasesOf(key), Token: old(), Value: changed(), TTL: hour}
			},
			Reason: "the second one has no lease",
			Rule:   "Fill stores where there was no value and is none, and only there.",
		},
	)
}

var fillCases = []testCase{
	{
		name: "claim",
		rule: "A Claim reads the value, or takes a lease where there is none; a Claim with Anew does both, and learns when the value expires.",
		run: func(t *testing.T, s *suite) {
			s.stands(t)
			if o := s.claim(t, backend.Claim{Token: []byte("a")}); !o.Claimed || o.Found || o.Nothing || o.ExpireAt != 0 || o.Left != 0 {
				t.Errorf("Claim of nothing = %+v, want only Claimed", o)
			}
			s.lasts(t, leasesOf("k"), hour)
			for _, ttl := range []time.Duration{0, 2 * hour} {
				s.putFor(t, "k", "v", ttl)
				if o := s.claim(t, backend.Claim{Token: []byte("+b")}); o.Claimed || !o.Found || string(o.Value) != "v" || o.ExpireAt != 0 {
					t.Errorf("Claim of a value for %v = %+v, want the value", ttl, o)
				}
				at := do(t, s, &backend.ExpireTime{Key: "k"}).At
				o := s.claim(t, backend.Claim{Token: []byte("a"), Anew: true})
				if !o.Claimed || !o.Found || string(o.Value) != "v" || ttl > 0 && o.ExpireAt != at.UnixMilli() {
					t.Errorf("Claim, anew, of a value until %v = %+v", at, o)
				}
			}
		},
	},
	{
		name: "claim of one",
		rule: "A Claim is kept out by the lease of another token, learns how long that takes at most, and takes one when that has ended or was given back.",
		run: func(t *testing.T, s *suite) {
			s.claims(t, "a", hour)
			if o := s.claim(t, backend.Claim{Token: []byte("b")}); o.Claimed || !about(o.Left, hour) {
				t.Errorf("Claim beside another = %+v, want to wait for an hour", o)
			}
			s.claims(t, "a", moment)
			s.Elapse(t, 2*moment)
			s.claims(t, "b", 2*hour)
			s.lasts(t, leasesOf("k"), 2*hour)
			do(t, s, &backend.ZRem{Key: leasesOf("k"), Members: [][]byte{[]byte("b")}})
			s.claims(t, "c", hour)
		},
	},
	{
		name: "claim of many",
		rule: "A token that begins with + neither keeps another out nor is kept out.",
		run: func(t *testing.T, s *suite) {
			s.claims(t, "+a", 2*hour)
			s.claims(t, "+b", hour)
			s.claims(t, "c", hour)
			s.claims(t, "+d", hour)
			s.lasts(t, leasesOf("k"), 2*hour)
			if o := s.claim(t, backend.Claim{Token: []byte("e")}); o.Claimed || !about(o.Left, hour) {
				t.Errorf("Claim beside one that keeps out = %+v, want to wait for an hour", o)
			}
		},
	},
	{
		name: "claim reads what was kept",
		rule: "A Claim reads the value at Kept where the value itself is not there.",
		run: func(t *testing.T, s *suite) {
			s.put(t, keptOf("k"), "old")
			if o := s.claim(t, backend.Claim{Token: []byte("a"), Kept: keptOf("k")}); !o.Claimed || !o.OldFound || string(o.Old) != "old" {
				t.Errorf("Claim = %+v, want Old", o)
			}
			if o := s.claim(t, backend.Claim{Token: []byte("b"), Kept: keptOf("k")}); o.Claimed || !o.OldFound {
				t.Errorf("Claim that is kept out = %+v, want Old", o)
			}
			s.put(t, "k", "v")
			if o := s.claim(t, backend.Claim{Token: []byte("a"), Kept: keptOf("k")}); o.OldFound {
				t.Errorf("Claim of a value = %+v, want no Old", o)
			}
		},
	},
	{
		name: "fill",
		rule: "A Fill whose Token has its lease stores the value with its TTL, and at Kept with another, and takes back its lease and those of all others.",
		run: func(t *testing.T, s *suite) {
			for _, ttl := range []time.Duration{0, hour} {
				do(t, s, &backend.Delete{Key: "k"})
				s.claims(t, "+b", hour)
				s.claims(t, "a", hour)
				s.fills(t, backend.Fill{TTL: ttl, Kept: keptOf("k"), KeptTTL: 2 * ttl}, true)
				s.holds(t, "k", "new")
				s.lasts(t, "k", ttl)
				s.holds(t, keptOf("k"), "new")
				s.lasts(t, keptOf("k"), 2*ttl)
				do(t, s, &backend.Delete{Key: "k"})
				s.absent(t, leasesOf("k"))
				s.fills(t, backend.Fill{TTL: ttl}, false)
			}
		},
	},
	{
		name: "fill without the lease",
		rule: "A Fill changes nothing where its Token has no lease, or one that has ended, or the leases were deleted.",
		run: func(t *testing.T, s *suite) {
			s.fills(t, backend.Fill{}, false)
			s.claims(t, "b", hour)
			s.fills(t, backend.Fill{}, false)
			do(t, s, &backend.Delete{Key: leasesOf("k")})
			s.claims(t, "a", hour)
			do(t, s, &backend.Delete{Key: leasesOf("k")})
			s.fills(t, backend.Fill{}, false)
			s.claims(t, "+b", hour)
			s.claims(t, "a", moment)
			s.Elapse(t, 2*moment)
			s.fills(t, backend.Fill{Kept: keptOf("k")}, false)
			s.absent(t, "k")
			s.absent(t, keptOf("k"))
		},
	},
	{
		name: "fill of what has changed",
		rule: "A Fill changes nothing where the key holds anything but what was seen, or the same until another time.",
		run: func(t *testing.T, s *suite) {
			s.stands(t)
			s.claims(t, "a", hour)
			s.putFor(t, "k", "v", hour)
			s.fills(t, backend.Fill{}, false)
			s.holds(t, "k", "v")

			for _, change := range []backend.Op{
				&backend.Set{Key: "k", Value: []byte("w"), KeepTTL: true}, &backend.Set{Key: "k", Value: []byte("v"), TTL: 2 * hour},
				&backend.Set{Key: "k", Value: []byte("v")}, &backend.Delete{Key: "k"},
			} {
				s.putFor(t, "k", "v", hour)
				seen := s.claim(t, backend.Claim{Token: []byte("a"), Anew: true}).Seen()
				do(t, s, change)
				s.fills(t, backend.Fill{Seen: seen}, false)
			}
			s.absent(t, "k")

			for _, ttl := range []time.Duration{0, hour} {
				s.putFor(t, "k", "v", ttl)
				s.fills(t, backend.Fill{Seen: s.claim(t, backend.Claim{Token: []byte("a"), Anew: true}).Seen(), TTL: hour}, true)
				s.holds(t, "k", "new")
				s.lasts(t, "k", hour)
			}
		},
	},
	{
		name: "fill with nothing",
		rule: "A Fill with Nothing stores no value. For so long a Claim learns that there is none, unless a value was written since or the leases were deleted.",
		run: func(t *testing.T, s *suite) {
			s.claims(t, "a", hour)
			s.fills(t, backend.Fill{Nothing: 2 * hour}, true)
			s.absent(t, "k")
			s.lasts(t, leasesOf("k"), 2*hour)
			if o := s.claim(t, backend.Claim{Token: []byte("b")}); o.Claimed || o.Found || !o.Nothing {
				t.Errorf("Claim = %+v, want Nothing", o)
			}
			s.put(t, "k", "v")
			if o := s.claim(t, backend.Claim{Token: []byte("b")}); o.Claimed || !o.Found || o.Nothing {
				t.Errorf("Claim of a value that was written since = %+v, want it", o)
			}
			do(t, s, &backend.Delete{Key: "k"})
			do(t, s, &backend.Delete{Key: leasesOf("k")})
			s.claims(t, "a", hour)
			s.fills(t, backend.Fill{Nothing: moment}, true)
			s.Elapse(t, 2*moment)
			s.claims(t, "a", hour)
			do(t, s, &backend.Delete{Key: leasesOf("k")})
			s.fills(t, backend.Fill{Nothing: hour}, false)
			s.absent(t, leasesOf("k"))
		},
	},
	{
		name: "fill with a failure",
		rule: "A Fill with Failed stores no value. For so long a Claim learns of it, if there is a value at Kept, and takes no lease; one without Kept does.",
		run: func(t *testing.T, s *suite) {
			for _, held := range []string{"", "+b"} {
				s.put(t, keptOf("k"), "old")
				if held != "" {
					s.claims(t, held, 2*hour)
				}
				s.claims(t, "a", hour)
				s.fills(t, backend.Fill{Failed: moment}, true)
				s.absent(t, "k")
				s.holds(t, keptOf("k"), "old")
				if o := s.claim(t, backend.Claim{Token: []byte("c"), Kept: keptOf("k")}); o.Claimed || !o.Failed || string(o.Old) != "old" {
					t.Errorf("Claim = %+v, want Failed, and Old", o)
				}
				s.claims(t, "a", hour)
				do(t, s, &backend.ZRem{Key: leasesOf("k"), Members: [][]byte{[]byte("a")}})
				s.Elapse(t, 2*moment)
				if o := s.claim(t, backend.Claim{Token: []byte("c"), Kept: keptOf("k")}); !o.Claimed || o.Failed {
					t.Errorf("Claim after that = %+v, want a lease", o)
				}
				do(t, s, &backend.Delete{Key: leasesOf("k")})
			}
			s.fills(t, backend.Fill{Failed: hour}, false)
			s.absent(t, leasesOf("k"))
		},
	},
}

// stands has the clock of a store that is wound by hand stand still from now on. In a store
// whose keys don't come nearer to their expiry while its clock goes on, they expire at another
// time at each moment.
func (s *suite) stands(t *testing.T) { s.Elapse(t, time.Millisecond) }

// claim carries out a Claim for k, of an hour if it says no other TTL.
func (s *suite) claim(t *testing.T, o backend.Claim) *backend.Claim {
	t.Helper()
	if o.Key, o.Leases = "k", leasesOf("k"); o.TTL == 0 {
		o.TTL = hour
	}
	return do(t, s, &o)
}

// claims takes a lease that can be had.
func (s *suite) claims(t *testing.T, token string, ttl time.Duration) {
	t.Helper()
	if o := s.claim(t, backend.Claim{Token: []byte(token), TTL: ttl}); !o.Claimed || o.Left != 0 {
		t.Errorf("Claim for %q: claimed %t, left %v", token, o.Claimed, o.Left)
	}
}

// fills checks whether "a" can fill k with "new".
func (s *suite) fills(t *testing.T, o backend.Fill, want bool) {
	t.Helper()
	o.Key, o.Leases, o.Token, o.Value = "k", leasesOf("k"), []byte("a"), []byte("new")
	if do(t, s, &o); o.Applied != want {
		t.Errorf("Fill: applied %t, want %t", o.Applied, want)
	}
}
