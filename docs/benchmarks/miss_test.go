package benchmarks

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend/goredis"
	"github.com/redisimnest/rin/internal/servertest"
)

// BenchmarkFetchMiss fetches keys that are not there, each by one caller, from a source that
// takes no time: what a cache costs beside the load. The raw client asks with GET and stores
// with SET, and so may store what is out of date.
func BenchmarkFetchMiss(b *testing.B) {
	addr := servertest.Start(b, servertest.Redis)
	client := newClient(b, addr)
	racers := []*racer{
		misses(b, "rin", byRin()(b, addr)),
		misses(b, "exclusive", byRin(rin.Exclusive(10*time.Second))(b, addr)),
		misses(b, "cache", byCache(b, addr)),
		misses(b, "rockscache", byRocks(b, addr)),
		misses(b, "raw", func(ctx context.Context, user int, load func() (int, error)) (int, error) {
			if n, err := client.Get(ctx, rawKey(user)).Int(); err != redis.Nil { //nolint:errorlint // it is Nil itself
				return n, err
			}
			n, err := load()
			check(b, client.Set(ctx, rawKey(user), n, ttl).Err())
			return n, err
		}),
	}
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) { race(b, callers, racers...) })
		for _, r := range racers {
			r.took = nil
		}
	}
}

func misses(b *testing.B, name string, fetch fetcher) *racer {
	return &racer{name: name, call: func(ctx context.Context, _ int) {
		user := int(users.Add(1))
		n, err := fetch(ctx, user, func() (int, error) { return user, nil })
		if check(b, err); n != user {
			b.Errorf("%s has fetched %d, want %d", name, n, user)
		}
	}}
}

// BenchmarkFetchAll fetches 100 keys at once, of which all are there, or none. The raw
// client asks with MGET and stores with a pipeline of SET. go-redis/cache has no such call.
func BenchmarkFetchAll(b *testing.B) {
	const many = 100
	addr := servertest.Start(b, servertest.Redis)
	client, rocks := newClient(b, addr), newRocks(b, addr)
	root := open(b, client)
	byRin := func(ctx context.Context, from int) {
		entries := make([]rin.Entry[int], many)
		for i := range entries {
			entries[i] = age.At(root, from+i)
		}
		results, err := rin.FetchAll(ctx, entries, func(_ context.Context, missing []rin.Entry[int]) (map[rin.Entry[int]]int, error) {
			loaded := make(map[rin.Entry[int]]int, len(missing))
			for _, e := range missing {
				loaded[e] = 30
			}
			return loaded, nil
		})
		check(b, err)
		for _, r := range results {
			if r.Value != 30 {
				b.Fatal(r)
			}
		}
	}
	byRocks := func(ctx context.Context, from int) {
		keys := make([]string, many)
		for i := range keys {
			keys[i] = rocksKey("age", from+i)
		}
		texts, err := rocks.FetchBatch2(ctx, keys, ttl, func(missing []int) (map[int]string, error) {
			loaded := make(map[int]string, len(missing))
			for _, i := range missing {
				loaded[i] = "30"
			}
			return loaded, nil
		})
		check(b, err)
		for _, text := range texts {
			_, err := strconv.Atoi(text)
			check(b, err)
		}
	}
	raw := func(ctx context.Context, from int) {
		keys := make([]string, many)
		for i := range keys {
			keys[i] = rawKey(from + i)
		}
		texts, err := client.MGet(ctx, keys...).Result()
		check(b, err)
		pipe := client.Pipeline()
		for i, text := range texts {
			if text, ok := text.(string); ok {
				_, err := strconv.Atoi(text)
				check(b, err)
			} else {
				pipe.Set(ctx, keys[i], "30", ttl)
			}
		}
		_, err = pipe.Exec(ctx)
		check(b, err)
	}
	for _, there := range []bool{true, false} {
		b.Run(fmt.Sprintf("keys=%d/there=%v", many, there), func(b *testing.B) {
			run := func(name string, fetch func(ctx context.Context, from int)) *racer {
				from := int(users.Add(many)) - many
				fetch(b.Context(), from)
				return &racer{name: name, call: func(ctx context.Context, _ int) {
					if !there {
						from = int(users.Add(many)) - many
					}
					fetch(ctx, from)
				}}
			}
			race(b, 1, run("rin", byRin), run("rockscache", byRocks), run("raw", raw))
		})
	}
}

var (
	payment  = rin.Once[int]("payment:<id>")
	payments = rin.Cluster("payments", rin.TTL(ttl), rin.Child(payment))
)

// BenchmarkOnce does a piece of work once for each key, or has the result of one that was
// done. The raw client claims a key with SET NX, stores the result with SET XX, and reads it
// with GET: it knows nothing of claims that have ended meanwhile.
func BenchmarkOnce(b *testing.B) {
	client := newClient(b, servertest.Start(b, servertest.Redis))
	root, err := rin.Open(payments, goredis.New(client))
	check(b, err)
	byRin := func(ctx context.Context, id int) {
		_, _, err := payment.At(root, id).Do(ctx, func(context.Context) (int, error) { return id, nil })
		check(b, err)
	}
	raw := func(ctx context.Context, id int) {
		first, err := client.SetNX(ctx, rawKey(id), "", time.Minute).Result()
		if check(b, err); first {
			check(b, client.SetXX(ctx, rawKey(id), id, ttl).Err())
			return
		}
		_, err = client.Get(ctx, rawKey(id)).Int()
		check(b, err)
	}
	for _, done := range []bool{false, true} {
		b.Run(fmt.Sprintf("done=%v", done), func(b *testing.B) {
			run := func(name string, do func(ctx context.Context, id int)) *racer {
				id := int(users.Add(1))
				do(b.Context(), id)
				return &racer{name: name, call: func(ctx context.Context, _ int) {
					if !done {
						id = int(users.Add(1))
					}
					do(ctx, id)
				}}
			}
			race(b, 1, run("rin", byRin), run("raw", raw))
		})
	}
}
