package main

import (
	"context"
	"iter"
	"time"

	"github.com/redisimnest/rin/backend"
)

// What the backend behind may be able to do besides, a decorator passes on.
var (
	_ backend.Pager      = (*Metrics)(nil)
	_ backend.Transactor = (*Metrics)(nil)
	_ backend.Clock      = (*Metrics)(nil)
)

// ScanPages passes the size of pages on, if the backend behind takes one.
func (m *Metrics) ScanPages(ctx context.Context, prefix string, size int) iter.Seq2[[]string, error] {
	return backend.ScanPages(ctx, m.next, prefix, size)
}

// Transact passes a transaction on, and counts its ops as Exec does.
func (m *Metrics) Transact(ctx context.Context, ops ...backend.Op) error {
	err := backend.Transact(ctx, m.next, ops...)
	m.count(ops)
	return err
}

// Now is the time by the clock of the backend behind.
func (m *Metrics) Now() time.Time { return backend.Now(m.next) }
