package pattern

import (
	"strings"
	"unicode/utf8"
)

const upperHex = "0123456789ABCDEF"

// escaped marks the ASCII bytes that a rendered value never shows: the segment
// separator, the hash tag's braces, the escape itself, and control bytes.
var escaped = func() (table [utf8.RuneSelf]bool) {
	for c := range table {
		table[c] = c < ' ' || c == 0x7F || strings.IndexByte("%:{}", byte(c)) >= 0
	}
	return table
}()

// AppendEscaped appends value so that it is a legal part of a key: what must
// not show, and the runes of apart, are percent-encoded byte by byte, as is
// what is not UTF-8. Everything else stays readable.
func AppendEscaped(dst []byte, value, apart string) []byte {
	plain := 0
	for plain < len(value) && value[plain] < utf8.RuneSelf && !escaped[value[plain]] && apart == "" {
		plain++
	}
	dst = append(dst, value[:plain]...)
	for i := plain; i < len(value); {
		c := value[i]
		if c < utf8.RuneSelf {
			if escaped[c] || apart != "" && strings.IndexByte(apart, c) >= 0 {
				dst = appendHex(dst, c)
			} else {
				dst = append(dst, c)
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(value[i:])
		if r == utf8.RuneError && size == 1 || apart != "" && strings.ContainsRune(apart, r) {
			for _, c := range []byte(value[i : i+size]) {
				dst = appendHex(dst, c)
			}
		} else {
			dst = append(dst, value[i:i+size]...)
		}
		i += size
	}
	return dst
}

func appendHex(dst []byte, c byte) []byte {
	return append(dst, '%', upperHex[c>>4], upperHex[c&15])
}

// unescape is the inverse of AppendEscaped. It refuses what AppendEscaped would
// have written otherwise, so that no two texts stand for one value.
func unescape(text, apart string) (string, bool) {
	if text == "" {
		return "", false
	}
	value := text
	if strings.Contains(text, "%") {
		raw := make([]byte, 0, len(text))
		for i := 0; i < len(text); i++ {
			if text[i] != '%' {
				raw = append(raw, text[i])
				continue
			}
			if i+2 >= len(text) {
				return "", false
			}
			high, low := strings.IndexByte(upperHex, text[i+1]), strings.IndexByte(upperHex, text[i+2])
			if high < 0 || low < 0 {
				return "", false
			}
			raw = append(raw, byte(high<<4|low))
			i += 2
		}
		value = string(raw)
	}
	var buf [64]byte
	return value, string(AppendEscaped(buf[:0], value, apart)) == text
}
