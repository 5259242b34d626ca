package codec_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/redisimnest/rin/codec"
)

type (
	selfPointer *selfPointer
	job         struct {
		Name string
		Done chan struct{}
	}
	jobSkipped struct {
		Name string
		Done chan struct{} `json:"-"`
		note func()        //nolint:unused // JSON passes over it
	}
	broken struct{ Err error }
	list   struct {
		Next *list
		Jobs map[string][]*job
	}
	custom struct{ c chan int } //nolint:unused // its MarshalJSON passes over it
	hidden struct{ x int }      //nolint:unused // JSON passes over it
)

func (custom) MarshalJSON() ([]byte, error)  { return []byte(`{}`), nil }
func (*custom) UnmarshalJSON(_ []byte) error { return nil }

func forErr[T any](opts codec.Options) func(*codec.Registry) error {
	return func(reg *codec.Registry) error {
		_, err := codec.For[T](reg, opts)
		return err
	}
}

func TestFor(t *testing.T) {
	none := codec.Options{}
	gob := codec.Options{Codec: codec.Gob}
	chosen := codec.Options{Codec: codec.Gob, Chosen: true}
	cases := []struct {
		name   string
		decl   func(*codec.Registry) error
		want   string // empty: it is fine
		is     error
		reason string
	}{
		{name: "chan", decl: forErr[chan int](none), want: "chan int can't be stored", reason: "no codec writes it"},
		{name: "func", decl: forErr[func()](none), want: "func() can't be stored", reason: "no codec writes it"},
		{name: "unsafe pointer", decl: forErr[unsafe.Pointer](none), want: "unsafe.Pointer can't be stored", reason: "no codec writes it"},
		{name: "uintptr", decl: forErr[uintptr](none), want: "uintptr can't be stored", reason: "an address means nothing to the next process"},
		{name: "pointer to itself", decl: forErr[selfPointer](none), want: "codec_test.selfPointer can't be stored", reason: "there is no value at its end"},
		{
			name: "interface", decl: forErr[io.Reader](none), want: "io.Reader can't be stored: of the interfaces only any can",
			reason: "nothing says which type to decode",
		},
		{
			name: "pointer to any", decl: forErr[*any](none), want: "*interface {} can't be stored: of the interfaces only any can",
			reason: "any itself will do",
		},
		{
			name: "complex in JSON", decl: forErr[complex128](none), want: "complex128 can't be stored: json can't write a complex128",
			reason: "the codec decides",
		},
		{name: "complex in gob", decl: forErr[complex128](gob), reason: "the codec decides"},
		{
			name: "chan in a struct", decl: forErr[job](none), want: "codec_test.job can't be stored: field Done: json can't write a chan struct {}",
			reason: "found at the start, not at the first write",
		},
		{
			name: "chan deep down", decl: forErr[list](none), want: "codec_test.list can't be stored: field Jobs: field Done: json can't write a chan struct {}",
			reason: "through recursion, maps, slices and pointers",
		},
		{name: "chan in a gob struct", decl: forErr[job](gob), reason: "gob skips such fields"},
		{
			name: "chan elements in gob", decl: forErr[[]chan int](gob), want: "[]chan int can't be stored: gob NewTypeObject can't handle type: chan int",
			reason: "it does not skip such elements",
		},
		{
			name: "nothing for gob", decl: forErr[hidden](gob), want: "codec_test.hidden can't be stored: codec_test.hidden has no exported fields, so nothing of it would be stored; export them, or give the type methods to marshal itself",
			reason: "gob would say less",
		},
		{name: "skipped fields", decl: forErr[jobSkipped](none), reason: "json never writes these"},
		{name: "own methods", decl: forErr[custom](none), reason: "a json.Marshaler knows what it does"},
		{
			name: "map keys", decl: forErr[map[point]int](none), want: "map[codec_test.point]int can't be stored: json can't write a map with keys of type codec_test.point",
			reason: "keys are strings in JSON",
		},
		{name: "text keys", decl: forErr[map[time.Time]int](none), reason: "text marshalers are keys"},
		{name: "interface elements", decl: forErr[[]error](none), want: "[]error can't be stored: json can't read a error back", reason: "they could be written only"},
		{name: "interface field", decl: forErr[broken](none), reason: "a field may stay nil"},
		{name: "any elements", decl: forErr[map[string][]any](none), reason: "JSON's own idea of any"},
		{name: "recursive", decl: forErr[tree](none), reason: "deriving the tag ends"},

		{
			name: "unknown codec", decl: forErr[point](codec.Options{Codec: flated{codec.JSON}}), is: codec.ErrUnknownCodec,
			want:   `unknown codec: codec "flate+json", which the registry does not have; give the codec to codec.NewRegistry, and the registry to rin.Registry`,
			reason: "what it writes could not be read",
		},
		{
			name: "text for a struct", decl: forErr[point](codec.Options{Codec: codec.Text}), want: "text can't write or read a codec_test.point",
			reason: "text is no codec for everything",
		},
		{name: "text for a string", decl: forErr[string](codec.Options{Codec: codec.Text}), reason: "text writes it anyway"},
		{
			name: "codec chosen for a string", decl: forErr[string](chosen), is: codec.ErrNoEffect,
			want:   `the codec would have no effect: string is always written as text, and never by codec "gob"; leave the codec out, or use a codec.Transform to change the bytes that are stored`,
			reason: "whoever chose it believes that it writes",
		},
		{
			name: "codec chosen for a pointer to a named number", decl: forErr[*userID](chosen), is: codec.ErrNoEffect,
			want:   `the codec would have no effect: *codec_test.userID is always written as text, and never by codec "gob"; leave the codec out, or use a codec.Transform to change the bytes that are stored`,
			reason: "its kind is what counts",
		},
		{name: "codec chosen for a text marshaler", decl: forErr[*big.Float](chosen), reason: "there it writes instead of text"},
		{name: "codec chosen for a struct", decl: forErr[point](chosen), reason: "there it writes"},
		{name: "codec chosen for any", decl: forErr[any](chosen), reason: "it writes some of the values"},
		{name: "text chosen for a string", decl: forErr[string](codec.Options{Codec: codec.Text, Chosen: true}), reason: "text is what writes it"},
		{name: "no codec chosen", decl: forErr[string](codec.Options{Chosen: true}), reason: "there is nothing to ignore"},
		{
			name: "plain any", decl: forErr[any](codec.Options{Plain: true}), want: "any can't be stored plain: without a header nothing says which type a value has",
			reason: "it could not be read",
		},
		{
			name: "named any", decl: forErr[any](codec.Options{TypeName: "thing"}), want: "any takes no type name: each value is stored with the tag of its own type",
			reason: "one name for all types says nothing",
		},
		{
			name: "bad type name", decl: forErr[point](codec.Options{TypeName: "a:b"}),
			want:   `type name "a:b" of codec_test.point: a tag may not be empty, nor have ':', '~', '[', ']' or control bytes`,
			reason: "it would break the header",
		},
		{
			name: "built-in type name", decl: forErr[point](codec.Options{TypeName: "int"}), want: `type name "int" of codec_test.point: the tag is built in`,
			reason: "a point would be read as an int",
		},
		{
			name: "type name of another", decl: forErr[point](codec.Options{TypeName: "address"}), want: `type name "address" of codec_test.point: the tag already names codec_test.address`,
			reason: "a point would be read as an address",
		},
		{
			name: "long type name", decl: forErr[point](codec.Options{TypeName: strings.Repeat("x", 250)}),
			want:   "type tag " + strings.Repeat("x", 40) + "… makes a header of 257 bytes, and 255 is the limit; give the type a shorter name with rin.TypeName or codec.Name",
			reason: "a header is bounded",
		},
		{name: "longest type name", decl: forErr[point](codec.Options{TypeName: strings.Repeat("x", 248)}), reason: "up to its bound"},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			reg := codec.Standard()
			codec.Name[address](reg, "address")
			err := tt.decl(reg)
			if tt.want == "" && err != nil {
				t.Errorf("got %v\nreason: %s", err, tt.reason)
			}
			if tt.want != "" && (err == nil || err.Error() != tt.want) {
				t.Errorf("error:\n got %v\nwant %v\nreason: %s", err, tt.want, tt.reason)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v is not %v", err, tt.is)
			}
		})
	}
}

