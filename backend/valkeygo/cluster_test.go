package valkeygo_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"testing"

	"github.com/valkey-io/valkey-go"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/valkeygo"
	"github.com/redisimnest/rin/internal/servertest"
)

// startProxied starts a cluster and a client that reaches its nodes through
// proxies, and returns the proxy of the node that holds key.
func startProxied(t *testing.T, key string) (*valkeygo.Backend, *servertest.Proxy) {
	t.Helper()
	addrs := servertest.StartCluster(t, servertest.Redis)
	proxies := map[string]*servertest.Proxy{}
	for _, addr := range addrs {
		proxies[addr] = servertest.NewProxy(t, addr)
	}
	client := newClient(t, addrs[0], func(o *valkey.ClientOption) {
		o.DialCtxFn = func(ctx context.Context, dst string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return d.DialContext(ctx, "tcp", proxies[dst].Addr())
		}
	})
	slot, _ := servertest.Do(t, addrs[0], "CLUSTER", "KEYSLOT", key).(int64)
	return valkeygo.New(client), proxies[addrs[int(slot)*len(addrs)/16384]]
}

// On a cluster, too, a write is sent once.
func TestExec_clusterLostReplyOfWrite(t *testing.T) {
	b, proxy := startProxied(t, "k")
	for _, o := range writes() {
		op := o.New("k")
		command := sends(op)
		before := proxy.Count(command)
		proxy.Swallow(command)
		err := b.Exec(t.Context(), op)
		if sent := proxy.Count(command) - before; sent != 1 || !errors.Is(err, backend.ErrUnknownOutcome) {
			t.Errorf("%s: sent %d times, %v; want once, ErrUnknownOutcome", o.Name, sent, err)
		}
	}
}

// The loss of one node's connection spoils only the ops that went there.
func TestExec_clusterLostReplyInBatch(t *testing.T) {
	b, proxy := startProxied(t, "k")
	ops := []backend.Op{&backend.Delete{Key: "k"}}
	for _, key := range []string{"a", "b", "c", "d", "e", "f"} {
		ops = append(ops, &backend.Set{Key: key, Value: []byte(key)})
	}
	proxy.Swallow("UNLINK")
	if err := b.Exec(t.Context(), ops...); !errors.Is(err, backend.ErrUnknownOutcome) {
		t.Errorf("Exec: %v; want ErrUnknownOutcome", err)
	}
	answered := 0
	for _, op := range ops[1:] {
		if set := op.(*backend.Set); set.Err == nil && set.Applied {
			answered++
		}
	}
	if answered == 0 {
		t.Error("no op was answered, not even by the other nodes")
	}
}

func TestExec_clusterLostReplyOfRead(t *testing.T) {
	b, proxy := startProxied(t, "k")
	mustExec(t, b, &backend.Set{Key: "k", Value: []byte("v")})
	get := &backend.Get{Key: "k"}
	proxy.Swallow("GET")
	if err := b.Exec(t.Context(), get, &backend.Exists{Key: "a"}); err != nil || string(get.Value) != "v" {
		t.Errorf("Get = %q, %v; a read survives a lost connection", get.Value, err)
	}
}
