package valkeygo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/valkey-io/valkey-go"

	"github.com/redisimnest/rin/backend"
)

var (
	errNoClient  = errors.New("valkeygo: the client is nil; hand New what valkey.NewClient returned")
	errNilOption = errors.New("valkeygo: an option is nil; leave it out")
)

// failure is the error of an op for which the client returned err.
func failure(ctx context.Context, op backend.Op, err error) error {
	var reply *valkey.ValkeyError
	switch {
	case errors.As(err, &reply):
		return backend.Refused(op, err)
	case unsent(ctx, err):
		return backend.Unsent(ctx, own(ctx, err))
	}
	return backend.Lost(ctx, op, own(ctx, err))
}

// unsent is true where err proves that the command never left: there was no
// connection for it. valkey.ErrClosing proves nothing, since it also ends the
// commands that are under way when the client is closed.
func unsent(ctx context.Context, err error) bool {
	if err == nil {
		return false
	}
	var network *net.OpError
	return errors.As(err, &network) && network.Op == "dial" || noSlot(err) || foreign(ctx, err)
}

// noSlot says that the client knows of nobody who serves the slot.
func noSlot(err error) bool { return errors.Is(err, valkey.ErrNoSlot) }

// own hides the end of a context that isn't the caller's.
func own(ctx context.Context, err error) error {
	if foreign(ctx, err) {
		return fmt.Errorf("valkeygo: no connection: %v", err) //nolint:errorlint // it must not match the context's errors
	}
	return err
}

// foreign says that err is the end of another context than ctx: of the call
// that was making a connection for everybody, or of the client's own limit on
// that.
func foreign(ctx context.Context, err error) bool {
	ended := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
	return ended && backend.ContextErr(ctx) == nil
}

// passing says that err may be over in a moment: the connection was lost, or
// the server is starting or handing slots over. A server that kept silent for
// the client's ConnWriteTimeout is not such a case: it would be waited for all
// over again.
func passing(ctx context.Context, err error) bool {
	if err == nil || valkey.IsValkeyNil(err) || backend.ContextErr(ctx) != nil {
		return false
	}
	var reply *valkey.ValkeyError
	if errors.As(err, &reply) {
		return reply.IsLoading() || reply.IsTryAgain() || reply.IsClusterDown()
	}
	return !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, valkey.ErrClosing)
}
