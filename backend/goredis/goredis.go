package goredis

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/redisimnest/rin/backend"
)

// Backend is a store of keys behind a go-redis client. It is safe for
// concurrent use. Create one with [New] or [FromEnv].
type Backend struct {
	client redis.UniversalClient
	// err is why client can't be used, if it can't.
	err error
	// deadlines says that the client itself returns when a deadline passes.
	deadlines bool
	// handover makes commands return in a client that doesn't; or nil.
	handover *handover
	// slots says that the keys are spread over the slots of a cluster.
	slots bool
	// retries is how often what was refused for a moment is sent again.
	retries int
	// admitted says that the server takes transactions.
	admitted atomic.Bool
	scripts  backend.Scripts
	// owned says that Close closes the client.
	owned bool
}

var (
	_ backend.Backend    = (*Backend)(nil)
	_ backend.Pager      = (*Backend)(nil)
	_ backend.Transactor = (*Backend)(nil)
	_ backend.Waiter     = (*Backend)(nil)
)

var (
	errNoClient = errors.New("goredis: the client is nil; give New what redis.NewClient returned")
	errRing     = errors.New("goredis: a *redis.Ring is not supported, since its keys move when a shard fails; " +
		"use a *redis.Client or a *redis.ClusterClient")
)

// New returns a Backend on client: a [*redis.Client], which may be a Sentinel
// one, a [*redis.ClusterClient], or a type around one of them. It sends
// nothing. The client stays the caller's, and is not closed.
//
// A [*redis.Client] without ContextTimeoutEnabled, which is what go-redis makes by
// default, gets a hook, behind those that it has, once. It lets all through but rin's
// own commands, which it gives the deadlines of their contexts. Hooks that are added
// later see everything too, but rin's commands then each take a goroutine, which
// makes them slower: add hooks before, or set ContextTimeoutEnabled.
//
// With a client that can't be used, a nil or a [*redis.Ring], every operation
// returns an error that says so.
func New(client redis.UniversalClient) *Backend {
	b := &Backend{client: client, err: unusable(client)}
	if b.err == nil {
		b.deadlines = heedsDeadlines(client)
		if own, ok := client.(*redis.Client); ok && !b.deadlines {
			b.handover = handoverOf(own)
		}
		b.retries = retriesOf(client)
		_, b.slots = client.(cluster)
	}
	return b
}

func unusable(client redis.UniversalClient) error {
	if client == nil {
		return errNoClient
	}
	if v := reflect.ValueOf(client); v.Kind() == reflect.Pointer && v.IsNil() {
		return errNoClient
	}
	if _, ok := client.(*redis.Ring); ok {
		return errRing
	}
	return nil
}

// Exec sends one op as a command and several as one pipeline, which on a
// cluster the client splits by node. See [backend.Backend].
func (b *Backend) Exec(ctx context.Context, ops ...backend.Op) error {
	if err := b.ready(ctx, ops); err != nil || len(ops) == 0 {
		return err
	}
	if b.slots {
		if err := backend.CheckSlots(ops); err != nil {
			return backend.FailAll(ops, err)
		}
	}
	return b.carryOut(ctx, ops, batch)
}

// carryOut sends ops, and again those that were surely not done.
func (b *Backend) carryOut(ctx context.Context, ops []backend.Op, w way) error {
	if b.run(ctx, ops, w) == nil {
		return nil
	}
	b.repeat(ctx, ops, w)
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

// way is how ops are sent together.
type way struct {
	// send sends cmds, which receive their replies and errors.
	send func(b *Backend, ctx context.Context, cmds []command)
	// undone are those of ops that were surely not done and may be sent again.
	undone func(ops []backend.Op) []backend.Op
	// whole says that ops are a transaction. It is never handed over, since its
	// MULTI and EXEC are the client's, and go-redis never sends it twice.
	whole bool
}

// run sends ops and fills them in, and returns their first error, or when ctx ends.
func (b *Backend) run(ctx context.Context, ops []backend.Op, w way) error {
	scripts := &b.scripts
	if w.whole || b.slots && len(ops) > 1 {
		scripts = nil
	}
	return b.runCommands(ctx, newCommands(ctx, ops, scripts), w)
}

func (b *Backend) runCommands(ctx context.Context, cmds []command, w way) (err error) {
	handOver := !w.whole && b.handover.takes()
	for i := range cmds {
		cmds[i].handedOver = handOver
		cmds[i].once = cmds[i].once || w.whole
	}
	if b.deadlines || handOver || ctx.Done() == nil {
		w.send(b, ctx, cmds)
	} else if !b.runAside(ctx, cmds, w) {
		return ctx.Err()
	}
	last := len(cmds) - 1
	for i := range cmds[:last] {
		err = cmp.Or(err, cmds[i].settle(ctx))
	}
	if c := &cmds[last]; c.short && b.scripts.Unknown(c.Err()) {
		return cmp.Or(err, b.runCommands(ctx, newCommands(ctx, []backend.Op{c.op}, nil), w))
	}
	return cmp.Or(err, cmds[last].settle(ctx))
}

// runAside sends cmds until ctx ends. It reports whether they have their
// replies; if not, their ops have failed.
func (b *Backend) runAside(ctx context.Context, cmds []command, w way) bool {
	for i := range cmds {
		cmds[i].detach()
	}
	if aside(ctx, func() { w.send(b, ctx, cmds) }) {
		return true
	}
	for i := range cmds {
		cmds[i].abandon(ctx)
	}
	return false
}

// batch is the way of [Backend.Exec].
var batch = way{send: (*Backend).process, undone: undone}

// process sends one command by itself and several as a pipeline.
func (b *Backend) process(ctx context.Context, cmds []command) {
	switch len(cmds) {
	case 0:
	case 1:
		b.client.Process(ctx, &cmds[0]) // The command has the error too.
	default:
		through(ctx, b.client.Pipeline(), cmds)
	}
}

// through sends cmds through a pipeline, whose error it returns.
func through(ctx context.Context, pipe redis.Pipeliner, cmds []command) error {
	queued := make([]redis.Cmder, len(cmds))
	for i := range cmds {
		queued[i] = &cmds[i]
	}
	pipe.BatchProcess(ctx, queued...) // Only queues them.
	_, err := pipe.Exec(ctx)
	if err != nil {
		refuse(cmds, err)
	}
	return err
}

// refuse gives err to the commands that a hook kept from being sent without
// telling them. For the others err is only the first of their own.
func refuse(cmds []command, err error) {
	for i := range cmds {
		if cmd := &cmds[i]; cmd.sent == 0 && cmd.Err() == nil {
			cmd.SetErr(err)
		}
	}
}
