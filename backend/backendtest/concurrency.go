package backendtest

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redisimnest/rin/backend"
)

// crowdSize is how many goroutines a case about concurrency starts.
const crowdSize = 32

var concurrencyCases = []testCase{
	{
		name: "one creates",
		rule: "IfAbsent is atomic: of many that create a key exactly one is applied, and its value is the key's.",
		run: func(t *testing.T, s *suite) {
			for round := range 10 {
				key := fmt.Sprintf("k%d", round)
				winner := s.one(t, func(i int) bool {
					value := fmt.Appendf(nil, "%d", i)
					return try(t, s, &backend.Set{Key: key, Value: value, Cond: backend.IfAbsent}).Applied
				})
				s.holds(t, key, fmt.Sprint(winner))
			}
		},
	},
	{
		name: "one takes",
		rule: "Take is atomic: of many that take a key exactly one finds it.",
		run: func(t *testing.T, s *suite) {
			for range 10 {
				s.put(t, "k", "v")
				s.one(t, func(int) bool { return try(t, s, &backend.Take{Key: "k"}).Found })
				s.absent(t, "k")
			}
		},
	},
	{
		name: "one deletes",
		rule: "Delete is atomic: of many that delete a key exactly one does.",
		run: func(t *testing.T, s *suite) {
			for range 10 {
				s.put(t, "k", "v")
				s.one(t, func(int) bool { return try(t, s, &backend.Delete{Key: "k"}).Deleted })
			}
		},
	},
	{
		name: "swaps lose nothing",
		rule: "A Set with ReturnOld is atomic: every value that was written is given back once, but for the last, which is there.",
		run: func(t *testing.T, s *suite) {
			const each = 10
			olds := make([][]string, crowdSize)
			s.crowd(func(i int) {
				for j := range each {
					swap := try(t, s, &backend.Set{Key: "k", Value: fmt.Appendf(nil, "%d-%d", i, j), ReturnOld: true})
					olds[i] = append(olds[i], string(swap.Old))
				}
			})
			last := do(t, s, &backend.Get{Key: "k"})

			seen := map[string]int{string(last.Value): 1}
			for _, old := range slices.Concat(olds...) {
				seen[old]++
			}
			if len(seen) != crowdSize*each+1 || seen[""] != 1 {
				t.Errorf("%d values came back for %d that were written and the first, empty one", len(seen), crowdSize*each)
			}
		},
	},
	{
		name: "swaps count",
		rule: "A CompareAndSwap is atomic: of those that count a key up, each at the value that it found, none is lost.",
		run: func(t *testing.T, s *suite) {
			const each = 10
			s.put(t, "k", "0")
			s.crowd(func(int) {
				for range each {
					s.countUp(t, "k")
				}
			})
			s.holds(t, "k", fmt.Sprint(crowdSize*each))
		},
	},
	{
		name: "one compares and deletes",
		rule: "CompareAndDelete is atomic: of many that delete a key exactly one does.",
		run: func(t *testing.T, s *suite) {
			for range 10 {
				s.put(t, "k", "v")
				s.one(t, func(int) bool {
					return try(t, s, &backend.CompareAndDelete{Key: "k", Old: []byte("v")}).Deleted
				})
			}
		},
	},
	{
		name: "one fills",
		rule: "Fill is atomic: of many with the token of a lease exactly one stores its value.",
		run: func(t *testing.T, s *suite) {
			for range 10 {
				do(t, s, &backend.Delete{Key: "k"})
				s.claims(t, "a", hour)
				winner := s.one(t, func(i int) bool {
					return try(t, s, &backend.Fill{
						Key: "k", Value: fmt.Appendf(nil, "%d", i), Leases: leasesOf("k"), Token: []byte("a"),
					}).Applied
				})
				s.holds(t, "k", fmt.Sprint(winner))
			}
		},
	},
	{
		name: "never without its expiry",
		rule: "A Set writes a value together with its expiry, in one atomic step: nobody ever sees the one without the other.",
		run: func(t *testing.T, s *suite) {
			s.neverForever(t,
				backend.Set{TTL: hour},
				backend.Set{ExpireAt: s.in(hour)},
				backend.Set{KeepTTL: true, Cond: backend.IfPresent},
			)
		},
	},
	{
		name: "never created without its expiry",
		rule: "A Set with KeepTTL and a TTL is one atomic step, also where the key comes and goes meanwhile.",
		run: func(t *testing.T, s *suite) {
			s.neverForever(t,
				backend.Set{KeepTTL: true, TTL: hour},
				backend.Set{KeepTTL: true, ExpireAt: s.in(hour)},
				backend.Set{ExpireAt: s.in(-hour)},
			)
		},
	},
	{
		name: "batches of many",
		rule: "A Backend is safe for concurrent use: batches that run at once give each its own answers.",
		run: func(t *testing.T, s *suite) {
			s.crowd(func(i int) {
				key := fmt.Sprintf("k%d", i)
				for j := range 10 {
					value := fmt.Sprintf("%d-%d", i, j)
					set, get := &backend.Set{Key: key, Value: []byte(value)}, &backend.Get{Key: key}
					take, exists := &backend.Take{Key: key}, &backend.Exists{Key: key}
					if err := s.Exec(t.Context(), set, get, take, exists); err != nil {
						t.Errorf("Exec: %v", err)
					}
					if string(get.Value) != value || string(take.Value) != value || exists.Found {
						t.Errorf("%s: Get %q, Take %q, then found %t; want %q twice, false", key, get.Value, take.Value, exists.Found, value)
					}
				}
			})
		},
	},
	{
		name: "scans of many",
		rule: "Scans and writes may run at once; each scan yields every key that is there all along.",
		run: func(t *testing.T, s *suite) {
			want := s.putMany(t, "k", 100)
			s.crowd(func(i int) {
				if i%4 == 0 {
					checkKeys(t, "k", s.tryScan(t, "k"), want)
					return
				}
				for j := range 20 {
					key := fmt.Sprintf("j%d-%d", i, j)
					try(t, s, &backend.Set{Key: key, TTL: hour})
					try(t, s, &backend.Delete{Key: key})
				}
			})
			s.scans(t, "", want...)
		},
	},
}

