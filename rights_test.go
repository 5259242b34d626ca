package rin_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/goredis"
	"github.com/redisimnest/rin/internal/servertest"
	"github.com/redisimnest/rin/memstore"
)

// rightsPage has the table that the test below makes.
const rightsPage = "docs/rights.md"

var (
	rightsAge    = rin.Key[int]("age")
	rightsSlide  = rin.Key[int]("slide", rin.Renew(rin.OnAccess))
	rightsWindow = rin.Key[int]("window", rin.Renew(rin.Never))
	rightsCount  = rin.Counter[int]("count")
	rightsHash   = rin.Hash[string, int]("hash")
	rightsFields = rin.Hash[string, int]("fields", rin.FieldTTL(time.Hour))
	rightsList   = rin.List[string]("list", rin.MaxLen(5))
	rightsOther  = rin.List[string]("other")
	rightsSet    = rin.Set[string]("set")
	rightsMore   = rin.Set[string]("more")
	rightsSorted = rin.SortedSet[string]("sorted", rin.MaxLen(5))
	rightsLock   = rin.Lock("lock")
	rightsOnce   = rin.Once[int]("once", rin.TTL(time.Hour))
	rightsLimit  = rin.Limiter("limit", rin.Rate(100, time.Minute))
	rightsRoot   = rin.Cluster("root", rin.TTL(time.Hour), rin.Child(rightsAge, rightsSlide, rightsWindow,
		rightsCount, rightsHash, rightsFields, rightsList, rightsOther, rightsSet, rightsMore, rightsSorted, rightsLock, rightsOnce, rightsLimit))
)

// fillRights makes the structures hold something.
func fillRights(t *testing.T, root *rin.Scope) {
	t.Helper()
	ctx := t.Context()
	check(t, second(rightsFields.At(root).Set(ctx, "a", 1, rin.FieldTTL(rin.NoExpiry))))
	check(t, second(rightsCount.At(root).Add(ctx, 1)), second(rightsHash.At(root).Set(ctx, "a", 1)), second(rightsList.At(root).Push(ctx, "a", "b", "c")),
		second(rightsSet.At(root).Add(ctx, "a", "b", "c")), second(rightsMore.At(root).Add(ctx, "c")), second(rightsSorted.At(root).Add(ctx, "a", 1)))
}

// third is the error of what returns two results.
func third[A, B any](_ A, _ B, err error) error { return err }

// copied is the error of a copy, if there was something to copy.
func copied(_ bool, err error) error {
	if errors.Is(err, rin.ErrNotFound) {
		return nil
	}
	return err
}

