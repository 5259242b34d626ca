package pattern

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestEscape(t *testing.T) {
	for _, tc := range []struct {
		name, value, apart, want, reason string
	}{
		{"plain", "alice", "", "alice", "what needs no escape stays readable"},
		{"space and unicode", "Ren é 世界", "", "Ren é 世界", "everything printable stays readable"},
		{"glob", `*?[a-z]\`, "", `*?[a-z]\`, "glob characters are taken literally everywhere, so they need no escape"},
		{"colon", "a:b", "", "a%3Ab", "a parameter may not forge another path segment"},
		{"percent", "50%", "", "50%25", "an escape must not be forged"},
		{"braces", "{x}", "", "%7Bx%7D", "a parameter may not choose the slot"},
		{"control", "a\x00\n\x7F", "", "a%00%0A%7F", "a key stays one line in a terminal"},
		{"not UTF-8", "a\xFFb", "", "a%FFb", "every byte comes back"},
		{"replacement character", "\uFFFD", "", "\uFFFD", "it is valid UTF-8, unlike the bytes it often stands for"},
		{"kept apart", "a-b", "-", "a%2Db", "the literal between two placeholders must not show in a value"},
		{"kept apart by a rune", "a→b←", "→", "a%E2%86%92b←", "a rune is escaped whole, and its neighbours are left alone"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := string(AppendEscaped(nil, tc.value, tc.apart))
			if got != tc.want {
				t.Errorf("escaped %q to %q, want %q: %s", tc.value, got, tc.want, tc.reason)
			}
			if back, ok := unescape(got, tc.apart); !ok || back != tc.value {
				t.Errorf("unescaped %q to %q, %v, want %q", got, back, ok, tc.value)
			}
		})
	}
}

func TestUnescapeRefuses(t *testing.T) {
	for _, tc := range []struct{ text, reason string }{
		{"", "an empty value is never rendered"},
		{"%", "an escape has two digits"},
		{"a%2", "an escape has two digits"},
		{"%zz", "digits are hexadecimal"},
		{"%3a", "digits are upper case, so that one value has one text"},
		{"%41", "what needs no escape is not escaped, so that one value has one text"},
		{"a{b", "a brace is always escaped"},
		{"a\xFF", "what is not UTF-8 is always escaped"},
		{"a\n", "a control byte is always escaped"},
	} {
		if value, ok := unescape(tc.text, ""); ok {
			t.Errorf("unescape(%q) = %q, want a refusal: %s", tc.text, value, tc.reason)
		}
	}
}

// plainEscape is an obvious implementation, by the rules as the documentation
// states them.
func plainEscape(value, apart string) string {
	var out strings.Builder
	for len(value) > 0 {
		r, size := utf8.DecodeRuneInString(value)
		raw := value[:size]
		if r == utf8.RuneError && size == 1 || r < ' ' || r == 0x7F || strings.ContainsRune("%:{}"+apart, r) {
			for _, c := range []byte(raw) {
				out.WriteString("%" + strings.ToUpper(string("0123456789abcdef"[c/16])+string("0123456789abcdef"[c%16])))
			}
		} else {
			out.WriteString(raw)
		}
		value = value[size:]
	}
	return out.String()
}

func FuzzEscape(f *testing.F) {
	for _, seed := range []string{"", "alice", "a:b", "%3A", "{x}", "\xFF\xFE", "世界", "a-b→c"} {
		f.Add(seed, "")
		f.Add(seed, "-→")
	}
	f.Fuzz(func(t *testing.T, value, apart string) {
		if !utf8.ValidString(apart) || strings.ContainsAny(apart, "0123456789ABCDEF%") {
			return
		}
		text := string(AppendEscaped(nil, value, apart))
		if want := plainEscape(value, apart); text != want {
			t.Fatalf("escaped %q to %q, want %q", value, text, want)
		}
		if value == "" {
			return
		}
		if back, ok := unescape(text, apart); !ok || back != value {
			t.Fatalf("%q became %q became %q, %v", value, text, back, ok)
		}
		if plain, err := url.PathUnescape(text); err != nil || plain != value {
			t.Fatalf("net/url reads %q as %q, %v, want %q", text, plain, err, value)
		}
	})
}

func TestUnescapeIsInjective(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-c%25DF{:-]{0,8}`).Draw(t, "text")
		if value, ok := unescape(text, "-"); ok {
			if again := string(AppendEscaped(nil, value, "-")); again != text {
				t.Fatalf("%q reads as %q, which is written %q", text, value, again)
			}
		}
	})
}
