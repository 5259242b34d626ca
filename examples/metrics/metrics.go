package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"text/tabwriter"

	"github.com/redisimnest/rin/backend"
)

// Metrics counts the ops that a backend carries out. [Metrics.Around] has it
// stand before one.
type Metrics struct {
	mu     sync.Mutex
	counts map[Label]Counts
}

// Label is what operations are counted by. The pattern is the declared one, so
// that there are as many labels as declared keys, and no user data in them.
type Label struct{ Pattern, Op string }

// Counts are the numbers of one label.
type Counts struct{ Calls, Errors int }

// New returns metrics that have counted nothing.
func New() *Metrics { return &Metrics{counts: map[Label]Counts{}} }

// Around is b, of which all ops are counted. Walks are no ops, and not counted.
func (m *Metrics) Around(b backend.Backend) backend.Backend {
	return backend.Intercept(b, func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		err := next(ctx, ops)
		m.count(ops)
		return err
	})
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
