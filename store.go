package rin

import (
	"context"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/codec"
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
	flights  flights
	turns    turns
}

// scan yields the keys that begin with prefix. A key that does not would be
// another scope's, so what a backend says is not taken on trust.
func (s *store) scan(ctx context.Context, prefix string) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for page, err := range backend.ScanPages(ctx, s.backend, prefix, s.pageSize) {
			page = slices.DeleteFunc(page, func(key string) bool { return !strings.HasPrefix(key, prefix) })
			if !yield(page, err) {
				return
			}
		}
	}
}

// logged is a backend that logs each operation.
type logged struct {
	backend.Backend
	logger *slog.Logger
}

// Exec runs the ops and logs each of them with the time that all of them took.
func (l logged) Exec(ctx context.Context, ops ...backend.Op) error {
	start := time.Now()
	err := l.Backend.Exec(ctx, ops...)
	l.logOps(ctx, ops, time.Since(start))
	return err
}

func (l logged) logOps(ctx context.Context, ops []backend.Op, took time.Duration) {
	if !l.logger.Enabled(ctx, slog.LevelDebug) {
		return
	}
	for _, op := range ops {
		l.log(ctx, backend.Name(op), backend.Pattern(op), backend.Key(op), took, backend.Err(op))
	}
}

// Transact runs the ops as one transaction and logs as Exec does.
func (l logged) Transact(ctx context.Context, ops ...backend.Op) error {
	start := time.Now()
	err := backend.Transact(ctx, l.Backend, ops...)
	l.logOps(ctx, ops, time.Since(start))
	return err
}

// Scan walks and logs in pages of the usual size.
func (l logged) Scan(ctx context.Context, prefix string) iter.Seq2[[]string, error] {
	return l.ScanPages(ctx, prefix, backend.DefaultPageSize)
}

// ScanPages logs each page with the time that it took to come.
func (l logged) ScanPages(ctx context.Context, prefix string, size int) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		start := time.Now()
		for page, err := range backend.ScanPages(ctx, l.Backend, prefix, size) {
			l.log(ctx, "scan", "", prefix, time.Since(start), err)
			if !yield(page, err) {
				return
			}
			start = time.Now()
		}
	}
}

func (l logged) log(ctx context.Context, op, pattern, key string, took time.Duration, err error) {
	attrs := []slog.Attr{
		slog.String("op", op), slog.String("pattern", pattern), slog.String("key", key), slog.Duration("took", took),
	}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	l.logger.LogAttrs(ctx, slog.LevelDebug, "rin", attrs...)
}
