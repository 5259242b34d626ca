package codec_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redisimnest/rin/codec"
)

func Example() {
	data, err := codec.Marshal([]string{"a", "b"})
	fmt.Printf("%s %v\n", data, err)

	var tokens []string
	err = codec.Unmarshal(data, &tokens)
	fmt.Println(tokens, err)

	tag, err := codec.TypeOf(data)
	fmt.Println(tag, err)

	var n int
	err = codec.Unmarshal(data, &n)
	fmt.Println(errors.Is(err, codec.ErrWrongType), err)
	// Output:
	// ~json:[]string:["a","b"] <nil>
	// [a b] <nil>
	// []string <nil>
	// true stored value has another type: stored []string, want int
}

func ExampleName() {
	type User struct{ Name string }

	reg := codec.Standard()
	codec.Name[User](reg, "user.v2")

	data, err := reg.Marshal([]User{{Name: "Rin"}})
	fmt.Printf("%s %v\n", data, err)

	tag, v, err := reg.Decode(data)
	users, ok := v.([]User)
	fmt.Println(tag, users, ok, err)
	// Output:
	// ~json:[]user.v2:[{"Name":"Rin"}] <nil>
	// []user.v2 [{Rin}] true <nil>
}

// A transform changes the bytes of every value, those that text writes too.
// deflate compresses, and refuses to decompress without end.
func ExampleTransform() {
	notes, err := codec.For[string](nil, codec.Options{Transforms: []codec.Transform{deflate{}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	note := strings.Repeat("Rin ", 1000)
	data, err := notes.Append(nil, "note", note)
	fmt.Printf("%.19s… %v %v\n", data, len(data) < 100, err)

	back, err := notes.Decode("note", data)
	fmt.Println(back == note, err)

	// Who knows nothing of the transform still sees what type is stored.
	fmt.Println(codec.TypeOf(data))
	// Output:
	// ~text+flate:string:… true <nil>
	// true <nil>
	// string <nil>
}

func ExampleNewRegistry() {
	// flated is a Codec around a Codec, named "flate+json". Values that plain
	// JSON wrote are still read, since the registry has that codec too.
	reg := codec.NewRegistry(flated{codec.JSON}, codec.JSON)

	var old []int
	err := reg.Unmarshal([]byte("~json:[]int:[1,2]"), &old)
	fmt.Println(old, err)

	data, err := reg.Marshal(old)
	fmt.Printf("%.18s… %v\n", data, err)
	// Output:
	// [1 2] <nil>
	// ~flate+json:[]int:… <nil>
}

func ExampleFor_any() {
	values, err := codec.For[any](codec.Standard(), codec.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, v := range []any{30, "Rin", []float64{0.5}} {
		data, _ := values.Append(nil, "", v)
		back, err := values.Decode("", data)
		fmt.Printf("%s %T %v\n", data, back, err)
	}
	// Output:
	// ~text:int:30 int <nil>
	// ~text:string:Rin string <nil>
	// ~json:[]float64:[0.5] []float64 <nil>
}

func ExampleOptions_plain() {
	// A counter that another program increments.
	visits, err := codec.For[int](codec.Standard(), codec.Options{Plain: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	n, err := visits.Decode("", []byte("41"))
	data, _ := visits.Append(nil, "", n+1)
	fmt.Printf("%s %v\n", data, err)
	// Output: 42 <nil>
}
