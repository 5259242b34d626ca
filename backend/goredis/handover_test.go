package goredis_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/goredis"
	"github.com/redisimnest/rin/internal/servertest"
)

// Every hook sees each command, pipeline and transaction once, in the order in
// which hooks were added, and ops end with their contexts: also for a second
// backend on the client, and with a hook that was added after the backend.
func TestHandover_hooks(t *testing.T) {
	addr := servertest.Start(t, servertest.Redis)
	for _, late := range []bool{false, true} {
		proxy := servertest.NewProxy(t, addr)
		client := newClient(t, &redis.Options{Addr: proxy.Addr()})
		var mu sync.Mutex
		var seen []string
		sees := func(hook string) redis.Hook {
			return processHook(func(first redis.Cmder, next func() error) error {
				mu.Lock()
				if name := first.Name(); name != "hello" && name != "client" { // These greet the server.
					seen = append(seen, hook+" "+name)
				}
				mu.Unlock()
				return next()
			})
		}
		client.AddHook(sees("early"))
		first, second := goredis.New(client), goredis.New(client)
		for _, b := range []*goredis.Backend{first, second} {
			must(t, b.Transact(t.Context(), &backend.Exists{Key: "k"})) // The first one asks more.
		}
		want := []string{"early get", "early set", "early multi"}
		if late {
			client.AddHook(sees("late"))
			want = []string{"early get", "late get", "early set", "late set", "early multi", "late multi"}
		}
		for _, b := range []*goredis.Backend{first, second} {
			seen = nil
			ctx := timeout(t, time.Minute)
			get, value := &backend.Get{Key: "k"}, &backend.Get{Key: "k"}
			must(t, b.Exec(ctx, get))
			must(t, b.Exec(ctx, &backend.Set{Key: "k", Value: []byte("v")}, value))
			must(t, b.Transact(ctx, &backend.Delete{Key: "k"}, get))
			if !slices.Equal(seen, want) || string(value.Value) != "v" {
				t.Errorf("late %t: the hooks saw %q, want %q; the value is %q", late, seen, want, value.Value)
			}
		}
		if n := client.PoolStats().TotalConns; n != 1 {
			t.Errorf("late %t: %d connections, want the one that is shared", late, n)
		}
		proxy.Stall()
		for _, ops := range [][]backend.Op{{&backend.Get{Key: "k"}}, {&backend.Get{Key: "k"}, &backend.Get{Key: "k"}}} {
			start := time.Now()
			err := second.Exec(timeout(t, 50*time.Millisecond), ops...)
			if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took > time.Second {
				t.Errorf("late %t: %d ops end after %v with %v, want their deadline", late, len(ops), took, err)
			}
		}
	}
}

// A client that is closed is so for its twin too.
func TestHandover_closed(t *testing.T) {
	client := newClient(t, &redis.Options{Addr: servertest.Start(t, servertest.Redis)})
	b := goredis.New(client)
	must(t, b.Exec(timeout(t, time.Minute), &backend.Get{Key: "k"}))
	must(t, client.Close())
	if err := b.Exec(timeout(t, time.Minute), &backend.Get{Key: "k"}); !errors.Is(err, redis.ErrClosed) {
		t.Errorf("Get = %v, want %v", err, redis.ErrClosed)
	}
}

// A client that has no timeouts of its own is not relied on.
func TestHandover_noReadTimeout(t *testing.T) {
	proxy := servertest.NewProxy(t, servertest.Start(t, servertest.Redis))
	b := goredis.New(newClient(t, &redis.Options{Addr: proxy.Addr(), ReadTimeout: -2}))
	must(t, b.Exec(t.Context(), &backend.Get{Key: "k"}))
	proxy.Stall()
	defer proxy.Resume()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if err := b.Exec(ctx, &backend.Get{Key: "k"}); !errors.Is(err, context.Canceled) {
		t.Errorf("Get = %v, want %v", err, context.Canceled)
	}
}

// What is known of a client is forgotten with it.
func TestHandover_forgets(t *testing.T) {
	before := goredis.Handovers()
	for range 10 {
		client := redis.NewClient(&redis.Options{Addr: "localhost:0"})
		goredis.New(client)
		client.Close()
	}
	for range 100 {
		if runtime.GC(); goredis.Handovers() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond) // Cleanups run in a goroutine.
	}
	t.Errorf("%d clients are known, want no more than the %d before", goredis.Handovers(), before)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
