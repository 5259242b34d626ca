package rin_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

// A window of a minute for each address. Renew(Never) counts it from the first try, and no
// later one moves its end.
var (
	Tries = rin.Counter[int]("tries:<ip>", rin.TTL(time.Minute), rin.Renew(rin.Never))
	Gate  = rin.Cluster("gate", rin.Child(Tries))
)

// A fixed window: five tries a minute. Counting and expiring are one step, so that a crash
// between the two can't lock anybody out for ever.
func ExampleCounter() {
	ctx := context.Background()
	gate, err := rin.Open(Gate, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	tries := Tries.At(gate, "192.0.2.7")
	for range 7 {
		left, ok, err := tries.AddCapped(ctx, 1, 5)
		if err != nil {
			log.Fatal(err) // the store failed: let the try through, or not
		}
		fmt.Print(ok, " ", left, "; ")
	}
	ends, err := tries.TTL(ctx)
	fmt.Println(ends, err)
	// Output: true 4; true 3; true 2; true 1; true 0; false 0; false 0; 1m0s <nil>
}
