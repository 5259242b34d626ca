package valkeygo_test

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/valkeygo"
	"github.com/redisimnest/rin/internal/benchtest"
	"github.com/redisimnest/rin/internal/servertest"
)

// BenchmarkCost shows what rin adds to the client's own work, on a connection
// that answers at once.
func BenchmarkCost(b *testing.B) {
	dial := benchtest.Loopback()
	client := newClient(b, "loopback:0", func(o *valkey.ClientOption) {
		o.ForceSingleClient, o.DisableCache, o.AlwaysRESP2 = true, true, true
		o.DialCtxFn = func(ctx context.Context, addr string, _ *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return dial(ctx, "tcp", addr)
		}
	})
	benchtest.Cost(b, calls(b, valkeygo.New(client), raw(b, client)))
}

// BenchmarkRace races the client on a real server.
func BenchmarkRace(b *testing.B) {
	client := newClient(b, servertest.Start(b, servertest.Valkey))
	benchtest.Race(b, calls(b, valkeygo.New(client), raw(b, client)))
}

// BenchmarkClear races the Clear of 10,000 keys among 1,000,000 others.
func BenchmarkClear(b *testing.B) {
	addr := servertest.Start(b, servertest.Valkey)
	benchtest.Populate(b, addr)
	client := newClient(b, addr)
	benchtest.Clear(b, valkeygo.New(client), raw(b, client))
}

func calls(b *testing.B, store backend.Backend, raw benchtest.Raw) []benchtest.Calls {
	return append(benchtest.Values(b, store, raw), benchtest.Batches(b, store, raw)...)
}

func raw(b *testing.B, client valkey.Client) benchtest.Raw {
	return benchtest.Raw{
		Get: func(ctx context.Context, key string) string {
			value, err := client.Do(ctx, client.B().Get().Key(key).Build()).ToString()
			must(b, err)
			return value
		},
		GetAll: func(ctx context.Context, keys []string) []string {
			cmds := make(valkey.Commands, len(keys))
			for i, key := range keys {
				cmds[i] = client.B().Get().Key(key).Build()
			}
			values := make([]string, len(keys))
			for i, result := range client.DoMulti(ctx, cmds...) {
				value, err := result.ToString()
				must(b, err)
				values[i] = value
			}
			return values
		},
		Set: func(ctx context.Context, key, value string, ttl time.Duration) {
			must(b, client.Do(ctx, client.B().Set().Key(key).Value(value).Px(ttl).Build()).Error())
		},
		Scan: func(ctx context.Context, cursor uint64, match string) ([]string, uint64) {
			page, err := client.Do(ctx, client.B().Scan().Cursor(cursor).Match(match).Count(1000).Build()).AsScanEntry()
			must(b, err)
			return page.Elements, page.Cursor
		},
		Unlink: func(ctx context.Context, keys []string) {
			cmds := make(valkey.Commands, len(keys))
			for i, key := range keys {
				cmds[i] = client.B().Unlink().Key(key).Build()
			}
			for _, result := range client.DoMulti(ctx, cmds...) {
				must(b, result.Error())
			}
		},
	}
}

func must(b *testing.B, err error) {
	if err != nil {
		b.Error(err)
	}
}
