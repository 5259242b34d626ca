package valkeygo

import (
	"context"
	"fmt"

	"github.com/valkey-io/valkey-go"

	"github.com/redisimnest/rin/backend"
)

// Transact implements [backend.Transactor]: MULTI, the ops and EXEC, in one round
// trip. An op that the server refuses before EXEC, such as a command it does not
// know, keeps all of them from running.
//
// A server that does not take MULTI and EXEC carries out nothing. That is found out
// before the first transaction, by a round trip more. Where it stops taking them
// later, it carries the ops out one by one: every write in that transaction then has
// [backend.ErrUnknownOutcome], and the next carries out nothing.
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
	b.transact(ctx, ops)
	if backend.FirstErr(ops) != nil {
		b.repeat(ctx, ops, undoneWhole, b.transact)
	}
	backend.Discarded(ops)
	return backend.FirstErr(ops)
}

// transact sends ops once, as a transaction, and gives them their results.
func (b *Backend) transact(ctx context.Context, ops []backend.Op) {
	if err := b.admit(ctx, backend.Key(ops[0])); err != nil {
		backend.FailAll(ops, err)
		return
	}
	results := b.client.DoMulti(ctx, b.transaction(ops)...)
	settleAll(ctx, ops, results)
	if refused(results[0].Error()) {
		b.admitted.Store(false)
	}
}

// admit is why the server of key takes no transactions, nil if it does. Once it has
// taken one, nobody is asked again.
func (b *Backend) admit(ctx context.Context, key string) error {
	if b.admitted.Load() {
		return nil
	}
	ask := b.client.B()
	results := b.client.DoMulti(ctx,
		ask.Multi().Build(),
		ask.Exists().Key(key).Build(),
		ask.Exec().Build(),
		ask.Discard().Build(), // Ends what EXEC has not.
	)
	err := backend.NoTransaction(own(ctx, results[0].Error()), results[2].Error())
	if b.admitted.Store(err == nil); err != nil {
		return backend.Unsent(ctx, err)
	}
	return nil
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
}

// uncommitted is the error of an op whose transaction failed with err: where the
// server has refused the op itself, what it said of that.
func uncommitted(ctx context.Context, op backend.Op, multi, queued valkey.ValkeyResult, err error) error {
	if refused(multi.Error()) {
		return backend.Lost(ctx, op, multi.Error())
	}
	if refused(err) && refused(queued.Error()) {
		err = queued.Error()
	}
	return failure(ctx, op, err)
}
