package rin

import (
	"sync"

	"github.com/redisimnest/rin/backend"
)

// A getCall is a Get together with the batch of one that carries it. Reads and
// writes of single values are hot, so both live in pools: an op that is handed
// to a backend is always on the heap.
type getCall struct {
	op  backend.Get
	ops [1]backend.Op
}

var getCalls = sync.Pool{New: func() any {
	c := new(getCall)
	c.ops[0] = &c.op
	return c
}}

func newGetCall() *getCall { return getCalls.Get().(*getCall) }

func (c *getCall) free() {
	c.op = backend.Get{}
	getCalls.Put(c)
}

// A setCall is a Set, its batch of one, and the buffer that its value is
// encoded into.
type setCall struct {
	op  backend.Set
	ops [1]backend.Op
	buf []byte
}

// maxPooledBuffer bounds what one large value keeps from the collector.
const maxPooledBuffer = 64 << 10

var setCalls = sync.Pool{New: func() any {
	c := new(setCall)
	c.ops[0] = &c.op
	return c
}}

func newSetCall() *setCall { return setCalls.Get().(*setCall) }

func (c *setCall) free() {
	c.op = backend.Set{}
	if cap(c.buf) > maxPooledBuffer {
		c.buf = nil
	}
	setCalls.Put(c)
}
