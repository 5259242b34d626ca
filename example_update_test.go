package rin_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"slices"
	"sync"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

// A show of which seats are booked, by many at once.
var (
	Seats  = rin.Key[[]string]("seats")
	State  = rin.Key[string]("state", rin.Default("announced"))
	Poster = rin.Key[string]("poster")
	Draft  = rin.Key[string]("draft")
	Show   = rin.Cluster("show:<show_id>", rin.Child(Seats, State, Poster, Draft))
	Stage  = rin.Cluster("stage", rin.Child(Show))
)

var errTaken = errors.New("the seat is taken")

// Values that many writers change are changed by what they hold, atomically.
func Example_update() {
	ctx := context.Background()
	stage, err := rin.Open(Stage, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	show := Show.At(stage, "hamlet")

	// The function may be called several times, so it does nothing but
	// calculate. Its error leaves the value as it is.
	book := func(seat string) error {
		_, err := Seats.At(show).Update(ctx, func(booked []string, _ bool) ([]string, error) {
			if slices.Contains(booked, seat) {
				return nil, errTaken
			}
			return append(booked, seat), nil
		})
		return err
	}

	// Ten want to book at once, two of them the same seat: nobody's booking is
	// lost, and no seat is booked twice.
	var wg sync.WaitGroup
	refused := make(chan error, 10)
	for _, seat := range []string{"A1", "A2", "A3", "A4", "A5", "B1", "B2", "B3", "B4", "B4"} {
		wg.Go(func() {
			if err := book(seat); err != nil {
				refused <- err
			}
		})
	}
	wg.Wait()
	booked, err := Seats.At(show).Get(ctx)
	fmt.Println(len(booked), "booked,", err)
	err = <-refused
	fmt.Println(err)
	fmt.Println(errors.Is(err, errTaken))

	// CompareAndSwap says what it expects. A default is not a stored value.
	fmt.Println(State.At(show).CompareAndSwap(ctx, "announced", "on sale"))
	err = State.At(show).Set(ctx, "announced")
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		opened, err := State.At(show).CompareAndSwap(ctx, "announced", "on sale")
		fmt.Println("we opened the sale:", opened, err)
	}

	// A move does not replace what is there, unless it is told to.
	err = Draft.At(show).Set(ctx, "To be or not to be")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(Draft.At(show).CopyTo(ctx, Poster.At(show)))
	fmt.Println(Draft.At(show).MoveTo(ctx, Poster.At(show)))
	fmt.Println(Draft.At(show).MoveTo(ctx, Poster.At(show), rin.Overwrite()))
	fmt.Println(Draft.At(show).Exists(ctx))

	// Output:
	// 9 booked, <nil>
	// rin: update stage:show:hamlet:seats: the seat is taken
	// true
	// false <nil>
	// we opened the sale: true <nil>
	// we opened the sale: false <nil>
	// true <nil>
	// false <nil>
	// true <nil>
	// false <nil>
}
