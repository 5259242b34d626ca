package backend_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/internal/servertest"
)

func TestSlot(t *testing.T) {
	for key, want := range map[string]int{
		"":               0,
		"123456789":      0x31C3, // the check value of CRC16/XMODEM, below the number of slots
		"foo":            12182,
		"user:42:age":    8629,
		"user:42:name":   6755,
		"user:{42}:age":  8000,
		"user:{42}:name": 8000,
		"42":             8000,
	} {
		if got := backend.Slot(key); got != want {
			t.Errorf("Slot(%q) = %d, want %d", key, got, want)
		}
	}
}

func TestHashTag(t *testing.T) {
	for _, row := range []struct{ key, want, reason string }{
		{"foo", "foo", "there is no brace"},
		{"foo{bar}", "bar", "it stands in braces"},
		{"{user1000}.following", "user1000", "it may begin the key"},
		{"foo{}{bar}", "foo{}{bar}", "the first braces are empty, so they count for nothing"},
		{"foo{{bar}}zap", "{bar", "it ends at the first closing brace"},
		{"foo{bar}{zap}", "bar", "the first one counts"},
		{"foo{bar", "foo{bar", "it is not closed"},
		{"foo}{bar", "foo}{bar", "it is closed before it is opened"},
		{"foo}{bar}", "bar", "a closing brace before it counts for nothing"},
		{"", "", "an empty key has none"},
	} {
		if got := backend.HashTag(row.key); got != row.want {
			t.Errorf("HashTag(%q) = %q, want %q: %s", row.key, got, row.want, row.reason)
		}
	}
}

// oddKeys are keys with and without tags, and with what looks like one.
var oddKeys = rapid.OneOf(
	rapid.StringMatching(`[a-c:{}]{0,8}`),
	rapid.String(),
	rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
)

func TestSlot_asServersHaveIt(t *testing.T) {
	server := servertest.StartCluster(t, servertest.Redis)[0]
	rapid.Check(t, func(r *rapid.T) {
		key := oddKeys.Draw(r, "key")
		if got, want := backend.Slot(key), servertest.Do(t, server, "CLUSTER", "KEYSLOT", key); int64(got) != want {
			r.Errorf("Slot(%q) = %d, but CLUSTER KEYSLOT = %v", key, got, want)
		}
	})
}

func TestSibling(t *testing.T) {
	for _, row := range []struct{ key, want string }{
		{"user:1", "user:1:lock{3759}"},
		{"user:{1}:age", "user:{1}:age:lock"},
		{"{user:1}", "{user:1}:lock"},
		{"user{1", "{3701}user{1:lock"},
		{"user}1", "user}1:lock{3761}"},
		{"", ":lock{3560}"},
	} {
		if got := backend.Sibling(row.key, ":lock"); got != row.want {
			t.Errorf("Sibling(%q) = %q, want %q", row.key, got, row.want)
		}
	}
}

// A sibling is another key in the same slot, and each suffix makes another one.
func TestSibling_sharesTheSlot(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		key := oddKeys.Draw(r, "key")
		one, two := backend.Sibling(key, ":1"), backend.Sibling(key, ":2")
		if one == key || one == two {
			r.Errorf("siblings of %q are %q and %q", key, one, two)
		}
		if a, b := backend.Slot(key), backend.Slot(one); a != b {
			r.Errorf("%q is in slot %d, its sibling %q in slot %d", key, a, one, b)
		}
	})
}

func TestCheckSlot(t *testing.T) {
	for _, row := range []struct {
		name string
		keys []string
		want string // the error's text
	}{
		{"none", nil, ""},
		{"one", []string{"a"}, ""},
		{"the same", []string{"a", "a", "a"}, ""},
		{"of one tag", []string{"user:{42}:age", "user:{42}:name", "{42}"}, ""},
		{
			"of one cluster",
			[]string{"user:42:age", "user:42:age", "user:42:name"},
			`the keys of a transaction, or of one operation, must share a slot: "user:42:age" is in slot 8629, ` +
				`"user:42:name" in slot 6755; declare their cluster with a hash tag, as in {user:42}`,
		},
		{
			"unrelated",
			[]string{"user:42:age", "app:tokens"},
			`the keys of a transaction, or of one operation, must share a slot: "user:42:age" is in slot 8629, ` +
				`"app:tokens" in slot 15321; give both the same hash tag: a part in braces, as in user:{<user_id>}`,
		},
		{
			"of two tags",
			[]string{"user:{42}:age", "user:{43}:age"},
			`the keys of a transaction, or of one operation, must share a slot: "user:{42}:age" is in slot 8000, ` +
				`"user:{43}:age" in slot 3937; give both the same hash tag: a part in braces, as in user:{<user_id>}`,
		},
	} {
		var ops []backend.Op
		for _, key := range row.keys {
			ops = append(ops, &backend.Get{Key: key})
		}
		err := backend.CheckSlot(ops)
		if text := fmt.Sprint(err); row.want != "" && text != row.want || row.want == "" && err != nil {
			t.Errorf("%s: CheckSlot = %v, want %s", row.name, err, row.want)
		}
		if errors.Is(err, backend.ErrCrossSlot) != (row.want != "") {
			t.Errorf("%s: CheckSlot = %#v, want ErrCrossSlot only where the slots differ", row.name, err)
		}
	}
}

// BenchmarkCheckSlot checks a transaction of a hundred ops.
func BenchmarkCheckSlot(b *testing.B) {
	var ops []backend.Op
	for i := range 100 {
		ops = append(ops, &backend.Get{Key: fmt.Sprintf("root:user:{%s}:field:%d", strings.Repeat("4", 16), i)})
	}
	for b.Loop() {
		if err := backend.CheckSlot(ops); err != nil {
			b.Fatal(err)
		}
	}
}
