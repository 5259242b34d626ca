package codec_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redisimnest/rin/codec"
)

// readCase reads data as one type: want is what comes, or the error's text, with
// is in its chain.
type readCase struct {
	data   string
	as     func(data []byte, opts codec.Options) (any, error)
	opts   codec.Options
	want   any
	is     error
	reason string
}

func as[T any](data []byte, opts codec.Options) (any, error) {
	typed, err := codec.For[T](nil, opts)
	if err != nil {
		return nil, err
	}
	return typed.Decode("", data)
}

func TestRead(t *testing.T) {
	lenient := codec.Options{Lenient: true}
	plain := codec.Options{Plain: true}
	const wrong = "stored value has another type: "
	cases := []readCase{
		{
			data: "~text:string:30", as: as[int], is: codec.ErrWrongType, want: wrong + "stored string, want int",
			reason: "digits in a string are no number",
		},
		{
			data: "~text:int:30", as: as[string], is: codec.ErrWrongType, want: wrong + "stored int, want string",
			reason: "a number is no string",
		},
		{
			data: "~json:[]string:[]", as: as[[]int], is: codec.ErrWrongType, want: wrong + "stored []string, want []int",
			reason: "composites are compared whole",
		},
		{
			data: "~json:struct:{}", as: as[map[string]int], is: codec.ErrWrongType, want: wrong + "stored struct, want map[string]int",
			reason: "that the payload would decode is no reason",
		},
		{
			data: "~text:time:2024-01-01T00:00:00Z", as: as[time.Duration], is: codec.ErrWrongType, want: wrong + "stored time, want duration",
			reason: "the text codec's types are types too",
		},
		{
			data: "~text:int:5", as: as[time.Duration], is: codec.ErrWrongType, want: wrong + "stored int, want duration",
			reason: "a duration is no integer, though its kind is",
		},

		{data: "~text:int64:30", as: as[int8], want: int8(30), reason: "integers are converted if they fit"},
		{data: "~text:uint8:255", as: as[int], want: 255, reason: "signed or not"},
		{
			data: "~text:int:300", as: as[int8], is: codec.ErrWrongType, want: wrong + "stored int, want int8: the number does not fit",
			reason: "an integer is never cut",
		},
		{
			data: "~text:int:-1", as: as[uint], is: codec.ErrWrongType, want: wrong + "stored int, want uint: the number does not fit",
			reason: "nor turned into a large one",
		},
		{data: "~text:int:7", as: as[userID], want: userID(7), reason: "named types convert as their kinds do"},
		{
			data: "~text:int8:abc", as: as[int], is: codec.ErrMalformed, want: "stored value is damaged: text payload of int8: invalid syntax",
			reason: "a damaged number is not of another type, and is not quoted",
		},
		{data: "~text:float32:0.1", as: as[float64], want: 0.1, reason: "floats are converted"},
		{data: "~text:float64:0.1", as: as[float32], want: float32(0.1), reason: "0.1 is the same number in both sizes, as written"},
		{data: "~text:float64:NaN", as: as[float32], want: nan32(), reason: "every float type has it"},
		{
			data: "~text:float64:1e300", as: as[float32], is: codec.ErrWrongType, want: wrong + "stored float64, want float32: the number does not fit",
			reason: "too large",
		},
		{
			data: "~text:float64:16777217", as: as[float32], is: codec.ErrWrongType, want: wrong + "stored float64, want float32: the number does not fit",
			reason: "digits would be lost",
		},
		{
			data: "~text:float64:1e-60", as: as[float32], is: codec.ErrWrongType, want: wrong + "stored float64, want float32: the number does not fit",
			reason: "it would become zero",
		},
		{
			data: "~text:int:1", as: as[float64], is: codec.ErrWrongType, want: wrong + "stored int, want float64",
			reason: "the families don't mix",
		},
		{
			data: "~text:age:1", as: as[int], is: codec.ErrWrongType, want: wrong + "stored age, want int",
			reason: "a named integer is a type of its own",
		},

		{
			data: "Rin", as: as[string], is: codec.ErrForeign,
			want:   "stored value has no rin header, so rin did not write it; declare keys that other programs write with rin.Plain()",
			reason: "something else wrote it, and the error says what to do",
		},
		{
			data: "", as: as[string], is: codec.ErrForeign,
			want:   "stored value has no rin header, so rin did not write it; declare keys that other programs write with rin.Plain()",
			reason: "an empty value has no header either",
		},
		{
			data: "~text:string", as: as[string], is: codec.ErrMalformed, want: "stored value is damaged: its header has no end",
			reason: "cut short in the tag",
		},
		{
			data: "~text", as: as[string], is: codec.ErrMalformed, want: "stored value is damaged: its header has no end",
			reason: "cut short in the codec",
		},
		{
			data: "~:string:x", as: as[string], is: codec.ErrMalformed, want: "stored value is damaged: its header names no codec or no type",
			reason: "no codec",
		},
		{
			data: "~text::x", as: as[string], is: codec.ErrMalformed, want: "stored value is damaged: its header names no codec or no type",
			reason: "no type",
		},
		{
			data: "~text:str\x00ing:x", as: as[string], is: codec.ErrMalformed, want: "stored value is damaged: its header names no codec or no type",
			reason: "control bytes must not reach a log by way of an error",
		},
		{
			data: "~text:" + strings.Repeat("x", 300) + ":", as: as[string], is: codec.ErrMalformed, want: "stored value is damaged: its header has no end",
			reason: "a header is at most 255 bytes",
		},
		{
			data: "~zstd:string:x", as: as[string], is: codec.ErrUnknownCodec,
			want:   `unknown codec: stored value has codec "zstd", which the registry does not have; give the codec to codec.NewRegistry, and the registry to rin.Registry`,
			reason: "the codec is named, and the remedy",
		},

		{
			data: "~json:[]string:[\"a\"", as: as[[]string], is: codec.ErrMalformed, want: "stored value is damaged: json payload of []string: unexpected end of JSON input",
			reason: "cut short",
		},
		{
			data: "~json:[]string:[] []", as: as[[]string], is: codec.ErrMalformed, want: "stored value is damaged: json payload of []string: invalid character '[' after top-level value",
			reason: "a payload is one value",
		},
		{
			data: "~text:struct:{}", as: as[point], is: codec.ErrMalformed, want: "stored value is damaged: text payload of struct: text can't write or read a codec_test.point",
			reason: "text never wrote a struct",
		},
		{
			data: "~gob:struct:junk", as: as[point], is: codec.ErrMalformed, want: "stored value is damaged: gob payload of struct: gob: not a gob stream, or cut short",
			reason: "gob answers junk with an error",
		},
		{
			data: "~text:time:yesterday", as: as[time.Time], is: codec.ErrMalformed, want: "stored value is damaged: text payload of time: no RFC 3339 time",
			reason: "the value is not quoted",
		},
		{
			data: "~text:duration:soon", as: as[time.Duration], is: codec.ErrMalformed, want: "stored value is damaged: text payload of duration: invalid syntax",
			reason: "the value is not quoted",
		},
		{
			data: "~text:bool:maybe", as: as[bool], is: codec.ErrMalformed, want: "stored value is damaged: text payload of bool: invalid syntax",
			reason: "the value is not quoted",
		},

		{data: "~json:int:30", as: as[int], want: 30, reason: "the header's codec reads, not the declaration's"},
		{data: "~json:struct:null", as: as[*point], want: &point{}, reason: "what is read from a pointer type is never nil: it could not be written"},
		{
			data: `~json:struct:{"X":1}`, as: as[point], opts: codec.Options{Codec: codec.Gob}, want: point{X: 1},
			reason: "a codec can be changed while old values are there",
		},

		{data: "30", as: as[int], opts: plain, want: 30, reason: "bare digits"},
		{data: "1", as: as[bool], opts: plain, want: true, reason: "as other programs write it"},
		{
			data: "x", as: as[int8], opts: plain, is: codec.ErrMalformed, want: "stored value is damaged: text payload of int8: invalid syntax",
			reason: "plain values can be damaged too",
		},
		{
			data: "300", as: as[int8], opts: plain, is: codec.ErrMalformed, want: "stored value is damaged: text payload of int8: the number does not fit",
			reason: "without a header there is no other type to speak of",
		},

		{data: "~text:string:30", as: as[int], opts: lenient, want: 30, reason: "lenient reads whatever decodes"},
		{data: "~json:user.v1:{\"X\":1,\"Z\":2}", as: as[point], opts: lenient, want: point{X: 1}, reason: "an older struct"},
		{data: "30", as: as[int], opts: lenient, want: 30, reason: "a value without a header is a plain one"},
		{data: "~/rin", as: as[string], opts: lenient, want: "~/rin", reason: "a plain value may begin with a tilde"},
		{
			data: "~text:string:Rin", as: as[int], opts: lenient, is: codec.ErrWrongType, want: wrong + "stored string, want int: invalid syntax",
			reason: "what does not decode is of another type still",
		},
		{
			data: "~text:int:x", as: as[int], opts: lenient, is: codec.ErrMalformed, want: "stored value is damaged: text payload of int: invalid syntax",
			reason: "damaged is not another type",
		},
		{
			data: "~text:int:30", as: as[string], opts: codec.Options{Plain: true, Lenient: true}, want: "~text:int:30",
			reason: "plain values come back as they were written, whatever they look like",
		},
	}
	for _, tt := range cases {
		t.Run(tt.data, func(t *testing.T) {
			got, err := tt.as([]byte(tt.data), tt.opts)
			if tt.is != nil {
				if !errors.Is(err, tt.is) || err.Error() != tt.want {
					t.Errorf("error:\n got %v\nwant %v\nreason: %s", err, tt.want, tt.reason)
				}
				return
			}
			if err != nil {
				t.Fatalf("%v\nreason: %s", err, tt.reason)
			}
			if diff := cmp.Diff(tt.want, got, equal); diff != "" {
				t.Errorf("(-want +got):\n%s\nreason: %s", diff, tt.reason)
			}
		})
	}
}

