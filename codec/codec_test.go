package codec_test

import (
	"bytes"
	"compress/flate"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redisimnest/rin/codec"
)

var update = flag.Bool("update", false, "rewrite the golden files")

type (
	userID  int
	names   []string
	raw     []byte
	point   struct{ X, Y int }
	tree    []tree
	address struct{ City string }
	user    struct {
		Name    string
		Age     int `json:"age"`
		Address *address
	}
)

// flated is a codec around a codec.
type flated struct{ codec.Codec }

func (c flated) Name() string { return "flate+" + c.Codec.Name() }

func (c flated) Append(dst []byte, v any) ([]byte, error) {
	payload, err := c.Codec.Append(nil, v)
	if err != nil {
		return nil, err
	}
	out := bytes.NewBuffer(dst)
	w, err := flate.NewWriter(out, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(payload); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func (c flated) Decode(data []byte, v any) error {
	payload, err := io.ReadAll(flate.NewReader(bytes.NewReader(data)))
	if err != nil {
		return err
	}
	return c.Codec.Decode(payload, v)
}

// equal compares what cmp can't by itself: numbers by value, NaN with NaN.
var equal = cmp.Options{
	cmp.Comparer(func(a, b big.Int) bool { return a.Cmp(&b) == 0 }),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b float64) bool { return a == b || a != a && b != b }),
	cmp.Comparer(func(a, b float32) bool { return a == b || a != a && b != b }),
}

// stored is a value and how it is declared, for the tests of the layout.
type stored struct {
	name   string
	reason string
	// roundTrip writes the value, reads it back and returns the bytes.
	roundTrip func(t *testing.T) []byte
}

func store[T any](name string, v T, opts codec.Options, reason string) stored {
	return stored{name, reason, func(t *testing.T) []byte {
		reg := codec.NewRegistry(codec.JSON, codec.Gob, flated{codec.JSON})
		codec.Name[address](reg, "address")
		typed := must(codec.For[T](reg, opts))(t)
		data := must(typed.Append(nil, "", v))(t)
		got := must(typed.Decode("", data))(t)
		if diff := cmp.Diff(v, got, equal); diff != "" {
			t.Errorf("comes back changed (-want +got):\n%s", diff)
		}
		return data
	}}
}

