package rin_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/codec"
	"github.com/redisimnest/rin/memstore"
)

// Structures to copy, and others of the same types that keep them in another way.
var (
	fromCounter = rin.Counter[int]("counter")
	fromHash    = rin.Hash[string, player]("hash")
	fromList    = rin.List[player]("list")
	fromSet     = rin.Set[string]("set")
	fromSorted  = rin.SortedSet[string]("sorted")
	toCounter   = rin.Counter[int]("counter", rin.TTL(time.Hour))
	toHash      = rin.Hash[string, player]("hash", rin.TTL(time.Hour), rin.Transforms(deflate{}))
	toList      = rin.List[player]("list", rin.TTL(time.Hour), rin.Codec(codec.Gob), rin.MaxLen(2))
	toSet       = rin.Set[string]("set", rin.TTL(time.Hour))
	toSorted    = rin.SortedSet[string]("sorted", rin.TTL(time.Hour), rin.MaxLen(2))
	toLowest    = rin.SortedSet[string]("lowest", rin.MaxLen(2), rin.KeepLowest())
	fromCluster = rin.Cluster("from:<id>", rin.Child(fromCounter, fromHash, fromList, fromSet, fromSorted))
	toCluster   = rin.Cluster("to:<id>", rin.Child(toCounter, toHash, toList, toSet, toSorted, toLowest))
	carryRoot   = rin.Cluster("root", rin.Child(fromCluster, toCluster))
)

// A carry is the way of one kind of structure from one place to another.
type carry struct {
	fill       func(ctx context.Context) error
	copy, move func(ctx context.Context, opts ...rin.CopyOption) (bool, error)
	// what the two hold, as it prints
	source, dest func(ctx context.Context) string
	change       func(ctx context.Context) error
	left         func(ctx context.Context) string
	want         string
}

func carries(from, to *rin.Scope) map[string]carry {
	c, h, l, s, z := fromCounter.At(from), fromHash.At(from), fromList.At(from), fromSet.At(from), fromSorted.At(from)
	c2, h2, l2, s2, z2, low := toCounter.At(to), toHash.At(to), toList.At(to), toSet.At(to), toSorted.At(to), toLowest.At(to)
	members := func(ctx context.Context, e rin.SetEntry[string]) string { return inOrder(e.Members(ctx)) }
	fillSorted := func(ctx context.Context) error {
		return second(z.AddMany(ctx, rin.Scored[string]{"a", 1}, rin.Scored[string]{"b", 2.5}, rin.Scored[string]{"c", 1e10}))
	}
	return map[string]carry{
		"counter": {
			func(ctx context.Context) error { return second(c.Add(ctx, 7)) },
			func(ctx context.Context, opts ...rin.CopyOption) (bool, error) { return c.CopyTo(ctx, c2, opts...) },
			func(ctx context.Context, opts ...rin.CopyOption) (bool, error) { return c.MoveTo(ctx, c2, opts...) },
			func(ctx context.Context) string { return said(c.Get(ctx)) },
			func(ctx context.Context) string { return said(c2.Get(ctx)) },
			func(ctx context.Context) error { return second(c.Add(ctx, 1)) },
			func(ctx context.Context) string { return lasting(ctx, c2) },
			"7",
		},
		"hash": {
			func(ctx context.Context) error {
				return second(h.SetMany(ctx, map[string]player{"x": {Name: "Ann"}, "y": {Name: "Bob"}}))
			},
			func(ctx context.Context, opts ...rin.CopyOption) (bool, error) { return h.CopyTo(ctx, h2, opts...) },
			func(ctx context.Context, opts ...rin.CopyOption) (bool, error) { return h.MoveTo(ctx, h2, opts...) },
			func(ctx context.Context) string { return said(h.All(ctx)) },
			func(ctx context.Context) string { return said(h2.All(ctx)) },
			func(ctx context.Context) error { return second(h.Set(ctx, "x", player{Name: "Eve"})) },
			func(ctx context.Context) string { return lasting(ctx, h2) },
			"map[x:{Ann } y:{Bob }]",
		},
		"list": {
			func(ctx context.Context) error {
				return second(l.Push(ctx, player{Name: "Ann"}, player{Name: "Bob"}, player{Name: "Bob"}))
			},
			func(ctx context.Context, opts ...rin.CopyOption) (bool, error) { return l.CopyTo(ctx, l2, opts...) },
			func(ctx context.Context, opts ...rin.CopyOption) (bool, error) { return l.MoveTo(ctx, l2, opts...) },
			func(ctx context.Context) string { return said(l.All(ctx)) },
			func(ctx context.Context) string { return said(l2.All(ctx)) },
			func(ctx context.Context) error { return second(l.Push(ctx, player{Name: "Eve"})) },
			func(ctx context.Context) string { return lasting(ctx, l2) },
			"[{Bob } {Bob }]",
		},
		"set": {
			func(ctx context.Context) error { return second(s.Add(ctx, "b", "a", "c")) },
			func(ctx context.Context, opts ...rin.CopyOption) (bool, error) { return s.CopyTo(ctx, s2, opts...) },
			func(ctx context.Context, opts ...rin.CopyOption) (bool, error) { return s.MoveAllTo(ctx, s2, opts...) },
			func(ctx context.Context) string { return members(ctx, s) },
			func(ctx context.Context) string { return members(ctx, s2) },
			func(ctx context.Context) error { return second(s.Add(ctx, "d")) },
			func(ctx context.Context) string { return lasting(ctx, s2) },
			"[a b c]",
		},
		"sorted set": {
			fillSorted,
			func(ctx context.Context, opts ...rin.CopyOption) (bool, error) { return z.CopyTo(ctx, z2, opts...) },
			func(ctx context.Context, opts ...rin.CopyOption) (bool, error) { return z.MoveTo(ctx, z2, opts...) },
			func(ctx context.Context) string { return said(z.Bottom(ctx, 9)) },
			func(ctx context.Context) string { return said(z2.Bottom(ctx, 9)) },
			func(ctx context.Context) error { return second(z.Increment(ctx, "a", 1)) },
			func(ctx context.Context) string { return lasting(ctx, z2) },
			"[b: 2.5 c: 1e+10]",
		},
		"sorted set, from below": {
			fillSorted,
			func(ctx context.Context, opts ...rin.CopyOption) (bool, error) { return z.CopyTo(ctx, low, opts...) },
			func(ctx context.Context, opts ...rin.CopyOption) (bool, error) { return z.MoveTo(ctx, low, opts...) },
			func(ctx context.Context) string { return said(z.Bottom(ctx, 9)) },
			func(ctx context.Context) string { return said(low.Bottom(ctx, 9)) },
			func(ctx context.Context) error { return second(z.Increment(ctx, "a", 1)) },
			func(context.Context) string { return "1h0m0s" },
			"[a: 1 b: 2.5]",
		},
	}
}

