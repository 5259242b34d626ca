package rin_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

// A board for each week. It keeps the best thousand, and itself for a month.
var (
	Board  = rin.SortedSet[string]("board:<week>", rin.MaxLen(1000), rin.TTL(30*24*time.Hour))
	Arcade = rin.Cluster("arcade", rin.Child(Board))
)

// A leaderboard: the server keeps the order, and each change is one step.
func ExampleSortedSet() {
	ctx := context.Background()
	arcade, err := rin.Open(Arcade, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	board := Board.At(arcade, "2026-48")
	for player, points := range map[string]float64{"Ann": 120, "Bob": 90, "Cid": 90, "Dan": 40} {
		if _, err := board.AddIfHigher(ctx, player, points); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(board.Increment(ctx, "Dan", 60))
	fmt.Println(board.Top(ctx, 3))
	fmt.Println(board.ReverseRank(ctx, "Bob", rin.Competition()))
	fmt.Println(board.Around(ctx, "Dan", 1))
	fmt.Println(board.CountByScore(ctx, rin.Excluding(90), rin.Highest))
	// Output:
	// 100 <nil>
	// [Ann: 120 Dan: 100 Cid: 90] <nil>
	// 2 true <nil>
	// [Ann: 120 Dan: 100 Cid: 90] <nil>
	// 2 <nil>
}