type badName struct{ codec.Codec }

func (badName) Name() string { return "a:b" }

func TestRegistryGathersMistakes(t *testing.T) {
	reg := codec.NewRegistry(nil, codec.Text, codec.JSON, codec.JSON, badName{codec.JSON})
	codec.Name[user](reg, "us:er")
	codec.Name[user](reg, "int")
	codec.Name[int](reg, "number")
	codec.Name[error](reg, "error")
	codec.Name[user](reg, "user")
	codec.Name[user](reg, "user")
	codec.Name[user](reg, "person")
	codec.Name[point](reg, "user")
	want := `codec.NewRegistry: codec 1 is nil
codec.NewRegistry: two codecs are named "json"
codec.NewRegistry: bad codec name "a:b": it may not be empty, nor have ':', '~' or control bytes
codec.Name[codec_test.user](reg, "us:er"): a tag may not be empty, nor have ':', '~', '[', ']' or control bytes
codec.Name[codec_test.user](reg, "int"): the tag is built in
codec.Name[int](reg, "number"): the type is built in, as "int"
codec.Name[error](reg, "error"): an interface has no values of its own
codec.Name[codec_test.user](reg, "person"): the type is already named "user"
codec.Name[codec_test.point](reg, "user"): the tag already names codec_test.user`
	if got := fmt.Sprint(reg.Err()); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}

	t.Run("everything returns them", func(t *testing.T) {
		_, forErr := codec.For[int](reg, codec.Options{})
		_, marshalErr := reg.Marshal(1)
		_, _, decodeErr := reg.Decode([]byte("~text:int:1"))
		unmarshalErr := reg.Unmarshal([]byte("~text:int:1"), new(int))
		for _, err := range []error{forErr, marshalErr, decodeErr, unmarshalErr} {
			if fmt.Sprint(err) != want {
				t.Errorf("got %v, want the registry's mistakes", err)
			}
		}
	})
}

