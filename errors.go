package rin

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/codec"
)

// The errors of operations, matched with errors.Is. Every operation returns
// them in an [*OpError].
var (
	// ErrNotFound: the key is not there, and no default is declared for it.
	ErrNotFound = errors.New("not found")

	// ErrWrongType: the stored value has another type than the declared one.
	ErrWrongType = codec.ErrWrongType
	// ErrForeign: the stored value was not written by rin. Declare the key
	// [Plain] to share it with programs that do not use rin.
	ErrForeign = codec.ErrForeign
	// ErrMalformed: the stored value is cut short or damaged.
	ErrMalformed = codec.ErrMalformed
	// ErrUnknownCodec: the stored value names a codec that is not registered.
	ErrUnknownCodec = codec.ErrUnknownCodec

	// ErrWrongKind: the key holds another kind of Redis value, such as a list.
	ErrWrongKind = backend.ErrWrongKind
	// ErrOverflow: the number would be more, or less, than its type holds. Nothing was
	// changed.
	ErrOverflow = backend.ErrOverflow
	// ErrNoNumber: what is to be added to is no number. Nothing was changed.
	ErrNoNumber = backend.ErrNoNumber
	// ErrScore: a score is NaN, or so large that a float64 can't tell it from its
	// neighbours.
	ErrScore = errors.New("invalid score")
	// ErrUnknownOutcome: a write was sent and its reply was lost, so that it may
	// or may not have happened.
	ErrUnknownOutcome = backend.ErrUnknownOutcome
	// ErrUnsupported: the store does not know the operation.
	ErrUnsupported = backend.ErrUnsupported

	// ErrCrossSlot: the keys of an [Atomic] batch, or of an operation on several
	// structures, do not share a slot of the cluster. Nothing was sent.
	ErrCrossSlot = backend.ErrCrossSlot
	// ErrOtherStore: an entry of another store is in the batch, or is to take part in an
	// operation. Nothing was sent.
	ErrOtherStore = errors.New("the entry belongs to another store")
	// ErrConflict: another writer changed the key each time that Update tried, or
	// while a MoveTo was under way.
	ErrConflict = errors.New("another writer changed the key meanwhile")

	// ErrLocked: the lock is held, or all permits are. It comes in a [*LockedError].
	ErrLocked = errors.New("locked")
	// ErrLeaseLost: a lease was not renewed in time, or was broken, so that somebody else
	// may have it.
	ErrLeaseLost = errors.New("the lease is lost")

	// ErrTTL: a TTL is less than a millisecond, or a time to expire at has passed
	// or is later than a store can count.
	ErrTTL = errors.New("invalid TTL")

	// ErrUnscoped: a scope whose prefix is empty refuses to clear, since that
	// would delete every key of the database.
	ErrUnscoped = errors.New("the scope has no prefix, so clearing it would delete every key of the database; clear a cluster below it")
	// ErrProtected: the cluster, or one below it, is declared [Protected].
	ErrProtected = errors.New("protected")

	// ErrClosed: the opened declaration was closed with [Scope.Close].
	ErrClosed = errors.New("closed with Scope.Close")

	// ErrUndeclared: no node declares the key.
	ErrUndeclared = errors.New("no node declares this key")
)

// The errors of At. A handle carries them: every operation on it returns them,
// and Err shows them.
var (
	// ErrMissingParam: a placeholder on the path has no value.
	ErrMissingParam = errors.New("missing parameter")
	// ErrExtraParam: there are more values than placeholders, or one is given
	// for a name that is not on the path.
	ErrExtraParam = errors.New("extra parameter")
	// ErrEmptyParam: a parameter's value is the empty text.
	ErrEmptyParam = errors.New("empty parameter")
	// ErrParamType: a parameter's value has no text that could stand in a key.
	ErrParamType = errors.New("unsupported parameter")
	// ErrNotUnder: the node is not declared under the scope.
	ErrNotUnder = errors.New("not declared under this scope")
	// ErrAmbiguous: the node is declared more than once under the scope.
	ErrAmbiguous = errors.New("declared more than once under this scope")
)

// OpError is the error of an operation on a key or a scope, or of [Open] where
// its arguments can't be used.
type OpError struct {
	// Op is what was tried, in lower case: "get", "clear".
	Op string
	// Pattern is the declared pattern of the key, such as
	// root:user:<user_id>:age. It is safe as a label of a metric or a log line.
	Pattern string
	// Key is the key, or the scope's prefix. It may hold user data, and is
	// empty where no key could be built.
	Key string
	// Err is why it failed.
	Err error
}

// Error says what was tried, on what, and why it failed.
func (e *OpError) Error() string {
	text := "rin: " + e.Op
	if on := cmp.Or(e.Key, e.Pattern); on != "" {
		text += " " + on
	}
	// An operation within another says once whose errors these are.
	return text + ": " + strings.TrimPrefix(e.Err.Error(), "rin: ")
}

// Unwrap returns why the operation failed.
func (e *OpError) Unwrap() error { return e.Err }

// LockedError says that a lock is held, or all permits of a semaphore are. It is
// [ErrLocked].
type LockedError struct {
	// Left is how long it takes at most until one can be had, unless a holder renews its
	// lease.
	Left time.Duration
	// Permits is how many can be held at a time.
	Permits int64
}

// Error says how long it takes at most.
func (e *LockedError) Error() string {
	if e.Permits == 1 {
		return fmt.Sprintf("%v for %v, unless the holder renews its lease", ErrLocked, e.Left)
	}
	return fmt.Sprintf("%v for %v, unless the holders of all %d permits renew their leases", ErrLocked, e.Left, e.Permits)
}

// Unwrap returns [ErrLocked].
func (e *LockedError) Unwrap() error { return ErrLocked }

// SchemaError lists everything that is wrong with a declaration. [Open] returns
// it.
type SchemaError struct {
	Problems []Problem
}

// Problem is one mistake in a declaration.
type Problem struct {
	// File and Line say where the node that has the mistake is declared.
	File string
	Line int
	// Message says what is wrong, and where there is one, the remedy.
	Message string
}

// String returns the problem as file:line: message, with the file's base name.
func (p Problem) String() string {
	if p.File == "" {
		return p.Message
	}
	return p.position() + ": " + p.Message
}

func (p Problem) position() string {
	return fmt.Sprintf("%s:%d", filepath.Base(p.File), p.Line)
}

// Error lists the problems, one a line.
func (e *SchemaError) Error() string {
	var text strings.Builder
	text.WriteString("rin: invalid schema:")
	for _, p := range e.Problems {
		text.WriteString("\n\t")
		text.WriteString(p.String())
	}
	return text.String()
}
