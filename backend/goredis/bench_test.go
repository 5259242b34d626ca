package goredis_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/goredis"
	"github.com/redisimnest/rin/internal/benchtest"
	"github.com/redisimnest/rin/internal/servertest"
)

// BenchmarkCost shows what rin adds to the client's own work, on a connection
// that answers at once.
func BenchmarkCost(b *testing.B) {
	client := newClient(b, &redis.Options{Dialer: benchtest.Loopback(), ContextTimeoutEnabled: true, PoolSize: 1})
	benchtest.Cost(b, calls(b, goredis.New(client), raw(b, client)))
}

// BenchmarkRace races the client on a real server: one that heeds deadlines, one
// as go-redis makes it by default, and one that has got a hook since, so that every
// operation whose context can end takes a goroutine.
func BenchmarkRace(b *testing.B) {
	addr := servertest.Start(b, servertest.Redis)
	for _, deadlines := range []string{"client", "handover", "goroutine"} {
		b.Run("deadlines="+deadlines, func(b *testing.B) {
			client := newClient(b, &redis.Options{Addr: addr, ContextTimeoutEnabled: deadlines == "client", PoolSize: 64})
			store := goredis.New(client)
			if deadlines == "goroutine" {
				client.AddHook(processHook(func(_ redis.Cmder, next func() error) error { return next() }))
			}
			benchtest.Race(b, calls(b, store, raw(b, client)))
		})
	}
}

// BenchmarkClear races the Clear of 10,000 keys among 1,000,000 others.
func BenchmarkClear(b *testing.B) {
	addr := servertest.Start(b, servertest.Redis)
	benchtest.Populate(b, addr)
	client := newClient(b, &redis.Options{Addr: addr, ContextTimeoutEnabled: true})
	benchtest.Clear(b, goredis.New(client), raw(b, client))
}

func calls(b *testing.B, store backend.Backend, raw benchtest.Raw) []benchtest.Calls {
	return append(benchtest.Values(b, store, raw), benchtest.Batches(b, store, raw)...)
}

func raw(b *testing.B, client *redis.Client) benchtest.Raw {
	return benchtest.Raw{
		Get: func(ctx context.Context, key string) string {
			value, err := client.Get(ctx, key).Result()
			must(b, err)
			return value
		},
		GetAll: func(ctx context.Context, keys []string) []string {
			pipe := client.Pipeline()
			cmds := make([]*redis.StringCmd, len(keys))
			for i, key := range keys {
				cmds[i] = pipe.Get(ctx, key)
			}
			_, err := pipe.Exec(ctx)
			must(b, err)
			values := make([]string, len(keys))
			for i, cmd := range cmds {
				values[i] = cmd.Val()
			}
			return values
		},
		Set: func(ctx context.Context, key, value string, ttl time.Duration) {
			must(b, client.Set(ctx, key, value, ttl).Err())
		},
		Scan: func(ctx context.Context, cursor uint64, match string) ([]string, uint64) {
			keys, next, err := client.Scan(ctx, cursor, match, 1000).Result()
			must(b, err)
			return keys, next
		},
		Unlink: func(ctx context.Context, keys []string) {
			pipe := client.Pipeline()
			for _, key := range keys {
				pipe.Unlink(ctx, key)
			}
			_, err := pipe.Exec(ctx)
			must(b, err)
		},
	}
}