// structureRights are the operations of structures, with a TTL.
func structureRights() (rows []right) {
	type run = func(ctx context.Context, root *rin.Scope) error
	add := func(structure string, ops map[string]run) {
		for _, name := range slices.Sorted(maps.Keys(ops)) {
			rows = append(rows, right{structure + ": " + name, ops[name]})
		}
	}
	c, h, f, l, s, z := rightsCount.At, rightsHash.At, rightsFields.At, rightsList.At, rightsSet.At, rightsSorted.At
	add("counter", map[string]run{
		"get":   func(ctx context.Context, root *rin.Scope) error { return second(c(root).Get(ctx)) },
		"set":   func(ctx context.Context, root *rin.Scope) error { return c(root).Set(ctx, 1) },
		"add":   func(ctx context.Context, root *rin.Scope) error { return second(c(root).Add(ctx, 1)) },
		"reset": func(ctx context.Context, root *rin.Scope) error { return second(c(root).Reset(ctx)) },
		"add capped": func(ctx context.Context, root *rin.Scope) error {
			return errors.Join(third(c(root).AddCapped(ctx, 9, 3)), third(c(root).AddCapped(ctx, 1, 3)))
		},
	})
	add("hash", map[string]run{
		"get":           func(ctx context.Context, root *rin.Scope) error { return third(h(root).Lookup(ctx, "a")) },
		"get many":      func(ctx context.Context, root *rin.Scope) error { return second(h(root).GetMany(ctx, "a")) },
		"all":           func(ctx context.Context, root *rin.Scope) error { return second(h(root).All(ctx)) },
		"set, set many": func(ctx context.Context, root *rin.Scope) error { return second(h(root).Set(ctx, "a", 1)) },
		"replace":       func(ctx context.Context, root *rin.Scope) error { return h(root).Replace(ctx, map[string]int{"b": 1}) },
		"set if absent": func(ctx context.Context, root *rin.Scope) error { return second(h(root).SetIfAbsent(ctx, "b", 1)) },
		"take":          func(ctx context.Context, root *rin.Scope) error { return third(h(root).Take(ctx, "a")) },
		"delete":        func(ctx context.Context, root *rin.Scope) error { return second(h(root).Delete(ctx, "a")) },
		"has":           func(ctx context.Context, root *rin.Scope) error { return second(h(root).Has(ctx, "a")) },
		"len":           func(ctx context.Context, root *rin.Scope) error { return second(h(root).Len(ctx)) },
		"add":           func(ctx context.Context, root *rin.Scope) error { return second(h(root).Add(ctx, "a", 1)) },
		"type":          func(ctx context.Context, root *rin.Scope) error { return second(h(root).Type(ctx)) },
		"each":          func(ctx context.Context, root *rin.Scope) error { return walked(h(root).Each(ctx)) },
		"set, set many, with a FieldTTL": func(ctx context.Context, root *rin.Scope) error {
			return second(f(root).Set(ctx, "a", 1))
		},
		"replace, with a FieldTTL": func(ctx context.Context, root *rin.Scope) error {
			return f(root).Replace(ctx, map[string]int{"b": 1})
		},
		"set if absent, with a FieldTTL": func(ctx context.Context, root *rin.Scope) error {
			return second(f(root).SetIfAbsent(ctx, "b", 1))
		},
		"add, with a FieldTTL": func(ctx context.Context, root *rin.Scope) error { return second(f(root).Add(ctx, "a", 1)) },
		"field ttl of":         func(ctx context.Context, root *rin.Scope) error { return second(f(root).FieldTTLOf(ctx, "a")) },
	})
	add("lock, semaphore", map[string]run{
		"acquire, do, release": func(ctx context.Context, root *rin.Scope) error {
			lease, err := rightsLock.At(root).TryAcquire(ctx, time.Hour)
			if err == nil {
				err = lease.Release(ctx)
			}
			return err
		},
		"holder": func(ctx context.Context, root *rin.Scope) error { return third(rightsLock.At(root).Holder(ctx)) },
		"break":  func(ctx context.Context, root *rin.Scope) error { return second(rightsLock.At(root).Break(ctx)) },
	})
	add("once", map[string]run{
		"do": func(ctx context.Context, root *rin.Scope) error {
			return third(rightsOnce.At(root).Do(ctx, func(context.Context) (int, error) { return 1, nil }))
		},
		"result": func(ctx context.Context, root *rin.Scope) error { return third(rightsOnce.At(root).Result(ctx)) },
		"forget": func(ctx context.Context, root *rin.Scope) error { return second(rightsOnce.At(root).Forget(ctx)) },
	})
	add("limiter", map[string]run{
		"allow, wait": func(ctx context.Context, root *rin.Scope) error { return second(rightsLimit.At(root).Allow(ctx)) },
		"peek":        func(ctx context.Context, root *rin.Scope) error { return second(rightsLimit.At(root).Peek(ctx)) },
		"reset":       func(ctx context.Context, root *rin.Scope) error { return second(rightsLimit.At(root).Reset(ctx)) },
	})
	add("list", map[string]run{
		"push":             func(ctx context.Context, root *rin.Scope) error { return second(l(root).Push(ctx, "d")) },
		"push front":       func(ctx context.Context, root *rin.Scope) error { return second(l(root).PushFront(ctx, "d")) },
		"pop, pop many":    func(ctx context.Context, root *rin.Scope) error { return third(l(root).Pop(ctx)) },
		"pop front":        func(ctx context.Context, root *rin.Scope) error { return third(l(root).PopFront(ctx)) },
		"at, peek":         func(ctx context.Context, root *rin.Scope) error { return third(l(root).At(ctx, 0)) },
		"set at":           func(ctx context.Context, root *rin.Scope) error { return second(l(root).SetAt(ctx, 0, "d")) },
		"range, all, each": func(ctx context.Context, root *rin.Scope) error { return second(l(root).All(ctx)) },
		"len":              func(ctx context.Context, root *rin.Scope) error { return second(l(root).Len(ctx)) },
		"trim":             func(ctx context.Context, root *rin.Scope) error { return l(root).Trim(ctx, 0, 1) },
		"remove":           func(ctx context.Context, root *rin.Scope) error { return second(l(root).Remove(ctx, "a", 0)) },
		"move": func(ctx context.Context, root *rin.Scope) error {
			return third(l(root).Move(ctx, rightsOther.At(root)))
		},
		"copy to": func(ctx context.Context, root *rin.Scope) error {
			return copied(l(root).CopyTo(ctx, rightsOther.At(root)))
		},
	})
	add("set", map[string]run{
		"add":      func(ctx context.Context, root *rin.Scope) error { return second(s(root).Add(ctx, "d")) },
		"replace":  func(ctx context.Context, root *rin.Scope) error { return s(root).Replace(ctx, []string{"d"}) },
		"remove":   func(ctx context.Context, root *rin.Scope) error { return second(s(root).Remove(ctx, "a")) },
		"has":      func(ctx context.Context, root *rin.Scope) error { return second(s(root).Has(ctx, "a")) },
		"has many": func(ctx context.Context, root *rin.Scope) error { return second(s(root).HasMany(ctx, "a")) },
		"len":      func(ctx context.Context, root *rin.Scope) error { return second(s(root).Len(ctx)) },
		"members":  func(ctx context.Context, root *rin.Scope) error { return second(s(root).Members(ctx)) },
		"each":     func(ctx context.Context, root *rin.Scope) error { return walked(s(root).Each(ctx)) },
		"pop":      func(ctx context.Context, root *rin.Scope) error { return second(s(root).Pop(ctx, 1)) },
		"random":   func(ctx context.Context, root *rin.Scope) error { return second(s(root).Random(ctx, 1)) },
		"move": func(ctx context.Context, root *rin.Scope) error {
			return second(s(root).MoveTo(ctx, rightsMore.At(root), "a"))
		},
		"copy to": func(ctx context.Context, root *rin.Scope) error {
			return copied(s(root).CopyTo(ctx, rightsMore.At(root)))
		},
		"union": func(ctx context.Context, root *rin.Scope) error {
			return second(s(root).Union(ctx, rightsMore.At(root)))
		},
		"intersect": func(ctx context.Context, root *rin.Scope) error {
			return second(s(root).Intersect(ctx, rightsMore.At(root)))
		},
		"diff": func(ctx context.Context, root *rin.Scope) error {
			return second(s(root).Diff(ctx, rightsMore.At(root)))
		},
		"union into": func(ctx context.Context, root *rin.Scope) error {
			return second(s(root).UnionInto(ctx, rightsMore.At(root)))
		},
		"intersect into": func(ctx context.Context, root *rin.Scope) error {
			return second(s(root).IntersectInto(ctx, rightsMore.At(root)))
		},
		"diff into": func(ctx context.Context, root *rin.Scope) error {
			return second(s(root).DiffInto(ctx, rightsMore.At(root)))
		},
	})
	add("sorted set", map[string]run{
		"add, add many, add if …": func(ctx context.Context, root *rin.Scope) error { return second(z(root).Add(ctx, "b", 1)) },
		"increment":               func(ctx context.Context, root *rin.Scope) error { return second(z(root).Increment(ctx, "b", 1)) },
		"score":                   func(ctx context.Context, root *rin.Scope) error { return third(z(root).Score(ctx, "a")) },
		"score many":              func(ctx context.Context, root *rin.Scope) error { return second(z(root).ScoreMany(ctx, "a")) },
		"rank":                    func(ctx context.Context, root *rin.Scope) error { return third(z(root).Rank(ctx, "a")) },
		"reverse rank":            func(ctx context.Context, root *rin.Scope) error { return third(z(root).ReverseRank(ctx, "a")) },
		"rank, with Competition": func(ctx context.Context, root *rin.Scope) error {
			return third(z(root).Rank(ctx, "a", rin.Competition()))
		},
		"remove": func(ctx context.Context, root *rin.Scope) error { return second(z(root).Remove(ctx, "a")) },
		"len":    func(ctx context.Context, root *rin.Scope) error { return second(z(root).Len(ctx)) },
		"count by score": func(ctx context.Context, root *rin.Scope) error {
			return second(z(root).CountByScore(ctx, rin.Lowest, rin.Highest))
		},
		"top":                   func(ctx context.Context, root *rin.Scope) error { return second(z(root).Top(ctx, 1)) },
		"bottom, range by rank": func(ctx context.Context, root *rin.Scope) error { return second(z(root).Bottom(ctx, 1)) },
		"around":                func(ctx context.Context, root *rin.Scope) error { return second(z(root).Around(ctx, "a", 1)) },
		"range by score": func(ctx context.Context, root *rin.Scope) error {
			return second(z(root).RangeByScore(ctx, rin.Lowest, rin.Highest))
		},
		"remove by score": func(ctx context.Context, root *rin.Scope) error {
			return second(z(root).RemoveByScore(ctx, rin.Lowest, rin.Highest))
		},
		"remove by rank": func(ctx context.Context, root *rin.Scope) error { return second(z(root).RemoveByRank(ctx, 0, 0)) },
		"pop min":        func(ctx context.Context, root *rin.Scope) error { return third(z(root).PopMin(ctx)) },
		"pop max":        func(ctx context.Context, root *rin.Scope) error { return third(z(root).PopMax(ctx)) },
		"each":           func(ctx context.Context, root *rin.Scope) error { return walked(z(root).Each(ctx)) },
	})
	return rows
}

