package backendtest

import (
	"context"
	"strconv"
	"sync"
	"testing"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/wire"
	"github.com/redisimnest/rin/memstore"
)

// lists is a memstore whose keys lie in slots, and that knows some commands, so that
// the suite's own tests leave out none of its cases.
type lists struct {
	*memstore.Store
	mu   sync.Mutex // between the look at a key's kind and the op
	hash [][]byte   // the only one there is
}

func newLists() *lists { return &lists{Store: memstore.New()} }

// push makes key a list.
func (l *lists) push(t testing.TB, key string) {
	if err := l.Store.Exec(t.Context(), &backend.RPush{Key: key, Values: [][]byte{[]byte("an element")}}); err != nil {
		t.Fatal(err)
	}
}

func (l *lists) Exec(ctx context.Context, ops ...backend.Op) error {
	if err := backend.Ended(ctx, ops); err != nil {
		return err
	}
	if err := backend.CheckSlots(ops); err != nil {
		return backend.FailAll(ops, err)
	}
	for _, op := range ops {
		l.mu.Lock()
		l.exec(ctx, op)
		l.mu.Unlock()
	}
	return backend.FirstErr(ops)
}

func (l *lists) Transact(ctx context.Context, ops ...backend.Op) error {
	if err := backend.Ended(ctx, ops); err != nil {
		return err
	}
	if err := backend.CheckSlot(ops); err != nil {
		return backend.FailAll(ops, err)
	}
	for o := range only[*backend.Do](ops) {
		if commands[o.Command[0]] == nil {
			return backend.FailAll(ops, backend.ErrUnsupported)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, op := range ops {
		l.exec(ctx, op)
	}
	return backend.FirstErr(ops)
}

// exec carries out an op, under the lock.
func (l *lists) exec(ctx context.Context, op backend.Op) {
	if o, ok := op.(*backend.Do); ok {
		l.do(ctx, o)
		return
	}
	_ = l.Store.Exec(ctx, op) // the op has the error
}

// commands are the commands that the store knows, as far as the suite sends them.
var commands = map[string]func(ctx context.Context, l *lists, o *backend.Do){
	"STRLEN": func(ctx context.Context, l *lists, o *backend.Do) {
		o.Reply = number(len(l.get(ctx, o.Key)))
	},
	"APPEND": func(ctx context.Context, l *lists, o *backend.Do) {
		value := l.get(ctx, o.Key) + string(o.Args[0])
		_ = l.Store.Exec(ctx, &backend.Set{Key: o.Key, Value: []byte(value), KeepTTL: true})
		o.Reply = number(len(value))
	},
	"SADD": func(ctx context.Context, l *lists, o *backend.Do) {
		_ = l.Store.Exec(ctx, &backend.SAdd{Key: o.Key, Members: o.Args})
		o.Reply = number(len(o.Args))
	},
	"HSET": func(_ context.Context, l *lists, o *backend.Do) {
		l.hash = o.Args
		o.Reply = number(len(o.Args) / 2)
	},
	"HGETALL": func(_ context.Context, l *lists, o *backend.Do) {
		o.Reply = wire.ArrayOf()
		for _, arg := range l.hash {
			o.Reply.Elems = append(o.Reply.Elems, wire.Reply{Text: string(arg)})
		}
	},
	"EVAL": func(_ context.Context, _ *lists, o *backend.Do) { o.Reply = nested },
}

func number(n int) wire.Reply { return wire.Reply{Text: strconv.Itoa(n)} }

// do carries out a command.
func (l *lists) do(ctx context.Context, o *backend.Do) {
	command := commands[o.Command[0]]
	if command == nil {
		backend.Fail(o, backend.ErrUnsupported)
		return
	}
	command(ctx, l, o)
	if o.TTL > 0 {
		_ = l.Store.Exec(ctx, &backend.Expire{Key: o.Key, TTL: o.TTL})
	}
}

func (l *lists) get(ctx context.Context, key string) string {
	get := &backend.Get{Key: key}
	_ = l.Store.Exec(ctx, get)
	return string(get.Value)
}
