package valkeygo

import (
	"cmp"
	"context"
	"reflect"
	"sync/atomic"
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
	admitted atomic.Bool // the server takes transactions
	scripts  backend.Scripts
}

var (
	_ backend.Backend    = (*Backend)(nil)
	_ backend.Pager      = (*Backend)(nil)
	_ backend.Transactor = (*Backend)(nil)
	_ backend.Waiter     = (*Backend)(nil)
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
// What was surely not done is sent again, as is a batch of reads alone whose
// connection was lost: see [RetryFor]. Nothing else is ever sent twice.
func (b *Backend) Exec(ctx context.Context, ops ...backend.Op) error {
	if err := b.ready(ctx, ops); err != nil || len(ops) == 0 {
		return err
	}
	if b.client.Mode() == valkey.ClientModeCluster {
		if err := backend.CheckSlots(ops); err != nil {
			return backend.FailAll(ops, err)
		}
	}
	if b.send(ctx, ops) == nil {
		return nil
	}
	b.repeat(ctx, ops, b.undone, b.sendApart)
	return backend.FirstErr(ops)
}

// send sends ops once, gives them their results, and returns their first error.
func (b *Backend) send(ctx context.Context, ops []backend.Op) (err error) {
	if len(ops) == 1 {
		return b.sendOne(ctx, ops[0])
	}
	cmds, tried := b.commands(ops)
	for i, result := range b.client.DoMulti(ctx, cmds...) {
		if tried && i == len(ops)-1 && b.scripts.Unknown(result.Error()) {
			return cmp.Or(err, b.sendWhole(ctx, ops[i]))
		}
		err = cmp.Or(err, settle(ctx, ops[i], result))
	}
	return err
}

func (b *Backend) sendOne(ctx context.Context, op backend.Op) error {
	c := backend.Command(op)
	short := b.scripts.Shorten(c)
	result := b.client.Do(ctx, b.completed(c))
	if short && b.scripts.Unknown(result.Error()) {
		return b.sendWhole(ctx, op)
	}
	return settle(ctx, op, result)
}

// sendWhole sends an op whose script no digest calls.
func (b *Backend) sendWhole(ctx context.Context, op backend.Op) error {
	return settle(ctx, op, b.client.Do(ctx, b.command(op)))
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
