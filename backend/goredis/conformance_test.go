package goredis_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/backendtest"
	"github.com/redisimnest/rin/backend/goredis"
	"github.com/redisimnest/rin/internal/minitest"
	"github.com/redisimnest/rin/internal/servertest"
)

func TestConformance(t *testing.T) {
	t.Run("server=miniredis", func(t *testing.T) {
		mini := minitest.Start(t)
		client := newClient(t, &redis.Options{Addr: mini.Addr()})
		h := harness(client, mini.Addr())
		clock, fresh := minitest.NewClock(mini), h.New
		h.New = func(t testing.TB) backend.Backend { clock.Reset(); return fresh(t) }
		h.Elapse = func(_ testing.TB, d time.Duration) { clock.Pass(d) }
		h.NoAbort, h.Lacks = true, minitest.Lacks
		backendtest.Run(t, h)
	})
	for _, program := range []servertest.Program{servertest.Redis, servertest.Valkey, servertest.Redis8, servertest.Valkey9} {
		t.Run("server="+program.String(), func(t *testing.T) {
			addr := servertest.Start(t, program)
			client := newClient(t, &redis.Options{Addr: addr})
			backendtest.Run(t, serverHarness(t, client, addr))
		})
	}
	t.Run("server=redis-server/deadlines=client", func(t *testing.T) {
		addr := servertest.Start(t, servertest.Redis)
		client := newClient(t, &redis.Options{Addr: addr, ContextTimeoutEnabled: true, Protocol: 2})
		backendtest.Run(t, serverHarness(t, client, addr))
	})
	for _, program := range []servertest.Program{servertest.Redis, servertest.Valkey} {
		t.Run("server="+program.String()+"/cluster", func(t *testing.T) {
			c := servertest.StartReplicated(t, program)
			h := serverHarness(t, newCluster(t, &redis.ClusterOptions{Addrs: c.Addrs()}), servertest.Addrs(c.Primaries())...)
			h.Cluster = true
			backendtest.Run(t, h)
		})
		t.Run("server="+program.String()+"/sentinel", func(t *testing.T) {
			s := servertest.StartSentinel(t, program)
			client := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: s.Name, SentinelAddrs: s.Addrs})
			t.Cleanup(func() { client.Close() })
			backendtest.Run(t, serverHarness(t, client, s.Nodes[0].Addr))
		})
	}
}

// serverHarness is that of a client of real servers.
func serverHarness(t testing.TB, client redis.UniversalClient, addrs ...string) backendtest.Harness {
	h := harness(client, addrs...)
	h.Lacks = func(o backendtest.Op) bool { return o.FieldExpiry && !servertest.KnowsCommand(t, addrs[0], "HPEXPIRE") }
	return h
}

// harness is that of a client of the primaries at addrs.
func harness(client redis.UniversalClient, addrs ...string) backendtest.Harness {
	b := goredis.New(client)
	return backendtest.Harness{
		New: func(t testing.TB) backend.Backend {
			for _, addr := range addrs {
				servertest.Do(t, addr, "FLUSHALL")
			}
			return b
		},
		Elapse: func(t testing.TB, d time.Duration) {
			servertest.Elapse(t, addrs[0], d)
		},
		Foreign: func(t testing.TB, key string) {
			servertest.Do(t, addrs[0], "RPUSH", key, "element")
		},
	}
}

func newClient(t testing.TB, options *redis.Options) *redis.Client {
	t.Helper()
	client := redis.NewClient(options)
	t.Cleanup(func() { client.Close() })
	return client
}

func newCluster(t testing.TB, options *redis.ClusterOptions) *redis.ClusterClient {
	t.Helper()
	client := redis.NewClusterClient(options)
	t.Cleanup(func() { client.Close() })
	return client
}
