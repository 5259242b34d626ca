package rin

import (
	"context"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/codec"
	"github.com/redisimnest/rin/internal/flight"
)

// store is an opened schema: the declaration, resolved, and the backend that it
// is bound to.
type store struct {
	backend  backend.Backend
	registry *codec.Registry
	logger   *slog.Logger
	pageSize int
	now      func() time.Time
	root     *place
	closed   atomic.Bool
	flights  flight.Group[flightKey]
	turns    turns
}

// exec carries out ops in one round trip. It and transact are the only callers of
// the backend's Exec and Transact: everything that an operation sends passes here.
func (s *store) exec(ctx context.Context, ops ...backend.Op) error {
	if s.closed.Load() {
		return backend.FailAll(ops, ErrClosed)
	}
	return s.backend.Exec(ctx, ops...)
}

// transact carries out ops as one transaction.
func (s *store) transact(ctx context.Context, ops ...backend.Op) error {
	if s.closed.Load() {
		return backend.FailAll(ops, ErrClosed)
	}
	return backend.Transact(ctx, s.backend, ops...)
}

// scan yields the keys that begin with prefix. A key that does not would be
// another scope's, so what a backend says is not taken on trust.
func (s *store) scan(ctx context.Context, prefix string) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		if s.closed.Load() {
			yield(nil, ErrClosed)
			return
		}
		for page, err := range backend.ScanPages(ctx, s.backend, prefix, s.pageSize) {
			page = slices.DeleteFunc(page, func(key string) bool { return !strings.HasPrefix(key, prefix) })
			if !yield(page, err) {
				return
			}
		}
	}
}
