package valkeygo

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"

	"github.com/valkey-io/valkey-go"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/wire"
)

// Scan implements [backend.Backend], in pages of [backend.DefaultPageSize].
func (b *Backend) Scan(ctx context.Context, prefix string) iter.Seq2[[]string, error] {
	return b.ScanPages(ctx, prefix, backend.DefaultPageSize)
}

// ScanPages implements [backend.Pager]: SCAN with MATCH and COUNT, on a cluster
// of one primary after the other. It looks at every key of the database,
// whatever the prefix.
//
// If the connection is lost, the node's scan starts over, once, and its keys
// come twice: a cursor is worth nothing to a server that was restarted, which
// would skip keys.
func (b *Backend) ScanPages(ctx context.Context, prefix string, size int) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		nodes, err := b.primaries(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, node := range nodes {
			s := scan{b, node, prefix, size}
			if !s.walk(ctx, yield) {
				return
			}
		}
	}
}

// primaries are the nodes to scan, always in the same order.
func (b *Backend) primaries(ctx context.Context) ([]valkey.Client, error) {
	if b.client == nil {
		return nil, errNoClient
	}
	if b.client.Mode() != valkey.ClientModeCluster {
		return []valkey.Client{b.client}, nil
	}
	nodes := b.client.Nodes()
	var primaries []valkey.Client
	for _, addr := range slices.Sorted(maps.Keys(nodes)) {
		replica, err := b.isReplica(ctx, nodes[addr])
		if err != nil {
			return nil, fmt.Errorf("valkeygo: asking %s for its role: %w", addr, err)
		}
		if !replica {
			primaries = append(primaries, nodes[addr])
		}
	}
	return primaries, nil
}

// isReplica asks a node for its ROLE. What doesn't know the command, a test
// double or a proxy, is taken for a primary: keys may come twice, but not never.
func (b *Backend) isReplica(ctx context.Context, node valkey.Client) (bool, error) {
	reply, err := b.read(ctx, node, "ROLE").ToArray()
	if _, refused := valkey.IsValkeyErr(err); refused {
		return false, nil
	}
	if err != nil {
		return false, own(ctx, err)
	}
	if len(reply) == 0 {
		return false, nil
	}
	role, err := reply[0].ToString()
	return role == "slave", err
}

// read sends a command that may be sent twice to one node, as Exec sends reads.
func (b *Backend) read(ctx context.Context, node valkey.Client, words ...string) valkey.ValkeyResult {
	result := node.Do(ctx, node.B().Arbitrary(words...).Build())
	if b.retryFor <= 0 || !passing(ctx, result.Error()) {
		return result
	}
	ctx, cancel := context.WithTimeout(ctx, b.retryFor)
	defer cancel()
	return node.Do(ctx, retryable(node.B().Arbitrary(words...).Build()))
}

// scan is the walk through the keys of one node.
type scan struct {
	*Backend
	node   valkey.Client
	prefix string
	size   int
}

// walk yields pages to the end. It is false where the consumer or an error ended
// the sequence before.
func (s *scan) walk(ctx context.Context, yield func([]string, error) bool) bool {
	restarted := false
	for cursor := uint64(0); ; {
		page, err := s.page(ctx, cursor)
		if cursor != 0 && !restarted && passing(ctx, err) {
			restarted, cursor = true, 0
			continue
		}
		if err != nil {
			yield(nil, backend.Unsent(ctx, own(ctx, err)))
			return false
		}
		if len(page.Elements) > 0 && !yield(page.Elements, nil) {
			return false
		}
		if cursor = page.Cursor; cursor == 0 {
			return true
		}
	}
}

// page is the page at cursor, with the cursor of the next.
func (s *scan) page(ctx context.Context, cursor uint64) (valkey.ScanEntry, error) {
	if err := ctx.Err(); err != nil {
		return valkey.ScanEntry{}, err
	}
	words := []string{"SCAN", strconv.FormatUint(cursor, 10), "COUNT", strconv.Itoa(s.size)}
	if s.prefix != "" {
		words = append(words, "MATCH", wire.Match(s.prefix))
	}
	page, err := s.send(ctx, cursor, words).AsScanEntry()
	page.Elements = wire.Within(s.prefix, page.Elements)
	return page, err
}

// send repeats only a scan's first command: see [Backend.ScanPages].
func (s *scan) send(ctx context.Context, cursor uint64, words []string) valkey.ValkeyResult {
	if cursor == 0 {
		return s.read(ctx, s.node, words...)
	}
	return s.node.Do(ctx, s.node.B().Arbitrary(words...).Build())
}
