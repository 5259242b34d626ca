package codec_test

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/redisimnest/rin/codec"
)

// wide has a field of every sort that gob tells apart.
type wide struct {
	B    bool
	I    int64
	U    uint16
	F    float32
	C    complex128
	S    string
	Raw  []byte
	Arr  [3]int8
	Some []point
	Map  map[string]map[int]point
	Next *wide
	Time time.Time
	Any  any
}

func genWide(t *rapid.T, depth int) wide {
	w := wide{
		B:    rapid.Bool().Draw(t, "B"),
		I:    rapid.Int64().Draw(t, "I"),
		U:    rapid.Uint16().Draw(t, "U"),
		F:    rapid.Float32().Draw(t, "F"),
		C:    complex(rapid.Float64().Draw(t, "re"), rapid.Float64().Draw(t, "im")),
		S:    rapid.String().Draw(t, "S"),
		Raw:  rapid.SliceOf(rapid.Byte()).Draw(t, "Raw"),
		Arr:  [3]int8{rapid.Int8().Draw(t, "Arr")},
		Some: rapid.SliceOf(rapid.Make[point]()).Draw(t, "Some"),
		Map:  rapid.Make[map[string]map[int]point]().Draw(t, "Map"),
		Time: time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "Time"), 0).UTC(),
	}
	if depth > 0 && rapid.Bool().Draw(t, "more") {
		next := genWide(t, depth-1)
		w.Next = &next
	}
	return w
}

// What gob writes has to pass the check that keeps hostile streams from it.
func TestGobRoundTrip(t *testing.T) {
	typed := must(codec.For[wide](nil, codec.Options{Codec: codec.Gob}))(t)
	rapid.Check(t, func(t *rapid.T) {
		want := genWide(t, 2)
		data, err := typed.Append(nil, "", want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := typed.Decode("", data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateNaNs()); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

func TestGobTopLevel(t *testing.T) {
	gobRoundTrip(t, []string{"a", ""})
	gobRoundTrip(t, []string{})
	gobRoundTrip(t, map[string][]float64{"a": {1.5}, "b": {}})
	gobRoundTrip(t, [2]map[int]bool{{1: true}, {}})
	gobRoundTrip(t, complex(1, -1))
	gobRoundTrip(t, []big.Int{*big.NewInt(-1 << 40)})
	gobRoundTrip(t, [][]uint64{{1 << 63, 127, 128}, {}})
	gobRoundTrip(t, &point{1, 2})
	gobRoundTrip(t, tree{{}, {{}}})
}

func gobRoundTrip[T any](t *testing.T, v T) {
	t.Helper()
	typed := must(codec.For[T](nil, codec.Options{Codec: codec.Gob}))(t)
	data := must(typed.Append(nil, "", v))(t)
	got := must(typed.Decode("", data))(t)
	if diff := cmp.Diff(v, got, equal, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%T (-want +got):\n%s", v, diff)
	}
}

func TestGobRefusesInterfaces(t *testing.T) {
	typed := must(codec.For[wide](nil, codec.Options{Codec: codec.Gob}))(t)
	_, err := typed.Append(nil, "", wide{Any: 1})
	if want := "codec_test.wide can't be encoded: gob: values in interfaces are not supported"; fmt.Sprint(err) != want {
		t.Errorf("got %v, want %v: what can't be read must not be written", err, want)
	}
}

func TestGobHostileCounts(t *testing.T) {
	for _, count := range []uint64{1 << 16, 1 << 33, 1 << 62, 1<<64 - 1} {
		t.Run(fmt.Sprintf("count=%d", count), func(t *testing.T) {
			hostile[map[string]int](t, map[string]int{"a": 1}, count)
			hostile[[]int](t, []int{1}, count)
			hostile[[][]int](t, [][]int{{1}}, count)
			hostile[map[point]point](t, map[point]point{{}: {}}, count)
		})
	}
}

// hostile writes v, a value with one element, and reads it with another count.
func hostile[T any](t *testing.T, v T, count uint64) {
	t.Helper()
	data := must(codec.Gob.Append(nil, v))(t)
	i := strings.LastIndex(string(data), "\x00\x01") // the value's start and its count
	if i < 0 {
		t.Fatalf("%T: %q has no count of one", v, data)
	}
	start := len(data) - lastMessage(t, data)
	body := append(data[start:i+1:i+1], 0xf8)
	body = binary.BigEndian.AppendUint64(body, count)
	body = append(body, data[i+2:]...)
	stream := append(data[:start-1:start-1], byte(len(body)))
	stream = append(stream, body...)

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := codec.Gob.Decode(stream, new(T))
	runtime.ReadMemStats(&after)
	if want := fmt.Sprintf("gob: %d elements in ", count); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%T: got %v, want %s…", v, err, want)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
		t.Errorf("%T: %d bytes of stream allocated %d", v, len(stream), grown)
	}
}

// lastMessage is the length of the last of a stream's messages, all of which are
// short.
func lastMessage(t *testing.T, data []byte) int {
	t.Helper()
	n := 0
	for len(data) > 0 {
		n = int(data[0])
		data = data[1+n:]
	}
	return n
}

func TestGobDamage(t *testing.T) {
	typed := must(codec.For[wide](nil, codec.Options{Codec: codec.Gob}))(t)
	whole := must(typed.Append(nil, "", wide{S: "a", Map: map[string]map[int]point{"a": {1: {}}}, Next: &wide{}}))(t)
	payload := len("~gob:struct:")
	for i := payload; i < len(whole); i++ {
		if _, err := typed.Decode("", whole[:i]); err == nil {
			t.Errorf("cut after %d of %d bytes, and read without an error", i, len(whole))
		}
	}
	if _, err := typed.Decode("", append(whole, 0)); err == nil {
		t.Error("a byte too many, and read without an error")
	}
}
