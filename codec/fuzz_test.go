package codec_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/redisimnest/rin/codec"
)

func fuzzRegistry() *codec.Registry {
	reg := codec.Standard()
	codec.Name[user](reg, "user.v2")
	return reg
}

// FuzzDecode reads bytes from anybody: nothing panics, and what decodes is a
// value that can be written and read again.
func FuzzDecode(f *testing.F) {
	reg := fuzzRegistry()
	for _, v := range []any{
		30, "Rin",
		[]byte{0xff},
		0.5, true,
		[]string{"a", "b"},
		point{1, 2},
		user{Name: "Rin"},
		map[string][]int{"a": {1}},
		[]any{1.5, nil, "x"},
		map[string]any{"a": []any{}},
	} {
		f.Add(must(reg.Marshal(v))(f))
		f.Add(append([]byte("~gob:"+typeTag(f, reg, v)+":"), gobOf(v)...))
	}
	for _, s := range []string{
		"", "~", "~:", "~::", "~text:int:", "~text:int:99999999999999999999", "~text:time:2024-02-29T01:02:03+02:00",
		"~json:[][][][][][][][][]int:[]", "~json:map[[]int]int:{}", "~json:[1000000000]int:[]", "~json:map[bool]int:null",
		"~gob:map[string]int:\x0e\xff\x81\x04\x01\x02\xff\x82\x00\x01\x0c\x01\x04\x00\x00",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tag, tagErr := codec.TypeOf(data)
		_, _, err := reg.Decode(data)
		if err == nil && (tag == "" || tagErr != nil) {
			t.Errorf("decodes, but has tag %q, %v", tag, tagErr)
		}
		for _, opts := range fuzzOptions(reg, data) {
			again[int](t, reg, opts, data)
			again[int8](t, reg, opts, data)
			again[float32](t, reg, opts, data)
			again[string](t, reg, opts, data)
			again[[]string](t, reg, opts, data)
			again[point](t, reg, opts, data)
			again[map[string][]int](t, reg, opts, data)
			again[map[point]*user](t, reg, opts, data)
			again[tree](t, reg, opts, data)
			again[any](t, reg, opts, data)
		}
	})
}

// fuzzOptions chooses the codec that the header names, which can write again
// whatever it has read.
func fuzzOptions(reg *codec.Registry, data []byte) []codec.Options {
	name, _, _ := strings.Cut(strings.TrimPrefix(string(data), "~"), ":")
	c, ok := reg.Lookup(name)
	if !ok || name == "text" {
		c = codec.JSON
	}
	return []codec.Options{{Codec: c}, {Codec: c, Lenient: true}, {Codec: c, Plain: true}}
}

func again[T any](t *testing.T, reg *codec.Registry, opts codec.Options, data []byte) {
	t.Helper()
	typed, err := codec.For[T](reg, opts)
	if err != nil {
		return // any can't be plain, JSON has no maps with points as keys
	}
	v, err := typed.Decode("", data)
	if err != nil {
		return
	}
	data, err = typed.Append(nil, "", v)
	if err != nil {
		if strings.Contains(err.Error(), "unsupported type: map[") {
			return // null is read as a map of which JSON writes none
		}
		t.Fatalf("%T %#v was read, and can't be written: %v", v, v, err)
	}
	got, err := typed.Decode("", data)
	if err != nil {
		t.Fatalf("%T %#v was read, and not when written again: %v", v, v, err)
	}
	if diff := cmp.Diff(v, got, equal, cmpopts.EquateEmpty(), cmpopts.EquateComparable()); diff != "" {
		t.Fatalf("changed (-want +got):\n%s", diff)
	}
}

func typeTag(f *testing.F, reg *codec.Registry, v any) string {
	return must(codec.TypeOf(must(reg.Marshal(v))(f)))(f)
}

// gobOf is v in gob, or nothing where gob can't write it.
func gobOf(v any) []byte {
	data, err := codec.Gob.Append(nil, v)
	if err != nil {
		return nil
	}
	return data
}

// plainHeader is the header's layout in one line, slow and obvious.
var plainHeader = regexp.MustCompile(`(?s)^~([^:~\x00-\x1f\x7f]+):([^:~\x00-\x1f\x7f]+):(.*)$`)

// FuzzHeader compares the header parser with plainHeader.
func FuzzHeader(f *testing.F) {
	for _, s := range []string{
		"", "x", "~", "~text:string:Rin", "~a:b:", "~a:b", "~a::b", "~~:b:", "~a:b\n:", "~\xff:b:", "~é:b:",
		"~a:" + strings.Repeat("b", 251) + ":", "~a:" + strings.Repeat("b", 252) + ":",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data string) {
		want, ok := "", false
		if m := plainHeader.FindStringSubmatch(data); m != nil {
			short := len(data)-len(m[3]) <= 255
			want, ok = m[2], short && utf8.ValidString(m[1]+":"+m[2])
		}
		got, err := codec.TypeOf([]byte(data))
		if (err == nil) != ok || ok && got != want {
			t.Errorf("%q: got %q, %v, want %q, %v", data, got, err, want, ok)
		}
		if !ok {
			return
		}
		// Written anew under that tag, the payload is the same.
		typed, err := codec.For[string](nil, codec.Options{TypeName: want})
		if err != nil {
			return // a tag that only types without a name have
		}
		payload := plainHeader.FindStringSubmatch(data)[3]
		written, err := typed.Append(nil, "", payload)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := typed.Decode("", written); err != nil || back != payload {
			t.Errorf("%q: got %q, %v, want %q", written, back, err, payload)
		}
	})
}
