package goredis_test

import (
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/backendtest"
	"github.com/redisimnest/rin/backend/goredis"
	"github.com/redisimnest/rin/internal/servertest"
)

func TestConformance(t *testing.T) {
	t.Run("server=miniredis", func(t *testing.T) {
		mini := newMiniredis(t)
		client := newClient(t, &redis.Options{Addr: mini.Addr()})
		h := harness(client, mini.Addr())
		h.Elapse = func(_ testing.TB, d time.Duration) { mini.FastForward(d) }
		h.NoAbort = true
		backendtest.Run(t, h)
	})
	for _, program := range []servertest.Program{servertest.Redis, servertest.Valkey} {
		t.Run("server="+program.String(), func(t *testing.T) {
			addr := servertest.Start(t, program)
			client := newClient(t, &redis.Options{Addr: addr})
			backendtest.Run(t, harness(client, addr))
		})
	}
	t.Run("server=redis-server/deadlines=client", func(t *testing.T) {
		addr := servertest.Start(t, servertest.Redis)
		client := newClient(t, &redis.Options{Addr: addr, ContextTimeoutEnabled: true, Protocol: 2})
		backendtest.Run(t, harness(client, addr))
	})
	for _, program := range []servertest.Program{servertest.Redis, servertest.Valkey} {
		t.Run("server="+program.String()+"/cluster", func(t *testing.T) {
			addrs := servertest.StartCluster(t, program)
			client := newCluster(t, &redis.ClusterOptions{Addrs: addrs})
			h := harness(client, addrs...)
			h.Cluster = true
			backendtest.Run(t, h)
		})
	}
}

// newMiniredis starts a miniredis whose GETEX, like a server's, leaves a key of
// another kind the expiry it has.
func newMiniredis(t *testing.T) *miniredis.Miniredis {
	t.Helper()
	m := miniredis.RunT(t)
	m.Server().SetPreHook(func(c *server.Peer, cmd string, args ...string) bool {
		if !strings.EqualFold(cmd, "GETEX") {
			return false
		}
		kind := m.Type(args[0])
		foreign := kind != "" && kind != "string"
		if foreign {
			c.WriteError("WRONGTYPE Operation against a key holding the wrong kind of value")
		}
		return foreign
	})
	return m
}

// harness is that of a client of the servers at addrs.
func harness(client redis.UniversalClient, addrs ...string) backendtest.Harness {
	return backendtest.Harness{
		New: func(t testing.TB) backend.Backend {
			for _, addr := range addrs {
				servertest.Do(t, addr, "FLUSHALL")
			}
			return goredis.New(client)
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
