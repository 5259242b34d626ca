package rin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redisimnest/rin/backend"
)

// Batch gathers operations on many keys, of any kinds, and sends them in one
// round trip. [Scope.Batch] makes it; the In method of an entry queues
// operations in it; [Batch.Run] sends them:
//
//	b := root.Batch()
//	age := Age.At(alice).In(b).Get()
//	name := Name.At(alice).In(b).Get()
//	if err := b.Run(ctx); err != nil { … }
//	n, err := age.Result()
//
// A batch runs once. It is not safe for concurrent use.
type Batch struct {
	scope  *Scope // nil for one that SetAll makes
	store  *store
	err    error // why nothing can be queued, if it can't
	atomic bool
	ran    bool
	queued []queued
}

// queued is an operation in a batch, whatever its types.
type queued interface {
	// ready appends the commands of the operation, or says why they can't be
	// sent.
	ready(*store, []backend.Op) ([]backend.Op, error)
	// settle gives the future its result. The commands have run, unless notSent
	// says why not.
	settle(ctx context.Context, w watch, notSent error) error
}

var (
	errBatchRan = errors.New("the batch has run already; make another one")
	errNotRun   = errors.New("the batch has not run yet: call Run before Result")
	errNoBatch  = errors.New("the batch is nil: make it with Scope.Batch")
	errNotSent  = errors.New("not sent, because another operation of the batch is not valid")
)

// BatchOption is an option of [Scope.Batch].
type BatchOption interface {
	fmt.Stringer
	validInBatch(*Batch)
}

type atomically struct{}

// Atomic runs a batch as one transaction, MULTI and EXEC: others see all of its
// effects or none, and nothing that they do comes between. As in Redis, an
// operation that fails does not undo the others.
//
// On a cluster all keys of the batch must share a slot: see [ErrCrossSlot].
//
// By default a batch promises an order only to the operations on one key.
func Atomic() BatchOption { return atomically{} }

func (atomically) validInBatch(b *Batch) { b.atomic = true }

// String returns the option as it is written.
func (atomically) String() string { return "Atomic()" }

// Batch makes an empty batch for entries of the scope's store, wherever they
// lie in it.
func (s *Scope) Batch(opts ...BatchOption) *Batch {
	b := &Batch{scope: s, err: s.check()}
	if b.err != nil {
		return b
	}
	b.store = s.place.store
	for _, opt := range opts {
		if opt == nil {
			b.err = errors.New("an option of the batch is nil; leave it out")
			return b
		}
		opt.validInBatch(b)
	}
	return b
}

// Len is how many operations are queued.
func (b *Batch) Len() int {
	if b == nil {
		return 0
	}
	return len(b.queued)
}

// Run sends everything that is queued, in one round trip for each node of the
// store, and fills in the futures. It may be called once. An empty batch sends
// nothing.
//
// Where operations fail, it returns a [*BatchError] that names each of them; the
// others have their results. A key that is not there is no failure of the batch,
// only of its future. Where an operation can't be sent, because its handle
// carries an error, its value can't be encoded, or its entry belongs to another
// store ([ErrOtherStore]), nothing is sent.
func (b *Batch) Run(ctx context.Context) error {
	if err := b.check(); err != nil {
		return b.fail(err)
	}
	b.ran = true
	w := b.store.watch(ctx)
	ops, failed := b.ready()
	if failed == nil && len(ops) > 0 {
		b.exec(ctx, ops)
	}
	return b.settle(ctx, w, failed)
}

// check is why nothing can be queued in the batch, or sent, if it can't.
func (b *Batch) check() error {
	switch {
	case b == nil:
		return errNoBatch
	case b.ran:
		return errBatchRan
	}
	return b.err
}

func (b *Batch) fail(err error) error {
	if b == nil {
		return (*Scope)(nil).fail("batch", err)
	}
	return b.scope.fail("batch", err)
}

// queue adds an operation, whose future has the error until the batch has run.
func (b *Batch) queue(q queued) error {
	if err := b.check(); err != nil {
		return err
	}
	b.queued = append(b.queued, q)
	return errNotRun
}

// ready is the commands of all operations. The errors are those that keep the
// batch from being sent, by place.
func (b *Batch) ready() (ops []backend.Op, failed map[int]error) {
	ops = make([]backend.Op, 0, len(b.queued))
	for i, q := range b.queued {
		var err error
		if ops, err = q.ready(b.store, ops); err != nil {
			if failed == nil {
				failed = map[int]error{}
			}
			failed[i] = err
		}
	}
	return ops, failed
}

