package rin_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/codec"
	"github.com/redisimnest/rin/memstore"
)

type Point struct{ X, Y int }

// A key that holds whatever it is given.
var (
	Value = rin.Key[any]("value:<name>")
	Bag   = rin.Cluster("bag", rin.Child(Value))
)

// A Key[any] gives each value back as the type that it was stored as. Types of
// your own need a name in the registry.
func Example_anyType() {
	ctx := context.Background()
	reg := codec.Standard()
	codec.Name[Point](reg, "point")
	bag, err := rin.Open(Bag, memstore.New(), rin.Registry(reg))
	if err != nil {
		log.Fatal(err)
	}

	for i, v := range []any{30, "Rin", []string{"a", "b"}, 90 * time.Second, Point{3, 4}} {
		entry := Value.At(bag, i)
		err := entry.Set(ctx, v)
		if err != nil {
			log.Fatal(err)
		}
		stored, err := entry.Get(ctx)
		if err != nil {
			log.Fatal(err)
		}
		tag, err := entry.Type(ctx)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%v is a %T, stored as %s\n", stored, stored, tag)
	}

	type secret struct{ n int }
	fmt.Println(Value.At(bag, "secret").Set(ctx, secret{1}))

	// Output:
	// 30 is a int, stored as int
	// Rin is a string, stored as string
	// [a b] is a []string, stored as []string
	// 1m30s is a time.Duration, stored as duration
	// {3 4} is a rin_test.Point, stored as point
	// rin: set bag:value:secret: unknown type: a stored rin_test.secret could not be read back as one; name it with codec.Name[rin_test.secret](reg, "…")
}
