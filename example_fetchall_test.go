package rin_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

// Prices are kept for a minute, and for an hour more where the source can't be asked.
var (
	ItemPrice = rin.Key[int]("price:<product>", rin.TTL(time.Minute), rin.StaleIfError(time.Hour))
	Shelf     = rin.Cluster("shelf", rin.Child(ItemPrice))
)

// priceList is where prices come from: one question for many products.
type priceList struct{ down bool }

func (p *priceList) prices(_ context.Context, missing []rin.Entry[int]) (map[rin.Entry[int]]int, error) {
	fmt.Println("asked for", len(missing))
	if p.down {
		return nil, fmt.Errorf("the price list is down")
	}
	found := map[rin.Entry[int]]int{}
	for i, e := range missing {
		found[e] = 100 + i
	}
	return found, nil
}

// FetchAll reads all prices at once, and asks once for all that are missing.
func ExampleFetchAll() {
	ctx, now := context.Background(), time.Now()
	store := memstore.New(memstore.Clock(func() time.Time { return now }))
	shelf, err := rin.Open(Shelf, store)
	if err != nil {
		log.Fatal(err)
	}
	var entries []rin.Entry[int]
	for _, product := range []string{"tea", "milk", "bread"} {
		entries = append(entries, ItemPrice.At(shelf, product))
	}
	source := &priceList{}
	show := func() {
		results, err := rin.FetchAll(ctx, entries, source.prices)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(results, "stale:", results[0].Stale)
	}
	show()
	show()
	now, source.down = now.Add(2*time.Minute), true
	show()
	// Output:
	// asked for 3
	// [100 101 102] stale: false
	// [100 101 102] stale: false
	// asked for 3
	// [100 101 102] stale: true
}
