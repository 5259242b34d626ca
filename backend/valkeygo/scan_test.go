package valkeygo_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/valkeygo"
	"github.com/redisimnest/rin/internal/servertest"
)

// A scan survives a lost connection: keys may come twice, none is missed.
func TestScan_lostConnection(t *testing.T) {
	proxy := servertest.NewProxy(t, servertest.Start(t, servertest.Redis))
	b := valkeygo.New(newClient(t, proxy.Addr()))
	const n = 500
	fill(t, b, n)
	for _, when := range []int{0, 3} { // Before the first page, and behind the third.
		t.Run(fmt.Sprint(when), func(t *testing.T) {
			seen, pages := map[string]bool{}, 0
			if when == 0 {
				proxy.Swallow("SCAN")
			}
			for page, err := range b.ScanPages(t.Context(), "k:", 20) {
				if err != nil {
					t.Fatalf("Scan: %v", err)
				}
				for _, key := range page {
					seen[key] = true
				}
				if pages++; pages == when {
					proxy.Swallow("SCAN")
				}
			}
			if len(seen) != n {
				t.Errorf("saw %d keys of %d", len(seen), n)
			}
		})
	}
}

// A scan on a server that is lost for good ends in an error, once.
func TestScan_vanishedServer(t *testing.T) {
	proxy := servertest.NewProxy(t, servertest.Start(t, servertest.Redis))
	b := valkeygo.New(newClient(t, proxy.Addr()), valkeygo.RetryFor(100*time.Millisecond))
	fill(t, b, 500)
	var errs []error
	for _, err := range b.ScanPages(t.Context(), "k:", 20) {
		if err != nil {
			errs = append(errs, err)
		}
		proxy.Vanish()
	}
	if len(errs) != 1 || errors.Is(errs[0], context.DeadlineExceeded) {
		t.Errorf("errors: %v; want one, and not the deadline's, since there is none", errs)
	}
}

// withReplica is a client that knows two nodes, as a cluster's does.
type withReplica struct {
	valkey.Client
	nodes map[string]valkey.Client
}

func (c withReplica) Mode() valkey.ClientMode         { return valkey.ClientModeCluster }
func (c withReplica) Nodes() map[string]valkey.Client { return c.nodes }

// On a cluster a replica is not scanned: its keys are its primary's.
func TestScan_replica(t *testing.T) {
	primary := servertest.Start(t, servertest.Redis)
	replica := servertest.NewProxy(t, servertest.Start(t, servertest.Redis))
	host, port, _ := net.SplitHostPort(primary)
	servertest.Do(t, primary, "CONFIG", "SET", "repl-diskless-sync-delay", "0")
	servertest.Do(t, replica.Addr(), "REPLICAOF", host, port)
	client := newClient(t, primary)
	b := valkeygo.New(withReplica{client, map[string]valkey.Client{
		primary:        client,
		replica.Addr(): newClient(t, replica.Addr()),
	}})
	fill(t, b, 100)
	if n := servertest.Do(t, primary, "WAIT", "1", "10000"); n != int64(1) {
		t.Fatalf("%v replicas have the keys", n)
	}
	times := map[string]int{}
	for page, err := range b.Scan(t.Context(), "k:") {
		if err != nil {
			t.Fatalf("Scan: %v", err)
		}
		for _, key := range page {
			times[key]++
		}
	}
	if len(times) != 100 || replica.Count("SCAN") != 0 {
		t.Errorf("saw %d keys of 100, with %d SCANs of the replica", len(times), replica.Count("SCAN"))
	}
}

// fill writes n keys k:0, k:1, ….
func fill(t *testing.T, b *valkeygo.Backend, n int) {
	t.Helper()
	ops := make([]backend.Op, n)
	for i := range ops {
		ops[i] = &backend.Set{Key: fmt.Sprintf("k:%d", i)}
	}
	mustExec(t, b, ops...)
}
