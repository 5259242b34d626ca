package valkeygo

import (
	"context"
	"errors"
	"fmt"

	"github.com/valkey-io/valkey-go"

	"github.com/redisimnest/rin/backend"
)

// Transact implements [backend.Transactor]: MULTI, the ops and EXEC, in one round
// trip. An op that the server refuses before EXEC, such as a command it does not
// know, keeps all of them from running.
//
// A server that refuses MULTI itself carries the ops out one by one, so every
// write in it then has [backend.ErrUnknownOutcome].
//
// It goes over the connections that all calls share. That is sound: the client
// takes the commands of one DoMulti as one entry of one connection's queue and
// writes them without a gap, and it does not repeat them, since none of them is
// marked as retryable. What a cluster redirects, it sends on as a whole, from
// MULTI to EXEC, if these two have no slot of their own; with a slot, it would
// send on each command by itself. A connection for each transaction would be
// safe too, but has to be waited for, and the client waits without heeding the
// context.
func (b *Backend) Transact(ctx context.Context, ops ...backend.Op) error {
	if err := b.ready(ctx, ops); err != nil || len(ops) == 0 {
		return err
	}
	if b.client.Mode() == valkey.ClientModeCluster {
		if err := backend.CheckSlot(ops); err != nil {
			return backend.FailAll(ops, err)
		}
	}
	settleAll(ctx, ops, b.client.DoMulti(ctx, b.transaction(ops)...))
	return backend.FirstErr(ops)
}

// transaction is MULTI, the commands of ops and EXEC.
func (b *Backend) transaction(ops []backend.Op) []valkey.Completed {
	cmds := make([]valkey.Completed, 0, len(ops)+2)
	cmds = append(cmds, b.client.B().Multi().Build())
	for _, op := range ops {
		cmds = append(cmds, b.command(op))
	}
	return append(cmds, b.client.B().Exec().Build())
}

// settleAll settles ops by the results of their transaction's commands.
func settleAll(ctx context.Context, ops []backend.Op, results []valkey.ValkeyResult) {
	last := len(results) - 1
	multi, queued, exec := results[0], results[1:last], results[last]
	replies, err := exec.ToArray()
	if err == nil && len(replies) != len(ops) {
		err = fmt.Errorf("valkeygo: EXEC answered %d of %d ops", len(replies), len(ops))
	}
	for i, op := range ops {
		if err == nil {
			settleBy(ctx, op, replies[i], replies[i].Error())
		} else {
			backend.Fail(op, uncommitted(ctx, op, multi, queued[i], err))
		}
	}
	backend.Discarded(ops)
}

// uncommitted is the error of an op whose transaction failed with err: where the
// server has refused the op itself, what it said of that.
func uncommitted(ctx context.Context, op backend.Op, multi, queued valkey.ValkeyResult, err error) error {
	var reply *valkey.ValkeyError
	if refusal := multi.Error(); errors.As(refusal, &reply) {
		return backend.Lost(ctx, op, refusal)
	}
	if refusal := queued.Error(); errors.As(err, &reply) && errors.As(refusal, &reply) {
		err = refusal
	}
	return failure(ctx, op, err)
}