// crowd calls f from many goroutines at once and waits for all of them.
func (s *suite) crowd(f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range crowdSize {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}

// one calls win from many goroutines at once, and is the only one that did.
func (s *suite) one(t *testing.T, win func(i int) bool) (winner int64) {
	t.Helper()
	var wins atomic.Int64
	s.crowd(func(i int) {
		if win(i) {
			wins.Add(1)
			atomic.StoreInt64(&winner, int64(i))
		}
	})
	if n := wins.Load(); n != 1 {
		t.Errorf("%d of %d say that it was them, want exactly one", n, crowdSize)
	}
	return winner
}

// countUp adds one to the number that the key holds, as often as it takes.
func (s *suite) countUp(t *testing.T, key string) {
	t.Helper()
	now := try(t, s, &backend.Get{Key: key}).Value
	for range 100 * crowdSize {
		n, err := strconv.Atoi(string(now))
		if err != nil {
			t.Errorf("%s holds %q", key, now)
			return
		}
		swap := try(t, s, &backend.CompareAndSwap{Key: key, Old: now, Value: fmt.Appendf(nil, "%d", n+1)})
		if swap.Applied || swap.Err != nil {
			return
		}
		now = swap.Current
	}
	t.Errorf("%s could not be counted up", key)
}

// neverForever has a crowd carry out the sets on a few keys, each in another
// order, and look after each step that no key is there without an expiry.
func (s *suite) neverForever(t *testing.T, sets ...backend.Set) {
	t.Helper()
	s.crowd(func(i int) {
		for step := range 30 {
			set := sets[(i+step)%len(sets)]
			set.Key = fmt.Sprintf("k%d", i%4)
			try(t, s, &set)
			if ttl := try(t, s, &backend.TTL{Key: set.Key}); ttl.Found && ttl.Remaining == 0 {
				t.Errorf("%s is there without an expiry", set.Key)
			}
		}
	})
}

// try executes one op from any goroutine: it reports an error and goes on.
func try[O backend.Op](t testing.TB, s *suite, op O) O {
	t.Helper()
	if err := s.Exec(t.Context(), op); err != nil {
		t.Errorf("%s %q: %v", backend.Name(op), backend.Key(op), err)
	}
	return op
}

// tryScan collects a scan's keys from any goroutine.
func (s *suite) tryScan(t testing.TB, prefix string) (keys []string) {
	t.Helper()
	for page, err := range s.Scan(t.Context(), prefix) {
		if err != nil {
			t.Errorf("Scan %q: %v", prefix, err)
		}
		keys = append(keys, page...)
	}
	return keys
}
