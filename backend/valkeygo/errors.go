package valkeygo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/valkey-io/valkey-go"

	"github.com/redisimnest/rin/backend"
)

var (
	errNoClient = errors.New("valkeygo: the client is nil; hand New what valkey.NewClient returned")
	// errNoConnection: somebody else, who was making it, has given up.
	errNoConnection = errors.New("valkeygo: no connection")
	errNilOption    = errors.New("valkeygo: an option is nil; leave it out")
)

// failure is the error of an op for which the client returned err.
func failure(ctx context.Context, op backend.Op, err error) error {
	if refused(err) {
		return backend.Refused(op, err)
	}
	err = own(ctx, err)
	if unsent(err) {
		return backend.Unsent(ctx, err)
	}
	return backend.Lost(ctx, op, err)
}

// refused says that err is a server's answer.
func refused(err error) bool {
	var reply *valkey.ValkeyError
	return errors.As(err, &reply)
}

// own replaces the end of a context that isn't the caller's: of the call that was
// making a connection for everybody, or of the client's own limit on that.
func own(ctx context.Context, err error) error {
	ended := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
	if ended && backend.ContextErr(ctx) == nil {
		return fmt.Errorf("%w: %v", errNoConnection, err) //nolint:errorlint // it must not match the context's errors
	}
	return err
}

// unsent is true where err proves that the command never left: there was no
// connection for it, or nobody serves its slot. valkey.ErrClosing proves nothing,
// since it also ends the commands that are under way when the client is closed.
func unsent(err error) bool {
	var network *net.OpError
	return errors.As(err, &network) && network.Op == "dial" ||
		errors.Is(err, valkey.ErrNoSlot) || errors.Is(err, errNoConnection)
}

// lost says that err is a connection's that was lost. A server that kept silent
// for the client's ConnWriteTimeout is not such a case: it would be waited for all
// over again.
func lost(err error) bool {
	var network *net.OpError
	return (errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) &&
		!errors.Is(err, os.ErrDeadlineExceeded)
}