func nan32() float32 { var zero float32; return zero / zero }

func TestReadKeepsTheCause(t *testing.T) {
	_, err := as[[]string]([]byte("~json:[]string:{}"), codec.Options{})
	var cause *json.UnmarshalTypeError
	if !errors.As(err, &cause) {
		t.Errorf("%v has no *json.UnmarshalTypeError in its chain", err)
	}
}

func TestErrorsLeaveValueZero(t *testing.T) {
	got, err := as[point]([]byte(`~json:struct:{"X":1,"Y":"secret"}`), codec.Options{})
	if err == nil || got != (point{}) {
		t.Errorf("got %v, %v; a value that did not decode whole must not be seen", got, err)
	}
}

func TestDecodedSharesNoMemory(t *testing.T) {
	for _, opts := range []codec.Options{{}, {Plain: true}} {
		typed := must(codec.For[[]byte](nil, opts))(t)
		data := must(typed.Append(nil, "", []byte("abc")))(t)
		got := must(typed.Decode("", data))(t)
		clear(data)
		if string(got) != "abc" {
			t.Errorf("%+v: decoded bytes changed with the data: %q", opts, got)
		}
	}
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	dst := []byte("before ")
	typed := must(codec.For[[]string](nil, codec.Options{}))(t)
	got := must(typed.Append(dst, "", []string{"a"}))(t)
	if want := `before ~json:[]string:["a"]`; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
	failing := must(codec.For[[]any](nil, codec.Options{}))(t)
	got, err := failing.Append(dst, "", []any{make(chan int)})
	if err == nil || string(got) != "before " {
		t.Errorf("got %q, %v; on an error dst comes back as it was", got, err)
	}
}

