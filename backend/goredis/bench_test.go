package goredis_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/redisimnest/rin"
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

// BenchmarkStructures races the client on structures.
func BenchmarkStructures(b *testing.B) {
	client := newClient(b, &redis.Options{Addr: servertest.Start(b, servertest.Redis8), ContextTimeoutEnabled: true, PoolSize: 64})
	benchtest.Race(b, benchtest.Structures(b, goredis.New(client), rawStructures(b, client)))
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

func rawStructures(b *testing.B, client *redis.Client) benchtest.RawStructures {
	return benchtest.RawStructures{
		IncrBy: func(ctx context.Context, key string, n int64) int64 {
			return benchtest.AnswerOf(client.IncrBy(ctx, key, n).Result()).Of(b)
		},
		Counted: func(ctx context.Context, key string, n int64) int64 {
			return benchtest.AnswerOf(client.Eval(ctx, benchtest.CountScript, []string{key}, n, benchtest.TTL.Milliseconds()).Int64()).Of(b)
		},
		HGet: func(ctx context.Context, key, field string) string {
			return benchtest.AnswerOf(client.HGet(ctx, key, field).Result()).Of(b)
		},
		HSet: func(ctx context.Context, key, field, text string) { must(b, client.HSet(ctx, key, field, text).Err()) },
		HGetAll: func(ctx context.Context, key string) map[string]string {
			return benchtest.AnswerOf(client.HGetAll(ctx, key).Result()).Of(b)
		},
		RPush: func(ctx context.Context, key, text string) int64 {
			return benchtest.AnswerOf(client.RPush(ctx, key, text).Result()).Of(b)
		},
		LRange: func(ctx context.Context, key string) []string {
			return benchtest.AnswerOf(client.LRange(ctx, key, 0, -1).Result()).Of(b)
		},
		SIsMember: func(ctx context.Context, key, member string) bool {
			return benchtest.AnswerOf(client.SIsMember(ctx, key, member).Result()).Of(b)
		},
		SMembers: func(ctx context.Context, key string) []string {
			return benchtest.AnswerOf(client.SMembers(ctx, key).Result()).Of(b)
		},
		ZIncrBy: func(ctx context.Context, key, member string, by float64) float64 {
			return benchtest.AnswerOf(client.ZIncrBy(ctx, key, by, member).Result()).Of(b)
		},
		ZRevRange: func(ctx context.Context, key string) (top []rin.Scored[string]) {
			for _, z := range benchtest.AnswerOf(client.ZRevRangeWithScores(ctx, key, 0, 9).Result()).Of(b) {
				top = append(top, rin.Scored[string]{Member: z.Member.(string), Score: z.Score})
			}
			return top
		},
		Batch: func(ctx context.Context, times int, hash, field, counter, set, member, sorted, player string) {
			pipe := client.Pipeline()
			texts := make([]*redis.StringCmd, times)
			for i := range times {
				texts[i] = pipe.HGet(ctx, hash, field)
				pipe.IncrBy(ctx, counter, 1)
				pipe.SIsMember(ctx, set, member)
				pipe.ZIncrBy(ctx, sorted, 1, player)
			}
			_, err := pipe.Exec(ctx)
			must(b, err)
			for _, text := range texts {
				_, err := text.Int()
				must(b, err)
			}
		},
	}
}
