package valkeygo

import (
	"context"
	"errors"

	"github.com/valkey-io/valkey-go"

	"github.com/redisimnest/rin/backend"
)

// Wait waits on a connection of the client's pool for blocking commands, of which there are
// BlockingPoolSize, 1024 by default: one for each caller that waits. See [backend.Waiter].
func (b *Backend) Wait(ctx context.Context, key string) error {
	if b.err != nil {
		return b.err
	}
	for {
		words, _ := backend.WaitCommand(ctx, key)
		cmd := b.client.B().Arbitrary(words[0]).Keys(words[1]).Args(words[2:]...).Blocking().UnblockOnCancel()
		err := b.client.Do(ctx, cmd).Error()
		var reply *valkey.ValkeyError
		switch {
		case err == nil:
			return nil
		case valkey.IsValkeyNil(err): // It has waited long enough.
			if err := backend.ContextErr(ctx); err != nil {
				return err
			}
		case errors.As(err, &reply):
			return backend.Waited(ctx, reply)
		default:
			return backend.WaitLost(ctx, err)
		}
	}
}
