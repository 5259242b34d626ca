package valkeygo

import (
	"context"
	"sync"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/redisimnest/rin/backend"
)

// unsentPause is between tries to send what was not sent.
const unsentPause = 10 * time.Millisecond

// untilSent sends again what surely was not sent, for a reason that is not its
// own: another call's context ended while that call was making the connection
// for all, or the client refused a batch whole for the sake of slots that
// nobody serves. It is in nobody's way, so a write is sent again, too.
func (b *Backend) untilSent(ctx context.Context, ops []backend.Op, results []valkey.ValkeyResult) {
	apart := false
	for end := time.Now().Add(b.retryFor); ; {
		var again []int
		for i := range results {
			if err := results[i].Error(); foreign(ctx, err) || noSlot(err) && len(ops) > 1 && !apart {
				again = append(again, i)
			}
		}
		if len(again) == 0 || time.Now().After(end) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(unsentPause):
		}
		apart = true
		b.sendApart(ctx, ops, results, again)
	}
}

// sendApart sends some of the ops, those of each slot by themselves.
func (b *Backend) sendApart(ctx context.Context, ops []backend.Op, results []valkey.ValkeyResult, some []int) {
	slots := map[int][]int{}
	for _, i := range some {
		slot := backend.Slot(backend.Key(ops[i]))
		slots[slot] = append(slots[slot], i)
	}
	var sending sync.WaitGroup
	for _, of := range slots {
		sending.Go(func() {
			cmds := make([]valkey.Completed, len(of))
			for n, i := range of {
				cmds[n] = b.command(ops[i])
			}
			for n, result := range b.client.DoMulti(ctx, cmds...) {
				results[of[n]] = result
			}
		})
	}
	sending.Wait()
}
