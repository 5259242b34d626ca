package rin_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/memstore"
)

// The rates of a bank, in a cache.
var (
	Rate  = rin.Key[float64]("rate:<currency>", rin.TTL(time.Hour))
	Rates = rin.Cluster("rates", rin.Child(Rate))
)

// A store that is down is not an empty one: Fetch returns the failure, unless it
// is told to load anyway.
func Example_outage() {
	ctx := context.Background()
	var down error // why the store can't be reached, while it can't
	store := backend.Intercept(memstore.New(), func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		if down != nil {
			return down
		}
		return next(ctx, ops)
	})
	rates, err := rin.Open(Rates, store)
	if err != nil {
		log.Fatal(err)
	}
	loads := 0
	load := func(context.Context) (float64, error) {
		loads++
		return 1.25, nil
	}

	down = errors.New("connection refused")
	_, err = Rate.At(rates, "EUR").Fetch(ctx, load)
	fmt.Println(err)
	fmt.Println(loads, "loads")

	for range 2 {
		rate, err := Rate.At(rates, "EUR").Fetch(ctx, load, rin.LoadAnyway())
		fmt.Println(rate, err)
	}
	fmt.Println(loads, "loads")

	// It is up again: what is loaded is kept.
	down = nil
	for range 2 {
		rate, err := Rate.At(rates, "EUR").Fetch(ctx, load, rin.LoadAnyway())
		fmt.Println(rate, err)
	}
	fmt.Println(loads, "loads")

	// Output:
	// rin: fetch rates:rate:EUR: connection refused
	// 0 loads
	// 1.25 <nil>
	// 1.25 <nil>
	// 2 loads
	// 1.25 <nil>
	// 1.25 <nil>
	// 3 loads
}