// exec leaves each op its own error.
func (b *Batch) exec(ctx context.Context, ops []backend.Op) {
	if b.atomic {
		_ = b.store.transact(ctx, ops...)
	} else {
		_ = b.store.exec(ctx, ops...)
	}
}

func (b *Batch) settle(ctx context.Context, w watch, failed map[int]error) error {
	all := BatchError{Of: len(b.queued)}
	for i, q := range b.queued {
		notSent := failed[i]
		if failed != nil && notSent == nil {
			_ = q.settle(ctx, w, errNotSent) // its own error is not what failed
			continue
		}
		_ = all.add(i, q.settle(ctx, w, notSent))
	}
	return all.orNil()
}

// BatchError says which operations of a batch failed. It unwraps to the errors
// of all of them.
type BatchError struct {
	Failed []BatchFailure
	// Of is how many operations the batch had.
	Of int
}

// BatchFailure is an operation of a batch that failed.
type BatchFailure struct {
	// Index is its place in the batch, counted from 0 in the order of queueing.
	Index int
	Err   error
}

// add notes the error of an operation, and returns it. A key that is not there
// is no failure.
func (e *BatchError) add(i int, err error) error {
	if err != nil && !errors.Is(err, ErrNotFound) {
		e.Failed = append(e.Failed, BatchFailure{i, err})
	}
	return err
}

func (e *BatchError) orNil() error {
	if e.Failed == nil {
		return nil
	}
	return e
}

// maxListed is how many failures the text of a [BatchError] lists.
const maxListed = 10

// Error lists the first operations that failed, one a line, and says how many
// there are.
func (e *BatchError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "rin: batch: %d of %d operations failed:", len(e.Failed), e.Of)
	for _, f := range e.Failed[:min(len(e.Failed), maxListed)] {
		fmt.Fprintf(&text, "\n\t#%d: %v", f.Index, f.Err)
	}
	if more := len(e.Failed) - maxListed; more > 0 {
		fmt.Fprintf(&text, "\n\tand %d more", more)
	}
	return text.String()
}

// Unwrap returns the errors of all operations that failed.
func (e *BatchError) Unwrap() []error {
	errs := make([]error, len(e.Failed))
	for i, f := range e.Failed {
		errs[i] = f.Err
	}
	return errs
}

// Future is the result of an operation in a batch, once that has run.
type Future[R any] struct {
	operation[R]
	value   R
	err     error
	settled bool
}

// Result returns the operation's result. Before [Batch.Run] it is an error that
// says so.
func (f *Future[R]) Result() (R, error) {
	if !f.settled {
		return f.value, f.handle.fail(f.name, f.err)
	}
	return f.value, f.err
}

// String returns the result as it prints, or the error that there is instead.
func (f *Future[R]) String() string {
	value, err := f.Result()
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(value)
}

func (f *Future[R]) ready(s *store, ops []backend.Op) ([]backend.Op, error) {
	if err := cmp.Or(f.handle.in(s), f.operation.err); err != nil {
		return ops, err
	}
	if f.idle {
		return ops, nil
	}
	return append(append(ops, f.before...), f.op), nil
}

func (f *Future[R]) settle(ctx context.Context, w watch, notSent error) error {
	err := notSent
	if err == nil {
		err = backend.FirstErr(f.before)
	}
	if err == nil {
		err = backend.Err(f.op)
	}
	if err == nil {
		f.value, err = f.result(f.handle, f.op)
	}
	f.settled, f.err = true, f.handle.done(ctx, f.name, w, w.did(f.op), err)
	return f.err
}

//go:generate go run ./internal/batchgen

// In queues operations on the entry in a batch: the methods are the entry's own,
// without a context, and return futures. Operations that need more than one
// round trip, such as [Entry.Update] and [Entry.Fetch], are not among them.
func (e Entry[T]) In(b *Batch) BatchEntry[T] { return BatchEntry[T]{batchHandle{e.handle, b}, e} }

// BatchEntry queues operations on an entry in a batch. [Entry.In] makes it.
type BatchEntry[T any] struct {
	batchHandle
	entry Entry[T]
}

// batchHandle queues the operations that do not depend on what a key holds.
type batchHandle struct {
	handle handle
	batch  *Batch
}
