package goredis

import (
	"context"
	"strings"

	"github.com/redisimnest/rin/backend"
)

// Transact sends ops between MULTI and EXEC, in one round trip. An op that the
// server refuses before EXEC, such as a command it does not know, keeps all of
// them from running. See [backend.Transactor].
//
// A server that refuses MULTI itself carries the ops out one by one, so every
// write in it then has [backend.ErrUnknownOutcome].
func (b *Backend) Transact(ctx context.Context, ops ...backend.Op) error {
	if err := b.ready(ctx, ops); err != nil || len(ops) == 0 {
		return err
	}
	if b.slots {
		if err := backend.CheckSlot(ops); err != nil {
			return backend.FailAll(ops, err)
		}
	}
	b.run(ctx, bound(b.newCommands(ctx, ops)), (*Backend).transact)
	if len(refusedForNow(ops)) == len(ops) {
		b.repeat(ctx, ops, func(b *Backend, ctx context.Context, cmds []command) { b.transact(ctx, bound(cmds)) })
	}
	backend.Discarded(ops)
	return backend.FirstErr(ops)
}

// bound makes cmds those of a transaction, which is never sent twice, and never
// handed over: its MULTI and EXEC are the client's.
func bound(cmds []command) []command {
	for i := range cmds {
		cmds[i].once, cmds[i].handedOver = true, false
	}
	return cmds
}

// transact sends cmds as a transaction. go-redis writes it to one connection in
// one piece, and sends it again only where a cluster has answered that the slot
// is elsewhere, and so has carried out nothing.
func (b *Backend) transact(ctx context.Context, cmds []command) {
	err := through(ctx, b.client.TxPipeline(), cmds)
	if !refusesMulti(err) {
		return
	}
	for i := range cmds {
		cmds[i].adrift = true
	}
}

// refusesMulti says that err, with which a transaction failed, is the answer to
// its MULTI. go-redis gives it to the commands as if it were their own, so only
// the text tells: every server names the command that it refuses.
func refusesMulti(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "'multi'") || strings.Contains(err.Error(), "`multi`"))
}
