// Package pattern reads the patterns of a declaration, and renders and takes
// apart what their placeholders hold.
package pattern

import (
	"fmt"
	"go/token"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Segment is what stands between two colons of a pattern: literals around
// placeholders. Lits has one element more than Names; a literal may be empty
// only at either end.
type Segment struct {
	Lits  []string
	Names []string
	// Apart are the runes that keep two placeholders apart: values must not
	// show them. It is empty in a segment with at most one placeholder.
	Apart string
}

// Parse splits a pattern into its segments. The problems say everything that is
// wrong with it.
func Parse(pattern string) (segments []Segment, problems []string) {
	problems = checkCharacters(pattern)
	if len(problems) > 0 || pattern == "" {
		return nil, problems
	}
	for text := range strings.SplitSeq(pattern, ":") {
		s, err := parseSegment(text)
		if err != nil {
			problems = append(problems, fmt.Sprintf("pattern %q: %v", pattern, err))
			continue
		}
		segments = append(segments, s)
	}
	if err := checkHashTags(pattern); err != nil {
		problems = append(problems, fmt.Sprintf("pattern %q: %v", pattern, err))
	}
	return segments, problems
}

// checkCharacters turns down what no literal may hold. A percent sign begins an
// escape in a rendered key, so a literal one could be mistaken for it.
func checkCharacters(pattern string) []string {
	switch {
	case !utf8.ValidString(pattern):
		return []string{fmt.Sprintf("pattern %q is not valid UTF-8", pattern)}
	case strings.ContainsFunc(pattern, unicode.IsControl):
		return []string{fmt.Sprintf("pattern %q holds a control character", pattern)}
	case strings.Contains(pattern, "%"):
		return []string{fmt.Sprintf("pattern %q holds a %%, which is how parameters are escaped; choose another character", pattern)}
	}
	return nil
}

func parseSegment(text string) (Segment, error) {
	if text == "" {
		return Segment{}, fmt.Errorf("empty segment: write something between the colons")
	}
	var s Segment
	for {
		open := strings.IndexAny(text, "<>")
		if open < 0 {
			s.Lits = append(s.Lits, text)
			return s, s.keepApart()
		}
		end := strings.IndexByte(text[open:], '>') + open
		if text[open] == '>' || end < open {
			return s, fmt.Errorf("%q has no matching bracket; a placeholder is written <name>", text[open:])
		}
		name := text[open+1 : end]
		if !token.IsIdentifier(name) {
			return s, fmt.Errorf("placeholder <%s>: %q is not a Go identifier", name, name)
		}
		if len(s.Names) > 0 && open == 0 {
			return s, fmt.Errorf("placeholders <%s><%s> touch: put a literal between them", s.Names[len(s.Names)-1], name)
		}
		s.Lits = append(s.Lits, text[:open])
		s.Names = append(s.Names, name)
		text = text[end+1:]
	}
}

// keepApart collects the runes between placeholders. Upper-case hexadecimal
// digits are part of every escape, so they can't keep two values apart.
func (s *Segment) keepApart() error {
	if len(s.Names) < 2 {
		return nil
	}
	var apart strings.Builder
	for i, lit := range s.Lits[1:len(s.Names)] {
		usable := strings.Trim(lit, "0123456789ABCDEF")
		if usable == "" {
			return fmt.Errorf("nothing keeps <%s> and <%s> apart: %q can be part of an escaped value; add another character, such as -",
				s.Names[i], s.Names[i+1], lit)
		}
		for _, r := range usable {
			if !isHexDigit(r) && !strings.ContainsRune(apart.String(), r) {
				apart.WriteRune(r)
			}
		}
	}
	s.Apart = apart.String()
	return nil
}

func isHexDigit(r rune) bool {
	return '0' <= r && r <= '9' || 'A' <= r && r <= 'F'
}

// checkHashTags sees to it that every { has its } and something between them:
// Redis Cluster hashes what stands in the first pair of braces, and the whole
// key where they are empty.
func checkHashTags(pattern string) error {
	open := -1
	for i, c := range pattern {
		switch {
		case c == '{' && open >= 0:
			return fmt.Errorf("hash tags do not nest: %q", pattern[open:i+1])
		case c == '{':
			open = i
		case c == '}' && open < 0:
			return fmt.Errorf("hash tag is not opened: %q", pattern[:i+1])
		case c == '}' && i == open+1:
			return fmt.Errorf("hash tag {} is empty")
		case c == '}':
			open = -1
		}
	}
	if open >= 0 {
		return fmt.Errorf("hash tag is not closed: %q", pattern[open:])
	}
	return nil
}

// LiteralTag returns the text of the first hash tag that could have been meant as
// a placeholder, such as {user_id}, and "" where there is none.
func LiteralTag(pattern string) string {
	_, tags, _ := strings.Cut(pattern, "{")
	for part := range strings.SplitSeq(tags, "{") {
		if tag, _, closed := strings.Cut(part, "}"); closed && token.IsIdentifier(tag) {
			return tag
		}
	}
	return ""
}

// Match takes text apart into the values of s's placeholders, which it appends
// to values. It is the exact inverse of rendering: text that rendering could not
// have made does not match.
func (s *Segment) Match(text string, values []string) ([]string, bool) {
	text, ok := strings.CutPrefix(text, s.Lits[0])
	if !ok {
		return values, false
	}
	for i := range s.Names {
		var value string
		lit := s.Lits[i+1]
		if i == len(s.Names)-1 {
			value, ok = strings.CutSuffix(text, lit)
			text = ""
		} else {
			value, text, ok = strings.Cut(text, lit)
		}
		if !ok {
			return values, false
		}
		decoded, ok := unescape(value, s.Apart)
		if !ok {
			return values, false
		}
		values = append(values, decoded)
	}
	return values, text == ""
}

// Overlaps reports whether one text could match both segments.
func (s *Segment) Overlaps(t *Segment) bool {
	a, b := s.tokens(), t.tokens()
	type state struct{ i, j int } // a[:i] and b[:j] have consumed the same text
	seen := map[state]bool{}
	var meet func(i, j int) bool
	meet = func(i, j int) bool {
		if i == len(a) && j == len(b) {
			return true
		}
		if seen[state{i, j}] {
			return false
		}
		seen[state{i, j}] = true
		// A repeatable token may be left out.
		if i < len(a) && a[i].repeat && meet(i+1, j) || j < len(b) && b[j].repeat && meet(i, j+1) {
			return true
		}
		if i == len(a) || j == len(b) || !a[i].meets(b[j]) {
			return false
		}
		return meet(a[i].next(i), b[j].next(j))
	}
	return meet(0, 0)
}

// A textToken is one rune of a literal, or any rune of a value that is not in
// except; with repeat, any number of them, none included.
type textToken struct {
	lit    rune
	value  bool
	except string
	repeat bool
}

func (t textToken) meets(u textToken) bool {
	switch {
	case t.value && u.value:
		return true
	case t.value:
		return !strings.ContainsRune(t.except, u.lit)
	case u.value:
		return !strings.ContainsRune(u.except, t.lit)
	}
	return t.lit == u.lit
}

// next is the position after consuming one rune by the token at i.
func (t textToken) next(i int) int {
	if t.repeat {
		return i
	}
	return i + 1
}

func (s *Segment) tokens() []textToken {
	var tokens []textToken
	for i, lit := range s.Lits {
		for _, c := range lit {
			tokens = append(tokens, textToken{lit: c})
		}
		if i < len(s.Names) {
			one := textToken{value: true, except: "{}" + s.Apart}
			any := one
			any.repeat = true
			tokens = append(tokens, one, any)
		}
	}
	return tokens
}
