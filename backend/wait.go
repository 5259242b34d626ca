package backend

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// longestWait is how long a server is asked to wait at a time, so that one that is gone
// without a word is found out.
const longestWait = 5 * time.Second

// WaitCommand is a command by which a server waits until the list at key has an element,
// and which leaves it as it is: BLMOVE from the front of the list to the front of the list.
// The server gives up after limit, which lies below the deadline of ctx, and answers nil.
//
// So a wait that is cancelled, or whose connection is lost, can lose no element, which a
// BLPOP could: it takes one, and then can't deliver it.
func WaitCommand(ctx context.Context, key string) (words []string, limit time.Duration) {
	limit = longestWait
	if deadline, ok := ctx.Deadline(); ok {
		limit = max(min(limit, time.Until(deadline)), time.Millisecond)
	}
	return []string{"BLMOVE", key, key, "LEFT", "LEFT", strconv.FormatFloat(limit.Seconds(), 'f', 3, 64)}, limit
}

// Waited is the error of a [Waiter] by what a server has answered to a [WaitCommand]: nil
// where there is nothing to wait for any more. A server that can't answer for the moment,
// since it is no primary any more or the slot has moved, is asked again by the op that
// follows.
func Waited(ctx context.Context, refused error) error {
	text := refused.Error()
	switch {
	case strings.Contains(text, "WRONGTYPE"):
		return fmt.Errorf("%w: %w", ErrWrongKind, refused)
	case strings.Contains(text, "unknown command"):
		return fmt.Errorf("%w: waiting needs Redis 6.2 or later, or Valkey: %w", ErrUnsupported, refused)
	case strings.Contains(text, "NOPERM"):
		return fmt.Errorf("%w; the server's ACL has to allow blmove", refused)
	}
	Pause(ctx, 1)
	return ctx.Err()
}

// errUnwaited says that a wait ended without an answer.
var errUnwaited = errors.New("the connection that was waited on is lost")

// WaitLost is the error of a [Waiter] whose connection is lost, or whose context has ended.
func WaitLost(ctx context.Context, err error) error {
	if ended := ContextErr(ctx); ended != nil {
		return ended
	}
	return fmt.Errorf("%w: %w", errUnwaited, err)
}
