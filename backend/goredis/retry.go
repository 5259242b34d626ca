package goredis

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/redisimnest/rin/backend"
)

// defaultRetries is the default of go-redis.
const defaultRetries = 3

// retriesOf is how often client sends again what may be.
func retriesOf(client redis.UniversalClient) int {
	switch client := client.(type) {
	case *redis.Client:
		return client.Options().MaxRetries
	case *redis.ClusterClient:
		return client.Options().MaxRedirects
	}
	return defaultRetries
}

// repeat sends again what was surely not done: go-redis itself repeats no batch that
// holds a write, since it can't tell that from a lost reply.
func (b *Backend) repeat(ctx context.Context, ops []backend.Op, w way) {
	for try := range b.retries {
		again := w.undone(ops)
		if len(again) == 0 || !backend.Pause(ctx, try) {
			return
		}
		backend.FailAll(again, nil)
		b.run(ctx, again, w)
	}
}

// undone are the ops of a batch that were surely not done. Where there are only
// reads, go-redis has tried to connect often enough.
func undone(ops []backend.Op) []backend.Op {
	writes := backend.AnyWrite(ops)
	return backend.Again(ops, func(err error) bool { return writes && isDial(err) })
}

// undoneWhole are the ops of a transaction, if it was surely not done.
func undoneWhole(ops []backend.Op) []backend.Op { return backend.AgainWhole(ops, isDial) }
