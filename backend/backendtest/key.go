package backendtest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redisimnest/rin/backend"
)

var deleteCases = []testCase{
	{
		name: "delete",
		rule: "Delete removes a key and says whether it was there.",
		run: func(t *testing.T, s *suite) {
			s.put(t, "k", "v")
			s.put(t, "kk", "v")
			if del := do(t, s, &backend.Delete{Key: "k"}); !del.Deleted {
				t.Error("Delete of a key that is there: not deleted")
			}
			s.absent(t, "k")
			s.holds(t, "kk", "v")
			if del := do(t, s, &backend.Delete{Key: "k"}); del.Deleted {
				t.Error("Delete of an absent key: deleted")
			}
		},
	},
	{
		name: "delete forgets the expiry",
		rule: "A key that was deleted and is written again has none of its old expiry.",
		run: func(t *testing.T, s *suite) {
			s.putFor(t, "k", "v", hour)
			do(t, s, &backend.Delete{Key: "k"})
			do(t, s, &backend.Set{Key: "k", KeepTTL: true})
			s.lasts(t, "k", 0)
		},
	},
}

var existsCases = []testCase{
	{
		name: "exists",
		rule: "Exists says whether a key is there; an empty value is one.",
		run: func(t *testing.T, s *suite) {
			s.put(t, "empty", "")
			if exists := do(t, s, &backend.Exists{Key: "empty"}); !exists.Found {
				t.Error("Exists of an empty value: not found")
			}
			if exists := do(t, s, &backend.Exists{Key: "absent"}); exists.Found {
				t.Error("Exists of an absent key: found")
			}
		},
	},
}

var persistCases = []testCase{
	{
		name: "persist",
		rule: "Persist removes a key's expiry; it is not applied where the key is not there or does not expire.",
		run: func(t *testing.T, s *suite) {
			s.putFor(t, "hour", "v", hour)
			s.put(t, "forever", "v")
			for key, want := range map[string]bool{"hour": true, "forever": false, "absent": false} {
				if persist := do(t, s, &backend.Persist{Key: key}); persist.Applied != want {
					t.Errorf("Persist %q: applied %t, want %t", key, persist.Applied, want)
				}
			}
			s.holds(t, "hour", "v")
			s.lasts(t, "hour", 0)
			s.lasts(t, "forever", 0)
			s.absent(t, "absent")
		},
	},
}

