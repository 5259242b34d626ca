package valkeygo_test

import (
	"testing"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/backendtest"
	"github.com/redisimnest/rin/backend/valkeygo"
	"github.com/redisimnest/rin/internal/minitest"
	"github.com/redisimnest/rin/internal/servertest"
)

// setup changes the options of a test's client.
type setup func(*valkey.ClientOption)

// These are what a client of miniredis has to do without.
var miniredisSetup = []setup{
	func(o *valkey.ClientOption) { o.ForceSingleClient = true },
	func(o *valkey.ClientOption) { o.DisableCache = true },
}

func newClient(t testing.TB, addr string, setups ...setup) valkey.Client {
	t.Helper()
	option := valkey.ClientOption{InitAddress: []string{addr}}
	for _, setup := range setups {
		setup(&option)
	}
	client, err := valkey.NewClient(option)
	if err != nil {
		t.Fatalf("valkey.NewClient: %v", err)
	}
	t.Cleanup(client.Close)
	return client
}

func TestConformance_miniredis(t *testing.T) {
	mini := minitest.Start(t)
	clock := minitest.NewClock(mini)
	b := valkeygo.New(newClient(t, mini.Addr(), miniredisSetup...))
	backendtest.Run(t, backendtest.Harness{
		New: func(testing.TB) backend.Backend {
			mini.FlushAll()
			clock.Reset()
			return b
		},
		Elapse:  func(_ testing.TB, d time.Duration) { clock.Pass(d) },
		Foreign: func(t testing.TB, key string) { servertest.Do(t, mini.Addr(), "RPUSH", key, "v") },
		NoAbort: true,
		Lacks:   minitest.Lacks,
	})
}

// A client that isn't told otherwise takes miniredis for a cluster.
func TestConformance_miniredisAsCluster(t *testing.T) {
	mini := minitest.Start(t)
	clock := minitest.NewClock(mini)
	client := newClient(t, mini.Addr(), func(o *valkey.ClientOption) { o.DisableCache = true })
	if client.Mode() != valkey.ClientModeCluster {
		t.Fatalf("the client is in mode %q; this test is for a cluster's", client.Mode())
	}
	b := valkeygo.New(client)
	backendtest.Run(t, backendtest.Harness{
		New: func(testing.TB) backend.Backend {
			mini.FlushAll()
			clock.Reset()
			return b
		},
		Cluster: true,
		Elapse:  func(_ testing.TB, d time.Duration) { clock.Pass(d) },
		Foreign: func(t testing.TB, key string) { servertest.Do(t, mini.Addr(), "RPUSH", key, "v") },
		NoAbort: true,
		Lacks:   minitest.Lacks,
	})
}

func TestConformance_redis(t *testing.T) {
	runOn(t, servertest.Start(t, servertest.Redis))
}

func TestConformance_valkey(t *testing.T) {
	runOn(t, servertest.Start(t, servertest.Valkey))
}

func TestConformance_redis8(t *testing.T) {
	runOn(t, servertest.Start(t, servertest.Redis8))
}

func TestConformance_valkey9(t *testing.T) {
	runOn(t, servertest.Start(t, servertest.Valkey9))
}

// The suite holds for the older protocol, whose replies have other types.
func TestConformance_resp2(t *testing.T) {
	addr := servertest.Start(t, servertest.Redis)
	runOn(t, addr,
		func(o *valkey.ClientOption) { o.AlwaysRESP2 = true },
		func(o *valkey.ClientOption) { o.DisableCache = true })
}

// The suite holds in the client's two other ways of sending.
func TestConformance_alwaysPipelining(t *testing.T) {
	runOn(t, servertest.Start(t, servertest.Redis), func(o *valkey.ClientOption) { o.AlwaysPipelining = true })
}

func TestConformance_noAutoPipelining(t *testing.T) {
	runOn(t, servertest.Start(t, servertest.Redis), func(o *valkey.ClientOption) { o.DisableAutoPipelining = true })
}

func TestConformance_cluster(t *testing.T) {
	for _, program := range []servertest.Program{servertest.Redis, servertest.Valkey} {
		t.Run(program.String(), func(t *testing.T) {
			c := servertest.StartReplicated(t, program)
			client := newClient(t, c.Nodes[0].Addr)
			if client.Mode() != valkey.ClientModeCluster {
				t.Fatalf("the client is in mode %q", client.Mode())
			}
			runSuite(t, client, servertest.Addrs(c.Primaries())...)
		})
	}
}

func TestConformance_sentinel(t *testing.T) {
	for _, program := range []servertest.Program{servertest.Redis, servertest.Valkey} {
		t.Run(program.String(), func(t *testing.T) {
			s := servertest.StartSentinel(t, program)
			client := newClient(t, s.Addrs[0], func(o *valkey.ClientOption) { o.Sentinel.MasterSet = s.Name })
			if client.Mode() != valkey.ClientModeSentinel {
				t.Fatalf("the client is in mode %q", client.Mode())
			}
			runSuite(t, client, s.Nodes[0].Addr)
		})
	}
}

func runOn(t *testing.T, addr string, setups ...setup) {
	t.Helper()
	runSuite(t, newClient(t, addr, setups...), addr)
}

// runSuite runs the suite on the primaries at addrs.
func runSuite(t *testing.T, client valkey.Client, addrs ...string) {
	t.Helper()
	b := valkeygo.New(client)
	backendtest.Run(t, backendtest.Harness{
		New: func(t testing.TB) backend.Backend {
			for _, addr := range addrs {
				servertest.Do(t, addr, "FLUSHALL")
			}
			return b
		},
		Elapse:  func(t testing.TB, d time.Duration) { servertest.Elapse(t, addrs[0], d) },
		Foreign: func(t testing.TB, key string) { servertest.Do(t, addrs[0], "RPUSH", key, "v") },
		Cluster: client.Mode() == valkey.ClientModeCluster,
		Lacks: func(o backendtest.Op) bool {
			return o.FieldExpiry && !servertest.KnowsCommand(t, addrs[0], "HPEXPIRE")
		},
	})
}
