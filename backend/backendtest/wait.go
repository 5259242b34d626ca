package backendtest

import (
	"context"
	"errors"
	"testing"

	"github.com/redisimnest/rin/backend"
)

var waitCases = []testCase{
	{
		name:  "element that is there",
		waits: true,
		rule:  "A Wait returns at once where the list has an element, and takes none.",
		run: func(t *testing.T, s *suite) {
			do(t, s, &backend.RPush{Key: "k", Values: [][]byte{[]byte("a"), []byte("b")}, Expiry: backend.Expiry{TTL: hour}})
			was := s.state(t, "k")
			if err := backend.Wait(t.Context(), s.Backend, "k"); err != nil {
				t.Errorf("Wait: %v", err)
			}
			if now := s.state(t, "k"); !now.is(was) {
				t.Errorf("Wait left %+v of %+v", now, was)
			}
		},
	},
	{
		name:  "element that comes",
		waits: true,
		rule:  "A Wait ends when the list has an element.",
		run: func(t *testing.T, s *suite) {
			ended := make(chan error, 1)
			go func() { ended <- backend.Wait(t.Context(), s.Backend, "k") }()
			s.Elapse(t, moment)
			do(t, s, &backend.LPush{Key: "k", Values: [][]byte{[]byte("a")}})
			if err := <-ended; err != nil {
				t.Errorf("Wait: %v", err)
			}
		},
	},
	{
		name:  "end of the context",
		waits: true,
		rule:  "A Wait ends with the context's error, and takes nothing of what comes later.",
		run: func(t *testing.T, s *suite) {
			cancelled, cancel := context.WithCancel(t.Context())
			late, stop := context.WithTimeout(t.Context(), moment)
			defer stop()
			ended := make(chan error, 1)
			go func() { ended <- backend.Wait(cancelled, s.Backend, "k") }()
			if err := backend.Wait(late, s.Backend, "k"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Wait: %v, want the end of its deadline", err)
			}
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("Wait: %v, want that it was cancelled", err)
			}
			if push := do(t, s, &backend.LPush{Key: "k", Values: [][]byte{[]byte("a")}}); push.Len != 1 || do(t, s, &backend.LLen{Key: "k"}).Len != 1 {
				t.Errorf("an element that was pushed later is gone")
			}
		},
	},
	{
		name:  "another kind",
		waits: true,
		rule:  "A Wait for a key of another kind fails with ErrWrongKind.",
		run: func(t *testing.T, s *suite) {
			s.put(t, "k", "v")
			if err := backend.Wait(t.Context(), s.Backend, "k"); !errors.Is(err, backend.ErrWrongKind) {
				t.Errorf("Wait: %v, want ErrWrongKind", err)
			}
		},
	},
}
