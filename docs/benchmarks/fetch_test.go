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

	"github.com/dtm-labs/rockscache"
	"github.com/go-redis/cache/v9"
	redisv8 "github.com/go-redis/redis/v8"
	"github.com/klauspost/compress/s2"
	"github.com/redis/go-redis/v9"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend/goredis"
	"github.com/redisimnest/rin/codec"
	"github.com/redisimnest/rin/internal/benchtest"
	"github.com/redisimnest/rin/internal/servertest"
)

// ttl is how long the values of the benchmarks live.
const ttl = time.Hour

var (
	age     = rin.Key[int]("age")
	profile = rin.Key[benchtest.Profile]("profile")
	packed  = rin.Key[benchtest.Profile]("packed", rin.Codec(packing{}))
	user    = rin.Cluster("user:<user_id>", rin.TTL(ttl), rin.Child(age, profile, packed))
	schema  = rin.Cluster("bench", rin.Child(user))
)

// packing is the codec that go-redis/cache has for a struct: MessagePack, compressed by S2 if
// it is long.
type packing struct{}

func (packing) Name() string { return "s2+msgpack" }

func (packing) Append(dst []byte, v any) ([]byte, error) {
	data, err := msgpack.Marshal(v)
	if err != nil || len(data) < 64 {
		return append(append(dst, data...), 0), err
	}
	return append(append(dst, s2.Encode(nil, data)...), 1), nil
}

func (packing) Decode(data []byte, v any) (err error) {
	if len(data) == 0 {
		return errors.New("the value is cut off")
	}
	data, compressed := data[:len(data)-1], data[len(data)-1] == 1
	if compressed {
		if data, err = s2.Decode(nil, data); err != nil {
			return err
		}
	}
	return msgpack.Unmarshal(data, v)
}

func open(b *testing.B, client *redis.Client) *rin.Scope {
	root, err := rin.Open(schema, goredis.New(client), rin.Registry(codec.NewRegistry(packing{})))
	if err != nil {
		b.Fatal(err)
	}
	return root
}

// BenchmarkFetchHit reads a value that is there: rin's Fetch, without and with
// ShareRead, the Once of go-redis/cache without its local cache, the Fetch of rockscache,
// and GET with a decoder. rin, rockscache and the raw client decode JSON, or MessagePack,
// compressed if it is long, which is what cache decodes. Callers of cache and
// of rockscache who want the same key at the same moment share one read, hence the number
// of keys.
func BenchmarkFetchHit(b *testing.B) {
	addr := servertest.Start(b, servertest.Redis)
	b.Run("value=int", func(b *testing.B) {
		raceHits(b, addr, age, 30, "30", strconv.Atoi)
	})
	b.Run("value=struct", func(b *testing.B) {
		data, err := json.Marshal(benchtest.NewProfile())
		check(b, err)
		raceHits(b, addr, profile, benchtest.NewProfile(), string(data), decode)
	})
	b.Run("value=struct/codec=msgpack", func(b *testing.B) {
		data, err := packing{}.Append(nil, benchtest.NewProfile())
		check(b, err)
		raceHits(b, addr, packed, benchtest.NewProfile(), string(data), func(s string) (p benchtest.Profile, err error) {
			return p, packing{}.Decode([]byte(s), &p)
		})
	})
}

func decode(s string) (p benchtest.Profile, err error) { return p, json.Unmarshal([]byte(s), &p) }

func raceHits[T any](b *testing.B, addr string, key *rin.KeyOf[T], value T, text string, parse func(string) (T, error)) {
	const most = 64
	client, rocks := newClient(b, addr), newRocks(b, addr)
	root, cached := open(b, client), cache.New(&cache.Options{Redis: client})
	for id := range most {
		_, err := rocks.Fetch2(b.Context(), rocksKey(key.Pattern(), id), ttl, func() (string, error) { return text, nil })
		check(b, err)
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
	rocksFetch := func(ctx context.Context, id int) (none T, err error) {
		s, err := rocks.Fetch2(ctx, rocksKey(key.Pattern(), id), ttl, func() (string, error) { return "", errLoaded })
		if err != nil {
			return none, err
		}
		return parse(s)
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
				hits(b, "rockscache", axes.keys, value, rocksFetch),
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

// newRocks is a rockscache with its default options, which is on a client of its own: that
// of go-redis v8.
func newRocks(b *testing.B, addr string) *rockscache.Client {
	client := redisv8.NewClient(&redisv8.Options{Addr: addr, PoolSize: 64})
	b.Cleanup(func() { client.Close() })
	return rockscache.NewClient(client, rockscache.NewDefaultOptions())
}

func cacheKey(id int) string            { return fmt.Sprintf("cache:user:%d", id) }
func rocksKey(of string, id int) string { return fmt.Sprintf("rocks:user:%d:%s", id, of) }
func rawKey(id int) string              { return fmt.Sprintf("raw:user:%d", id) }
