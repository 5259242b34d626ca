package valkeygo_test

import (
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/valkeygo"
	"github.com/redisimnest/rin/internal/benchtest"
	"github.com/redisimnest/rin/internal/servertest"
)

// BenchmarkCost shows what rin adds to the client's own work, on a connection
// that answers at once.
func BenchmarkCost(b *testing.B) {
	dial := benchtest.Loopback()
	client := newClient(b, "loopback:0", func(o *valkey.ClientOption) {
		o.ForceSingleClient, o.DisableCache, o.AlwaysRESP2 = true, true, true
		o.DialCtxFn = func(ctx context.Context, addr string, _ *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return dial(ctx, "tcp", addr)
		}
	})
	benchtest.Cost(b, calls(b, valkeygo.New(client), raw(b, client)))
}

// BenchmarkRace races the client on a real server.
func BenchmarkRace(b *testing.B) {
	client := newClient(b, servertest.Start(b, servertest.Valkey))
	benchtest.Race(b, calls(b, valkeygo.New(client), raw(b, client)))
}

// BenchmarkStructures races the client on structures.
func BenchmarkStructures(b *testing.B) {
	client := newClient(b, servertest.Start(b, servertest.Valkey9))
	benchtest.Race(b, benchtest.Structures(b, valkeygo.New(client), rawStructures(b, client)))
}

// BenchmarkClear races the Clear of 10,000 keys among 1,000,000 others.
func BenchmarkClear(b *testing.B) {
	addr := servertest.Start(b, servertest.Valkey)
	benchtest.Populate(b, addr)
	client := newClient(b, addr)
	benchtest.Clear(b, valkeygo.New(client), raw(b, client))
}

func calls(b *testing.B, store backend.Backend, raw benchtest.Raw) []benchtest.Calls {
	return append(benchtest.Values(b, store, raw), benchtest.Batches(b, store, raw)...)
}

func raw(b *testing.B, client valkey.Client) benchtest.Raw {
	return benchtest.Raw{
		Get: func(ctx context.Context, key string) string {
			value, err := client.Do(ctx, client.B().Get().Key(key).Build()).ToString()
			must(b, err)
			return value
		},
		GetAll: func(ctx context.Context, keys []string) []string {
			cmds := make(valkey.Commands, len(keys))
			for i, key := range keys {
				cmds[i] = client.B().Get().Key(key).Build()
			}
			values := make([]string, len(keys))
			for i, result := range client.DoMulti(ctx, cmds...) {
				value, err := result.ToString()
				must(b, err)
				values[i] = value
			}
			return values
		},
		Set: func(ctx context.Context, key, value string, ttl time.Duration) {
			must(b, client.Do(ctx, client.B().Set().Key(key).Value(value).Px(ttl).Build()).Error())
		},
		Scan: func(ctx context.Context, cursor uint64, match string) ([]string, uint64) {
			page, err := client.Do(ctx, client.B().Scan().Cursor(cursor).Match(match).Count(1000).Build()).AsScanEntry()
			must(b, err)
			return page.Elements, page.Cursor
		},
		Unlink: func(ctx context.Context, keys []string) {
			cmds := make(valkey.Commands, len(keys))
			for i, key := range keys {
				cmds[i] = client.B().Unlink().Key(key).Build()
			}
			for _, result := range client.DoMulti(ctx, cmds...) {
				must(b, result.Error())
			}
		},
	}
}

func must(b *testing.B, err error) {
	if err != nil {
		b.Error(err)
	}
}

func rawStructures(b *testing.B, client valkey.Client) benchtest.RawStructures {
	do := func(ctx context.Context, cmd valkey.Completed) valkey.ValkeyResult { return client.Do(ctx, cmd) }
	return benchtest.RawStructures{
		IncrBy: func(ctx context.Context, key string, n int64) int64 {
			return benchtest.AnswerOf(do(ctx, client.B().Incrby().Key(key).Increment(n).Build()).AsInt64()).Of(b)
		},
		Counted: func(ctx context.Context, key string, n int64) int64 {
			args := []string{strconv.FormatInt(n, 10), strconv.FormatInt(benchtest.TTL.Milliseconds(), 10)}
			return benchtest.AnswerOf(do(ctx, client.B().Eval().Script(benchtest.CountScript).Numkeys(1).Key(key).Arg(args...).Build()).AsInt64()).Of(b)
		},
		HGet: func(ctx context.Context, key, field string) string {
			return benchtest.AnswerOf(do(ctx, client.B().Hget().Key(key).Field(field).Build()).ToString()).Of(b)
		},
		HSet: func(ctx context.Context, key, field, text string) {
			must(b, do(ctx, client.B().Hset().Key(key).FieldValue().FieldValue(field, text).Build()).Error())
		},
		HGetAll: func(ctx context.Context, key string) map[string]string {
			return benchtest.AnswerOf(do(ctx, client.B().Hgetall().Key(key).Build()).AsStrMap()).Of(b)
		},
		RPush: func(ctx context.Context, key, text string) int64 {
			return benchtest.AnswerOf(do(ctx, client.B().Rpush().Key(key).Element(text).Build()).AsInt64()).Of(b)
		},
		LRange: func(ctx context.Context, key string) []string {
			return benchtest.AnswerOf(do(ctx, client.B().Lrange().Key(key).Start(0).Stop(-1).Build()).AsStrSlice()).Of(b)
		},
		SIsMember: func(ctx context.Context, key, member string) bool {
			return benchtest.AnswerOf(do(ctx, client.B().Sismember().Key(key).Member(member).Build()).AsBool()).Of(b)
		},
		SMembers: func(ctx context.Context, key string) []string {
			return benchtest.AnswerOf(do(ctx, client.B().Smembers().Key(key).Build()).AsStrSlice()).Of(b)
		},
		ZIncrBy: func(ctx context.Context, key, member string, by float64) float64 {
			return benchtest.AnswerOf(do(ctx, client.B().Zincrby().Key(key).Increment(by).Member(member).Build()).AsFloat64()).Of(b)
		},
		ZRevRange: func(ctx context.Context, key string) (top []rin.Scored[string]) {
			for _, z := range benchtest.AnswerOf(do(ctx, client.B().Zrevrange().Key(key).Start(0).Stop(9).Withscores().Build()).AsZScores()).Of(b) {
				top = append(top, rin.Scored[string]{Member: z.Member, Score: z.Score})
			}
			return top
		},
		Batch: func(ctx context.Context, times int, hash, field, counter, set, member, sorted, player string) {
			var cmds valkey.Commands
			for range times {
				cmds = append(
					cmds,
					client.B().Hget().Key(hash).Field(field).Build(),
					client.B().Incrby().Key(counter).Increment(1).Build(),
					client.B().Sismember().Key(set).Member(member).Build(),
					client.B().Zincrby().Key(sorted).Increment(1).Member(player).Build(),
				)
			}
			for i, result := range client.DoMulti(ctx, cmds...) {
				var err error
				switch i % 4 {
				case 0:
					var text string
					if text, err = result.ToString(); err == nil {
						_, err = strconv.Atoi(text)
					}
				case 1:
					_, err = result.AsInt64()
				case 2:
					_, err = result.AsBool()
				case 3:
					_, err = result.AsFloat64()
				}
				must(b, err)
			}
		},
	}
}
