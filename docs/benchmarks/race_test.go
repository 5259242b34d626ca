package benchmarks

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// A racer does a piece of work with one library.
type racer struct {
	name string
	call func(ctx context.Context, caller int)
	took []time.Duration
}

// callsPerRound is how many calls each caller makes before the next racer's turn.
const callsPerRound = 10

// race lets the racers take turns, since machines are noisy: every figure of the
// one has a figure of the others from the same moment beside it. In a turn all
// callers are at work for one racer. What is reported is the median time of a
// call, in nanoseconds, and that of the first racer by each of the others.
func race(b *testing.B, callers int, racers ...*racer) {
	turn := 0
	for b.Loop() {
		for i := range racers {
			racers[(turn+i)%len(racers)].round(b.Context(), callers)
		}
		turn++ // who goes first changes, so that nobody always finds the caches warm
	}
	b.ReportMetric(0, "ns/op") // a round of all says nothing
	first := median(racers[0].took)
	for i, r := range racers {
		b.ReportMetric(median(r.took), r.name+"-ns")
		if i > 0 {
			b.ReportMetric(first/median(r.took), racers[0].name+"/"+r.name)
		}
	}
}

func (r *racer) round(ctx context.Context, callers int) {
	took := make([]time.Duration, callers*callsPerRound)
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for i := range callsPerRound {
				start := time.Now()
				r.call(ctx, caller)
				took[caller*callsPerRound+i] = time.Since(start)
			}
		})
	}
	wg.Wait()
	r.took = append(r.took, took...)
}

func median(d []time.Duration) float64 {
	d = slices.Sorted(slices.Values(d))
	return float64(d[len(d)/2])
}

func newClient(b *testing.B, addr string) *redis.Client {
	client := redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true, PoolSize: 64})
	b.Cleanup(func() { client.Close() })
	return client
}

func check(b *testing.B, err error) {
	if err != nil && !b.Failed() { // once is enough to read
		b.Error(err)
	}
}
