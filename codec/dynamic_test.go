package codec_test

import (
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redisimnest/rin/codec"
)

func TestAnyComesBackAsItWas(t *testing.T) {
	reg := codec.Standard()
	codec.Name[address](reg, "address")
	codec.Name[userID](reg, "user_id")
	codec.Name[*big.Int](reg, "bigint")
	codec.Name[[2]int](reg, "pair")
	typed := must(codec.For[any](reg, codec.Options{}))(t)
	values := []any{
		"Rin", []byte("Rin"), true, 1, int8(1), uint64(1), 0.5, float32(0.5),
		time.Unix(1, 2).UTC(), time.Minute,
		[]string{"a"},
		map[string]int{"a": 1},
		map[int8][]time.Duration{1: {2}},
		[]any{"a", nil, true},
		address{"Oslo"},
		[]address{{"Oslo"}},
		map[userID]address{1: {"Oslo"}},
		userID(1), big.NewInt(1),
		[2]int{1, 2},
	}
	for _, v := range values {
		data := must(typed.Append(nil, "", v))(t)
		got := must(typed.Decode("", data))(t)
		if diff := cmp.Diff(v, got, equal); diff != "" {
			t.Errorf("%s (-want +got):\n%s", data, diff)
		}
		tag, got, err := reg.Decode(data)
		if want := must(codec.TypeOf(data))(t); err != nil || tag != want || !cmp.Equal(v, got, equal) {
			t.Errorf("Registry.Decode(%s) = %s, %v, %v", data, tag, got, err)
		}
	}
}

func TestAnyRefusesWhatWouldNotComeBack(t *testing.T) {
	typed := must(codec.For[any](nil, codec.Options{}))(t)
	const remedy = `unknown type: a stored %v could not be read back as one; name it with codec.Name[%[1]v](reg, "…")`
	cases := []struct {
		v      any
		want   string
		reason string
	}{
		{user{}, fmt.Sprintf(remedy, "codec_test.user"), "which struct?"},
		{[]*user{}, fmt.Sprintf(remedy, "[]*codec_test.user"), "which struct?"},
		{[2]int{}, fmt.Sprintf(remedy, "[2]int"), "a stored tag may not choose an array's length"},
		{userID(1), fmt.Sprintf(remedy, "codec_test.userID"), "an int would come back"},
		{names{"a"}, fmt.Sprintf(remedy, "codec_test.names"), "a []string would come back"},
		{[]*int{}, fmt.Sprintf(remedy, "[]*int"), "a []int would come back"},
		{netip.Addr{}, fmt.Sprintf(remedy, "netip.Addr"), "which text?"},
		{map[point]int{}, fmt.Sprintf(remedy, "map[codec_test.point]int"), "a stored tag may choose scalar keys only"},
		{[][][][][][][][][]int{}, fmt.Sprintf(remedy, "[][][][][][][][][]int"), "nested too deep to be told apart"},
		{nil, "nil can't be stored; delete the key instead", "nil has no type"},
		{(*int)(nil), "nil can't be stored; delete the key instead", "a nil pointer has no value"},
		{make(chan int), "chan int can't be stored", "no codec writes it"},
	}
	for _, tt := range cases {
		data, err := typed.Append([]byte("dst"), "", tt.v)
		if err == nil || err.Error() != tt.want || string(data) != "dst" {
			t.Errorf("%T: %q,\n got %v\nwant %v\nreason: %s", tt.v, data, err, tt.want, tt.reason)
		}
	}
}

