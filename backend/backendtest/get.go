package backendtest

import (
	"strings"
	"testing"

	"github.com/redisimnest/rin/backend"
)

var getCases = []testCase{
	{
		name: "get present",
		rule: "Get reads a value and says that it was found.",
		run: func(t *testing.T, s *suite) {
			s.put(t, "k", "v")
			s.holds(t, "k", "v")
		},
	},
	{
		name: "get absent",
		rule: "A missing key is not an error: the op's results say so.",
		run:  func(t *testing.T, s *suite) { s.absent(t, "k") },
	},
	{
		name: "get leaves the expiry",
		rule: "Get without a TTL leaves the key's expiry alone.",
		run: func(t *testing.T, s *suite) {
			s.put(t, "forever", "v")
			s.putFor(t, "hour", "v", hour)
			s.holds(t, "forever", "v")
			s.holds(t, "hour", "v")
			s.lasts(t, "forever", 0)
			s.lasts(t, "hour", hour)
		},
	},
	{
		name: "get renews",
		rule: "Get with a TTL sets what the key has left from now on, whether it expired before or not, later or sooner.",
		run: func(t *testing.T, s *suite) {
			s.put(t, "forever", "v1")
			s.putFor(t, "sooner", "v2", hour)
			s.putFor(t, "later", "v3", 3*hour)
			for key, want := range map[string]string{"forever": "v1", "sooner": "v2", "later": "v3"} {
				get := do(t, s, &backend.Get{Key: key, TTL: 2 * hour})
				if !get.Found || string(get.Value) != want {
					t.Errorf("Get %q with a TTL = %q, found %t; want %q", key, get.Value, get.Found, want)
				}
				s.holds(t, key, want)
				s.lasts(t, key, 2*hour)
			}
		},
	},
	{
		name: "get does not create",
		rule: "Get's TTL counts only where the key is there.",
		run: func(t *testing.T, s *suite) {
			if get := do(t, s, &backend.Get{Key: "k", TTL: hour}); get.Found || len(get.Value) != 0 {
				t.Errorf("Get of an absent key with a TTL = %q, found %t", get.Value, get.Found)
			}
			s.absent(t, "k")
		},
	},
	{
		name: "any bytes are a value",
		rule: "A value is bytes: what Set wrote is what Get, Take and ReturnOld give, whatever they are.",
		run: func(t *testing.T, s *suite) {
			for name, value := range map[string]string{
				"empty":     "",
				"NUL":       "\x00a\x00\x00b\x00",
				"CRLF":      "\r\n$3\r\nfoo\r\n",
				"not UTF-8": "\xff\xfe\x80",
				"a number":  "007",
				"nil":       "(nil)",
				"long":      strings.Repeat("0123456789abcdef", 1<<16), // 1 MiB
			} {
				s.checkValue(t, name, value)
			}
		},
	},
	{
		name: "any bytes are a key",
		rule: "A key is bytes, and no byte of it means anything to the store.",
		run: func(t *testing.T, s *suite) {
			for _, key := range oddNames {
				s.put(t, key, "value of "+key)
			}
			for _, key := range oddNames {
				s.holds(t, key, "value of "+key)
			}
			for _, key := range oddNames {
				if del := do(t, s, &backend.Delete{Key: key}); !del.Deleted {
					t.Errorf("Delete %q: not deleted", key)
				}
				s.absent(t, key)
			}
		},
	},
}

// checkValue sends a value through every op that gives one back.
func (s *suite) checkValue(t *testing.T, name, value string) {
	t.Helper()
	s.put(t, name, value)
	s.holds(t, name, value)
	swap := do(t, s, &backend.Set{Key: name, Value: []byte(value), ReturnOld: true})
	if !swap.OldFound || string(swap.Old) != value {
		t.Errorf("%s: Set's Old = %q, found %t; want %q", name, clip(string(swap.Old)), swap.OldFound, clip(value))
	}
	take := do(t, s, &backend.Take{Key: name})
	if !take.Found || string(take.Value) != value {
		t.Errorf("%s: Take = %q, found %t; want %q", name, clip(string(take.Value)), take.Found, clip(value))
	}
}

// oddNames are keys, and prefixes, of which somebody might make more than their
// bytes: a glob, a hash tag, a separator, text.
var oddNames = []string{
	"1", "10", "1*", "*", "?", "1?", "[0-9]", "[^1]", "[", "]", "^", "-", `\`, `a\b`, `a\*`, "ab",
	"{1}", "{", "}", "{}", ":", "::", "a:b", " ", "a b", "\t", "\r\n", "\x00", "a\x00b",
	"\xff", "\xff\xff", "\x80\xfe", "é", "日本", "nil", "%",
}
