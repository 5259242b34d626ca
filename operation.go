package rin

import (
	"context"
	"sync"

	"github.com/redisimnest/rin/backend"
)

// An operation is what a method of an entry sends in one round trip, and what
// the reply means. Each is written once, as a function that returns it: now
// carries it out, in queues it in a [Batch].
//
// It is not generic over its command, and its result is a function that stands
// at the top level or is held by a binding: a closure made in a generic method
// would cost an allocation.
type operation[R any] struct {
	handle handle
	name   string
	op     backend.Op
	before []backend.Op // sent ahead of op
	err    error        // why it can't be sent, if it can't
	idle   bool         // there is nothing to send: the result is that of op as it is
	result func(handle, backend.Op) (R, error)
}

// now carries out the operation in a round trip of its own.
func (o operation[R]) now(ctx context.Context) (value R, err error) {
	w := o.handle.watch(ctx)
	if err = o.check(); err == nil {
		err = o.send(ctx)
	}
	if err == nil {
		value, err = o.result(o.handle, o.op)
	}
	return value, o.handle.done(ctx, o.name, w, w.did(o.op), err)
}

// check is why the operation can't be sent, if it can't.
func (o *operation[R]) check() error {
	if err := o.handle.check(); err != nil {
		return err
	}
	return o.err
}

func (o *operation[R]) send(ctx context.Context) error {
	store := o.handle.place.store
	switch {
	case o.idle:
		return nil
	case len(o.before) == 0:
		return store.execOne(ctx, o.op)
	}
	return store.exec(ctx, append(o.before, o.op)...)
}

// in queues the operation in a batch.
func (o operation[R]) in(b *Batch) *Future[R] {
	f := &Future[R]{operation: o}
	f.err = b.queue(f)
	return f
}

// A call is an op, the batch of one that carries it, and a buffer to encode a
// value into. Single reads and writes are hot, and an op that is handed to a
// backend is always on the heap, so theirs are pooled, and they take the short way
// past operation.
type call[O any] struct {
	op  O
	ops [1]backend.Op
	buf []byte
}

var (
	gets = sync.Pool{New: newCall[backend.Get]}
	sets = sync.Pool{New: newCall[backend.Set]}
)

func newCall[O any]() any {
	c := new(call[O])
	c.ops[0] = any(&c.op).(backend.Op)
	return c
}

// maxPooledBuffer bounds what one large value keeps from the collector.
const maxPooledBuffer = 64 << 10

func (c *call[O]) free(pool *sync.Pool) {
	var none O
	c.op = none
	if cap(c.buf) > maxPooledBuffer {
		c.buf = nil
	}
	pool.Put(c)
}

// read carries out a Get at once.
func read[R any](ctx context.Context, h handle, name string, result func(handle, backend.Op) (R, error)) (R, error) {
	w := h.watch(ctx)
	value, out, err := lookAt(ctx, h, w, result)
	return value, h.done(ctx, name, w, out, err)
}

// lookAt is read without its end.
func lookAt[R any](ctx context.Context, h handle, w watch, result func(handle, backend.Op) (R, error)) (value R, out Outcome, err error) {
	if err = h.check(); err != nil {
		return value, out, err
	}
	c := gets.Get().(*call[backend.Get])
	h.access(&c.op)
	if err = h.place.store.exec(ctx, c.ops[:]...); err == nil {
		value, err = result(h, c.ops[0])
		out = w.did(c.ops[0])
	}
	c.free(&gets)
	return value, out, err
}
