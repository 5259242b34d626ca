package benchmarks

import (
	"context"
	"fmt"
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
