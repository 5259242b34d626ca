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

// Outage is a store that can be down.
type Outage struct {
	backend.Backend
	down error
}

// Exec fails while the store is down.
func (o *Outage) Exec(ctx context.Context, ops ...backend.Op) error {
	if o.down != nil {
		return backend.FailAll(ops, o.down)
	}
	return o.Backend.Exec(ctx, ops...)
}

// A store that is down is not an empty one: Fetch returns the failure, unless it
// is told to load anyway.
func Example_outage() {
	ctx := context.Background()
	store := &Outage{Backend: memstore.New()}
	rates, err := rin.Open(Rates, store)
	if err != nil {
		log.Fatal(err)
	}
	loads := 0
	load := func(context.Context) (float64, error) {
		loads++
		return 1.25, nil
	}

	store.down = errors.New("connection refused")
	_, err = Rate.At(rates, "EUR").Fetch(ctx, load)
	fmt.Println(err)
	fmt.Println(loads, "loads")

	for range 2 {
		rate, err := Rate.At(rates, "EUR").Fetch(ctx, load, rin.LoadAnyway())
		fmt.Println(rate, err)
	}
	fmt.Println(loads, "loads")

	// It is up again: what is loaded is kept.
	store.down = nil
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