func TestCopy_structures(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root := mustOpen(t, carryRoot, r)
		from, to := fromCluster.At(root, 1), toCluster.At(root, 2)
		all := carries(from, to)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			c, ctx := all[name], t.Context()
			if copied, err := c.copy(ctx); copied || !errors.Is(err, rin.ErrNotFound) {
				t.Errorf("%s: a copy of nothing: %t, %v", name, copied, err)
			}
			check(t, c.fill(ctx))
			full := c.source(ctx)
			checkTold(t, []telling{
				{name + ": copy", said(c.copy(ctx)) + " " + c.dest(ctx) + " " + c.left(ctx), "true " + c.want + " 1h0m0s"},
				{name + ": the source", c.source(ctx), full},
				{name + ": copy again", said(c.copy(ctx)), "false"},
				{name + ": move onto it", said(c.move(ctx)) + " " + c.source(ctx), "false " + full},
				{name + ": move over it", said(c.move(ctx, rin.Overwrite())) + " " + c.dest(ctx) + " " + c.left(ctx), "true " + c.want + " 1h0m0s"},
				{name + ": no option", said(c.move(ctx, nil)), "!an option of the copy is nil"},
			})
			if copied, err := c.copy(ctx); copied || !errors.Is(err, rin.ErrNotFound) {
				t.Errorf("%s: the source is there after a move: %t, %v", name, copied, err)
			}
		}
	})
}

// What changes between the copy and its end is not lost: both stay.
func TestCopy_structureChanges(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		var change func()
		spied := &spy{Backend: r.Backend}
		root := mustOpen(t, carryRoot, spied)
		behind := mustOpen(t, carryRoot, r)
		for name, c := range carries(fromCluster.At(root, 1), toCluster.At(root, 2)) {
			ctx, unseen := t.Context(), carries(fromCluster.At(behind, 1), toCluster.At(behind, 2))[name]
			check(t, unseen.fill(ctx))
			spied.fail = func(op backend.Op) error {
				if strings.HasPrefix(backend.Name(op), "delete unchanged") || strings.HasPrefix(backend.Name(op), "compare and delete") {
					change()
				}
				return nil
			}
			change = func() { check(t, unseen.change(ctx)) }
			moved, err := c.move(ctx, rin.Overwrite())
			if moved || !errors.Is(err, rin.ErrConflict) {
				t.Errorf("%s: moved %t, %v; want a conflict", name, moved, err)
			}
			if got := c.dest(ctx); got != c.want {
				t.Errorf("%s: the destination holds %s, want %s", name, got, c.want)
			}
			if c.source(ctx) == "" {
				t.Errorf("%s: the source is gone", name)
			}
			check(t, second(root.Clear(ctx)))
		}
	})
}

// A structure is carried from one store to another; what can't be decoded, or is no
// structure of its kind, is not.
func TestCopy_structureElsewhere(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		ctx, far := t.Context(), toCluster.At(mustOpen(t, carryRoot, memstore.New()), 2)
		near := fromCluster.At(mustOpen(t, carryRoot, r), 1)
		for name, c := range carries(near, far) {
			check(t, c.fill(ctx))
			if got := said(c.move(ctx, rin.Overwrite())) + " " + c.dest(ctx); got != "true "+c.want {
				t.Errorf("%s: %s", name, got)
			}
		}
		l := fromList.At(near)
		check(t, second(l.Push(ctx, player{Name: "Ann"})))
		r.list(l.Key()) // "element" is no player
		checkTold(t, []telling{
			{"an element that can't be decoded", said(l.MoveTo(ctx, toList.At(far), rin.Overwrite())), "!element"},
			{"is left with the others", said(l.Len(ctx)), "2"},
			{"itself", said(l.CopyTo(ctx, l)), "!the destination is the entry itself"},
			{"nowhere", said(l.CopyTo(ctx, rin.ListEntry[player]{})), "!the destination: the entry is not bound"},
		})
	})
}