// walked is the first error of a walk.
func walked[E any](walk iter.Seq2[E, error]) error {
	for _, err := range walk {
		if err != nil {
			return err
		}
	}
	return nil
}

// A right is an operation as a row of the table. It is run on a key that is
// there, and on one that is not.
type right struct {
	name string
	run  func(ctx context.Context, root *rin.Scope) error
}

func rights() (rows []right) {
	byName := entryOps(rin.Entry[int]{})
	delete(byName, "copy") // of another store, in the tests
	delete(byName, "move")
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		rows = append(rows, right{name, func(ctx context.Context, root *rin.Scope) error {
			return entryOps(rightsAge.At(root))[name](ctx)
		}})
	}
	load := func(context.Context) (int, error) { return 1, nil }
	fetch := func(opts ...rin.FetchOption) func(context.Context, *rin.Scope) error {
		return func(ctx context.Context, root *rin.Scope) error {
			_, err := rightsAge.At(root).Fetch(ctx, load, opts...)
			return err
		}
	}
	return append(
		append(rows, structureRights()...),
		right{"get, with Renew(OnAccess)", func(ctx context.Context, root *rin.Scope) error {
			_, _, err := rightsSlide.At(root).Lookup(ctx)
			return err
		}},
		right{"set, with Renew(Never) or KeepTTL", func(ctx context.Context, root *rin.Scope) error {
			return rightsWindow.At(root).Set(ctx, 1)
		}},
		right{"copy", func(ctx context.Context, root *rin.Scope) error {
			_, err := rightsAge.At(root).CopyTo(ctx, rightsSlide.At(root), rin.Overwrite())
			return err
		}},
		right{"move", func(ctx context.Context, root *rin.Scope) error {
			_, err := rightsAge.At(root).MoveTo(ctx, rightsSlide.At(root), rin.Overwrite())
			return err
		}},
		right{"fetch, with CacheAbsent", fetch(rin.CacheAbsent(time.Minute))},
		right{"fetch, with Exclusive", fetch(rin.Exclusive(time.Minute))},
		right{"fetch, with RefreshEarly", fetch(rin.RefreshEarly(1))},
		right{"subkeys, entries, count, each", func(ctx context.Context, root *rin.Scope) error {
			_, err := root.Count(ctx)
			return err
		}},
		right{"clear", func(ctx context.Context, root *rin.Scope) error { _, err := root.Clear(ctx); return err }},
		right{"an Atomic batch, besides its operations", func(ctx context.Context, root *rin.Scope) error {
			b := root.Batch(rin.Atomic())
			rightsAge.At(root).In(b).Get()
			return b.Run(ctx)
		}},
	)
}

