package backendtest

import (
	"testing"

	"github.com/redisimnest/rin/backend"
)

var takeCases = []testCase{
	{
		name: "take",
		rule: "Take reads a value and deletes its key; the next one finds nothing.",
		run: func(t *testing.T, s *suite) {
			s.putFor(t, "k", "v", hour)
			if take := do(t, s, &backend.Take{Key: "k"}); !take.Found || string(take.Value) != "v" {
				t.Errorf("Take = %q, found %t; want %q", take.Value, take.Found, "v")
			}
			s.absent(t, "k")
			if again := do(t, s, &backend.Take{Key: "k"}); again.Found || len(again.Value) != 0 {
				t.Errorf("the second Take = %q, found %t; want nothing", again.Value, again.Found)
			}
		},
	},
	{
		name: "take leaves nothing behind",
		rule: "A key that was taken and is written again has none of its old expiry.",
		run: func(t *testing.T, s *suite) {
			s.putFor(t, "k", "v", hour)
			do(t, s, &backend.Take{Key: "k"})
			do(t, s, &backend.Set{Key: "k", KeepTTL: true})
			s.lasts(t, "k", 0)
		},
	},
}
