package wire_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/redisimnest/rin/backend/wire"
)

func TestMatch(t *testing.T) {
	for prefix, want := range map[string]string{
		"":             "*",
		"user:1:":      "user:1:*",
		"user:{1}:":    "user:{1}:*",
		"a*b?c[d]e^-":  `a\*b\?c\[d\]e^-*`,
		`back\slash`:   `back\\slash*`,
		"käse:":        "käse:*",
		"raw\xff\x00:": "raw*",
	} {
		if got := wire.Match(prefix); got != want {
			t.Errorf("Match(%q) = %q, want %q", prefix, got, want)
		}
	}
}

// Whatever the prefix is, the keys that begin with it match its pattern.
func FuzzMatch(f *testing.F) {
	f.Add("user:*", "1")
	f.Add(`[\^a-]`, "")
	f.Fuzz(func(t *testing.T, prefix, rest string) {
		if strings.Contains(prefix+rest, "/") { // path.Match stops at it; SCAN doesn't.
			t.Skip()
		}
		if ok, err := path.Match(wire.Match(prefix), prefix+rest); err != nil || !ok {
			t.Errorf("Match(%q) = %q doesn't match %q: %v", prefix, wire.Match(prefix), prefix+rest, err)
		}
	})
}

func TestWithin(t *testing.T) {
	got := wire.Within("a*", []string{"a*b", "axb", "a*", "a"})
	if want := []string{"a*b", "a*"}; !slices.Equal(got, want) {
		t.Errorf("Within = %q, want %q", got, want)
	}
}
