package backend

import "context"

// Op is one command on one key. The set is closed: an implementation switches
// over the types of this package and fails what it does not know with
// [ErrUnsupported].
//
// Every op has the fields Key, Pattern and Err; [Key], [Pattern], [Err] and
// [Fail] reach them without a type switch.
type Op interface {
	info() info
}

// info is what all ops have in common.
type info struct {
	name    string
	effect  Effect
	key     string
	pattern string
	err     *error
}

// Effect says what sending an op does to the store, and so what may be done
// when its reply was lost.
type Effect int

const (
	// Read changes no value. It may be sent again.
	Read Effect = iota
	// Idempotent writes leave, and answer, the same when they are sent twice.
	Idempotent
	// Once is a write that must never be sent twice: the second time it does,
	// or answers, something else.
	Once
)

// Name is the op's name in lower case, as in errors and logs: "get".
func Name(op Op) string { return op.info().name }

// Key is the key that the op touches.
func Key(op Op) string { return op.info().key }

// Pattern is the declared pattern of the op's key, safe as a label of a metric
// or a log line. It may be empty.
func Pattern(op Op) string { return op.info().pattern }

// EffectOf says whether the op may be sent a second time.
func EffectOf(op Op) Effect { return op.info().effect }

// Err is the op's error, nil where it has its answer.
func Err(op Op) error { return *op.info().err }

// Fail sets the op's error.
func Fail(op Op, err error) { *op.info().err = err }

// FailAll sets the error of every op and returns it: what an Exec does whose
// connection, or whose context, has ended.
func FailAll(ops []Op, err error) error {
	for _, op := range ops {
		Fail(op, err)
	}
	return err
}

// FirstErr is the first error of ops that is not nil: what Exec returns.
func FirstErr(ops []Op) error {
	for _, op := range ops {
		if err := Err(op); err != nil {
			return err
		}
	}
	return nil
}

// Ended fails every op with the context's error if the context has ended, and
// returns that error: the first thing an Exec does.
func Ended(ctx context.Context, ops []Op) error {
	if err := ctx.Err(); err != nil {
		return FailAll(ops, err)
	}
	return nil
}
