package rin_test

import (
	"context"
	"fmt"
	"log"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

// Profiles are what the counters below are about.
var (
	Profile  = rin.Key[string]("profile:<id>", rin.TTL(time.Hour))
	Profiles = rin.Cluster("app", rin.Child(Profile))
)

// tally counts events by operation, outcome and pattern, as a metrics library would.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

func (t *tally) count(_ context.Context, e rin.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	outcome := string(e.Outcome)
	if e.Err != nil {
		outcome = "failed"
	}
	t.counts[fmt.Sprintf("%s %s %s", e.Pattern, e.Op, outcome)]++
}

// All that happens in a cache can be counted: how often it hits and misses, and what becomes of
// the loads. Event.Took says how long they take.
func ExampleOnEvent() {
	ctx, seen := context.Background(), &tally{counts: map[string]int{}}
	app, err := rin.Open(Profiles, memstore.New(), rin.OnEvent(seen.count))
	if err != nil {
		log.Fatal(err)
	}
	load := func(context.Context) (string, error) { return "Ada", nil }
	for _, id := range []int{1, 1, 1, 2} {
		if _, err := Profile.At(app, id).Fetch(ctx, load); err != nil {
			log.Fatal(err)
		}
	}
	for _, what := range slices.Sorted(maps.Keys(seen.counts)) {
		fmt.Println(what, seen.counts[what])
	}
	// Output:
	// app:profile:<id> fetch hit 2
	// app:profile:<id> fetch loaded 2
	// app:profile:<id> load stored 2
}
