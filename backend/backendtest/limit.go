package backendtest

import (
	"testing"
	"time"

	"github.com/redisimnest/rin/backend"
)

func limitOps() []Op {
	const rate = 4
	limit := func(name, holds, rule string, o backend.Limit) Op {
		op := Op{
			Name: name, Effect: backend.Write, Needs: Either, Rule: rule, Reason: "the second one counts again",
			Holds: func(key string) backend.Op { return &backend.Set{Key: key, Value: []byte(holds), TTL: hour} },
			New: func(key string) backend.Op {
				o := o
				o.Key, o.N, o.Rate, o.Burst, o.Per = key, 1, rate, rate, 8*hour
				return &o
			},
		}
		if o.Peek {
			op.Effect = backend.Read
		}
		return op
	}
	return ofKind(
		backend.KindString,
		limit("limit", "-9000000000000000", "Limit notes what it allows.", backend.Limit{}),
		limit("limit, by windows", "0 0 0", "Limit with Window notes what it allows.", backend.Limit{Window: true}),
		limit("limit, peeking", "-9000000000000000", "Limit with Peek says what would be allowed, and notes nothing.", backend.Limit{Peek: true}),
	)
}

var limitCases = []testCase{
	{
		name: "a burst",
		rule: "Limit allows Burst at once, says how many remain, and refuses more, with the time after which they are allowed; what it refuses changes nothing.",
		run: func(t *testing.T, s *suite) {
			l := limiting{suite: s, Limit: backend.Limit{Key: "k", Rate: 10, Per: 10 * hour, Burst: 3}}
			l.allows(t, 1, 2, hour)
			l.allows(t, 2, 0, 3*hour)
			l.refuses(t, 1, hour, 0)
			l.refuses(t, 3, 3*hour, 0)
			l.refuses(t, 4, 4*hour, 0) // It can never be had, which is for the caller to know.
			s.lasts(t, "k", 3*hour)
			l.Key = "other"
			l.allows(t, 3, 0, 3*hour)
		},
	},
	{
		name: "what is earned",
		rule: "What Limit refuses is allowed after RetryAfter, and the key expires when nothing is left to remember.",
		run: func(t *testing.T, s *suite) {
			l := limiting{suite: s, Limit: backend.Limit{Key: "k", Rate: 1, Per: moment, Burst: 2}}
			for range 3 {
				l.ask(t, 2)
				l.waits(t, 2)
			}
			s.Elapse(t, 4*moment)
			s.absent(t, "k")
		},
	},
	{
		name: "a window",
		rule: "Limit with Window allows Rate within a window; what was counted in the window before still counts, less and less.",
		run: func(t *testing.T, s *suite) {
			l := limiting{suite: s, Limit: backend.Limit{Key: "k", Rate: 4, Per: 100 * 365 * 24 * hour, Window: true}}
			l.ask(t, 3)
			if last := l.ask(t, 1); !last.Allowed || last.Remaining != 0 {
				t.Errorf("the fourth of four in a window: %+v", last)
			}
			if more := l.ask(t, 1); more.Allowed || more.RetryAfter <= 0 || more.ResetAfter < more.RetryAfter {
				t.Errorf("the fifth of four in a window: %+v", more)
			}

			l = limiting{suite: s, Limit: backend.Limit{Key: "short", Rate: 2, Per: moment, Window: true}}
			for range 3 {
				l.ask(t, 2)
				l.waits(t, 1)
			}
			s.Elapse(t, 4*moment)
			s.absent(t, "short")
		},
	},
	{
		name: "peek",
		rule: "Limit with Peek says what it would say without, and notes nothing.",
		run: func(t *testing.T, s *suite) {
			for _, window := range []bool{false, true} {
				do(t, s, &backend.Delete{Key: "k"})
				l := limiting{suite: s, Limit: backend.Limit{Key: "k", Rate: 2, Per: 100 * 365 * 24 * hour, Burst: 2, Window: window, Peek: true}}
				if o := l.ask(t, 2); !o.Allowed || o.Remaining != 2 || o.ResetAfter != 0 {
					t.Errorf("a Peek of nothing: %+v", o)
				}
				s.absent(t, "k")
				l.Peek = false
				l.ask(t, 2)
				l.Peek = true
				if o := l.ask(t, 1); o.Allowed || o.Remaining != 0 || o.RetryAfter <= 0 {
					t.Errorf("a Peek of what is used up: %+v", o)
				}
			}
		},
	},
	{
		name: "no limiter",
		rule: "Limit on a value that no such limiter has written fails, and changes nothing.",
		run: func(t *testing.T, s *suite) {
			s.put(t, "k", "v")
			for _, window := range []bool{false, true} {
				o := &backend.Limit{Key: "k", N: 1, Rate: 1, Per: hour, Burst: 1, Window: window}
				if err := s.Exec(t.Context(), o); err == nil || o.Allowed {
					t.Errorf("Limit on \"v\", with a window %t: allowed %t, error %v", window, o.Allowed, err)
				}
				s.holds(t, "k", "v")
			}
		},
	},
}

// limiting is a limiter.
type limiting struct {
	*suite
	backend.Limit
}

func (l *limiting) ask(t *testing.T, n int64) *backend.Limit {
	t.Helper()
	o := l.Limit
	o.N = n
	return do(t, l.suite, &o)
}

// waits asks until n are allowed, each time when it was told to.
func (l *limiting) waits(t *testing.T, n int64) {
	t.Helper()
	for range 5 { // A server's clock may be behind by a millisecond.
		o := l.ask(t, n)
		if o.Allowed {
			return
		}
		l.Elapse(t, o.RetryAfter)
	}
	t.Errorf("Limit %d is still refused when RetryAfter has passed", n)
}

func (l *limiting) allows(t *testing.T, n, remaining int64, reset time.Duration) {
	t.Helper()
	if o := l.ask(t, n); !o.Allowed || o.Remaining != remaining || o.RetryAfter != 0 || !about(o.ResetAfter, reset) {
		t.Errorf("Limit %d: allowed %t, remaining %d, retry after %v, reset after %v; want it, with %d remaining, reset after %v",
			n, o.Allowed, o.Remaining, o.RetryAfter, o.ResetAfter, remaining, reset)
	}
}

func (l *limiting) refuses(t *testing.T, n int64, retry time.Duration, remaining int64) {
	t.Helper()
	if o := l.ask(t, n); o.Allowed || o.Remaining != remaining || !about(o.RetryAfter, retry) {
		t.Errorf("Limit %d: allowed %t, remaining %d, retry after %v; want none, with %d remaining, for %v",
			n, o.Allowed, o.Remaining, o.RetryAfter, remaining, retry)
	}
}
