package benchmarks

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/bsm/redislock"
	"github.com/go-redis/redis_rate/v10"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend/goredis"
	"github.com/redisimnest/rin/internal/servertest"
)

var (
	job    = rin.Lock("lock:<job>")
	login  = rin.Limiter("login:<ip>", rin.Rate(1_000_000, time.Minute))
	shared = rin.Cluster("shared", rin.Child(job, login))
)

// BenchmarkLocks takes a lock that is free, and gives it back; each caller has one of its
// own.
func BenchmarkLocks(b *testing.B) {
	addr := servertest.Start(b, servertest.Redis)
	client := newClient(b, addr)
	root, err := rin.Open(shared, goredis.New(client))
	check(b, err)
	locker := redislock.New(newClient(b, addr))
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			race(
				b, callers,
				&racer{name: "rin", call: func(ctx context.Context, caller int) {
					lease, err := job.At(root, caller).TryAcquire(ctx, 10*time.Second)
					check(b, err)
					check(b, lease.Release(ctx))
				}},
				&racer{name: "redislock", call: func(ctx context.Context, caller int) {
					lock, err := locker.Obtain(ctx, fmt.Sprint("redislock:", caller), 10*time.Second, nil)
					check(b, err)
					check(b, lock.Release(ctx))
				}},
			)
		})
	}
}

// BenchmarkHandover releases a lock that another process waits for, and reports how long that
// one takes to have it. Both ask every 50 ms; rin's is woken besides.
func BenchmarkHandover(b *testing.B) {
	addr := servertest.Start(b, servertest.Redis)
	var roots [2]*rin.Scope
	var lockers [2]*redislock.Client
	for i := range roots {
		root, err := rin.Open(shared, goredis.New(newClient(b, addr)))
		check(b, err)
		roots[i], lockers[i] = root, redislock.New(newClient(b, addr))
	}
	rounds := []struct {
		name string
		take func(ctx context.Context, process int) (release func(context.Context) error, err error)
		took []time.Duration
	}{
		{name: "rin", take: func(ctx context.Context, process int) (func(context.Context) error, error) {
			lease, err := job.At(roots[process], "handover").Acquire(ctx, 10*time.Second)
			return lease.Release, err
		}},
		{name: "redislock", take: func(ctx context.Context, process int) (func(context.Context) error, error) {
			every := &redislock.Options{RetryStrategy: redislock.LinearBackoff(50 * time.Millisecond)}
			lock, err := lockers[process].Obtain(ctx, "handover", 10*time.Second, every)
			return lock.Release, err
		}},
	}
	for b.Loop() {
		for i := range rounds {
			r := &rounds[i]
			release, err := r.take(b.Context(), 0)
			check(b, err)
			had := make(chan time.Time)
			go func() {
				release, err := r.take(b.Context(), 1)
				had <- time.Now()
				check(b, err)
				check(b, release(b.Context()))
				close(had)
			}()
			time.Sleep(10*time.Millisecond + rand.N(50*time.Millisecond)) // It may be anywhere between two questions.
			start := time.Now()
			check(b, release(b.Context()))
			r.took = append(r.took, (<-had).Sub(start))
			<-had
		}
	}
	b.ReportMetric(0, "ns/op") // it is mostly the time until the release
	for _, r := range rounds {
		b.ReportMetric(median(r.took), r.name+"-ns")
	}
}

// BenchmarkLimiters asks for one that is allowed, of a limiter that all callers share.
func BenchmarkLimiters(b *testing.B) {
	addr := servertest.Start(b, servertest.Redis)
	root, err := rin.Open(shared, goredis.New(newClient(b, addr)))
	check(b, err)
	other := redis_rate.NewLimiter(newClient(b, addr))
	limit := redis_rate.PerMinute(1_000_000)
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			race(
				b, callers,
				&racer{name: "rin", call: func(ctx context.Context, _ int) {
					_, err := login.At(root, "192.0.2.7").Allow(ctx)
					check(b, err)
				}},
				&racer{name: "redis_rate", call: func(ctx context.Context, _ int) {
					_, err := other.Allow(ctx, "192.0.2.7", limit)
					check(b, err)
				}},
			)
		})
	}
}
