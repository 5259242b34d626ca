package rin_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

// Five logins a minute for each address, of which three may come at once; and mails that go
// out one by one.
var (
	LoginLimit = rin.Limiter("login:<ip>", rin.Rate(5, time.Minute), rin.Burst(3))
	Outbox     = rin.Limiter("outbox", rin.Rate(600, time.Minute), rin.Burst(1))
	Door       = rin.Cluster("door", rin.Child(LoginLimit, Outbox))
)

// A limiter counts what it allows, and says when to come again.
func ExampleLimiter() {
	ctx := context.Background()
	now := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	door, err := rin.Open(Door, memstore.New(memstore.Clock(func() time.Time { return now })))
	if err != nil {
		log.Fatal(err)
	}
	logins := LoginLimit.At(door, "192.0.2.7")
	for range 4 {
		allowed, err := logins.Allow(ctx)
		if err != nil {
			log.Fatal(err) // the store failed: let the login through, or not
		}
		if !allowed.OK {
			fmt.Println("Retry-After:", allowed.RetryAfter)
			continue
		}
		fmt.Println("welcome,", allowed.Remaining, "more")
	}
	now = now.Add(12 * time.Second)
	fmt.Println(logins.Allow(ctx))
	// Output:
	// welcome, 2 more
	// welcome, 1 more
	// welcome, 0 more
	// Retry-After: 12s
	// allowed, 0 remaining <nil>
}

// Wait spreads work: it returns when the next one may go.
func ExampleLimiterEntry_Wait() {
	ctx := context.Background()
	door, err := rin.Open(Door, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	outbox := Outbox.At(door)
	for _, to := range []string{"ann", "bob", "eve"} {
		if err := outbox.Wait(ctx); err != nil {
			log.Fatal(err)
		}
		fmt.Println("a mail to", to)
	}
	// Output:
	// a mail to ann
	// a mail to bob
	// a mail to eve
}
