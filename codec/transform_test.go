package codec_test

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"math/big"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redisimnest/rin/codec"
)

// flateLimit is how large a value may become that deflate makes small.
const flateLimit = 1 << 20

// deflate compresses values, and decompresses up to flateLimit.
type deflate struct{}

func (deflate) Name() string { return "flate" }

func (deflate) Encode(dst, data []byte, _ string) ([]byte, error) {
	if len(data) > flateLimit {
		return nil, fmt.Errorf("the value has %d bytes, and %d is the limit", len(data), flateLimit)
	}
	out := bytes.NewBuffer(dst)
	w, err := flate.NewWriter(out, flate.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func (deflate) Decode(dst, data []byte, _ string) ([]byte, error) {
	out := bytes.NewBuffer(dst)
	n, err := out.ReadFrom(io.LimitReader(flate.NewReader(bytes.NewReader(data)), flateLimit+1))
	if n > flateLimit {
		return nil, fmt.Errorf("more than %d bytes", flateLimit)
	}
	return out.Bytes(), err
}

// sealed encrypts with AES-GCM, and authenticates the key that a value is stored
// under.
type sealed struct{ cipher.AEAD }

func newSealed(t testing.TB) sealed {
	block := must(aes.NewCipher(bytes.Repeat([]byte{7}, 32)))(t)
	return sealed{must(cipher.NewGCMWithRandomNonce(block))(t)}
}

func (sealed) Name() string { return "aesgcm" }

func (s sealed) Encode(dst, data []byte, key string) ([]byte, error) {
	return s.Seal(dst, nil, data, []byte(key)), nil
}

func (s sealed) Decode(dst, data []byte, key string) ([]byte, error) {
	return s.Open(dst, nil, data, []byte(key))
}

// renamed is a transform under another name.
type renamed struct {
	codec.Transform
	name string
}

func (r renamed) Name() string { return r.name }

func TestTransformsOfEveryType(t *testing.T) {
	transformed(t, "Rin", "~text+flate+aesgcm:string:")
	transformed(t, []byte{0, 0xff}, "~text+flate+aesgcm:bytes:")
	transformed(t, 30, "~text+flate+aesgcm:int:")
	transformed(t, 0.5, "~text+flate+aesgcm:float64:")
	transformed(t, time.Minute, "~text+flate+aesgcm:duration:")
	transformed(t, big.NewInt(7), "~text+flate+aesgcm:text:")
	transformed(t, []string{"a"}, "~json+flate+aesgcm:[]string:")
	transformed(t, user{Name: "Rin"}, "~json+flate+aesgcm:struct:")
	transformed(t, &user{Name: "Rin"}, "~json+flate+aesgcm:struct:")
	transformed[any](t, 30, "~text+flate+aesgcm:int:")
	transformed[any](t, []string{"a"}, "~json+flate+aesgcm:[]string:")
}

func transformed[T any](t *testing.T, v T, header string) {
	t.Helper()
	chain := []codec.Transform{deflate{}, newSealed(t)}
	for _, plain := range []bool{false, true} {
		typed, err := codec.For[T](nil, codec.Options{Transforms: chain, Plain: plain})
		if err != nil && plain {
			continue // any can't be plain
		}
		if err != nil {
			t.Fatal(err)
		}
		data := must(typed.Append([]byte("before "), "user:1", v))(t)
		data, ok := bytes.CutPrefix(data, []byte("before "))
		if !ok || !plain && !bytes.HasPrefix(data, []byte(header)) || plain && bytes.HasPrefix(data, []byte(header)) {
			t.Errorf("%T: stored as %.40q, want %q after what was there", v, data, header)
		}
		for name, decode := range map[string]func(string, []byte) (T, error){"Decode": typed.Decode, "DecodeOwned": typed.DecodeOwned} {
			if got := must(decode("user:1", bytes.Clone(data)))(t); !cmp.Equal(v, got, equal) {
				t.Errorf("%T: %s gives %v back, want %v", v, name, got, v)
			}
		}
		if _, err := typed.Decode("user:2", data); !errors.Is(err, codec.ErrMalformed) {
			t.Errorf("%T: moved to another key: got %v; a sealed value belongs to its place", v, err)
		}
		again := must(typed.Append(nil, "user:1", v))(t)
		if bytes.Equal(again, data) {
			t.Errorf("%T: two writes have the same bytes; the nonce was not used", v)
		}
		if !plain {
			want := strings.Split(header, ":")[1]
			if tag, err := codec.TypeOf(data); tag != want || err != nil {
				t.Errorf("%T: TypeOf is %q, %v, want %q without knowing the transforms", v, tag, err, want)
			}
		}
	}
}

func TestTransformsAreReadByTheHeader(t *testing.T) {
	reg := codec.Standard()
	reg.AddTransforms(deflate{})
	without := must(codec.For[string](reg, codec.Options{}))(t)
	with := must(codec.For[string](reg, codec.Options{Transforms: []codec.Transform{deflate{}}}))(t)
	other := must(codec.For[string](reg, codec.Options{Transforms: []codec.Transform{newSealed(t)}}))(t)
	dynamic := must(codec.For[any](reg, codec.Options{}))(t)

	old := must(without.Append(nil, "k", "Rin"))(t)
	for _, data := range [][]byte{old, must(with.Append(nil, "k", "Rin"))(t)} {
		for name, typed := range map[string]*codec.Typed[string]{"without": without, "with": with, "with another": other} {
			if got, err := typed.Decode("k", data); got != "Rin" || err != nil {
				t.Errorf("%s reads %.20q as %q, %v", name, data, got, err)
			}
		}
		if got, err := dynamic.Decode("k", data); got != "Rin" || err != nil {
			t.Errorf("any reads %.20q as %q, %v", data, got, err)
		}
		if tag, got, err := reg.Decode(data); tag != "string" || got != "Rin" || err != nil {
			t.Errorf("the registry reads %.20q as %s, %v, %v", data, tag, got, err)
		}
	}
	if got := must(with.Untransformed().Append(nil, "", "Rin"))(t); !bytes.Equal(got, old) {
		t.Errorf("untransformed: %q, want %q", got, old)
	}
	number := must(codec.For[int8](reg, codec.Options{Transforms: []codec.Transform{deflate{}}}))(t)
	wide := must(codec.For[int64](reg, codec.Options{Transforms: []codec.Transform{deflate{}}}))(t)
	if _, err := number.Decode("k", must(wide.Append(nil, "k", 300))(t)); !errors.Is(err, codec.ErrWrongType) {
		t.Errorf("got %v; what fits is decided by the number, not by its bytes", err)
	}
}

func TestTransformErrors(t *testing.T) {
	packed := must(codec.For[string](nil, codec.Options{Transforms: []codec.Transform{deflate{}}}))(t)
	data := must(packed.Append(nil, "k", "Rin"))(t)
	bomb := append([]byte("~text+flate:string:"), deflated(t, 1<<28)...)
	plain := must(codec.For[string](nil, codec.Options{}))(t)
	cases := []struct {
		typed  *codec.Typed[string]
		data   []byte
		is     error
		want   string
		reason string
	}{
		{
			plain, data, codec.ErrUnknownCodec,
			`unknown codec: stored value has transform "flate", which neither the declaration nor the registry has; give it to Registry.AddTransforms, and the registry to rin.Registry`,
			"nobody here knows flate",
		},
		{
			packed, []byte("~zstd+flate:string:x"), codec.ErrUnknownCodec,
			`unknown codec: stored value has codec "zstd", which the registry does not have; give the codec to codec.NewRegistry, and the registry to rin.Registry`,
			"the codec comes first",
		},
		{packed, []byte("~text+:string:x"), codec.ErrUnknownCodec, "", "no transform has an empty name"},
		{packed, []byte("~+flate:string:x"), codec.ErrUnknownCodec, "", "no codec has an empty name"},
		{packed, data[:len(data)-1], codec.ErrMalformed, "stored value is damaged: text+flate payload of string: flate: unexpected EOF", "cut short"},
		{packed, bomb, codec.ErrMalformed, "stored value is damaged: text+flate payload of string: flate: more than 1048576 bytes", "a bomb is an error"},
		{packed, []byte("~text+flate+flate:string:x"), codec.ErrMalformed, `stored value is damaged: its header names transform "flate" twice`, "a header does not choose how much work there is"},
	}
	for _, tt := range cases {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := tt.typed.Decode("k", tt.data)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, tt.is) || tt.want != "" && err.Error() != tt.want || got != "" {
			t.Errorf("%.30q: got %q,\n%v\nwant %v\nreason: %s", tt.data, got, err, tt.want, tt.reason)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 16*flateLimit {
			t.Errorf("%.30q: allocated %d bytes", tt.data, grown)
		}
	}
	large, err := packed.Append([]byte("dst"), "k", strings.Repeat("x", flateLimit+1))
	if want := "string can't be encoded: flate: the value has 1048577 bytes, and 1048576 is the limit"; fmt.Sprint(err) != want || string(large) != "dst" {
		t.Errorf("got %.20q, %v, want dst as it was and %s", large, err, want)
	}
}

// deflated is n zeros, compressed.
func deflated(t *testing.T, n int64) []byte {
	var out bytes.Buffer
	w := must(flate.NewWriter(&out, flate.BestSpeed))(t)
	must(io.CopyN(w, zeros{}, n))(t)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestTransformMistakes(t *testing.T) {
	with := func(chain ...codec.Transform) codec.Options { return codec.Options{Transforms: chain} }
	reg := codec.NewRegistry(codec.JSON, flated{codec.JSON}, named{codec.JSON, "flate"})
	cases := []struct {
		decl         func(*codec.Registry) error
		want, reason string
	}{
		{forErr[int](with(nil)), "transform 1 is nil", "nil transforms nothing"},
		{
			forErr[int](with(deflate{}, renamed{deflate{}, "a+b"})),
			`bad transform name "a+b": it may not be empty, nor have ':', '~', '+' or control bytes`, "the header would be read as two transforms",
		},
		{forErr[int](with(deflate{}, deflate{})), `transform "flate" is given twice`, "it would not be read"},
		{
			forErr[point](codec.Options{Codec: named{codec.JSON, "flate"}, Transforms: []codec.Transform{renamed{deflate{}, "json"}}}),
			`values would be stored as "flate+json", which begins with the name of codec "flate+json"; rename the transform`,
			"codec flate and transform json would be read as codec flate+json",
		},
		{forErr[[]int](codec.Options{Codec: flated{codec.JSON}, Transforms: []codec.Transform{deflate{}}}), "<nil>", "a codec with a '+' has transforms like any other"},
	}
	for _, tt := range cases {
		if err := tt.decl(reg); fmt.Sprint(err) != tt.want {
			t.Errorf("got %v\nwant %v\nreason: %s", err, tt.want, tt.reason)
		}
	}

	reg.AddTransforms(deflate{}, nil, renamed{deflate{}, ""}, deflate{})
	want := `codec.Registry.AddTransforms: transform 2 is nil
codec.Registry.AddTransforms: bad transform name "": it may not be empty, nor have ':', '~', '+' or control bytes
codec.Registry.AddTransforms: two transforms are named "flate"`
	if err := reg.Err(); fmt.Sprint(err) != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
	(*codec.Registry)(nil).AddTransforms(deflate{}) // as with Name, there is nowhere to keep it
}

// named is a codec under another name.
type named struct {
	codec.Codec
	name string
}

func (n named) Name() string { return n.name }

func TestCodecWithPlusAndTransforms(t *testing.T) {
	reg := codec.NewRegistry(flated{codec.JSON}, codec.JSON)
	reg.AddTransforms(newSealed(t))
	typed := must(codec.For[[]int](reg, codec.Options{Transforms: []codec.Transform{newSealed(t)}}))(t)
	data := must(typed.Append(nil, "k", []int{1}))(t)
	if !bytes.HasPrefix(data, []byte("~flate+json+aesgcm:[]int:")) {
		t.Errorf("got %.30q", data)
	}
	reader := must(codec.For[[]int](reg, codec.Options{Codec: codec.JSON}))(t)
	if got, err := reader.Decode("k", data); err != nil || !cmp.Equal(got, []int{1}) {
		t.Errorf("got %v, %v; the longest name of a codec is meant", got, err)
	}
}

// FuzzTransform decodes what anybody may have stored: nothing panics, memory
// stays in bounds, and what decodes can be written and read again.
func FuzzTransform(f *testing.F) {
	packed := must(codec.For[[]string](nil, codec.Options{Transforms: []codec.Transform{deflate{}}}))(f)
	dynamic := must(codec.For[any](nil, codec.Options{Transforms: []codec.Transform{deflate{}, newSealed(f)}}))(f)
	f.Add(must(packed.Append(nil, "k", []string{"a", "b"}))(f))
	f.Add(must(dynamic.Append(nil, "k", "Rin"))(f))
	f.Add([]byte("~json+flate:[]string:"))
	f.Add([]byte("~text+flate+aesgcm+flate:int:\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if v, err := packed.Decode("k", data); err == nil {
			again := must(packed.Append(nil, "k", v))(t)
			if got := must(packed.Decode("k", again))(t); !cmp.Equal(got, v) {
				t.Errorf("got %q, want %q", got, v)
			}
		}
		if v, err := dynamic.Decode("k", data); err == nil {
			must(dynamic.Append(nil, "k", v))(t)
		}
	})
}
