package rin_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

// What lies in a warehouse. The braces keep the keys of one item in one slot of
// a cluster, so that they can change together.
var (
	Label     = rin.Key[string]("label")
	Stock     = rin.Key[int]("stock", rin.Default(0))
	Reserved  = rin.Key[int]("reserved", rin.Default(0))
	Item      = rin.Cluster("item:{<item_id>}", rin.Child(Label, Stock, Reserved))
	Warehouse = rin.Cluster("warehouse", rin.Child(Item))
)

// An older declaration of the same keyspace, which kept the stock as a text.
var (
	OldStock     = rin.Key[string]("stock")
	OldWarehouse = rin.Cluster("warehouse", rin.Child(rin.Cluster("item:{<item_id>}", rin.Child(OldStock))))
)

// A batch sends operations of any kinds, on any keys, in one round trip.
func Example_batch() {
	ctx := context.Background()
	store := memstore.New()
	warehouse, err := rin.Open(Warehouse, store)
	if err != nil {
		log.Fatal(err)
	}
	cup := Item.At(warehouse, "cup")

	// Queue, run, and read the results.
	b := warehouse.Batch()
	Label.At(cup).In(b).Set("A cup")
	Stock.At(cup).In(b).Set(10)
	before := Reserved.At(cup).In(b).Swap(2)
	err = b.Run(ctx)
	if err != nil {
		log.Fatal(err)
	}
	reserved, err := before.Result()
	fmt.Println(reserved.Found, err)

	// A key that is not there is not a failure of the batch.
	b = warehouse.Batch()
	cups := Stock.At(cup).In(b).Get()
	name := Label.At(warehouse, "mug").In(b).Get()
	fmt.Println(b.Run(ctx))
	fmt.Println(cups.Result())
	_, err = name.Result()
	fmt.Println(err)

	// One sort of key, of many items.
	err = rin.SetAll(ctx,
		Stock.At(warehouse, "pan").To(4),
		Stock.At(warehouse, "pot").To(7))
	if err != nil {
		log.Fatal(err)
	}
	var stocks []rin.Entry[int]
	for _, id := range []string{"cup", "pan", "lid"} {
		stocks = append(stocks, Stock.At(warehouse, id))
	}
	results, err := rin.GetAll(ctx, stocks...)
	if err != nil {
		log.Fatal(err)
	}
	for i, r := range results {
		fmt.Println(stocks[i].Key(), r.Value, r.Found)
	}

	// All or nothing: the cups that were reserved are sold.
	b = warehouse.Batch(rin.Atomic())
	Stock.At(cup).In(b).Set(8)
	sold := Reserved.At(cup).In(b).Take()
	err = b.Run(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sold.Result())

	// What can't be read spoils its own result, and no other.
	old, err := rin.Open(OldWarehouse, store)
	if err != nil {
		log.Fatal(err)
	}
	err = OldStock.At(old, "pan").Set(ctx, "four")
	if err != nil {
		log.Fatal(err)
	}
	results, err = rin.GetAll(ctx, stocks...)
	fmt.Println(err)
	fmt.Println(results[0].Value, results[0].Err)
	var failed *rin.BatchError
	if errors.As(err, &failed) {
		fmt.Println("failed:", stocks[failed.Failed[0].Index].Key())
	}

	// Output:
	// false <nil>
	// <nil>
	// 10 <nil>
	// rin: get warehouse:item:{mug}:label: not found
	// warehouse:item:{cup}:stock 10 true
	// warehouse:item:{pan}:stock 4 true
	// warehouse:item:{lid}:stock 0 false
	// 2 <nil>
	// rin: batch: 1 of 3 operations failed:
	// 	#1: rin: get warehouse:item:{pan}:stock: stored value has another type: stored string, want int
	// 8 <nil>
	// failed: warehouse:item:{pan}:stock
}
