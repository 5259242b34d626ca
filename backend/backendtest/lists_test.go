package backendtest

import (
	"context"
	"sync"
	"testing"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/memstore"
)

// lists is a memstore whose keys can hold another kind of value, so that the
// suite's own tests leave out none of its cases.
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

	if wantsString(op) && l.isList(ctx, backend.Key(op)) {
		backend.Fail(op, backend.ErrWrongKind)
		return
	}
	_ = l.Store.Exec(ctx, op) // the op has the error
}

func wantsString(op backend.Op) bool {
	switch o := op.(type) {
	case *backend.Get, *backend.Take:
		return true
	case *backend.Set:
		return o.ReturnOld
	default:
		return false
	}
}

func (l *lists) isList(ctx context.Context, key string) bool {
	get := &backend.Get{Key: key}
	return l.Store.Exec(ctx, get) == nil && string(get.Value) == list
}
