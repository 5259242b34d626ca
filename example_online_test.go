package rin_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

// Users by the moment they were last seen, in seconds since 1970.
var (
	LastSeen = rin.SortedSet[int]("last_seen")
	Presence = rin.Cluster("presence", rin.Child(LastSeen))
)

// Who is online: a sorted set by time. A TTL belongs to a key, and not to its members, so
// that old ones are removed by their score.
func ExampleSortedSetEntry_RangeByScore() {
	ctx := context.Background()
	presence, err := rin.Open(Presence, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	seen := LastSeen.At(presence)
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for user, ago := range map[int]time.Duration{1: time.Second, 2: 40 * time.Second, 3: time.Hour} {
		if _, err := seen.Add(ctx, user, float64(now.Add(-ago).Unix())); err != nil {
			log.Fatal(err)
		}
	}
	aMinuteAgo := float64(now.Add(-time.Minute).Unix())
	online, err := seen.RangeByScore(ctx, rin.Excluding(aMinuteAgo), rin.Highest, rin.Reverse())
	for _, user := range online {
		fmt.Print(user.Member, " ")
	}
	fmt.Println(err)
	fmt.Println(seen.RemoveByScore(ctx, rin.Lowest, rin.Including(aMinuteAgo)))
	// Output:
	// 1 2 <nil>
	// 1 <nil>
}