// must hands on a result whose error has to be nil.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestStoredBytes(t *testing.T) {
	none := codec.Options{}
	before1900 := time.FixedZone("LMT", 53*60+28)
	cases := []stored{
		store("string", "Rin", none, "a string is stored as itself"),
		store("string empty", "", none, "an empty value is there"),
		store("string with header", "~text:int:1", none, "a payload is never taken for a header"),
		store("bytes", []byte{0, 0xff, ':'}, none, "bytes are stored as themselves, not in base64"),
		store("int", 30, none, "numbers are digits"),
		store("int64 least", int64(math.MinInt64), none, "the whole range is there"),
		store("uint64 most", uint64(math.MaxUint64), none, "the whole range is there"),
		store("int8", int8(-128), none, "each size has its tag"),
		store("int16", int16(1), none, "each size has its tag"),
		store("int32", int32(1), none, "each size has its tag"),
		store("uint", uint(1), none, "each size has its tag"),
		store("uint8", uint8(255), none, "each size has its tag"),
		store("uint16", uint16(1), none, "each size has its tag"),
		store("uint32", uint32(1), none, "each size has its tag"),
		store("float64", math.Nextafter(0.3, 1), none, "as many digits as it takes"),
		store("float32", float32(0.1), none, "the fewest digits of its own size"),
		store("float NaN", math.NaN(), none, "JSON could not write it"),
		store("float infinity", math.Inf(-1), none, "JSON could not write it"),
		store("float negative zero", math.Copysign(0, -1), none, "the sign stays"),
		store("bool", true, none, "a bool is a word"),
		store("time", time.Date(2024, 2, 29, 1, 2, 3, 4, time.UTC), none, "RFC 3339 to the nanosecond"),
		store("time offset", time.Date(2024, 2, 29, 1, 2, 3, 0, time.FixedZone("", 2*3600)), none, "the offset is kept"),
		store("time offset in seconds", time.Date(1880, 1, 1, 0, 0, 0, 0, before1900), none, "RFC 3339 has no such offset; the instant stays"),
		store("time zero", time.Time{}, none, "the zero time is a time"),
		store("duration", 90*time.Second, none, "durations read well"),
		store("duration least", time.Duration(math.MinInt64), none, "exact to the nanosecond"),
		store("named int", userID(7), none, "a Go type's name is never stored"),
		store("named bytes", raw("{}"), none, "named types of a basic kind are of that kind"),
		store("pointer", new(30), none, "pointers don't count"),
		store("pointer to pointer", new(new("Rin")), none, "pointers don't count"),
		store("text by value", netip.MustParseAddr("::1"), none, "methods of the value"),
		store("text by pointer", *big.NewInt(42), none, "methods of the pointer, T is the value"),
		store("text pointer", big.NewInt(42), none, "methods of the pointer, T is the pointer"),
		store("text before kind", slog.LevelWarn, none, "a text marshaler is text even if it is an int"),
		store("slice", []string{"a", "b"}, none, "what text does not write is JSON"),
		store("slice nil", []string(nil), none, "nil is told from empty"),
		store("slice named", names{"a"}, none, "the tag is that of the slice"),
		store("slice of bytes", [][]byte{{1}}, none, "tags nest"),
		store("slice of named structs", []address{{"Oslo"}}, none, "a registered name is used within composites"),
		store("map", map[string][]int{"a": {1}}, none, "tags nest"),
		store("array", [2]bool{true, false}, none, "arrays have their length in the tag"),
		store("struct", user{Name: "<Rin> & co", Age: 3, Address: &address{"Oslo"}}, none, "HTML is not escaped, no newline at the end"),
		store("struct pointer", &user{Name: "Rin"}, none, "pointers don't count"),
		store("struct registered", address{"Oslo"}, none, "the registered name is the tag"),
		store("recursive", tree{{}, {{}}}, none, "a recursive type's tag ends"),
		store("type name", user{}, codec.Options{TypeName: "user.v2"}, "TypeName replaces the derived tag"),
		store("type name of an int", 1, codec.Options{TypeName: "age"}, "TypeName replaces the derived tag"),
		store("gob", []int{1, 2}, codec.Options{Codec: codec.Gob}, "the chosen codec writes composites"),
		store("gob scalar", 1, codec.Options{Codec: codec.Gob}, "text writes scalars whatever codec is chosen"),
		store("flate around json", []int{1, 2}, codec.Options{Codec: flated{codec.JSON}}, "codecs wrap codecs"),
		store("plain string", "Rin", codec.Options{Plain: true}, "no header"),
		store("plain tilde", "~text:int:1", codec.Options{Plain: true}, "what looks like a header is the value"),
		store("plain int", 30, codec.Options{Plain: true}, "no header"),
		store("plain time", time.Unix(0, 0).UTC(), codec.Options{Plain: true}, "no header"),
		store("plain struct", point{1, 2}, codec.Options{Plain: true}, "no header"),
		store("any of int", any(30), none, "any has each value's own tag"),
		store("any of registered", any(address{"Oslo"}), none, "any has each value's own tag"),
		store("any of composite", any(map[string][]address{"a": {{"Oslo"}}}), none, "names within composites lead back"),
		store("any in gob", any([]int{1}), codec.Options{Codec: codec.Gob}, "any is written with the chosen codec"),
	}
	var lines strings.Builder
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			fmt.Fprintf(&lines, "%-24s %q\n", tt.name, pinned(tt.roundTrip(t)))
			if t.Failed() {
				t.Logf("reason: %s", tt.reason)
			}
		})
	}
	golden(t, "stored.golden", lines.String())
}

// pinned is the part of a stored value that is ours to keep: gob numbers types
// in the order in which a process meets them, and flate may compress better.
func pinned(data []byte) []byte {
	for _, prefix := range []string{"~gob:", "~flate+json:"} {
		if bytes.HasPrefix(data, []byte(prefix)) {
			return bytes.Join(bytes.SplitN(data, []byte(":"), 3)[:2], []byte(":"))
		}
	}
	return data
}

// golden compares got with a file in testdata, or rewrites it with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := must(os.ReadFile(path))(t)
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}
