package codec_test

import (
	"encoding/json"
	"testing"

	"github.com/redisimnest/rin/codec"
)

func BenchmarkDecode(b *testing.B) {
	benchDecode(b, "int", 1234567)
	benchDecode(b, "string", "Rin Imaginary Nesting")
	benchDecode(b, "bytes", []byte("Rin Imaginary Nesting"))
	benchDecode(b, "float64", 0.1)
	benchDecode(b, "bool", true)
	benchDecode(b, "userID", userID(1234567))
	benchDecode(b, "struct", user{Name: "Rin", Age: 30})
	benchDecode[any](b, "any", 1234567)
	b.Run("codec=encoding/json/value=struct", func(b *testing.B) {
		data := must(json.Marshal(user{Name: "Rin", Age: 30}))(b)
		b.ReportAllocs()
		for b.Loop() {
			var v user
			if err := json.Unmarshal(data, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func benchDecode[T any](b *testing.B, name string, v T) {
	b.Run("codec=rin/value="+name, func(b *testing.B) {
		typed := must(codec.For[T](nil, codec.Options{}))(b)
		data := must(typed.Append(nil, "", v))(b)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := typed.Decode("", data); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	benchAppend(b, "int", 1234567)
	benchAppend(b, "string", "Rin Imaginary Nesting")
	benchAppend(b, "bytes", []byte("Rin Imaginary Nesting"))
	benchAppend(b, "float64", 0.1)
	benchAppend(b, "bool", true)
	benchAppend(b, "userID", userID(1234567))
	benchAppend(b, "struct", user{Name: "Rin", Age: 30})
	benchAppend[any](b, "any", 1234567)
	b.Run("codec=encoding/json/value=struct", func(b *testing.B) {
		v := user{Name: "Rin", Age: 30}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func benchAppend[T any](b *testing.B, name string, v T) {
	b.Run("codec=rin/value="+name, func(b *testing.B) {
		typed := must(codec.For[T](nil, codec.Options{}))(b)
		dst := make([]byte, 0, 256)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := typed.Append(dst, "", v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestAllocations(t *testing.T) {
	allocations(t, 30, 0)
	allocations(t, uint8(30), 0)
	allocations(t, 0.1, 0)
	allocations(t, float32(0.1), 0)
	allocations(t, true, 0)
	allocations(t, "a string that is too long for the stack's small buffers", 1)
	allocations(t, []byte("bytes"), 1)
}

// allocations checks what a decode allocates; an append onto a large enough
// slice allocates nothing.
func allocations[T any](t *testing.T, v T, want float64) {
	t.Helper()
	typed := must(codec.For[T](nil, codec.Options{}))(t)
	data := must(typed.Append(nil, "", v))(t)
	dst := make([]byte, 0, 2*len(data))
	if got := testing.AllocsPerRun(100, func() { _, _ = typed.Append(dst, "", v) }); got != 0 {
		t.Errorf("append %T: %v allocations", v, got)
	}
	if got := testing.AllocsPerRun(100, func() { _, _ = typed.Decode("", data) }); got != want {
		t.Errorf("decode %T: %v allocations, want %v", v, got, want)
	}
}
