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
	store  *store
	err    error // of the scope
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
	settle(notSent error) error
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

// AtomicOption makes a batch a transaction. [Atomic] makes it.
type AtomicOption struct{}

// Atomic runs a batch as one transaction, MULTI and EXEC: others see all of its
// effects or none, and nothing that they do comes between. As in Redis, an
// operation that fails does not undo the others.
//
// On a cluster all keys of the batch must share a slot: see [ErrCrossSlot].
//
// By default a batch promises an order only to the operations on one key.
func Atomic() AtomicOption { return AtomicOption{} }

func (AtomicOption) validInBatch(b *Batch) { b.atomic = true }

// String returns the option as it is written.
func (AtomicOption) String() string { return "Atomic()" }

// Batch makes an empty batch for entries of the scope's store, wherever they
// lie in it.
func (s *Scope) Batch(opts ...BatchOption) *Batch {
	b := &Batch{}
	if err := s.check(); err != nil {
		b.err = s.fail("batch", err)
		return b
	}
	b.store = s.place.store
	for _, opt := range opts {
		if opt == nil {
			b.err = s.fail("batch", errors.New("an option of the batch is nil; leave it out"))
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
	switch {
	case b == nil:
		return errNoBatch
	case b.err != nil:
		return b.err
	case b.ran:
		return errBatchRan
	}
	b.ran = true
	ops, failed := b.ready()
	if failed == nil && len(ops) > 0 {
		b.exec(ctx, ops)
	}
	return b.settle(failed)
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
		_ = backend.Transact(ctx, b.store.backend, ops...)
	} else {
		_ = b.store.backend.Exec(ctx, ops...)
	}
}

func (b *Batch) settle(failed map[int]error) error {
	all := BatchError{Of: len(b.queued)}
	for i, q := range b.queued {
		notSent := failed[i]
		if failed != nil && notSent == nil {
			_ = q.settle(errNotSent) // its own error is not what failed
			continue
		}
		_ = all.add(i, q.settle(notSent))
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

// Error lists the operations that failed, one a line.
func (e *BatchError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "rin: batch: %d of %d operations failed:", len(e.Failed), e.Of)
	for _, f := range e.Failed {
		fmt.Fprintf(&text, "\n\t#%d: %v", f.Index, f.Err)
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
	value R
	err   error
}

// Result returns the operation's result. Before [Batch.Run] it is an error that
// says so.
func (f *Future[R]) Result() (R, error) { return f.value, f.err }

// pending is an operation in a batch, together with its future.
type pending[O, R any] struct {
	operation[O, R]
	future Future[R]
}

// pendingRead is a pending Get in one piece with its op: reads are what large
// batches are made of.
type pendingRead[R any] struct {
	pending[backend.Get, R]
	get backend.Get
}

// later queues an operation in a batch.
func later[O, R any](b *Batch, o operation[O, R]) *Future[R] {
	return (&pending[O, R]{operation: o}).queueIn(b)
}

func (p *pending[O, R]) queueIn(b *Batch) *Future[R] {
	switch {
	case b == nil:
		p.future.err = p.handle.fail(p.name, errNoBatch)
	case b.err != nil:
		p.future.err = b.err
	case b.ran:
		p.future.err = p.handle.fail(p.name, errBatchRan)
	default:
		p.future.err = errNotRun
		b.queued = append(b.queued, p)
	}
	return &p.future
}

func (p *pending[O, R]) ready(s *store, ops []backend.Op) ([]backend.Op, error) {
	if err := cmp.Or(p.handle.in(s), p.err); err != nil {
		return ops, err
	}
	op := any(p.op).(backend.Op)
	if p.before == nil {
		return append(ops, op), nil
	}
	return append(ops, p.before, op), nil
}

func (p *pending[O, R]) settle(notSent error) error {
	err := notSent
	if err == nil && p.before != nil {
		err = backend.Err(p.before)
	}
	if err == nil {
		err = backend.Err(any(p.op).(backend.Op))
	}
	if err != nil {
		err = p.handle.fail(p.name, err)
	} else {
		p.future.value, err = p.finish()
	}
	p.future.err = err
	return err
}
