package backendtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redisimnest/rin/backend"
)

var contextCases = []testCase{
	{
		name: "cancelled before",
		rule: "With a context that was cancelled before the call nothing is sent, and errors.Is(err, context.Canceled) holds of Exec's error and of every op's.",
		run: func(t *testing.T, s *suite) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			s.checkEnded(t, ctx, context.Canceled)
		},
	},
	{
		name: "deadline before",
		rule: "With a context whose deadline passed before the call nothing is sent, and errors.Is(err, context.DeadlineExceeded) holds of Exec's error and of every op's.",
		run: func(t *testing.T, s *suite) {
			ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
			defer cancel()
			s.checkEnded(t, ctx, context.DeadlineExceeded)
		},
	},
	{
		name: "scan cancelled before",
		rule: "A scan whose context has ended yields its error, with a nil page, and ends.",
		run: func(t *testing.T, s *suite) {
			s.put(t, "k", "v")
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			yields := 0
			for page, err := range s.Scan(ctx, "") {
				if yields++; page != nil || !errors.Is(err, context.Canceled) {
					t.Errorf("Scan yields %q, %v; want nil, context.Canceled", page, err)
				}
			}
			if yields != 1 {
				t.Errorf("Scan yields %d times, want once", yields)
			}
		},
	},
	{
		name: "scan cancelled midway",
		rule: "A scan whose context ends midway yields its error and ends: one that ends without an error is complete.",
		run: func(t *testing.T, s *suite) {
			want := s.putMany(t, "k", 500)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			seen, ended := map[string]bool{}, error(nil)
			for page, err := range backend.ScanPages(ctx, s.Backend, "k", 10) {
				if ended != nil {
					t.Fatalf("after its error the scan yields %q, %v", page, err)
				}
				for _, key := range page {
					seen[key] = true
				}
				ended = err
				cancel()
			}
			switch {
			case ended != nil && !errors.Is(ended, context.Canceled):
				t.Errorf("the scan ended with %v, want context.Canceled", ended)
			case ended == nil && len(seen) < len(want):
				t.Errorf("the scan ended without an error after %d of %d keys", len(seen), len(want))
			}
		},
	},
}

// checkEnded executes every op, alone and in a batch, with a context that has
// ended, on a key that it would change or read.
func (s *suite) checkEnded(t *testing.T, ctx context.Context, want error) {
	t.Helper()
	var ops []backend.Op
	were := map[string]state{}
	for _, o := range Ops() {
		were[o.Name] = o.prepare(t, s, o.Name, o.Needs != Absent)
		ops = append(ops, o.New(o.Name))
		s.wantEnded(t, ctx, want, o.New(o.Name))
	}
	s.wantEnded(t, ctx, want, ops...)
	for key, was := range were {
		if now := s.state(t, key); !now.is(was) {
			t.Errorf("%s left %+v of %+v", key, now, was)
		}
	}
}

func (s *suite) wantEnded(t *testing.T, ctx context.Context, want error, ops ...backend.Op) {
	t.Helper()
	s.checkEndedErr(t, "Exec", s.Exec(ctx, ops...), want)
	for _, op := range ops {
		s.checkEndedErr(t, backend.Name(op), backend.Err(op), want)
	}
}

func (s *suite) checkEndedErr(t *testing.T, who string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v; want %v", who, err, want)
	}
	if errors.Is(err, backend.ErrUnknownOutcome) {
		t.Errorf("%s: %v; but nothing was sent, so the outcome is known", who, err)
	}
}
