package docs_test

import (
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/valkey-io/valkey-go"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend/goredis"
	"github.com/redisimnest/rin/backend/valkeygo"
	"github.com/redisimnest/rin/internal/servertest"
	"github.com/redisimnest/rin/memstore"
)

var (
	Hits = rin.Key[int]("hits", rin.Default(0))
	Site = rin.Cluster("site", rin.Child(Hits))
)

// The same few lines work on every backend, and what one client wrote the other
// reads.
func TestSwapping(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		root, err := rin.Open(Site, memstore.New())
		if err != nil {
			t.Fatal(err)
		}
		count(t, root, 1)
	})
	t.Run("clients", func(t *testing.T) {
		addr := servertest.Start(t, servertest.Redis)
		count(t, openGoRedis(t, addr), 1)
		count(t, openValkeyGo(t, addr), 2)
	})
	t.Run("cluster", func(t *testing.T) {
		addrs := servertest.StartCluster(t, servertest.Valkey)
		count(t, openGoRedisCluster(t, addrs), 1)
		count(t, openValkeyGo(t, addrs...), 2)
	})
	t.Run("environment", func(t *testing.T) {
		host, port, err := net.SplitHostPort(servertest.Start(t, servertest.Valkey))
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("REDIS_HOST", host)
		t.Setenv("REDIS_PORT", port)
		count(t, openFromEnv(t), 1)
	})
}

// count adds one to the hits, which are then want.
func count(t *testing.T, root *rin.Scope, want int) {
	t.Helper()
	hits := Hits.At(root)
	n, err := hits.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := hits.Set(t.Context(), n+1); err != nil {
		t.Fatal(err)
	}
	if n, err = hits.Get(t.Context()); n != want || err != nil {
		t.Errorf("hits = %d, %v; want %d", n, err, want)
	}
}

func openGoRedis(t *testing.T, addr string) *rin.Scope {
	client := redis.NewClient(&redis.Options{
		Addr:                  addr,
		ContextTimeoutEnabled: true, // return when a context's deadline passes
	})
	t.Cleanup(func() { client.Close() })
	root, err := rin.Open(Site, goredis.New(client))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func openGoRedisCluster(t *testing.T, addrs []string) *rin.Scope {
	client := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs:                 addrs,
		ContextTimeoutEnabled: true,
	})
	t.Cleanup(func() { client.Close() })
	root, err := rin.Open(Site, goredis.New(client))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func openValkeyGo(t *testing.T, addrs ...string) *rin.Scope {
	client, err := valkey.NewClient(valkey.ClientOption{
		InitAddress:  addrs,
		DisableCache: true, // rin does not use the client-side cache
	})
	if err != nil {
		t.Fatal(err) // NewClient connects, so this may be a server that is gone
	}
	t.Cleanup(client.Close)
	root, err := rin.Open(Site, valkeygo.New(client, valkeygo.RetryFor(2*time.Second)))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func openFromEnv(t *testing.T) *rin.Scope {
	b, err := goredis.FromEnv() // or valkeygo.FromEnv()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	root, err := rin.Open(Site, b, rin.FromEnv())
	if err != nil {
		t.Fatal(err)
	}
	return root
}
