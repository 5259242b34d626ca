package rin_test

import (
	"context"
	"fmt"
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
	rightsRoot   = rin.Cluster("root", rin.TTL(time.Hour), rin.Child(rightsAge, rightsSlide, rightsWindow))
)

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
		rows,
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
		if there {
			put(t, rec.Store, "root:age", "~text:int:1")
		} else {
			check(t, rec.Store.Exec(t.Context(), &backend.Delete{Key: "root:age"}))
		}
		_ = r.run(t.Context(), root) // ErrNotFound says nothing of rights
	}
	return slices.Sorted(maps.Keys(rec.commands))
}

// The table in the docs says what each operation needs, which is what a server
// wants to allow: with these rights it works, and without one of them it says
// which.
func TestRights(t *testing.T) {
	addr := servertest.Start(t, servertest.Redis)
	var table strings.Builder
	for _, row := range rights() {
		commands := row.commands(t)
		cells := strings.ReplaceAll(strings.Join(commands, "` `"), "|", `\|`)
		fmt.Fprintf(&table, "| %s | `%s` |\n", row.name, cells)
		checkRight(t, addr, row, commands, "")
		for _, lacking := range commands {
			checkRight(t, addr, row, commands, lacking)
		}
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

	var denied error
	for _, there := range []bool{true, false} {
		servertest.Do(t, addr, "FLUSHALL")
		if there {
			servertest.Do(t, addr, "SET", "root:age", "~text:int:1")
		}
		err := row.run(t.Context(), root)
		if err != nil && (strings.Contains(err.Error(), "NOPERM") || strings.Contains(err.Error(), "ACL has to allow")) {
			denied = err
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
