package goredis_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/goredis"
	"github.com/redisimnest/rin/internal/servertest"
)

// Keys of the first, second and third primary of a cluster of three.
const (
	key1 = "b"
	key2 = "c"
	key3 = "a"
)

// network is a backend on a client that reaches its servers through proxies.
type network struct {
	*goredis.Backend
	// proxy stands in front of the server that has key1.
	proxy *servertest.Proxy
	// proxies stand in front of all servers.
	proxies []*servertest.Proxy
}

// count is how often a command reached a server.
func (n network) count(command string) (sum int) {
	for _, p := range n.proxies {
		sum += p.Count(command)
	}
	return sum
}

func (n network) cluster() bool { return len(n.proxies) > 1 }

// warm lets the client connect to every server.
func (n network) warm(t *testing.T) {
	t.Helper()
	for _, key := range []string{key1, key2, key3} {
		if err := n.Exec(context.Background(), &backend.Get{Key: key}); err != nil {
			t.Fatal(err)
		}
	}
}

func (n network) stall() {
	for _, p := range n.proxies {
		p.Stall()
	}
}

func (n network) resume() {
	for _, p := range n.proxies {
		p.Resume()
	}
}

func (n network) vanish() {
	for _, p := range n.proxies {
		p.Vanish()
	}
}

// settings are what tests of faults vary.
type settings struct {
	deadlines   bool // ContextTimeoutEnabled
	readTimeout time.Duration
	maxRetries  int
	replicas    bool // ReadOnly, on a cluster
}

// newNetwork puts proxies in front of the servers at addrs: of a cluster, if
// there are several.
func newNetwork(t *testing.T, s settings, addrs ...string) network {
	t.Helper()
	var proxies []*servertest.Proxy
	for _, addr := range addrs {
		proxies = append(proxies, servertest.NewProxy(t, addr))
	}
	client := redis.UniversalClient(singleClient(t, s, proxies[0]))
	if len(addrs) > 1 {
		client = clusterClient(t, s, proxies)
	}
	return network{goredis.New(client), proxies[0], proxies}
}

func singleClient(t *testing.T, s settings, proxy *servertest.Proxy) *redis.Client {
	t.Helper()
	return newClient(t, &redis.Options{
		Addr:                  proxy.Addr(),
		ContextTimeoutEnabled: s.deadlines,
		ReadTimeout:           s.readTimeout,
		MaxRetries:            s.maxRetries,
		MinRetryBackoff:       -1,
		MaxRetryBackoff:       -1,
		DialerRetries:         1,
	})
}

// clusterClient knows the nodes of a cluster by the addresses of proxies, which
// are in the order of the slots.
func clusterClient(t *testing.T, s settings, proxies []*servertest.Proxy) *redis.ClusterClient {
	t.Helper()
	var slots []redis.ClusterSlot
	for i, proxy := range proxies {
		slots = append(slots, redis.ClusterSlot{
			Start: servertest.Slots * i / len(proxies),
			End:   servertest.Slots*(i+1)/len(proxies) - 1,
			Nodes: []redis.ClusterNode{{Addr: proxy.Addr()}},
		})
	}
	return newCluster(t, &redis.ClusterOptions{
		ClusterSlots:          func(context.Context) ([]redis.ClusterSlot, error) { return slots, nil },
		ContextTimeoutEnabled: s.deadlines,
		ReadTimeout:           s.readTimeout,
		ReadOnly:              s.replicas,
		MaxRedirects:          s.maxRetries,
		MinRetryBackoff:       -1,
		MaxRetryBackoff:       -1,
		DialerRetries:         1,
	})
}
