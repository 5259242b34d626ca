// Package adapter is a backend of rin on redigo, a client that rin has no adapter
// for: all of it, for one server. It is a module of its own, so that rin does not
// depend on redigo.
package adapter

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"strconv"

	"github.com/gomodule/redigo/redis"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/walk"
	"github.com/redisimnest/rin/backend/wire"
)

// Backend is a store of keys behind a pool of redigo. Give the pool's connections
// a write timeout: redigo heeds a context while it reads, but not while it writes.
type Backend struct{ pool *redis.Pool }

var (
	_ backend.Backend    = (*Backend)(nil)
	_ backend.Pager      = (*Backend)(nil)
	_ backend.Transactor = (*Backend)(nil)
)

// New returns a Backend on pool, which stays the caller's.
func New(pool *redis.Pool) *Backend { return &Backend{pool} }

// Exec sends the commands of all ops, and then reads their replies.
func (b *Backend) Exec(ctx context.Context, ops ...backend.Op) error {
	return b.with(ctx, ops, func(conn redis.Conn) {
		send(conn, ops)
		for _, op := range ops {
			r, err := receive(ctx, conn)
			settle(ctx, op, r, err)
		}
	})
}

// Transact sends MULTI first: a server that refuses it would carry out what came
// behind it one by one.
func (b *Backend) Transact(ctx context.Context, ops ...backend.Op) error {
	return b.with(ctx, ops, func(conn redis.Conn) {
		if _, err := redis.DoContext(conn, ctx, "MULTI"); err != nil {
			backend.FailAll(ops, backend.Unsent(ctx, err))
			return
		}
		send(conn, ops, "EXEC")
		for _, op := range ops {
			if queued, err := receive(ctx, conn); err != nil || queued.Err != nil {
				settle(ctx, op, queued, err)
			}
		}
		done, err := receive(ctx, conn)
		if err == nil && done.Err == nil {
			_, err = done.Array(len(ops))
		}
		for i, op := range ops {
			switch {
			case backend.Err(op) != nil: // It was refused, so all were discarded.
			case err != nil || done.Err != nil:
				settle(ctx, op, done, err)
			default:
				backend.Answer(op, done.Elems[i])
			}
		}
		backend.Discarded(ops)
	})
}

// with gives f a connection that ops can be sent on, if there is one.
func (b *Backend) with(ctx context.Context, ops []backend.Op, f func(redis.Conn)) error {
	if err := backend.Ended(ctx, ops); err != nil || len(ops) == 0 {
		return err
	}
	conn, err := b.conn(ctx)
	if err != nil {
		return backend.FailAll(ops, backend.Unsent(ctx, err))
	}
	defer conn.Close()
	f(conn)
	return backend.FirstErr(ops)
}

func (b *Backend) conn(ctx context.Context) (redis.Conn, error) {
	if b.pool == nil {
		return nil, errors.New("adapter: the pool is nil; give New a *redis.Pool")
	}
	return b.pool.GetContext(ctx)
}

// send sends the ops' commands, and others without arguments. What keeps them from
// being sent breaks the connection, and receive finds it broken.
func send(conn redis.Conn, ops []backend.Op, others ...string) {
	for _, op := range ops {
		c := backend.Command(op)
		args := make([]any, len(c.Words)-1)
		for i := range args {
			args[i] = c.Words[i+1].Any()
		}
		_ = conn.Send(c.Words[0].String(), args...)
		c.Free()
	}
	for _, name := range others {
		_ = conn.Send(name)
	}
	_ = conn.Flush()
}

// receive reads a reply, or the error reply of the server. The error is that of
// the connection.
func receive(ctx context.Context, conn redis.Conn) (wire.Reply, error) {
	v, err := redis.ReceiveContext(conn, ctx)
	var refused redis.Error
	switch {
	case errors.As(err, &refused):
		return reply(refused), nil
	case err != nil:
		return wire.Reply{}, cmp.Or(conn.Err(), err) // What broke it, not that it is broken.
	}
	return reply(v), nil
}

// settle gives op the reply to its command, or the error that it was lost.
func settle(ctx context.Context, op backend.Op, r wire.Reply, err error) {
	if err != nil {
		backend.Fail(op, backend.Lost(ctx, op, err))
	} else {
		backend.Answer(op, r)
	}
}

// reply is a reply as redigo reads it.
func reply(v any) wire.Reply {
	switch v := v.(type) {
	case string:
		return wire.Reply{Text: v}
	case []byte:
		return wire.Reply{Text: string(v)}
	case int64:
		return wire.Reply{Text: strconv.FormatInt(v, 10)}
	case redis.Error:
		return wire.Reply{Err: v}
	case []any:
		elems := make([]wire.Reply, len(v))
		for i := range v {
			elems[i] = reply(v[i])
		}
		return wire.ArrayOf(elems...)
	}
	return wire.Reply{Nil: true}
}

// Scan walks the keys that begin with prefix, as package walk does: to the end, or
// to an error.
func (b *Backend) Scan(ctx context.Context, prefix string) iter.Seq2[[]string, error] {
	return b.ScanPages(ctx, prefix, backend.DefaultPageSize)
}

// ScanPages is Scan with size keys looked at per round trip.
func (b *Backend) ScanPages(ctx context.Context, prefix string, size int) iter.Seq2[[]string, error] {
	return walk.Walk{Prefix: prefix, Size: size, Patience: walk.Patience}.Server(ctx, node{b})
}

// node is the server, for a walk.
type node struct{ *Backend }

// Do sends commands that only read, and reads their replies.
func (n node) Do(ctx context.Context, commands ...[]string) ([]wire.Reply, error) {
	conn, err := n.conn(ctx)
	if err != nil {
		return nil, backend.Unsent(ctx, err)
	}
	defer conn.Close()
	for _, words := range commands {
		_ = conn.Send(words[0], redis.Args{}.AddFlat(words[1:])...)
	}
	_ = conn.Flush() // What keeps them from being sent breaks the connection.
	replies := make([]wire.Reply, len(commands))
	for i := range replies {
		if replies[i], err = receive(ctx, conn); err != nil {
			return nil, backend.Unsent(ctx, err)
		}
	}
	return replies, nil
}
