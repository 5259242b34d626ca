package valkeygo

import (
	"context"
	"iter"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/walk"
	"github.com/redisimnest/rin/backend/wire"
)

// Scan implements [backend.Backend], in pages of [backend.DefaultPageSize].
func (b *Backend) Scan(ctx context.Context, prefix string) iter.Seq2[[]string, error] {
	return b.ScanPages(ctx, prefix, backend.DefaultPageSize)
}

// ScanPages implements [backend.Pager]: SCAN with MATCH and COUNT, on a cluster
// of one primary after the other. It looks at every key of the database,
// whatever the prefix. What is lost on the way is waited for as [RetryFor] says.
// See package walk.
func (b *Backend) ScanPages(ctx context.Context, prefix string, size int) iter.Seq2[[]string, error] {
	if err := b.err; err != nil {
		return func(yield func([]string, error) bool) { yield(nil, err) }
	}
	w := walk.Walk{Prefix: prefix, Size: size, Patience: b.retryFor}
	if b.client.Mode() == valkey.ClientModeCluster {
		return w.Cluster(ctx, b.nodes)
	}
	return w.Server(ctx, node{b.client})
}

// nodes are the servers that the client knows. It learns of one by a command for
// a key of it, which another server redirects.
func (b *Backend) nodes(ctx context.Context, keys []string) (map[string]walk.Node, error) {
	for _, key := range keys {
		b.find(ctx, key)
	}
	all := map[string]walk.Node{}
	for addr, client := range b.client.Nodes() {
		all[addr] = node{client}
	}
	return all, nil
}

// findTime bounds how long the client looks for a server that may be gone.
const findTime = time.Second

// find asks for a key. Only who answers counts, and not what.
func (b *Backend) find(ctx context.Context, key string) {
	ctx, cancel := context.WithTimeout(ctx, findTime)
	defer cancel()
	b.client.Do(ctx, b.client.B().Arbitrary("EXISTS").Keys(key).Build())
}

// node is a server for a walk.
type node struct{ client valkey.Client }

// Do sends commands in one write. See [walk.Node].
func (n node) Do(ctx context.Context, commands ...[]string) ([]wire.Reply, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	cmds := make([]valkey.Completed, len(commands))
	for i, words := range commands {
		cmds[i] = n.client.B().Arbitrary(words...).Build()
	}
	replies := make([]wire.Reply, len(cmds))
	for i, result := range n.client.DoMulti(ctx, cmds...) {
		message, err := result.ToMessage()
		if err != nil && !refused(err) {
			return nil, own(ctx, err)
		}
		replies[i] = reply(message)
	}
	return replies, nil
}