// The closures for built-in types and the text codec for their named kin are two
// ways to the same bytes, and back.
func TestScalarsAgreeWithText(t *testing.T) {
	type (
		str string
		i8  int8
		u64 uint64
		f32 float32
		yes bool
	)
	agree(t, "a", str("a"))
	agree(t, int8(-1), i8(-1))
	agree(t, uint64(1<<63), u64(1<<63))
	agree(t, float32(0.1), f32(0.1))
	agree(t, true, yes(true))
	agree(t, []byte{0}, raw{0})
}

func agree[T, Named any](t *testing.T, direct T, named Named) {
	t.Helper()
	ofT := must(codec.For[T](nil, codec.Options{}))(t)
	ofNamed := must(codec.For[Named](nil, codec.Options{}))(t)
	data := must(ofT.Append(nil, "", direct))(t)
	if got := must(ofNamed.Append(nil, "", named))(t); string(got) != string(data) {
		t.Errorf("%T: %q, %T: %q", direct, data, named, got)
	}
	if got := must(ofNamed.Decode("", data))(t); !cmp.Equal(got, named) {
		t.Errorf("%T from %q: got %v", named, data, got)
	}
}

func ExampleTyped() {
	ages, err := codec.For[int](codec.Standard(), codec.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	data, _ := ages.Append(nil, "", 30)
	fmt.Printf("%s\n", data)

	age, err := ages.Decode("", data)
	fmt.Println(age, err)

	_, err = ages.Decode("", []byte("~text:string:thirty"))
	fmt.Println(err)
	// Output:
	// ~text:int:30
	// 30 <nil>
	// stored value has another type: stored string, want int
}