func TestRegistryWithoutCodecs(t *testing.T) {
	var zero codec.Registry
	for name, reg := range map[string]*codec.Registry{"nil": nil, "zero": &zero, "none given": codec.NewRegistry(), "text given": codec.NewRegistry(codec.Text)} {
		data, err := reg.Marshal([]int{1})
		if err != nil || string(data) != "~json:[]int:[1]" {
			t.Errorf("%s: got %q, %v; JSON is the default", name, data, err)
		}
		if _, ok := reg.Lookup("text"); !ok {
			t.Errorf("%s: has no text codec; it is always included", name)
		}
	}
}

func TestRegistryDefaultIsTheFirst(t *testing.T) {
	reg := codec.NewRegistry(codec.Text, flated{codec.JSON}, codec.JSON)
	data := must(reg.Marshal([]int{1}))(t)
	if !bytes.HasPrefix(data, []byte("~flate+json:[]int:")) {
		t.Errorf("got %q; the first codec given is the default", data)
	}
	if data := must(reg.Marshal(1))(t); string(data) != "~text:int:1" {
		t.Errorf("got %q; text writes numbers whatever the default is", data)
	}
}

func TestNameWhileReading(t *testing.T) {
	reg := codec.Standard()
	typed := must(codec.For[any](reg, codec.Options{}))(t)
	var wg sync.WaitGroup
	wg.Go(func() { codec.Name[point](reg, "point") })
	wg.Go(func() { codec.Name[*user](reg, "user") })
	wg.Go(func() {
		if _, err := typed.Append(nil, "", []int{1}); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	for _, v := range []any{point{1, 2}, &user{Name: "Rin"}} {
		data := must(typed.Append(nil, "", v))(t)
		if got := must(typed.Decode("", data))(t); fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", v) {
			t.Errorf("got %+v, want %+v; no name may be lost", got, v)
		}
	}
}

func TestTag(t *testing.T) {
	reg := codec.Standard()
	codec.Name[*user](reg, "user.v2")
	tag := func(name string, err error) string { return must(name, err)(t) }
	cases := []struct{ got, want, reason string }{
		{tag(tagOf[any](reg)), "any", "values have tags of their own"},
		{tag(tagOf[map[string]*user](reg)), "map[string]user.v2", "a name counts through pointers and in composites"},
		{tag(tagOf[[3][]**int](reg)), "[3][]int", "pointers don't count"},
		{tag(tagOf[struct{ A int }](reg)), "struct", "fields are not part of a type's name"},
		{tag(tagOf[[][][][][][][][][][]int](reg)), "[][][][][][][][]any", "eight levels are told apart"},
		{tag(tagOf[json.RawMessage](reg)), "bytes", "a slice of bytes, whatever its name"},
		{tag(tagOf[map[userID]error](codec.NewRegistry(codec.Gob))), "map[int]any", "interfaces within are any"},
	}
	for _, tt := range cases {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q; reason: %s", tt.got, tt.want, tt.reason)
		}
	}
}

func TestChosenCodecWritesTextMarshalers(t *testing.T) {
	const refused = "text and json read a big.Float with 64 bits only; give the key rin.Codec(codec.Gob)"
	if _, err := codec.For[*big.Float](nil, codec.Options{Codec: codec.Gob}); fmt.Sprint(err) != refused {
		t.Errorf("got %v, want %s; a codec for many types leaves it to text", err, refused)
	}
	gob := must(codec.For[*big.Float](nil, codec.Options{Codec: codec.Gob, Chosen: true}))(t)
	precise := new(big.Float).SetPrec(200).Quo(big.NewFloat(1), big.NewFloat(3))
	data := must(gob.Append(nil, "", precise))(t)
	if got := must(gob.Decode("", data))(t); !bytes.HasPrefix(data, []byte("~gob:text:")) || got.Cmp(precise) != 0 || got.Prec() != 200 {
		t.Errorf("%.20q: got %v with %d bits; a chosen codec writes what marshals itself as text", data, got, got.Prec())
	}
	half := big.NewFloat(0.5)
	if got := must(gob.Decode("", []byte("~text:text:0.5")))(t); got.Cmp(half) != 0 {
		t.Errorf("got %v; values from before the choice are read", got)
	}

	text := must(codec.For[*big.Int](nil, codec.Options{Codec: codec.Gob}))(t)
	chosen := must(codec.For[*big.Int](nil, codec.Options{Codec: codec.Gob, Chosen: true}))(t)
	data = must(chosen.Append(nil, "", big.NewInt(7)))(t)
	if got := must(text.Decode("", data))(t); got.Int64() != 7 {
		t.Errorf("got %v; reads follow the header", got)
	}
}

func tagOf[T any](reg *codec.Registry) (string, error) {
	typed, err := codec.For[T](reg, codec.Options{})
	if err != nil {
		return "", err
	}
	return typed.Tag(), nil
}
