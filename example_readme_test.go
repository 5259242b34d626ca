package rin_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

var (
	Score  = rin.Key[int]("score", rin.Default(0))
	Badges = rin.Key[[]string]("badges", rin.Default([]string{}))
	Player = rin.Cluster("player:<player_id>", rin.TTL(24*time.Hour), rin.Child(Score, Badges))

	Message = rin.Key[string]("message_of_the_day", rin.TTL(time.Hour))

	Game = rin.Cluster("game", rin.Child(Player, Message))
)

// The first screen of the README.
func Example_readme() {
	ctx := context.Background()
	game, err := rin.Open(Game, memstore.New()) // or goredis.New(client), or valkeygo.New(client)
	if err != nil {
		log.Fatal(err)
	}

	err = Score.At(game, 42).Set(ctx, 1200)
	if err != nil {
		log.Fatal(err)
	}
	score, err := Score.At(game, 42).Get(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(Score.At(game, 42).Key(), "=", score)

	// The rest of what it does, one line each.
	fmt.Println(Score.At(game).Err())
	fmt.Println(Badges.At(game, 42).Get(ctx))
	for player, err := range Player.Each(ctx, game) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(player)
	}
	deleted, err := Player.At(game, 42).Clear(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(deleted, "deleted")

	// Output:
	// game:player:42:score = 1200
	// rin: at game:player:<player_id>:score: missing parameter: <player_id>
	// [] <nil>
	// game:player:42
	// 1 deleted
}
