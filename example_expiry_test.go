package rin_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

// Three ways to expire: so long after the last write, so long after the last
// access, so long after the first write.
var (
	Price    = rin.Key[float64]("price:<article>")
	Login    = rin.Key[string]("login:<token>", rin.Renew(rin.OnAccess))
	Attempts = rin.Key[int]("attempts:<address>", rin.Default(0), rin.Renew(rin.Never), rin.TTL(time.Minute))
	Forever  = rin.Key[string]("motto", rin.NoTTL())
	Site     = rin.Cluster("site", rin.TTL(10*time.Minute), rin.Child(Price, Login, Attempts, Forever))
)

// The TTL nearest to a write wins: the write's own, then the key's, then that of
// the clusters above it.
func Example_expiry() {
	ctx := context.Background()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	site, err := rin.Open(Site, memstore.New(memstore.Clock(func() time.Time { return now })))
	if err != nil {
		log.Fatal(err)
	}
	price := Price.At(site, "tea")
	login := Login.At(site, "t1")
	attempts := Attempts.At(site, "10.0.0.1")

	err = price.Set(ctx, 2.5)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(price.TTL(ctx)) // inherited from the site

	err = price.Set(ctx, 2.4, rin.TTL(time.Hour))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(price.TTL(ctx)) // this write's own

	// A login slides: reading it renews it.
	err = login.Set(ctx, "alice")
	if err != nil {
		log.Fatal(err)
	}
	now = now.Add(9 * time.Minute)
	fmt.Println(login.TTL(ctx))
	fmt.Println(login.Get(ctx))
	fmt.Println(login.TTL(ctx))

	// Attempts are counted in a fixed window: writing leaves its end where it is.
	err = attempts.Set(ctx, 1)
	if err != nil {
		log.Fatal(err)
	}
	now = now.Add(40 * time.Second)
	err = attempts.Set(ctx, 2)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(attempts.TTL(ctx))
	now = now.Add(20 * time.Second)
	fmt.Println(attempts.Get(ctx)) // the window is over

	err = Forever.At(site).Set(ctx, "be kind")
	if err != nil {
		log.Fatal(err)
	}
	left, err := Forever.At(site).TTL(ctx)
	fmt.Println(left == rin.NoExpiry, err)

	// Output:
	// 10m0s <nil>
	// 1h0m0s <nil>
	// 1m0s <nil>
	// alice <nil>
	// 10m0s <nil>
	// 20s <nil>
	// 0 <nil>
	// true <nil>
}
