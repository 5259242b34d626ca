// Package clienttest reaches the servers of tests through both clients that rin has
// adapters for.
package clienttest

import (
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/valkey-io/valkey-go"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/goredis"
	"github.com/redisimnest/rin/backend/valkeygo"
	"github.com/redisimnest/rin/internal/servertest"
)

// Client is one of the two.
type Client string

// The clients are named as their adapters.
const (
	Goredis  Client = "goredis"
	Valkeygo Client = "valkeygo"
)

// Clients are both.
var Clients = []Client{Goredis, Valkeygo}

// Backend is what both adapters are.
type Backend interface {
	backend.Backend
	backend.Transactor
}

// Topology is how either client reaches some servers.
type Topology struct {
	Redis  func() redis.UniversalClient
	Valkey valkey.ClientOption
}

// Server is one server.
func Server(addr string) Topology {
	return Topology{
		func() redis.UniversalClient { return redis.NewClient(&redis.Options{Addr: addr}) },
		valkey.ClientOption{InitAddress: []string{addr}},
	}
}

// Cluster is a cluster.
func Cluster(c *servertest.Cluster) Topology {
	return Topology{
		func() redis.UniversalClient { return redis.NewClusterClient(&redis.ClusterOptions{Addrs: c.Addrs()}) },
		valkey.ClientOption{InitAddress: c.Addrs()},
	}
}

// Sentinel is a primary behind Sentinels.
func Sentinel(s *servertest.Sentinel) Topology {
	return Topology{
		func() redis.UniversalClient {
			return redis.NewFailoverClient(&redis.FailoverOptions{MasterName: s.Name, SentinelAddrs: s.Addrs})
		},
		valkey.ClientOption{InitAddress: s.Addrs, Sentinel: valkey.SentinelOption{MasterSet: s.Name}},
	}
}

// Open returns a backend on a client of its own, which is closed at the end of the
// test. The options are for valkeygo.
func (on Topology) Open(t testing.TB, c Client, opts ...valkeygo.Option) Backend {
	t.Helper()
	if c == Goredis {
		client := on.Redis()
		t.Cleanup(func() { client.Close() })
		return goredis.New(client)
	}
	client, err := valkey.NewClient(on.Valkey)
	if err != nil {
		t.Fatalf("valkey.NewClient: %v", err)
	}
	t.Cleanup(client.Close)
	return valkeygo.New(client, opts...)
}
