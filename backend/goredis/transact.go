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
// A server that does not take MULTI and EXEC carries out nothing. That is found out
// before the first transaction, by a round trip more. Where it stops taking them
// later, it carries the ops out one by one: every write in that transaction then has
// [backend.ErrUnknownOutcome], and the next carries out nothing.
func (b *Backend) Transact(ctx context.Context, ops ...backend.Op) error {
	if err := b.ready(ctx, ops); err != nil || len(ops) == 0 {
		return err
	}
	if b.slots {
		if err := backend.CheckSlot(ops); err != nil {
			return backend.FailAll(ops, err)
		}
	}
	w := transaction(backend.Key(ops[0]))
	if b.carryOut(ctx, ops, w) == nil {
		return nil
	}
	backend.Discarded(ops)
	return backend.FirstErr(ops)
}

// transaction is the way of [Backend.Transact] with ops of the slot of key.
func transaction(key string) way {
	return way{
		send:   func(b *Backend, ctx context.Context, cmds []command) { b.transact(ctx, key, cmds) },
		undone: undoneWhole,
		whole:  true,
	}
}

// transact sends cmds as a transaction. go-redis writes it to one connection in
// one piece, and sends it again only where a cluster has answered that the slot
// is elsewhere, and so has carried out nothing.
func (b *Backend) transact(ctx context.Context, key string, cmds []command) {
	if err := b.admit(ctx, key); err != nil {
		refuse(cmds, err)
		return
	}
	err := through(ctx, b.client.TxPipeline(), cmds)
	if !refusesMulti(err) {
		return
	}
	b.admitted.Store(false)
	for i := range cmds {
		cmds[i].adrift = true
	}
}

// admit is why the server of key takes no transactions, nil if it does. Once it has
// taken one, nobody is asked again.
func (b *Backend) admit(ctx context.Context, key string) error {
	if b.admitted.Load() {
		return nil
	}
	server, err := b.serverOf(ctx, key)
	if err != nil {
		return err
	}
	pipe := server.Pipeline()
	multi := pipe.Do(ctx, "MULTI")
	pipe.Do(ctx, "EXISTS", key)
	exec := pipe.Do(ctx, "EXEC")
	pipe.Do(ctx, "DISCARD") // Ends what EXEC has not.
	pipe.Exec(ctx)
	err = backend.NoTransaction(multi.Err(), exec.Err())
	b.admitted.Store(err == nil)
	return err
}

// serverOf is a client of the server that has the key.
func (b *Backend) serverOf(ctx context.Context, key string) (pipeliner, error) {
	if c, ok := b.client.(cluster); ok {
		return c.MasterForKey(ctx, key)
	}
	return b.client, nil
}

// refusesMulti says that err, with which a transaction failed, is the answer to
// its MULTI. go-redis gives it to the commands as if it were their own, so only
// the text tells: every server names the command that it refuses.
func refusesMulti(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "'multi'") || strings.Contains(err.Error(), "`multi`"))
}
