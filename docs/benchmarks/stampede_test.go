package benchmarks

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-redis/cache/v9"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/internal/servertest"
)

const (
	// crowd is how many callers want one key at once.
	crowd = 1000
	// loadTime is how long the loader takes.
	loadTime = 20 * time.Millisecond
)

// A fetcher fetches a user's age by one process of a fleet: it has a client, and
// knows nothing of the others.
type fetcher func(ctx context.Context, user int, load func() (int, error)) (int, error)

func fetchers(b *testing.B, addr string, processes int, connect func(b *testing.B, addr string) fetcher) []fetcher {
	fleet := make([]fetcher, processes)
	for i := range fleet {
		fleet[i] = connect(b, addr)
	}
	return fleet
}

// BenchmarkStampede lets 1,000 callers want one key that is not there, in one
// process and spread over eight. It reports the median time until all of them
// have the value, and how often it was loaded.
func BenchmarkStampede(b *testing.B) {
	addr := servertest.Start(b, servertest.Redis)
	for _, processes := range []int{1, 8} {
		b.Run(fmt.Sprintf("callers=%d/processes=%d", crowd, processes), func(b *testing.B) {
			racers := []*stampede{
				{name: "rin", most: int64(processes), fleet: fetchers(b, addr, processes, byRin())},
				{name: "exclusive", most: 1, fleet: fetchers(b, addr, processes, byRin(rin.Exclusive(10*time.Second)))},
				{name: "cache", most: int64(processes), fleet: fetchers(b, addr, processes, byCache)},
				{name: "rockscache", most: 1, fleet: fetchers(b, addr, processes, byRocks)},
			}
			turn := 0
			for b.Loop() {
				for i := range racers {
					racers[(turn+i)%len(racers)].run(b)
				}
				turn++
			}
			b.ReportMetric(0, "ns/op") // a turn of all says nothing
			for _, r := range racers {
				b.ReportMetric(median(r.took)/1e6, r.name+"-ms")
				b.ReportMetric(float64(r.loads)/float64(len(r.took)), r.name+"-loads")
			}
		})
	}
}

// users is how many users' ages have been wanted: the next one's is not there.
var users atomic.Int64

func byRin(opts ...rin.FetchOption) func(b *testing.B, addr string) fetcher {
	return func(b *testing.B, addr string) fetcher {
		root := open(b, newClient(b, addr))
		return func(ctx context.Context, user int, load func() (int, error)) (int, error) {
			return age.At(root, user).Fetch(ctx, func(context.Context) (int, error) { return load() }, opts...)
		}
	}
}

func byCache(b *testing.B, addr string) fetcher {
	cached := cache.New(&cache.Options{Redis: newClient(b, addr)})
	return func(ctx context.Context, user int, load func() (int, error)) (n int, err error) {
		return n, cached.Once(&cache.Item{
			Ctx: ctx, Key: cacheKey(user), Value: &n, TTL: ttl,
			Do: func(*cache.Item) (any, error) { return load() },
		})
	}
}

func byRocks(b *testing.B, addr string) fetcher {
	rocks := newRocks(b, addr)
	return func(ctx context.Context, user int, load func() (int, error)) (int, error) {
		text, err := rocks.Fetch2(ctx, rocksKey("age", user), ttl, func() (string, error) {
			n, err := load()
			return strconv.Itoa(n), err
		})
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(text)
	}
}

// A stampede is a crowd at a fleet.
type stampede struct {
	name  string
	fleet []fetcher
	most  int64 // loads, as promised
	took  []time.Duration
	loads int64
}

func (s *stampede) run(b *testing.B) {
	user := int(users.Add(1))
	var loads atomic.Int64
	load := func() (int, error) {
		loads.Add(1)
		time.Sleep(loadTime)
		return user, nil
	}
	var wg sync.WaitGroup
	start := time.Now()
	for caller := range crowd {
		wg.Go(func() {
			n, err := s.fleet[caller%len(s.fleet)](b.Context(), user, load)
			if check(b, err); n != user {
				b.Errorf("%s has fetched %d, want %d", s.name, n, user)
			}
		})
	}
	wg.Wait()
	s.took = append(s.took, time.Since(start))
	if s.loads += loads.Load(); loads.Load() > s.most {
		b.Errorf("%s loaded %d times, want %d at most", s.name, loads.Load(), s.most)
	}
}
