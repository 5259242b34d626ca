package goredis

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// heedsDeadlines says that client returns when a context's deadline passes. By
// default go-redis clients don't. One of a cluster that reads from replicas
// never does for certain: it first asks, in its own time, which commands read.
func heedsDeadlines(client redis.UniversalClient) bool {
	switch client := client.(type) {
	case *redis.Client:
		return client.Options().ContextTimeoutEnabled
	case *redis.ClusterClient:
		options := client.Options()
		return options.ContextTimeoutEnabled && !options.ReadOnly
	}
	return false
}

// aside runs f in a goroutine and waits for it, but no longer than until ctx
// ends. It reports whether f has returned; if not, f still runs, and nothing
// that it writes may be read. The client's own timeouts end it.
func aside(ctx context.Context, f func()) (returned bool) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
		return true
	case <-ctx.Done():
	}
	select {
	case <-done:
		return true
	default:
		return false
	}
}
