package pattern

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParsePattern(t *testing.T) {
	for _, tc := range []struct {
		pattern string
		want    []Segment
		problem string
		reason  string
	}{
		{pattern: "user", want: []Segment{{Lits: []string{"user"}}}, reason: "a literal"},
		{pattern: "user:<id>", want: []Segment{{Lits: []string{"user"}}, {Lits: []string{"", ""}, Names: []string{"id"}}}, reason: "a placeholder"},
		{pattern: "user-<id>", want: []Segment{{Lits: []string{"user-", ""}, Names: []string{"id"}}}, reason: "a literal beside a placeholder"},
		{pattern: "{<id>}", want: []Segment{{Lits: []string{"{", "}"}, Names: []string{"id"}}}, reason: "a hash tag"},
		{pattern: "{user:<id>}", want: []Segment{{Lits: []string{"{user"}}, {Lits: []string{"", "}"}, Names: []string{"id"}}}, reason: "a hash tag over two segments"},
		{pattern: "<a>-v2-<b>", want: []Segment{{Lits: []string{"", "-v2-", ""}, Names: []string{"a", "b"}, Apart: "-v"}}, reason: "digits can't be kept out of an escape"},
		{pattern: "a b*?[x]", want: []Segment{{Lits: []string{"a b*?[x]"}}}, reason: "glob characters are literals"},

		{pattern: "a::b", problem: "empty segment", reason: "an empty segment is somebody's bug"},
		{pattern: ":a", problem: "empty segment", reason: "an empty segment is somebody's bug"},
		{pattern: "a:", problem: "empty segment", reason: "an empty segment is somebody's bug"},
		{pattern: "<id", problem: "no matching bracket", reason: "an unclosed placeholder"},
		{pattern: "id>", problem: "no matching bracket", reason: "an unopened placeholder"},
		{pattern: "<>", problem: "not a Go identifier", reason: "a name is needed"},
		{pattern: "<1a>", problem: "not a Go identifier", reason: "a name is an identifier"},
		{pattern: "<a-b>", problem: "not a Go identifier", reason: "a name is an identifier"},
		{pattern: "<<a>>", problem: "not a Go identifier", reason: "placeholders do not nest"},
		{pattern: "<a><b>", problem: "touch", reason: "nothing would keep the values apart"},
		{pattern: "<a>25<b>", problem: "apart", reason: "an escape could show the same digits"},
		{pattern: "{a", problem: "not closed", reason: "a tag is balanced"},
		{pattern: "a}", problem: "not opened", reason: "a tag is balanced"},
		{pattern: "{}", problem: "empty", reason: "Redis hashes the whole key then"},
		{pattern: "{{a}}", problem: "nest", reason: "Redis would hash {a"},
		{pattern: "50%", problem: "%", reason: "a percent sign begins an escape"},
		{pattern: "a\nb", problem: "control", reason: "a key stays one line"},
		{pattern: "a\xFF", problem: "UTF-8", reason: "a literal is text"},
	} {
		t.Run(tc.pattern, func(t *testing.T) {
			got, problems := Parse(tc.pattern)
			if tc.problem == "" {
				if diff := cmp.Diff(tc.want, got); diff != "" || problems != nil {
					t.Errorf("%s: problems %q, segments (-want +got):\n%s", tc.reason, problems, diff)
				}
				return
			}
			if all := strings.Join(problems, "\n"); !strings.Contains(all, tc.problem) {
				t.Errorf("%s: problems %q, want one about %q", tc.reason, all, tc.problem)
			}
		})
	}
}

func TestLiteralTag(t *testing.T) {
	for _, tc := range []struct{ pattern, want, reason string }{
		{"user:{user_id}", "user_id", "a placeholder is often written so elsewhere"},
		{"{jobs}", "jobs", "any Go identifier could be a placeholder's name"},
		{"{<a>}:{b}", "b", "not the first tag alone"},
		{"user:{<user_id>}", "", "the placeholder is one"},
		{"{job-queue}", "", "a placeholder could not be called so"},
		{"{user:<id>}", "", "a tag over two segments is no name"},
		{"user", "", "there is no tag"},
		{"{user", "", "a tag that is not closed is another mistake"},
		{"user}", "", "a tag that is not opened is another mistake"},
	} {
		if got := LiteralTag(tc.pattern); got != tc.want {
			t.Errorf("LiteralTag(%q) = %q, want %q: %s", tc.pattern, got, tc.want, tc.reason)
		}
	}
}