// recorder notes the commands that an operation takes.
type recorder struct {
	*memstore.Store
	commands map[string]bool
}

func (r recorder) Exec(ctx context.Context, ops ...backend.Op) error {
	r.note(ops)
	return r.Store.Exec(ctx, ops...)
}

func (r recorder) Transact(ctx context.Context, ops ...backend.Op) error {
	r.note(ops)
	r.commands["multi"], r.commands["exec"] = true, true
	return r.Store.Transact(ctx, ops...)
}

func (r recorder) ScanPages(ctx context.Context, prefix string, size int) pageSeq {
	for _, command := range []string{"scan", "info", "role"} {
		r.commands[command] = true
	}
	return r.Store.ScanPages(ctx, prefix, size)
}

func (r recorder) note(ops []backend.Op) {
	for _, op := range ops {
		for _, command := range backend.Commands(op) {
			r.commands[command] = true
		}
	}
}

// commands are those that the operation takes on a key that is there, and on one
// that is not.
func (r right) commands(t *testing.T) []string {
	t.Helper()
	rec := recorder{memstore.New(), map[string]bool{}}
	root := mustOpen(t, rightsRoot, rec)
	for _, there := range []bool{true, false} {
		behind := mustOpen(t, rightsRoot, rec.Store)
		check(t, second(behind.Clear(t.Context())))
		if there {
			put(t, rec.Store, "root:age", "~text:int:1")
			fillRights(t, behind)
		}
		_ = r.run(t.Context(), root) // ErrNotFound says nothing of rights
	}
	return slices.Sorted(maps.Keys(rec.commands))
}

