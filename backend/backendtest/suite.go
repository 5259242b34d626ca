package backendtest

import (
	"iter"
	"testing"
	"time"

	"github.com/redisimnest/rin/backend"
)

// suite is a case's store, with the questions that cases ask of it.
type suite struct {
	Harness
	backend.Backend
}

// The cases tell expiries apart by the hour, and allow slack for the time that
// a slow machine takes between a write and a look at what it left.
const (
	hour  = time.Hour
	slack = time.Minute
)

// moment is an expiry to wait for: short, but long enough for a server's clock,
// which counts milliseconds.
const moment = 20 * time.Millisecond

// do executes one op that may not fail.
func do[O backend.Op](t testing.TB, s *suite, op O) O {
	t.Helper()
	s.all(t, op)
	return op
}

// all executes ops that may not fail, in one batch.
func (s *suite) all(t testing.TB, ops ...backend.Op) {
	t.Helper()
	if err := s.Exec(t.Context(), ops...); err != nil {
		t.Fatalf("Exec: %v", err)
	}
	for _, op := range ops {
		if err := backend.Err(op); err != nil {
			t.Fatalf("Exec returned no error, but %s %q has one: %v", backend.Name(op), backend.Key(op), err)
		}
	}
}

// in is the time by the store's clock, d from now.
func (s *suite) in(d time.Duration) time.Time { return backend.Now(s.Backend).Add(d) }

// put writes a value that does not expire.
func (s *suite) put(t testing.TB, key, value string) {
	t.Helper()
	if set := do(t, s, &backend.Set{Key: key, Value: []byte(value)}); !set.Applied {
		t.Fatalf("Set %q: not applied", key)
	}
}

// putFor writes a value that expires after ttl.
func (s *suite) putFor(t testing.TB, key, value string, ttl time.Duration) {
	t.Helper()
	if set := do(t, s, &backend.Set{Key: key, Value: []byte(value), TTL: ttl}); !set.Applied {
		t.Fatalf("Set %q for %v: not applied", key, ttl)
	}
}

// holds checks that the key is there with the value.
func (s *suite) holds(t testing.TB, key, want string) {
	t.Helper()
	get := do(t, s, &backend.Get{Key: key})
	if !get.Found {
		t.Errorf("Get %q: not found, want %q", key, clip(want))
	} else if string(get.Value) != want {
		t.Errorf("Get %q = %q, want %q", key, clip(string(get.Value)), clip(want))
	}
}

// absent checks that no op sees the key.
func (s *suite) absent(t testing.TB, key string) {
	t.Helper()
	get, exists, ttl := &backend.Get{Key: key}, &backend.Exists{Key: key}, &backend.TTL{Key: key}
	s.all(t, get, exists, ttl)
	if get.Found || len(get.Value) != 0 {
		t.Errorf("Get %q = %q, found %t; want it absent", key, clip(string(get.Value)), get.Found)
	}
	if exists.Found {
		t.Errorf("Exists %q: found; want it absent", key)
	}
	if ttl.Found || ttl.Remaining != 0 {
		t.Errorf("TTL %q = %v, found %t; want it absent", key, ttl.Remaining, ttl.Found)
	}
}

// lasts checks that the key is there and expires in about want; never, where
// want is zero.
func (s *suite) lasts(t testing.TB, key string, want time.Duration) {
	t.Helper()
	ttl := do(t, s, &backend.TTL{Key: key})
	if !ttl.Found {
		t.Errorf("TTL %q: not found, want about %v", key, want)
	} else if !about(ttl.Remaining, want) {
		t.Errorf("TTL %q = %v, want about %v", key, ttl.Remaining, want)
	}
}

// about says that got is what remains of want after a short while.
func about(got, want time.Duration) bool {
	if want == 0 {
		return got == 0
	}
	return want-slack < got && got <= want
}

// clip shortens a value for a message.
func clip(value string) string {
	const enough = 64
	if len(value) <= enough {
		return value
	}
	return value[:enough] + "…"
}

// only are the ops of one type.
func only[O backend.Op](ops []backend.Op) iter.Seq[O] {
	return func(yield func(O) bool) {
		for _, op := range ops {
			if o, ok := op.(O); ok && !yield(o) {
				return
			}
		}
	}
}
