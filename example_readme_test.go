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
	Logins = rin.Counter[int]("logins")
	Player = rin.Cluster("player:<player_id>", rin.TTL(24*time.Hour), rin.Child(Score, Badges, Logins))

	Message = rin.Key[string]("message_of_the_day", rin.TTL(time.Hour))

	Ranking = rin.SortedSet[string]("ranking", rin.MaxLen(100))

	Game = rin.Cluster("game", rin.Child(Player, Message, Ranking))
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

	logins, err := Logins.At(game, 42).Inc(ctx)
	if err != nil {
		log.Fatal(err)
	}
	points, err := Ranking.At(game).Increment(ctx, "Ann", 150)
	if err != nil {
		log.Fatal(err)
	}
	top, err := Ranking.At(game).Top(ctx, 10)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(logins, points, top)

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
	// 1 150 [Ann: 150]
	// rin: at game:player:<player_id>:score: missing parameter: <player_id>
	// [] <nil>
	// game:player:42
	// 2 deleted
}
