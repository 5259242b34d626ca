package rin_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

// Two declarations of one keyspace that do not agree on a type.
var (
	Count    = rin.Key[int]("count")
	OldCount = rin.Key[string]("count")
	Counts   = rin.Cluster("stats:v1", rin.Child(rin.Cluster("page:<page>", rin.Child(Count))))
	Old      = rin.Cluster("stats:v1", rin.Child(rin.Cluster("page:<page>", rin.Child(OldCount))))
)

// Every operation's error is an *OpError; what it is about is matched with
// errors.Is.
func Example_errors() {
	ctx := context.Background()
	store := memstore.New()
	counts, err := rin.Open(Counts, store)
	if err != nil {
		log.Fatal(err)
	}
	old, err := rin.Open(Old, store)
	if err != nil {
		log.Fatal(err)
	}

	// A key that is not there.
	_, err = Count.At(counts, "home").Get(ctx)
	fmt.Println(err)
	fmt.Println(errors.Is(err, rin.ErrNotFound))

	// A value of another type is an error, never a wrong number.
	err = OldCount.At(old, "home").Set(ctx, "many")
	if err != nil {
		log.Fatal(err)
	}
	_, err = Count.At(counts, "home").Get(ctx)
	fmt.Println(err)
	fmt.Println(errors.Is(err, rin.ErrWrongType))

	// The parts of an error. The pattern is safe as a label of a metric; the key
	// may hold what users typed.
	var op *rin.OpError
	if errors.As(err, &op) {
		fmt.Println(op.Op, op.Pattern, op.Key)
	}

	// A mistake in At is carried in the handle, and comes with each operation.
	fmt.Println(Count.At(counts).Set(ctx, 1))
	fmt.Println(Count.At(counts, "home", "garden").Set(ctx, 1))
	fmt.Println(OldCount.At(counts, "home").Set(ctx, "1"))

	// Output:
	// rin: get stats:v1:page:home:count: not found
	// true
	// rin: get stats:v1:page:home:count: stored value has another type: stored string, want int
	// true
	// get stats:v1:page:<page>:count stats:v1:page:home:count
	// rin: set stats:v1:page:<page>:count: missing parameter: <page>
	// rin: set stats:v1:page:<page>:count: extra parameter: 2 given, wanted <page>
	// rin: set count: not declared under this scope: key "count" is not below stats:v1; add it to rin.Child of stats:v1, or of a cluster below it
}
