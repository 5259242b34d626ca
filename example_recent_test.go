package rin_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

// The last three pages of each visitor, the newest first, and for how long they are kept.
var (
	Seen    = rin.List[string]("seen", rin.MaxLen(3), rin.TTL(24*time.Hour))
	Visitor = rin.Cluster("visitor:<id>", rin.Child(Seen))
	Store   = rin.Cluster("shop", rin.Child(Visitor))
)

// Recent items: what is too many goes in the same step as the push.
func ExampleList() {
	ctx := context.Background()
	shop, err := rin.Open(Store, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	seen := Seen.At(shop, 42)
	for _, page := range []string{"/tea", "/cups", "/tea/green", "/basket"} {
		if _, err := seen.Remove(ctx, page, 0); err != nil { // each page once
			log.Fatal(err)
		}
		if _, err := seen.PushFront(ctx, page); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(seen.All(ctx))
	fmt.Println(seen.PeekFront(ctx))
	// Output:
	// [/basket /tea/green /cups] <nil>
	// /basket true <nil>
}
