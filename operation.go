package rin

import (
	"context"
	"sync"

	"github.com/redisimnest/rin/backend"
)

// An operation is one command on one key, and what its reply means. Each is
// written once, as a value of this type: do carries it out at once, later queues
// it in a [Batch].
type operation[O, R any] struct {
	handle handle
	name   string
	op     *O         // a command of package backend
	before backend.Op // sent ahead of op, where there is one
	err    error      // why it can't be sent, if it can't
	result func(handle, *O) (R, error)
}

// do carries out an operation in a round trip of its own.
func do[O, R any](ctx context.Context, o operation[O, R]) (R, error) {
	if o.before != nil {
		return perform(ctx, &o, o.before, any(o.op).(backend.Op))
	}
	return perform(ctx, &o, any(o.op).(backend.Op))
}

func perform[O, R any](ctx context.Context, o *operation[O, R], ops ...backend.Op) (value R, err error) {
	if err = o.check(); err == nil {
		err = o.handle.place.store.backend.Exec(ctx, ops...)
	}
	if err != nil {
		return value, o.handle.fail(o.name, err)
	}
	return o.finish()
}

// check is why the operation can't be sent, if it can't.
func (o *operation[O, R]) check() error {
	if err := o.handle.check(); err != nil {
		return err
	}
	return o.err
}

// finish is the result of an op that has run without an error.
func (o *operation[O, R]) finish() (R, error) {
	value, err := o.result(o.handle, o.op)
	if err != nil {
		return value, o.handle.fail(o.name, err)
	}
	return value, nil
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
func read[R any](ctx context.Context, h handle, name string, result func(handle, *backend.Get) (R, error)) (value R, err error) {
	if err = h.check(); err == nil {
		c := gets.Get().(*call[backend.Get])
		h.access(&c.op)
		if err = h.place.store.backend.Exec(ctx, c.ops[:]...); err == nil {
			value, err = result(h, &c.op)
		}
		c.free(&gets)
	}
	if err != nil {
		return value, h.fail(name, err)
	}
	return value, nil
}
