package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"sync"
	"text/tabwriter"

	"github.com/redisimnest/rin/backend"
)

// Metrics is a backend around another one that counts what passes through.
type Metrics struct {
	next backend.Backend

	mu     sync.Mutex
	counts map[Label]Counts
}

// Label is what operations are counted by. The pattern is the declared one, so
// that there are as many labels as declared keys, and no user data in them.
type Label struct{ Pattern, Op string }

// Counts are the numbers of one label.
type Counts struct{ Calls, Errors int }

// New returns a backend that counts, and passes everything on to next.
func New(next backend.Backend) *Metrics {
	return &Metrics{next: next, counts: map[Label]Counts{}}
}

// Exec passes the ops on, and counts each of them afterwards.
func (m *Metrics) Exec(ctx context.Context, ops ...backend.Op) error {
	err := m.next.Exec(ctx, ops...)
	m.count(ops)
	return err
}

func (m *Metrics) count(ops []backend.Op) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, op := range ops {
		label := Label{backend.Pattern(op), backend.Name(op)}
		c := m.counts[label]
		c.Calls++
		if backend.Err(op) != nil {
			c.Errors++
		}
		m.counts[label] = c
	}
}

// Scan passes the walk on. Its pages are no ops, so nothing is counted.
func (m *Metrics) Scan(ctx context.Context, prefix string) iter.Seq2[[]string, error] {
	return m.next.Scan(ctx, prefix)
}

// Print writes a line for each label, sorted.
func (m *Metrics) Print(w io.Writer) error {
	m.mu.Lock()
	counts := maps.Clone(m.counts)
	m.mu.Unlock()

	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, label := range slices.SortedFunc(maps.Keys(counts), byPattern) {
		c := counts[label]
		fmt.Fprintf(table, "%s\t%s\t%d calls\t%d errors\n", label.Pattern, label.Op, c.Calls, c.Errors)
	}
	return table.Flush()
}

func byPattern(a, b Label) int {
	return cmp.Or(cmp.Compare(a.Pattern, b.Pattern), cmp.Compare(a.Op, b.Op))
}
