package backend

import "errors"

// The errors that the core tells apart. A backend wraps them, so that what the
// server or the client said stays readable.
var (
	// ErrWrongKind: the key holds another kind of Redis value, a list where a
	// string was wanted. The op changed nothing.
	ErrWrongKind = errors.New("the key holds another kind of Redis value")

	// ErrOverflow: the number would be more, or less, than can be held. The op
	// changed nothing.
	ErrOverflow = errors.New("the number would overflow")

	// ErrNoNumber: what is to be added to is no number. The op changed nothing.
	ErrNoNumber = errors.New("the stored value is no number")

	// ErrUnknownOutcome: a write was sent and its reply did not come, so it may
	// or may not have happened.
	ErrUnknownOutcome = errors.New("the write may or may not have happened: its reply was lost")

	// ErrCrossSlot: the keys of a transaction, or of one op, do not share a slot of the
	// cluster. Nothing was sent.
	ErrCrossSlot = errors.New("the keys of a transaction, or of one operation, must share a slot")

	// ErrUnsupported: the store does not know the op.
	ErrUnsupported = errors.New("the store does not support this operation")
)
