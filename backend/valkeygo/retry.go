package valkeygo

import (
	"context"
	"sync"

	"github.com/valkey-io/valkey-go"

	"github.com/redisimnest/rin/backend"
)

// repeat sends again, at once and then for as long as [RetryFor] allows, those of
// the ops that again allows.
func (b *Backend) repeat(ctx context.Context, ops []backend.Op, again func([]backend.Op) []backend.Op, send func(context.Context, []backend.Op)) {
	within, cancel := context.WithTimeout(ctx, b.retryFor)
	defer cancel()
	for try := 0; ; try++ {
		ops := again(ops)
		if len(ops) == 0 || try > 0 && !backend.Pause(within, try) {
			return
		}
		backend.FailAll(ops, nil)
		send(ctx, ops)
	}
}

// undone are the ops of a batch that were surely not done, and all whose reply was
// lost where the batch has nothing but reads: one behind a write would see what
// came after it.
func (b *Backend) undone(ops []backend.Op) []backend.Op {
	if b.retryFor <= 0 || backend.AnyWrite(ops) {
		return backend.Again(ops, unsent)
	}
	return backend.Again(ops, func(err error) bool { return unsent(err) || lost(err) })
}

// undoneWhole are the ops of a transaction, if it was surely not done.
func undoneWhole(ops []backend.Op) []backend.Op { return backend.AgainWhole(ops, unsent) }

// sendApart sends the ops of each slot by themselves: the client refuses a batch
// whole for the sake of one slot that nobody serves.
func (b *Backend) sendApart(ctx context.Context, ops []backend.Op) {
	if b.client.Mode() != valkey.ClientModeCluster {
		b.send(ctx, ops)
		return
	}
	slots := map[int][]backend.Op{}
	for _, op := range ops {
		slot := backend.Slot(backend.Key(op))
		slots[slot] = append(slots[slot], op)
	}
	var sending sync.WaitGroup
	for _, ops := range slots {
		sending.Go(func() { b.send(ctx, ops) })
	}
	sending.Wait()
}
