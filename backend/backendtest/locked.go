package backendtest

import (
	"testing"
	"time"

	"github.com/redisimnest/rin/backend"
)

var setLockedCases = []testCase{
	{
		name: "set locked",
		rule: "A SetLocked whose Token is exactly what Lock holds writes the value with its TTL, whatever was there, and deletes Lock.",
		run: func(t *testing.T, s *suite) {
			for _, before := range []state{{}, {true, "old", 0}, {true, "old", 3 * hour}} {
				for _, ttl := range []time.Duration{0, hour} {
					do(t, s, &backend.Delete{Key: "k"})
					if before.found {
						s.putFor(t, "k", before.value, before.left)
					}
					s.lock(t, "k", "a\x00token")
					s.setLocked(t, "k", "a\x00token", ttl)
					s.holds(t, "k", "new")
					s.lasts(t, "k", ttl)
					s.absent(t, lockOf("k"))
				}
			}
		},
	},
	{
		name: "set locked without the lock",
		rule: "A SetLocked changes nothing where Lock holds anything but Token, or is not there, or has expired.",
		run: func(t *testing.T, s *suite) {
			s.putFor(t, "k", "old", hour)
			for _, token := range []string{"", "tok", "token ", "Token"} {
				s.lock(t, "k", "token")
				s.refusesLocked(t, token)
				s.holds(t, lockOf("k"), "token")
			}
			do(t, s, &backend.Delete{Key: lockOf("k")})
			s.refusesLocked(t, "token")
			s.refusesLocked(t, "")
			s.absent(t, lockOf("k"))

			s.putFor(t, lockOf("k"), "token", moment)
			s.Elapse(t, 2*moment)
			s.refusesLocked(t, "token")
		},
	},
}

// lockOf is where the cases put the lock of key.
func lockOf(key string) string { return backend.Sibling(key, "lock") }

// lock has token hold the lock of key.
func (s *suite) lock(t *testing.T, key, token string) {
	t.Helper()
	s.put(t, lockOf(key), token)
}

// setLocked writes "new" with the token that holds key's lock.
func (s *suite) setLocked(t *testing.T, key, token string, ttl time.Duration) {
	t.Helper()
	set := &backend.SetLocked{Key: key, Value: []byte("new"), TTL: ttl, Lock: lockOf(key), Token: []byte(token)}
	if do(t, s, set); !set.Applied {
		t.Errorf("SetLocked %q: not applied, with the token that holds the lock", key)
	}
}

// refusesLocked checks that token is not what holds the lock of k, which holds
// "old" for an hour.
func (s *suite) refusesLocked(t *testing.T, token string) {
	t.Helper()
	set := &backend.SetLocked{Key: "k", Value: []byte("new"), Lock: lockOf("k"), Token: []byte(token)}
	if do(t, s, set); set.Applied {
		t.Errorf("SetLocked with token %q: applied", token)
	}
	s.holds(t, "k", "old")
	s.lasts(t, "k", hour)
}
