package benchmarks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/go-redis/cache/v9"
	"github.com/redis/go-redis/v9"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend/goredis"
	"github.com/redisimnest/rin/internal/benchtest"
	"github.com/redisimnest/rin/internal/servertest"
)

// ttl is how long the values of the benchmarks live.
const ttl = time.Hour

var (
	age     = rin.Key[int]("age")
	profile = rin.Key[benchtest.Profile]("profile")
	user    = rin.Cluster("user:<user_id>", rin.TTL(ttl), rin.Child(age, profile))
	schema  = rin.Cluster("bench", rin.Child(user))
)

func open(b *testing.B, client *redis.Client) *rin.Scope {
	root, err := rin.Open(schema, goredis.New(client))
	if err != nil {
		b.Fatal(err)
	}
	return root
}

// BenchmarkFetchHit reads a value that is there: rin's Fetch, without and with
// ShareRead, the Once of go-redis/cache without its local cache, and GET with a decoder. rin and the raw
// client decode JSON; cache decodes what it chooses by itself, MessagePack,
// compressed if it is long. Callers of Once who want the same key at the same
// moment share one GET, hence the number of keys.
func BenchmarkFetchHit(b *testing.B) {
	client := newClient(b, servertest.Start(b, servertest.Redis))
	root := open(b, client)
	b.Run("value=int", func(b *testing.B) {
		raceHits(b, client, root, age, 30, "30", strconv.Atoi)
	})
	b.Run("value=struct", func(b *testing.B) {
		data, err := json.Marshal(benchtest.NewProfile())
		check(b, err)
		raceHits(b, client, root, profile, benchtest.NewProfile(), string(data), decode)
	})
}

func decode(s string) (p benchtest.Profile, err error) { return p, json.Unmarshal([]byte(s), &p) }

func raceHits[T any](b *testing.B, client *redis.Client, root *rin.Scope, key *rin.KeyOf[T], value T, text string, parse func(string) (T, error)) {
	const most = 64
	cached := cache.New(&cache.Options{Redis: client})
	for id := range most {
		check(b, key.At(root, id).Set(b.Context(), value))
		check(b, cached.Set(&cache.Item{Ctx: b.Context(), Key: cacheKey(id), Value: value, TTL: ttl}))
		check(b, client.Set(b.Context(), rawKey(id), text, ttl).Err())
	}
	load := func(context.Context) (none T, err error) { return none, errLoaded }
	fetch := func(ctx context.Context, id int) (T, error) { return key.At(root, id).Fetch(ctx, load) }
	share := func(ctx context.Context, id int) (T, error) {
		return key.At(root, id).Fetch(ctx, load, rin.ShareRead())
	}
	once := func(ctx context.Context, id int) (v T, err error) {
		return v, cached.Once(&cache.Item{
			Ctx: ctx, Key: cacheKey(id), Value: &v, TTL: ttl,
			Do: func(*cache.Item) (any, error) { return nil, errLoaded },
		})
	}
	get := func(ctx context.Context, id int) (none T, err error) {
		s, err := client.Get(ctx, rawKey(id)).Result()
		if err != nil {
			return none, err
		}
		return parse(s)
	}
	for _, axes := range []struct{ callers, keys int }{{1, 1}, {most, most}, {most, 1}} {
		b.Run(fmt.Sprintf("callers=%d/keys=%d", axes.callers, axes.keys), func(b *testing.B) {
			race(b, axes.callers,
				hits(b, "rin", axes.keys, value, fetch),
				hits(b, "rin-shared", axes.keys, value, share),
				hits(b, "cache", axes.keys, value, once),
				hits(b, "raw", axes.keys, value, get))
		})
	}
}

var errLoaded = errors.New("a hit has called the loader")

// hits is a racer whose callers spread over the keys. Whether it reads the right
// thing is looked at once, before the race.
func hits[T any](b *testing.B, name string, keys int, want T, get func(ctx context.Context, id int) (T, error)) *racer {
	got, err := get(b.Context(), 0)
	if err != nil || !reflect.DeepEqual(got, want) {
		b.Fatalf("%s reads %v, %v; want %v", name, got, err, want)
	}
	return &racer{name: name, call: func(ctx context.Context, caller int) {
		_, err := get(ctx, caller%keys)
		check(b, err)
	}}
}

func cacheKey(id int) string { return fmt.Sprintf("cache:user:%d", id) }
func rawKey(id int) string   { return fmt.Sprintf("raw:user:%d", id) }
