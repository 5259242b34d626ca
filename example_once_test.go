package rin_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

// Receipt is what a payment gives.
type Receipt struct{ Number int }

// Payments are made once for each key that a customer's browser has made up, however often it
// sends its request.
var (
	Payments = rin.Once[Receipt]("payment:<key>", rin.TTL(24*time.Hour))
	Till     = rin.Cluster("till", rin.Child(Payments))
)

// A request that is sent again gets the receipt of the first one. Where the payment fails,
// nothing is kept, and the next request tries again.
func ExampleOnce() {
	ctx := context.Background()
	till, err := rin.Open(Till, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	tries := 0
	pay := func(context.Context) (Receipt, error) {
		if tries++; tries == 1 {
			return Receipt{}, errors.New("the bank doesn't answer")
		}
		return Receipt{Number: 4711}, nil
	}
	for range 3 {
		receipt, replayed, err := Payments.At(till, "3f2a").Do(ctx, pay)
		fmt.Println(receipt.Number, replayed, err)
	}
	// Output:
	// 0 false the bank doesn't answer
	// 4711 false <nil>
	// 4711 true <nil>
}
