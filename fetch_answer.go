package rin

import (
	"context"
	"errors"
	"time"
)

// Absent is what a loader returns, bare or wrapped, where there is nothing to
// load. [Entry.Fetch] then returns [ErrNotFound], and remembers it for as long as
// [CacheAbsent] says.
//
// A loader that is given an old value by [OldValue], and finds that it is still good, returns
// [Unchanged]: the old value is then stored with its TTL anew.
var Absent = errors.New("absent") //nolint:staticcheck,revive // it is an answer, not a failure

// answer is what the loader of a ctx says besides its value.
type answer struct {
	ttl     time.Duration // zero: as declared
	err     error         // why that can't be
	noStore bool
	old     func() (any, bool)
}

type answerKey struct{}

func answerOf(ctx context.Context) *answer {
	a, _ := ctx.Value(answerKey{}).(*answer)
	if a == nil {
		a = new(answer) // nobody asks
	}
	return a
}

// StoreFor says in a loader, with the context that it was given, how long the value that it
// returns is to be stored, in place of the declared TTL:
//
//	rin.StoreFor(ctx, response.MaxAge)
//
// What is not positive makes the Fetch fail; see [DoNotStore]. Elsewhere it has no effect.
func StoreFor(ctx context.Context, d time.Duration) {
	a := answerOf(ctx)
	a.ttl, a.err = checkTTL(d)
}

// DoNotStore says in a loader, with the context that it was given, that the value which it
// returns must not be stored: those who wait get it, and the next to ask loads anew.
func DoNotStore(ctx context.Context) { answerOf(ctx).noStore = true }

// OldValue is, in a loader with the context that it was given, the value that it is to
// replace, and whether there is one: before it expires where [RefreshEarly] loads anew, and
// after that where the key is declared with [StaleIfError]. A loader that finds it still
// good returns [Unchanged]. A loader that is asked for several, by [FetchAll], is given none.
func OldValue[T any](ctx context.Context) (old T, found bool) {
	if read := answerOf(ctx).old; read != nil {
		if value, ok := read(); ok {
			old, found = value.(T)
		}
	}
	return old, found
}
