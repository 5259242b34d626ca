package goredis

import (
	"context"
	"errors"
	"iter"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/walk"
	"github.com/redisimnest/rin/backend/wire"
)

// Scan walks the keys that begin with prefix, with SCAN. It looks at every key
// of the database, [backend.DefaultPageSize] of them a round trip; on a cluster
// at one primary after the other. See [backend.Backend] and package walk.
func (b *Backend) Scan(ctx context.Context, prefix string) iter.Seq2[[]string, error] {
	return b.ScanPages(ctx, prefix, backend.DefaultPageSize)
}

// ScanPages is [Backend.Scan] with size keys looked at per round trip.
func (b *Backend) ScanPages(ctx context.Context, prefix string, size int) iter.Seq2[[]string, error] {
	if err := b.err; err != nil {
		return func(yield func([]string, error) bool) { yield(nil, err) }
	}
	w := walk.Walk{Prefix: prefix, Size: size, Patience: walk.Patience}
	if c, ok := b.client.(cluster); ok {
		return w.Cluster(ctx, func(ctx context.Context, keys []string) (map[string]walk.Node, error) {
			return b.nodes(ctx, c, keys)
		})
	}
	return w.Server(ctx, node{b, b.client})
}

// cluster is what a client of several servers has.
type cluster interface {
	ForEachShard(ctx context.Context, f func(context.Context, *redis.Client) error) error
	ReloadState(ctx context.Context)
	MasterForKey(ctx context.Context, key string) (*redis.Client, error)
}

// nodes are the servers that the client knows. If it does not know those of some
// keys, it asks again which there are.
func (b *Backend) nodes(ctx context.Context, c cluster, keys []string) (map[string]walk.Node, error) {
	var mu sync.Mutex // ForEachShard calls back from a goroutine per server.
	all := map[string]walk.Node{}
	err := b.read(ctx, func() error {
		if len(keys) > 0 {
			c.ReloadState(ctx)
		}
		return c.ForEachShard(ctx, func(_ context.Context, client *redis.Client) error {
			mu.Lock()
			defer mu.Unlock()
			all[client.Options().Addr] = node{b, client}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// node is a server for a walk.
type node struct {
	*Backend
	client pipeliner
}

// pipeliner is the part of a client that a walk takes.
type pipeliner interface{ Pipeline() redis.Pipeliner }

// Do sends commands in one pipeline. See [walk.Node].
func (n node) Do(ctx context.Context, commands ...[]string) ([]wire.Reply, error) {
	cmds := make([]*redis.Cmd, len(commands))
	err := n.read(ctx, func() error {
		pipe := n.client.Pipeline()
		for i, words := range commands {
			args := make([]any, len(words))
			for j, word := range words {
				args[j] = word
			}
			cmds[i] = pipe.Do(ctx, args...)
		}
		_, err := pipe.Exec(ctx)
		return err
	})
	var refused redis.Error
	if err != nil && !errors.As(err, &refused) {
		return nil, err
	}
	replies := make([]wire.Reply, len(cmds))
	for i, cmd := range cmds {
		if replies[i] = reply(cmd.Val()); cmd.Err() != nil {
			replies[i] = wire.Reply{Err: cmd.Err()}
		}
	}
	return replies, nil
}

// read runs f, which may be sent again, and returns its error or, once ctx has
// ended, the context's. After an error nothing that f writes may be read.
func (b *Backend) read(ctx context.Context, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.deadlines || ctx.Done() == nil {
		return backend.Unsent(ctx, f())
	}
	var err error
	if !aside(ctx, func() { err = f() }) {
		return ctx.Err()
	}
	return backend.Unsent(ctx, err)
}
