package valkeygo

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/redisimnest/rin/backend"
)

// Backend is a [backend.Backend] over a valkey.Client, a [backend.Pager] and a
// [backend.Transactor]. It is safe for concurrent use.
type Backend struct {
	client   valkey.Client
	err      error // why the client can't be used, if it can't
	owned    bool
	retryFor time.Duration
}

var (
	_ backend.Backend    = (*Backend)(nil)
	_ backend.Pager      = (*Backend)(nil)
	_ backend.Transactor = (*Backend)(nil)
)

// New returns a backend over client, which may be a standalone, a cluster or a
// Sentinel client. The client stays the caller's, who closes it.
//
// With a nil client, or a nil option, every operation fails and says so.
func New(client valkey.Client, opts ...Option) *Backend {
	b := &Backend{client: client, retryFor: defaultRetryFor}
	if isNil(client) {
		b.err = errNoClient
	}
	for _, opt := range opts {
		if opt == nil {
			b.err = errNilOption
			continue
		}
		opt.apply(b)
	}
	return b
}

// isNil is true for a nil pointer in the interface, too.
func isNil(client valkey.Client) bool {
	v := reflect.ValueOf(client)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

// Close closes the client if [FromEnv] made it, and does nothing if it was
// handed to [New]. It waits for the operations under way, a server that keeps
// silent for a second at most. Its error is always nil.
func (b *Backend) Close() error {
	if b.owned {
		b.client.Close()
	}
	return nil
}

// Exec implements [backend.Backend]: one command an op, in one write per node.
//
// A batch of reads alone is sent again if the connection was lost, see
// [RetryFor]. Nothing else is ever sent twice.
func (b *Backend) Exec(ctx context.Context, ops ...backend.Op) error {
	if err := b.ready(ctx, ops); err != nil || len(ops) == 0 {
		return err
	}
	if len(ops) == 1 {
		b.single(ctx, ops[0])
	} else {
		b.batch(ctx, ops)
	}
	return backend.FirstErr(ops)
}

// ready fails ops that there is no use in sending.
func (b *Backend) ready(ctx context.Context, ops []backend.Op) error {
	switch {
	case len(ops) == 0:
		return nil
	case b.err != nil:
		return backend.FailAll(ops, b.err)
	}
	return backend.Ended(ctx, ops)
}

func (b *Backend) single(ctx context.Context, op backend.Op) {
	result := b.client.Do(ctx, b.command(op))
	if err := result.Error(); b.repeatable(op) && passing(ctx, err) {
		result = b.again(ctx, op)[0]
	}
	if unsent(ctx, result.Error()) {
		results := []valkey.ValkeyResult{result}
		b.untilSent(ctx, []backend.Op{op}, results)
		result = results[0]
	}
	settle(ctx, op, result)
}

func (b *Backend) batch(ctx context.Context, ops []backend.Op) {
	results := b.client.DoMulti(ctx, b.commands(ops)...)
	if b.repeatable(ops...) && anyPassing(ctx, results) {
		results = b.again(ctx, ops...)
	}
	b.untilSent(ctx, ops, results)
	for i, op := range ops {
		settle(ctx, op, results[i])
	}
}

// repeatable says that ops may be sent twice. A read behind a write may not,
// since it would then see what came after the write.
func (b *Backend) repeatable(ops ...backend.Op) bool {
	for _, op := range ops {
		if backend.EffectOf(op) != backend.Read {
			return false
		}
	}
	return b.retryFor > 0
}

// again sends reads whose first attempt failed. Only now may the client repeat
// them: it would do so for ever without a deadline, and setting one costs too
// much to do it for every call.
func (b *Backend) again(ctx context.Context, ops ...backend.Op) []valkey.ValkeyResult {
	ctx, cancel := context.WithTimeout(ctx, b.retryFor)
	defer cancel()
	cmds := b.commands(ops)
	for i, cmd := range cmds {
		cmds[i] = retryable(cmd)
	}
	return b.client.DoMulti(ctx, cmds...)
}

// retryable lets the client repeat a command. It is pinned, which keeps it out of
// the client's pool: the writer of a lost connection may still be reading it when
// another connection has answered it.
func retryable(cmd valkey.Completed) valkey.Completed { return cmd.Pin().ToRetryable() }

func anyPassing(ctx context.Context, results []valkey.ValkeyResult) bool {
	return slices.ContainsFunc(results, func(r valkey.ValkeyResult) bool {
		return passing(ctx, r.Error())
	})
}
