package goredis_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/goredis"
	"github.com/redisimnest/rin/internal/servertest"
)

func TestNew_unusable(t *testing.T) {
	ring := redis.NewRing(&redis.RingOptions{})
	t.Cleanup(func() { ring.Close() })
	for _, row := range []struct {
		name   string
		client redis.UniversalClient
		want   string
	}{
		{"nil", nil, "the client is nil"},
		{"nil Client", (*redis.Client)(nil), "the client is nil"},
		{"nil ClusterClient", (*redis.ClusterClient)(nil), "the client is nil"},
		{"Ring", ring, "a *redis.Ring is not supported"},
	} {
		b := goredis.New(row.client)
		get, set := &backend.Get{Key: "k"}, &backend.Set{Key: "k"}
		if err := b.Exec(t.Context(), get, set); !mentions(err, row.want) || !mentions(get.Err, row.want) || !mentions(set.Err, row.want) {
			t.Errorf("%s: Exec = %v; want an error with %q, and the ops' too", row.name, err, row.want)
		}
		if err := b.Exec(t.Context()); err != nil {
			t.Errorf("%s: Exec of nothing = %v, want nil", row.name, err)
		}
		yields := 0
		for page, err := range b.Scan(t.Context(), "") {
			if yields++; page != nil || !mentions(err, row.want) {
				t.Errorf("%s: Scan yields %q, %v; want an error with %q", row.name, page, err, row.want)
			}
		}
		if yields != 1 {
			t.Errorf("%s: Scan yields %d times, want once", row.name, yields)
		}
		if err := b.Close(); err != nil {
			t.Errorf("%s: Close = %v", row.name, err)
		}
	}
}

// wrapped is a client of somebody's own making.
type wrapped struct{ *redis.ClusterClient }

// A type around a cluster client scans every primary too.
func TestScan_wrappedCluster(t *testing.T) {
	client := newCluster(t, &redis.ClusterOptions{Addrs: servertest.StartCluster(t, servertest.Redis)})
	b := goredis.New(wrapped{client})
	set := []backend.Op{&backend.Set{Key: key1}, &backend.Set{Key: key2}, &backend.Set{Key: key3}}
	if err := b.Exec(t.Context(), set...); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for page, err := range b.ScanPages(t.Context(), "", 10) {
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range page {
			seen[key] = true
		}
	}
	if len(seen) != len(set) {
		t.Errorf("Scan found %v, want %d keys", seen, len(set))
	}
}

// With a client-side cache the reply's string is shared by all readers.
func TestGet_sharesNothingWithClientSideCache(t *testing.T) {
	client := newClient(t, &redis.Options{
		Addr:                  servertest.Start(t, servertest.Redis),
		Protocol:              3,
		ClientSideCacheConfig: &redis.ClientSideCacheConfig{},
	})
	b := goredis.New(client)
	if err := b.Exec(t.Context(), &backend.Set{Key: "k", Value: []byte("value")}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		get := &backend.Get{Key: "k"}
		if err := b.Exec(t.Context(), get); err != nil || string(get.Value) != "value" {
			t.Fatalf("Get = %q, %v; want %q", get.Value, err, "value")
		}
		clear(get.Value)
	}
}

func TestRefused(t *testing.T) {
	for _, row := range []struct {
		reply  string
		is     error
		reason string
	}{
		{"WRONGTYPE Operation against a key holding the wrong kind of value", backend.ErrWrongKind, "the kind is wrong"},
		{"ERR Error running script: @user_script: 2: WRONGTYPE Operation", backend.ErrWrongKind, "a script words it in its own way"},
		{"ERR unknown command `GETDEL`, with args beginning with: `k`", backend.ErrUnsupported, "Redis 6.0 has no GETDEL"},
		{"ERR syntax error", backend.ErrUnsupported, "Redis 6.0 has no SET with GET"},
		{"NOPERM this user has no permissions", nil, "it says what is wrong itself"},
		{"OOM command not allowed", nil, "it says what is wrong itself"},
	} {
		mini := miniredis.RunT(t)
		mini.Server().SetPreHook(func(c *server.Peer, cmd string, _ ...string) bool {
			if cmd != "GETDEL" {
				return false
			}
			c.WriteError(row.reply)
			return true
		})
		b := goredis.New(newClient(t, &redis.Options{Addr: mini.Addr()}))
		err := b.Exec(t.Context(), &backend.Take{Key: "k"})
		if !mentions(err, row.reply) || row.is != nil && !errors.Is(err, row.is) {
			t.Errorf("Take = %v, want %v with %q: %s", err, row.is, row.reply, row.reason)
		}
		for _, other := range []error{backend.ErrWrongKind, backend.ErrUnsupported, backend.ErrUnknownOutcome} {
			if other != row.is && errors.Is(err, other) { //nolint:errorlint // the same sentinel, not a match
				t.Errorf("Take = %v, which should not be %v: %s", err, other, row.reason)
			}
		}
	}
}

func mentions(err error, text string) bool {
	return err != nil && strings.Contains(err.Error(), text)
}