func TestOverlaps(t *testing.T) {
	for _, tc := range []struct {
		a, b   string
		want   bool
		reason string
	}{
		{"user", "user", true, "equal literals"},
		{"user", "users", false, "different literals"},
		{"<id>", "user", true, "a value may be any text"},
		{"<a>", "<b>", true, "two values may be the same text"},
		{"user-<id>", "user", false, "a value is not empty"},
		{"user-<id>", "user-", false, "a value is not empty"},
		{"user-<id>", "<x>", true, "a value may hold a dash"},
		{"user-<id>", "u<x>", true, "a value may hold the rest of a literal"},
		{"user-<id>", "role-<id>", false, "the literals differ"},
		{"<id>-user", "<id>-role", false, "the literals differ"},
		{"{<id>}", "<x>", false, "a value never shows a brace"},
		{"{<id>}", "{x}", true, "a value may be x"},
		{"<a>-<b>", "<x>", true, "a lone value may hold a dash"},
		{"<a>-<b>", "<a>-<b>-<c>", false, "values that are kept apart show no dash, so one text has one dash, the other two"},
		{"<a>-<b>", "x-y-z", false, "values that are kept apart show no dash"},
		{"<a>-<b>", "x-y", true, "both values fit"},
		{"a<x>b", "ab", false, "a value is not empty"},
		{"<a>→<b>", "←→x", true, "← shares bytes with → and is another rune"},
		{"<a>→<b>", "x→→y", false, "values that are kept apart show no →"},
		{"a<x>b", "abb", true, "a value may be b"},
	} {
		a, _ := parseSegment(tc.a)
		b, _ := parseSegment(tc.b)
		if a.Overlaps(&b) != tc.want || b.Overlaps(&a) != tc.want {
			t.Errorf("%s and %s: overlap is not %v: %s", tc.a, tc.b, tc.want, tc.reason)
		}
	}
}

// Whatever two segments both match, overlaps must know of.
func TestOverlapsMissesNothing(t *testing.T) {
	part := rapid.SampledFrom([]string{"a", "b", "-", "<x>", "{", "}"})
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) Segment {
			text := strings.Join(rapid.SliceOfN(part, 1, 4).Draw(t, label), "")
			text = strings.Replace(text, "<x>", "<y>", 1)
			s, err := parseSegment(text)
			if err != nil {
				t.Skip("not a segment")
			}
			return s
		}
		a, b := draw("a"), draw("b")
		text := rapid.StringMatching(`[ab{}-]{1,6}`).Draw(t, "text")
		_, inA := a.Match(text, nil)
		_, inB := b.Match(text, nil)
		if inA && inB && !a.Overlaps(&b) {
			t.Fatalf("%q matches %q and %q, which are said not to overlap", text, a, b)
		}
	})
}

func FuzzPattern(f *testing.F) {
	for _, seed := range []string{"user:<id>", "{<a>}-<b>", "a::b", "<a>25<b>", "<", ">", "{}", "%", "\xFF"} {
		f.Add(seed, "x", "y")
	}
	f.Fuzz(func(t *testing.T, pattern, first, second string) {
		segments, problems := Parse(pattern)
		if len(problems) > 0 {
			return
		}
		for _, s := range segments {
			text := s.Lits[0]
			var want []string
			for i := range s.Names {
				value := first
				if i%2 == 1 {
					value = second
				}
				if value == "" {
					return
				}
				text += string(AppendEscaped(nil, value, s.Apart)) + s.Lits[i+1]
				want = append(want, value)
			}
			got, ok := s.Match(text, nil)
			if !ok {
				t.Fatalf("pattern %q does not match its own text %q", pattern, text)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("pattern %q, text %q (-want +got):\n%s", pattern, text, diff)
			}
			if !s.Overlaps(&s) {
				t.Fatalf("pattern %q does not overlap itself", pattern)
			}
		}
	})
}
