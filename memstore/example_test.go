package memstore_test

import (
	"context"
	"fmt"
	"time"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/memstore"
)

// A clock that a test moves by hand makes expiry happen when the test wants it.
func ExampleClock() {
	ctx, now := context.Background(), time.Date(2000, 1, 1, 12, 0, 0, 0, time.UTC)
	store := memstore.New(memstore.Clock(func() time.Time { return now }))

	set := &backend.Set{Key: "user:1:age", Value: []byte("30"), TTL: time.Minute}
	before := &backend.TTL{Key: "user:1:age"}
	if err := store.Exec(ctx, set, before); err != nil {
		fmt.Println(err)
	}
	fmt.Println("at noon:", before.Found, before.Remaining)

	now = now.Add(time.Minute)
	after := &backend.TTL{Key: "user:1:age"}
	if err := store.Exec(ctx, after); err != nil {
		fmt.Println(err)
	}
	fmt.Println("a minute later:", after.Found)

	// Output:
	// at noon: true 1m0s
	// a minute later: false
}