var ttlCases = []testCase{
	{
		name: "ttl",
		rule: "TTL tells a key that is absent from one that does not expire, and that from one that does.",
		run: func(t *testing.T, s *suite) {
			s.put(t, "forever", "v")
			s.putFor(t, "hour", "v", hour)
			s.lasts(t, "forever", 0)
			s.lasts(t, "hour", hour)
			s.absent(t, "absent")
		},
	},
	{
		name: "ttl runs down",
		rule: "Remaining is what is left of the expiry now, not what was set.",
		run: func(t *testing.T, s *suite) {
			s.putFor(t, "k", "v", hour)
			s.Elapse(t, moment)
			ttl := do(t, s, &backend.TTL{Key: "k"})
			if want := hour - moment; ttl.Remaining > want {
				t.Errorf("TTL after %v = %v, want at most %v", moment, ttl.Remaining, want)
			}
			s.lasts(t, "k", hour)
		},
	},
	{
		name: "ttl is whole milliseconds",
		rule: "Remaining is at least a millisecond, and a whole number of them, also where less is left: zero means that the key does not expire.",
		run: func(t *testing.T, s *suite) {
			for i := range 50 {
				s.putFor(t, "k", "v", time.Duration(1+i%3)*time.Millisecond)
				s.checkRemaining(t, "k")
				s.Elapse(t, 300*time.Microsecond)
				s.checkRemaining(t, "k")
			}
		},
	},
	{
		name: "ttl of an age",
		rule: "Remaining is at least a millisecond also where the expiry is further off than a Duration reaches.",
		run: func(t *testing.T, s *suite) {
			do(t, s, &backend.Set{Key: "k", ExpireAt: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)})
			const century = 100 * 365 * 24 * hour
			if ttl := do(t, s, &backend.TTL{Key: "k"}); !ttl.Found || ttl.Remaining < century {
				t.Errorf("TTL of a key that expires in 9999 = %v, found %t", ttl.Remaining, ttl.Found)
			}
		},
	},
	{
		name: "expired",
		rule: "A key that has expired is absent to every op that needs it to be there, but to MemoryUsage.",
		run: func(t *testing.T, s *suite) {
			ops := slices.DeleteFunc(s.ops(), func(o Op) bool { return o.Needs != Present || o.Stale })
			for _, o := range ops {
				s.putFor(t, o.Name, before, moment)
			}
			s.Elapse(t, 2*moment)
			for _, o := range ops {
				s.refuses(t, o.Name, o.New(o.Name))
			}
		},
	},
	{
		name: "expired and written again",
		rule: "A Set creates a key that has expired: IfAbsent applies, there is no old value, and no expiry to keep.",
		run: func(t *testing.T, s *suite) {
			s.putFor(t, "absent", "old", moment)
			s.putFor(t, "keep", "old", moment)
			s.Elapse(t, 2*moment)

			nx := do(t, s, &backend.Set{Key: "absent", Value: []byte("new"), Cond: backend.IfAbsent})
			if !nx.Applied {
				t.Error("IfAbsent: not applied")
			}
			s.holds(t, "absent", "new")
			s.lasts(t, "absent", 0)
			s.putFor(t, "swap", "old", moment)
			s.Elapse(t, 2*moment)
			swap := do(t, s, &backend.CompareAndSwap{Key: "swap", Absent: true, Value: []byte("new"), KeepTTL: true})
			if !swap.Applied {
				t.Error("CompareAndSwap with Absent: not applied")
			}
			s.lasts(t, "swap", 0)
			keep := do(t, s, &backend.Set{Key: "keep", Value: []byte("new"), KeepTTL: true, TTL: hour, ReturnOld: true})
			if keep.OldFound || len(keep.Old) != 0 {
				t.Errorf("Old = %q, found %t; want none", keep.Old, keep.OldFound)
			}
			s.lasts(t, "keep", hour)
		},
	},
}

var expireCases = []testCase{
	{
		name: "expire",
		rule: "Expire sets when a key expires, whether it expired before or not, later or sooner, and leaves its value.",
		run: func(t *testing.T, s *suite) {
			s.put(t, "forever", "v")
			s.putFor(t, "sooner", "v", hour)
			s.putFor(t, "later", "v", 3*hour)
			for _, key := range []string{"forever", "sooner", "later"} {
				for _, op := range []*backend.Expire{
					{Key: key, TTL: 2 * hour},
					{Key: key, ExpireAt: s.in(2 * hour)},
				} {
					if do(t, s, op); !op.Applied {
						t.Errorf("Expire %q: not applied", key)
					}
					s.holds(t, key, "v")
					s.lasts(t, key, 2*hour)
				}
			}
		},
	},
	{
		name: "expire happens",
		rule: "A key is gone when its TTL has passed, whichever op set it; one whose expiry was moved or removed is not.",
		run: func(t *testing.T, s *suite) {
			s.all(t,
				&backend.Set{Key: "set", TTL: moment},
				&backend.Set{Key: "get"}, &backend.Get{Key: "get", TTL: moment},
				&backend.Set{Key: "expire"}, &backend.Expire{Key: "expire", TTL: moment},
				&backend.Set{Key: "at", ExpireAt: s.in(moment)},
				&backend.Set{Key: "moved", Value: []byte("v"), TTL: hour}, &backend.Expire{Key: "moved", TTL: 2 * hour},
				&backend.Set{Key: "persisted", Value: []byte("v"), TTL: hour}, &backend.Persist{Key: "persisted"},
			)
			s.Elapse(t, 2*moment)
			for _, key := range []string{"set", "get", "expire", "at"} {
				s.absent(t, key)
			}
			s.lasts(t, "moved", 2*hour)
			s.lasts(t, "persisted", 0)
		},
	},
	{
		name: "expire in the past",
		rule: "An ExpireAt that is not after the store's own time deletes the key; the Expire was applied.",
		run: func(t *testing.T, s *suite) {
			for name, at := range pasts(s) {
				s.put(t, name, "v")
				if expire := do(t, s, &backend.Expire{Key: name, ExpireAt: at}); !expire.Applied {
					t.Errorf("Expire with ExpireAt %s: not applied", name)
				}
				s.absent(t, name)
			}
		},
	},
	{
		name: "expire absent",
		rule: "Expire is not applied where the key is not there, and does not create it.",
		run: func(t *testing.T, s *suite) {
			s.refuses(t, "k", &backend.Expire{Key: "k", TTL: hour})
			s.refuses(t, "k", &backend.Expire{Key: "k", ExpireAt: s.in(hour)})
			s.refuses(t, "k", &backend.Expire{Key: "k", ExpireAt: s.in(-hour)})
		},
	},
}

