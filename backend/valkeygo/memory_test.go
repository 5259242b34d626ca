package valkeygo_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/valkeygo"
	"github.com/redisimnest/rin/internal/servertest"
)

// A value that was read shares no memory with the client's own cache.
func TestExec_clientSideCache(t *testing.T) {
	ctx := t.Context()
	client := newClient(t, servertest.Start(t, servertest.Redis))
	b := valkeygo.New(client)
	mustExec(t, b, &backend.Set{Key: "k", Value: []byte("value")})
	cached := func() string {
		t.Helper()
		value, err := client.DoCache(ctx, client.B().Get().Key("k").Cache(), time.Minute).ToString()
		if err != nil {
			t.Fatalf("DoCache: %v", err)
		}
		return value
	}
	cached()
	get := &backend.Get{Key: "k"}
	mustExec(t, b, get)
	clear(get.Value)
	if value := cached(); value != "value" {
		t.Errorf("the cache holds %q; want what was written", value)
	}
}

// slowConn is a connection whose writes can be held back.
type slowConn struct {
	net.Conn
	writing chan<- struct{}
	gate    *sync.RWMutex
}

func (c slowConn) Write(p []byte) (int, error) {
	select {
	case c.writing <- struct{}{}:
	default:
	}
	c.gate.RLock()
	defer c.gate.RUnlock()
	return c.Conn.Write(p)
}

// The client may write a command after the context has ended and Exec has
// returned. The value is the caller's again by then.
func TestExec_valueAfterContextEnd(t *testing.T) {
	writing, gate := make(chan struct{}), &sync.RWMutex{}
	client := newClient(t, servertest.Start(t, servertest.Redis), oneConnection, func(o *valkey.ClientOption) {
		o.AlwaysPipelining = true
		o.DialCtxFn = func(ctx context.Context, dst string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			conn, err := d.DialContext(ctx, "tcp", dst)
			return slowConn{conn, writing, gate}, err
		}
	})
	b := valkeygo.New(client)

	gate.Lock()
	first := make(chan error, 1)
	go func() { first <- b.Exec(t.Context(), &backend.Set{Key: "first"}) }()
	<-writing // So the next command waits in the queue.
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	value := []byte("value")
	if err := b.Exec(ctx, &backend.Set{Key: "k", Value: value}); !errors.Is(err, backend.ErrUnknownOutcome) {
		t.Errorf("Set: %v; want ErrUnknownOutcome, since it may yet be sent", err)
	}
	clear(value)
	gate.Unlock()
	if err := <-first; err != nil {
		t.Fatalf("the first Set: %v", err)
	}
	get := &backend.Get{Key: "k"}
	mustExec(t, b, get) // It stands behind the Set: a connection keeps the order.
	if string(get.Value) != "value" {
		t.Errorf("the server got %q; want the value that was handed over", get.Value)
	}
}
