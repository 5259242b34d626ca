package rin

import (
	"fmt"
	"go/token"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A segment is what stands between two colons of a pattern: literals around
// placeholders. lits has one element more than names; a literal may be empty
// only at either end.
type segment struct {
	lits  []string
	names []string
	// apart are the runes that keep two placeholders apart: values must not
	// show them. It is empty in a segment with at most one placeholder.
	apart string
}

// parsePattern splits a pattern into its segments. The problems say everything
// that is wrong with it.
func parsePattern(pattern string) (segments []segment, problems []string) {
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

func parseSegment(text string) (segment, error) {
	if text == "" {
		return segment{}, fmt.Errorf("empty segment: write something between the colons")
	}
	var s segment
	for {
		open := strings.IndexAny(text, "<>")
		if open < 0 {
			s.lits = append(s.lits, text)
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
		if len(s.names) > 0 && open == 0 {
			return s, fmt.Errorf("placeholders <%s><%s> touch: put a literal between them", s.names[len(s.names)-1], name)
		}
		s.lits = append(s.lits, text[:open])
		s.names = append(s.names, name)
		text = text[end+1:]
	}
}

// keepApart collects the runes between placeholders. Upper-case hexadecimal
// digits are part of every escape, so they can't keep two values apart.
func (s *segment) keepApart() error {
	if len(s.names) < 2 {
		return nil
	}
	var apart strings.Builder
	for i, lit := range s.lits[1:len(s.names)] {
		usable := strings.Trim(lit, "0123456789ABCDEF")
		if usable == "" {
			return fmt.Errorf("nothing keeps <%s> and <%s> apart: %q can be part of an escaped value; add another character, such as -",
				s.names[i], s.names[i+1], lit)
		}
		for _, r := range usable {
			if !isHexDigit(r) && !strings.ContainsRune(apart.String(), r) {
				apart.WriteRune(r)
			}
		}
	}
	s.apart = apart.String()
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

// match takes text apart into the values of s's placeholders. It is the exact
// inverse of rendering: text that rendering could not have made does not match.
func (s *segment) match(text string, params []Param) ([]Param, bool) {
	text, ok := strings.CutPrefix(text, s.lits[0])
	if !ok {
		return params, false
	}
	for i, name := range s.names {
		var value string
		lit := s.lits[i+1]
		if i == len(s.names)-1 {
			value, ok = strings.CutSuffix(text, lit)
			text = ""
		} else {
			value, text, ok = strings.Cut(text, lit)
		}
		if !ok {
			return params, false
		}
		decoded, ok := unescape(value, s.apart)
		if !ok {
			return params, false
		}
		params = append(params, Param{Name: name, Value: decoded})
	}
	return params, text == ""
}

// overlaps reports whether one text could match both segments.
func (s *segment) overlaps(t *segment) bool {
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

func (s *segment) tokens() []textToken {
	var tokens []textToken
	for i, lit := range s.lits {
		for _, c := range lit {
			tokens = append(tokens, textToken{lit: c})
		}
		if i < len(s.names) {
			one := textToken{value: true, except: "{}" + s.apart}
			any := one
			any.repeat = true
			tokens = append(tokens, one, any)
		}
	}
	return tokens
}
