package backendtest

import (
	"bytes"
	"testing"

	"github.com/redisimnest/rin/backend"
)

var ownershipCases = []testCase{
	{
		name: "what goes in",
		rule: "What an op carries in belongs to the caller: Exec keeps a copy, so a value may be overwritten when Exec has returned.",
		run: func(t *testing.T, s *suite) {
			for _, o := range s.ops() {
				o.prepare(t, s, "k", o.Needs != Absent)
				op := o.New("k")
				given := bytesOf(op)
				do(t, s, op)
				s.scribbled(t, o, given)
			}
		},
	},
	{
		name: "what comes out",
		rule: "What Exec puts into an op belongs to the caller: it shares no memory with the store.",
		run: func(t *testing.T, s *suite) {
			for _, o := range s.ops() {
				for _, there := range []bool{true, false} {
					o.prepare(t, s, "k", there)
					op := o.New("k")
					do(t, s, op)
					s.scribbled(t, o, bytesOf(op))
				}
			}
		},
	},
	{
		name: "what came out",
		rule: "A value that was read does not change when its key is written, swapped or taken.",
		run: func(t *testing.T, s *suite) {
			s.put(t, "k", "first")
			get := do(t, s, &backend.Get{Key: "k"})
			swap := do(t, s, &backend.Set{Key: "k", Value: []byte("other"), ReturnOld: true})
			take := do(t, s, &backend.Take{Key: "k"})
			s.put(t, "k", "third")
			if string(get.Value) != "first" || string(swap.Old) != "first" || string(take.Value) != "other" {
				t.Errorf("Get's %q, Set's Old %q, Take's %q; want first, first, other", get.Value, swap.Old, take.Value)
			}
		},
	},
	{
		name: "answers of a batch",
		rule: "The values of a batch's ops share no memory with each other: one may be appended to.",
		run: func(t *testing.T, s *suite) {
			s.put(t, "a", "aaaa")
			s.put(t, "b", "bbbb")
			a, again, b := &backend.Get{Key: "a"}, &backend.Get{Key: "a"}, &backend.Get{Key: "b"}
			s.all(t, a, again, b)
			_ = append(a.Value, "overwritten"...)
			scribble(a.Value)
			if string(again.Value) != "aaaa" || string(b.Value) != "bbbb" {
				t.Errorf("the other answers became %q and %q", again.Value, b.Value)
			}
		},
	},
	{
		name: "pages",
		rule: "Pages belong to the caller, who may overwrite them.",
		run: func(t *testing.T, s *suite) {
			want := s.putMany(t, "k", 100)
			var seen []string
			for page, err := range backend.ScanPages(t.Context(), s.Backend, "k", 10) {
				if err != nil {
					t.Fatalf("Scan: %v", err)
				}
				seen = append(seen, page...)
				clear(page)
				_ = append(page, "overwritten")
			}
			checkKeys(t, "k", seen, want)
			s.scans(t, "k", want...)
		},
	},
	{
		name: "concurrent readers",
		rule: "Readers of one key each have their own value, and may change it at the same time.",
		run: func(t *testing.T, s *suite) {
			value := bytes.Repeat([]byte("v"), 1000)
			s.put(t, "k", string(value))
			s.crowd(func(int) {
				for range 20 {
					get := try(t, s, &backend.Get{Key: "k"})
					if !bytes.Equal(get.Value, value) {
						t.Errorf("Get = %q", clip(string(get.Value)))
					}
					scribble(get.Value)
				}
			})
			s.holds(t, "k", string(value))
		},
	},
	{
		name: "concurrent writers",
		rule: "A writer may overwrite its value when Exec has returned, whoever reads the key at that time.",
		run: func(t *testing.T, s *suite) {
			s.put(t, "k", "value")
			s.crowd(func(int) {
				for range 20 {
					value := []byte("value")
					get := &backend.Get{Key: "k"}
					try(t, s, &backend.Set{Key: "k", Value: value})
					scribble(value)
					if try(t, s, get); string(get.Value) != "value" {
						t.Errorf("Get = %q, want what every writer wrote", get.Value)
					}
				}
			})
		},
	},
}

// scribbled checks that k stays as it is while all of values are overwritten.
func (s *suite) scribbled(t *testing.T, o Op, values [][]byte) {
	t.Helper()
	was := s.state(t, "k")
	for _, value := range values {
		scribble(value)
	}
	if now := s.state(t, "k"); !now.is(was) {
		t.Errorf("%s: when its values were overwritten, %+v became %+v", o.Name, was, now)
	}
}

// scribble overwrites b, as its owner may.
func scribble(b []byte) {
	for i := range b {
		b[i] = '!'
	}
}
