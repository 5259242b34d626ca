package backend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Refused is the error of an op that the server answered with an error: nothing
// was done. The server's own text stays in it, with the remedy where there is
// one. It is nil where the error is an answer to the op.
func Refused(op Op, err error) error {
	if o, ok := op.(interface{ isAnswer(error) bool }); ok && o.isAnswer(err) {
		return nil
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "WRONGTYPE"):
		return fmt.Errorf("%w: %w", ErrWrongKind, err)
	case strings.Contains(text, "would overflow"), strings.Contains(text, "would produce NaN or Infinity"), strings.Contains(text, "resulting score is not a number"):
		return fmt.Errorf("%w: %w", ErrOverflow, err)
	case strings.Contains(text, "is not an integer"), strings.Contains(text, "is not a valid float"), strings.Contains(text, "is not a float"):
		return fmt.Errorf("%w: %w", ErrNoNumber, err)
	case strings.Contains(text, "CROSSSLOT"):
		return fmt.Errorf("%w: %w", ErrCrossSlot, err)
	case strings.Contains(text, "unknown command"), strings.Contains(text, "syntax error"):
		return unsupported(op, err)
	case strings.Contains(text, "NOPERM"), strings.Contains(text, "executing the script can't run"), strings.Contains(text, "ACL failure in script"):
		return fmt.Errorf("%w; the server's ACL has to allow %s", err, strings.Join(Commands(op), ", "))
	case strings.HasPrefix(text, "MOVED "):
		return fmt.Errorf("%w; the server is one of a cluster, which takes a cluster client", err)
	}
	return err
}

// unsupported says why a server does not know op's command.
func unsupported(op Op, err error) error {
	var needs need
	if op, ok := op.(needing); ok {
		needs = op.needs()
	}
	what := cmp.Or(needs.feature, Name(op))
	switch {
	case strings.Contains(strings.ToLower(err.Error()), "'eval'"):
		return fmt.Errorf("%w: %s needs EVAL, which the server has renamed or switched off: %w", ErrUnsupported, Name(op), err)
	case needs.valkey != "":
		return fmt.Errorf("%w: %s needs Redis %s or later, or Valkey %s or later: %w", ErrUnsupported, what, needs.redis, needs.valkey, err)
	case needs.redis != "":
		return fmt.Errorf("%w: %s needs Redis %s or later, or Valkey: %w", ErrUnsupported, what, needs.redis, err)
	}
	return fmt.Errorf("%w: the server does not know it: %w", ErrUnsupported, err)
}

// NoTransaction is why a server takes no transactions, by its answers to a MULTI and
// an EXEC; nil if it takes them. An adapter asks before its first transaction, with a
// read between the two: a server that refuses MULTI carries out what follows it, one
// by one.
func NoTransaction(multi, exec error) error {
	for _, asked := range []struct {
		name string
		err  error
	}{{"MULTI", multi}, {"EXEC", exec}} {
		switch {
		case asked.err == nil:
		case strings.Contains(asked.err.Error(), "NOPERM"):
			return fmt.Errorf("%w; the server's ACL has to allow multi, exec", asked.err)
		case strings.Contains(asked.err.Error(), "unknown command"):
			return fmt.Errorf("%w: a transaction needs %s, which the server has renamed or switched off: %w", ErrUnsupported, asked.name, asked.err)
		}
	}
	return multi
}

// Discarded tells the ops of a transaction that the server discarded what it has
// refused: of the others it only says that there was something.
func Discarded(ops []Op) {
	cause := slices.IndexFunc(ops, func(op Op) bool { return !aborted(Err(op)) })
	if cause < 0 {
		return
	}
	refused, err := ops[cause], Err(ops[cause])
	for _, op := range ops {
		if own := Err(op); aborted(own) {
			Fail(op, fmt.Errorf("%w: %s: %w", own, Name(refused), err))
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
func Lost(ctx context.Context, op Op, err error) error {
	err = Unsent(ctx, err)
	if EffectOf(op) == Read {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
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
