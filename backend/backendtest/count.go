package backendtest

import (
	"testing"

	"github.com/redisimnest/rin/backend"
)

var countCases = []testCase{{
	name: "out of bounds",
	rule: "What would leave the bounds is refused, and changes nothing: also where nothing is added to a number that lies outside of them.",
	run: func(t *testing.T, s *suite) {
		do(t, s, &backend.Set{Key: "n", Value: []byte("7"), TTL: hour})
		do(t, s, &backend.HSet{Key: "h", Pairs: [][]byte{[]byte("f"), []byte("7")}, Expiry: backend.Expiry{TTL: hour}})
		for _, by := range []int64{0, 1, -1, -9} {
			for field, was := range map[string]int64{"f": 7, "missing": 0} {
				o := do(t, s, &backend.HIncrBy{Key: "h", Field: []byte(field), By: by, Bounded: true, Min: 100, Max: 200, Expiry: renewed()})
				if o.Applied || o.Now != was {
					t.Errorf("HIncrBy of %s by %d: applied %t, now %d; want %d as it was", field, by, o.Applied, o.Now, was)
				}
			}
			for key, was := range map[string]int64{"n": 7, "missing": 0} {
				o := do(t, s, &backend.IncrBy{Key: key, By: by, Bounded: true, Min: 100, Max: 200, Expiry: renewed()})
				if o.Applied || o.Now != was {
					t.Errorf("IncrBy of %s by %d: applied %t, now %d; want %d as it was", key, by, o.Applied, o.Now, was)
				}
			}
		}
		s.holds(t, "n", "7")
		s.lasts(t, "n", hour)
		s.lasts(t, "h", hour)
		s.absent(t, "missing")
		if o := do(t, s, &backend.HExists{Key: "h", Field: []byte("missing")}); o.Found {
			t.Error("the field that was missing is there")
		}
	},
}}