var expireTimeCases = []testCase{
	{
		name: "expire time",
		rule: "ExpireTime tells a key that is absent from one that does not expire, and of one that does it tells the moment.",
		run: func(t *testing.T, s *suite) {
			s.put(t, "forever", "v")
			s.putFor(t, "hour", "v", hour)
			s.refuses(t, "absent", &backend.ExpireTime{Key: "absent"})
			forever, inAnHour := &backend.ExpireTime{Key: "forever"}, &backend.ExpireTime{Key: "hour"}
			s.all(t, forever, inAnHour)
			if !forever.Found || !forever.At.IsZero() {
				t.Errorf("of a key that does not expire: %v, found %t", forever.At, forever.Found)
			}
			if left := inAnHour.At.Sub(s.in(0)); !inAnHour.Found || !about(left, hour) {
				t.Errorf("of a key that expires in an hour: %v, which is in %v, found %t", inAnHour.At, left, inAnHour.Found)
			}
		},
	},
	{
		name: "expire time is that of ExpireAt",
		rule: "At is the moment that an ExpireAt gave, to the millisecond.",
		run: func(t *testing.T, s *suite) {
			at := s.in(hour).Truncate(time.Second).Add(123 * time.Millisecond)
			set, get := &backend.Set{Key: "k", ExpireAt: at.Add(456 * time.Microsecond)}, &backend.ExpireTime{Key: "k"}
			if s.all(t, set, get); !get.At.Equal(at) {
				t.Errorf("ExpireTime = %v, want %v", get.At, at)
			}
		},
	},
}

var memoryCases = []testCase{
	{
		name: "memory usage",
		rule: "MemoryUsage is at least the length of the value; an absent key has none.",
		run: func(t *testing.T, s *suite) {
			const long = 10_000
			s.put(t, "empty", "")
			s.put(t, "long", strings.Repeat("v", long))
			s.refuses(t, "absent", &backend.MemoryUsage{Key: "absent"})
			empty, big := &backend.MemoryUsage{Key: "empty"}, &backend.MemoryUsage{Key: "long"}
			s.all(t, empty, big)
			if !empty.Found || empty.Bytes <= 0 || empty.Bytes >= long {
				t.Errorf("of an empty value: %d, found %t", empty.Bytes, empty.Found)
			}
			if !big.Found || big.Bytes < long {
				t.Errorf("of %d bytes: %d, found %t", long, big.Bytes, big.Found)
			}
		},
	},
}

// checkRemaining checks the form of what a key has left, if it is there still.
func (s *suite) checkRemaining(t *testing.T, key string) {
	t.Helper()
	ttl := do(t, s, &backend.TTL{Key: key})
	if ttl.Found && ttl.Remaining < time.Millisecond || ttl.Remaining%time.Millisecond != 0 {
		t.Errorf("TTL = %v, found %t; want whole milliseconds, at least one", ttl.Remaining, ttl.Found)
	}
}

// refuses checks that op takes its key for absent, and leaves it so.
func (s *suite) refuses(t *testing.T, key string, op backend.Op) {
	t.Helper()
	fresh := copyOf(op)
	if do(t, s, op); answered(op, fresh) {
		t.Errorf("%s on an absent key: %+v", backend.Name(op), op)
	}
	s.absent(t, key)
}
