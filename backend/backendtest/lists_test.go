package backendtest

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/memstore"
)

// lists is a memstore whose keys can hold another kind of value, and lie in
// slots, so that the suite's own tests leave out none of its cases.
type lists struct {
	*memstore.Store
	mu sync.Mutex // between the look at a key's kind and the op
}

// list is the value by which a list is known.
const list = "\x00a list\x00"

func newLists() *lists { return &lists{Store: memstore.New()} }

// push makes key a list.
func (l *lists) push(t testing.TB, key string) {
	if err := l.Store.Exec(t.Context(), &backend.Set{Key: key, Value: []byte(list)}); err != nil {
		t.Fatal(err)
	}
}

func (l *lists) Exec(ctx context.Context, ops ...backend.Op) error {
	if err := backend.Ended(ctx, ops); err != nil {
		return err
	}
	for _, op := range ops {
		l.exec(ctx, op)
	}
	return backend.FirstErr(ops)
}

func (l *lists) exec(ctx context.Context, op backend.Op) {
	l.mu.Lock()
	defer l.mu.Unlock()

	if l.refuses(ctx, op) {
		return
	}
	_ = l.Store.Exec(ctx, op) // the op has the error
}

func (l *lists) Transact(ctx context.Context, ops ...backend.Op) error {
	if err := backend.Ended(ctx, ops); err != nil {
		return err
	}
	if err := backend.CheckSlot(ops); err != nil {
		return backend.FailAll(ops, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()

	fine := slices.DeleteFunc(slices.Clone(ops), func(op backend.Op) bool { return l.refuses(ctx, op) })
	_ = l.Store.Transact(ctx, fine...) // the ops have the error
	return backend.FirstErr(ops)
}

// refuses fails op if it wants a string of a key that holds a list.
func (l *lists) refuses(ctx context.Context, op backend.Op) bool {
	key, wants := stringOf(op)
	refused := wants && l.isList(ctx, key)
	if refused {
		backend.Fail(op, backend.ErrWrongKind)
	}
	return refused
}

// stringOf is the key of which op wants a string, if it does of one.
func stringOf(op backend.Op) (key string, wants bool) {
	switch o := op.(type) {
	case *backend.Get, *backend.Take, *backend.CompareAndSwap, *backend.CompareAndDelete:
		return backend.Key(op), true
	case *backend.Set:
		return o.Key, o.ReturnOld
	case *backend.SetLocked:
		return o.Lock, true
	default:
		return "", false
	}
}

func (l *lists) isList(ctx context.Context, key string) bool {
	get := &backend.Get{Key: key}
	return l.Store.Exec(ctx, get) == nil && string(get.Value) == list
}