func TestDecodeUnknownTypes(t *testing.T) {
	cases := []struct{ tag, reason string }{
		{"struct", "no Go type goes by it"},
		{"text", "no Go type goes by it"},
		{"any", "nobody stores it alone"},
		{"user.v2", "the registry has not named it"},
		{"[]user.v2", "the registry has not named it"},
		{"[1000000000]int", "arrays are allocated whole"},
		{"[][1000000000]int", "arrays are allocated whole"},
		{"map[time]int", "keys are scalars"},
		{"map[bytes]int", "such a map panics"},
		{"map[any]int", "such a map may panic"},
		{"map[[]int]int", "such a map panics"},
		{"map[map[int]int]int", "such a map panics"},
		{"map[int", "cut short"},
		{"map[int]", "cut short"},
		{"[]", "cut short"},
		{"]", "nonsense"},
		{strings.Repeat("[]", 9) + "int", "nested too deep"},
		{strings.Repeat("map[int]", 20) + "int", "nested too deep"},
	}
	for _, tt := range cases {
		tag, v, err := codec.Decode([]byte("~json:" + tt.tag + ":null"))
		if !errors.Is(err, codec.ErrUnknownType) || v != nil || tag != tt.tag {
			t.Errorf("%s: got %q, %v, %v; reason: %s", tt.tag, tag, v, err, tt.reason)
		}
	}
	_, _, err := codec.Decode([]byte("~json:user.v2:{}"))
	if want := `unknown type: no Go type goes by "user.v2"; name it with codec.Name[T](reg, "user.v2")`; fmt.Sprint(err) != want {
		t.Errorf("got %v, want %v", err, want)
	}
}

func TestUnmarshal(t *testing.T) {
	data := must(codec.Marshal(&user{Name: "Rin"}))(t)

	var direct user
	var pointer *user
	for _, into := range []any{&direct, &pointer} {
		if err := codec.Unmarshal(data, into); err != nil {
			t.Error(err)
		}
	}
	if direct.Name != "Rin" || pointer == nil || pointer.Name != "Rin" {
		t.Errorf("got %v and %v", direct, pointer)
	}

	t.Run("replaces what was there", func(t *testing.T) {
		m := map[string]int{"old": 1}
		if err := codec.Unmarshal([]byte(`~json:map[string]int:{"new":2}`), &m); err != nil || m["old"] != 0 || m["new"] != 2 {
			t.Errorf("got %v, %v", m, err)
		}
	})
	t.Run("leaves it on an error", func(t *testing.T) {
		v := user{Name: "kept"}
		if err := codec.Unmarshal([]byte(`~json:struct:{"Name":"new","age":"x"}`), &v); !errors.Is(err, codec.ErrMalformed) || v.Name != "kept" {
			t.Errorf("got %v, %v", v, err)
		}
	})
	t.Run("into any", func(t *testing.T) {
		var v any
		if err := codec.Unmarshal([]byte("~text:duration:1s"), &v); err != nil || v != time.Second {
			t.Errorf("got %v, %v", v, err)
		}
	})
	for _, into := range []any{nil, user{}, (*user)(nil)} {
		if err := codec.Unmarshal(data, into); err == nil || !strings.HasPrefix(err.Error(), "codec.Unmarshal needs a pointer") {
			t.Errorf("%T: got %v", into, err)
		}
	}
	if _, err := codec.Marshal(nil); err == nil {
		t.Error("nil was marshaled")
	}
}

// What a declaration of its type would refuse, a value in an any is refused too.
func TestDynamicIsLossless(t *testing.T) {
	reg := codec.Standard()
	codec.Name[map[keyHalf]int](reg, "halves")
	typed := must(codec.For[any](reg, codec.Options{}))(t)
	for want, v := range map[string]any{
		"json does not read keys of type": map[keyHalf]int{1: 1},
		"not valid UTF-8":                 map[string]int{"\xff": 1},
		"would not come back as one":      []any{left{1}},
	} {
		if data, err := typed.Append(nil, "k", v); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%T: %q, %v; want %s", v, data, err, want)
		}
	}
	data := must(typed.Append(nil, "k", []any{int64(1<<53 + 1), 1.5}))(t)
	if got, err := typed.Decode("k", data); !reflect.DeepEqual(got, []any{int64(1<<53 + 1), 1.5}) || err != nil {
		t.Errorf("got %v, %v; want both numbers as they were", got, err)
	}
}