// The table in the docs says what each operation needs, which is what a server
// wants to allow: with these rights it works, and without one of them it says
// which.
func TestRights(t *testing.T) {
	var table strings.Builder
	for _, row := range rights() {
		cells := strings.ReplaceAll(strings.Join(row.commands(t), "` `"), "|", `\|`)
		fmt.Fprintf(&table, "| %s | `%s` |\n", row.name, cells)
	}
	for _, program := range slices.Concat(programs, newPrograms) {
		t.Run(program.String(), func(t *testing.T) {
			addr := servertest.Start(t, program.Program)
			expires := servertest.KnowsCommand(t, addr, "HPEXPIRE")
			for _, row := range rights() {
				commands := row.commands(t)
				if !expires && slices.ContainsFunc(commands, func(name string) bool { return strings.HasPrefix(name, "hp") }) {
					continue
				}
				checkRight(t, addr, row, commands, "")
				for _, lacking := range commands {
					checkRight(t, addr, row, commands, lacking)
				}
			}
		})
	}
	page, err := os.ReadFile(rightsPage)
	check(t, err)
	head, rest, _ := strings.Cut(string(page), "| --- | --- |\n")
	_, tail, _ := strings.Cut(rest, "\n\n")
	want := head + "| --- | --- |\n" + table.String() + "\n" + tail
	if *update {
		check(t, os.WriteFile(rightsPage, []byte(want), 0o644))
	} else if string(page) != want {
		t.Errorf("the table in %s is not what operations need; -update rewrites it:\n%s", rightsPage, table.String())
	}
}

// dump is all that the server holds.
func dump(t *testing.T, addr string) string {
	t.Helper()
	var all []string
	for _, key := range servertest.Do(t, addr, "KEYS", "*").([]any) {
		all = append(all, fmt.Sprintf("%v %q", key, servertest.Do(t, addr, "DUMP", key.(string))))
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// checkRight runs an operation as a user who may do what it needs, but for one
// command.
func checkRight(t *testing.T, addr string, row right, commands []string, lacking string) {
	t.Helper()
	rules := []string{"ACL", "SETUSER", "guest", "reset", "on", ">secret", "~*", "-@all"}
	for _, command := range commands {
		if command != lacking {
			rules = append(rules, "+"+command)
		}
	}
	servertest.Do(t, addr, rules...)
	client := redis.NewClient(&redis.Options{Addr: addr, Username: "guest", Password: "secret", MaxRetries: -1})
	defer client.Close()
	root := mustOpen(t, rightsRoot, goredis.New(client))
	all := redis.NewClient(&redis.Options{Addr: addr})
	defer all.Close()
	admin := mustOpen(t, rightsRoot, goredis.New(all))

	var denied error
	for _, there := range []bool{true, false} {
		servertest.Do(t, addr, "FLUSHALL")
		if there {
			servertest.Do(t, addr, "SET", "root:age", "~text:int:1")
			fillRights(t, admin)
		}
		was := dump(t, addr)
		err := row.run(t.Context(), root)
		if err != nil && (strings.Contains(err.Error(), "NOPERM") || strings.Contains(err.Error(), "ACL has to allow")) {
			denied = err
			if ofStructure := strings.Contains(row.name, ": "); ofStructure && dump(t, addr) != was {
				t.Errorf("%s without the right to %s has done something", row.name, lacking)
			}
		}
	}
	switch {
	case lacking == "" && denied != nil:
		t.Errorf("%s with the right to %v: %v", row.name, commands, denied)
	case lacking != "" && denied == nil:
		t.Errorf("%s works without the right to %s, so it needs no such", row.name, lacking)
	case lacking != "" && !strings.Contains(denied.Error(), lacking):
		t.Errorf("%s without the right to %s: %v; want it named", row.name, lacking, denied)
	}
}
