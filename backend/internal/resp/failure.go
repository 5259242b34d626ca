package resp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redisimnest/rin/backend"
)

// Refused is the error of an op that the server answered with an error: nothing
// was done. The server's own text stays in it.
func Refused(op backend.Op, err error) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "WRONGTYPE"):
		return fmt.Errorf("%w: %w", backend.ErrWrongKind, err)
	case strings.Contains(text, "unknown command"), strings.Contains(text, "syntax error"):
		return fmt.Errorf("%w: %s needs Redis %s or later, or Valkey: %w",
			backend.ErrUnsupported, backend.Name(op), since(op), err)
	case strings.Contains(text, "CROSSSLOT"):
		return fmt.Errorf("%w: %w", backend.ErrCrossSlot, err)
	}
	return err
}

// since is the first version of Redis that knows all words of op's command.
func since(op backend.Op) string {
	if _, ok := op.(*backend.ExpireTime); ok {
		return "7.0"
	}
	return "6.2"
}

// Discarded tells the ops of a transaction that the server discarded what it has
// refused: of the others it only says that there was something.
func Discarded(ops []backend.Op) {
	cause := slices.IndexFunc(ops, func(op backend.Op) bool { return !aborted(backend.Err(op)) })
	if cause < 0 {
		return
	}
	refused, err := ops[cause], backend.Err(ops[cause])
	for _, op := range ops {
		if own := backend.Err(op); aborted(own) {
			backend.Fail(op, fmt.Errorf("%w: %s: %w", own, backend.Name(refused), err))
		}
	}
}

func aborted(err error) bool { return err != nil && strings.Contains(err.Error(), "EXECABORT") }

// Unsent is the error of an op that was never sent. It is the context's too, if
// that has ended.
func Unsent(ctx context.Context, err error) error {
	ended := ContextErr(ctx)
	if ended == nil || errors.Is(err, ended) {
		return err
	}
	return fmt.Errorf("%w: %w", ended, err)
}

// Lost is the error of an op that was sent, or may have been, and whose reply
// did not come: of a write the outcome is unknown.
func Lost(ctx context.Context, op backend.Op, err error) error {
	err = Unsent(ctx, err)
	if backend.EffectOf(op) == backend.Read {
		return err
	}
	return fmt.Errorf("%w: %w", backend.ErrUnknownOutcome, err)
}

// ContextErr is ctx.Err(), a moment earlier: a connection's deadline may pass
// before the context's timer, which is set to the same time, has fired.
func ContextErr(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return nil
}
