package rin_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/memstore"
)

// a tree to walk: users with keys and addresses of their own.
var (
	walkAge     = rin.Key[int]("age")
	walkName    = rin.Key[string]("name")
	walkStreet  = rin.Key[string]("street")
	walkAddress = rin.Cluster("address:<kind>", rin.Child(walkStreet))
	walkUser    = rin.Cluster("user:<id>", rin.Child(walkAge, walkName, walkAddress))
	walkBlob    = rin.Key[string]("blob")
	walkRoot    = rin.Cluster("root", rin.Child(walkUser, walkBlob))
)

// nearNames are users whose names a glob, a byte prefix or an unescaped key
// would take for one another's.
var nearNames = []string{
	"1", "10", "1*", "*", "?", "[0-9]", "[", "]", "^", `a\b`, `\`, "a?b", "{1}", "{", ":", "1:age", "age", " ", "1 ", "\xFF", "é", "%31", "-",
}

// populate gives each of the near names three keys, and strews keys around them
// that are nobody's. It returns the keys of each user, and all keys.
func populate(t *testing.T, b backend.Backend, root *rin.Scope) (of map[string][]string, all map[string]bool) {
	t.Helper()
	ctx := t.Context()
	of, all = map[string][]string{}, map[string]bool{}
	for _, name := range nearNames {
		scope := walkUser.At(root, name)
		entries := []interface{ Key() string }{walkAge.At(scope), walkName.At(scope), walkStreet.At(scope, name)}
		check(t, walkAge.At(scope).Set(ctx, 1), walkName.At(scope).Set(ctx, name), walkStreet.At(scope, name).Set(ctx, name))
		for _, e := range entries {
			of[name] = append(of[name], e.Key())
			all[e.Key()] = true
		}
		undeclared := scope.Prefix() + ":undeclared:deep"
		put(t, b, undeclared, "x")
		of[name] = append(of[name], undeclared)
		all[undeclared] = true
		for _, outside := range []string{scope.Prefix(), scope.Prefix() + "x:age", scope.Prefix() + "\x00", "x" + scope.Prefix() + ":age"} {
			if !all[outside] {
				put(t, b, outside, "nobody's")
				all[outside] = true
			}
		}
		slices.Sort(of[name])
	}
	return of, all
}

func collect[T any](t testing.TB, seq iter.Seq2[T, error]) (all []T) {
	t.Helper()
	for v, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

func sorted(t testing.TB, seq iter.Seq2[string, error]) []string {
	t.Helper()
	all := collect(t, seq)
	slices.Sort(all)
	return all
}

// Each user's subtree is its own, and clearing it takes nothing else.
func TestWalk_isExact(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, walkRoot, r, rin.PageSize(7)), t.Context()
		of, all := populate(t, r, root)
		for _, name := range nearNames {
			scope := walkUser.At(root, name)
			if diff := cmp.Diff(of[name], sorted(t, scope.Subkeys(ctx))); diff != "" {
				t.Fatalf("subkeys of user %q (-want +got):\n%s", name, diff)
			}
			if n, err := scope.Count(ctx); n != int64(len(of[name])) || err != nil {
				t.Errorf("count of user %q: %d, %v, want %d", name, n, err, len(of[name]))
			}
			if n, err := scope.Clear(ctx, rin.DryRun()); n != int64(len(of[name])) || err != nil {
				t.Errorf("dry run for user %q: %d, %v, want %d", name, n, err, len(of[name]))
			}
			if diff := cmp.Diff(all, keys(t, r)); diff != "" {
				t.Fatalf("looking at user %q changed the store:\n%s", name, diff)
			}
			n, err := scope.Clear(ctx)
			if n != int64(len(of[name])) || err != nil {
				t.Errorf("clear of user %q: %d, %v, want %d", name, n, err, len(of[name]))
			}
			for _, key := range of[name] {
				delete(all, key)
			}
			if diff := cmp.Diff(all, keys(t, r)); diff != "" {
				t.Fatalf("after clearing user %q (-want +got):\n%s", name, diff)
			}
			if n, err := scope.Clear(ctx); n != 0 || err != nil {
				t.Errorf("clearing user %q again: %d, %v, want nothing", name, n, err)
			}
		}
	})
}

func TestEntries(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, walkRoot, r), t.Context()
		scope := walkUser.At(root, "a:b")
		check(t, walkAge.At(scope).Set(ctx, 1), walkStreet.At(scope, "home").Set(ctx, "x"))
		put(t, r, "root:user:a%3Ab:lost", "x")
		put(t, r, "root:user:a%3Ab:address:%41:street", "x") // At would have written A
		id := rin.Param{Name: "id", Value: "a:b"}
		want := []rin.Found{
			{Key: "root:user:a%3Ab:address:%41:street"},
			{Key: "root:user:a%3Ab:address:home:street", Node: walkStreet, Params: []rin.Param{id, {Name: "kind", Value: "home"}}},
			{Key: "root:user:a%3Ab:age", Node: walkAge, Params: []rin.Param{id}},
			{Key: "root:user:a%3Ab:lost"},
		}
		got := collect(t, scope.Entries(ctx))
		slices.SortFunc(got, func(a, b rin.Found) int { return strings.Compare(a.Key, b.Key) })
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b rin.Node) bool { return a == b })); diff != "" {
			t.Errorf("entries (-want +got):\n%s", diff)
		}
	})
}

func TestEach(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, walkRoot, r, rin.PageSize(5)), t.Context()
		of, _ := populate(t, r, root)
		put(t, r, "root:user:%41:age", "~text:int:1") // no At renders this
		put(t, r, "root:user::age", "~text:int:1")    // nor this
		want := map[string]bool{}
		for _, name := range nearNames {
			scope := walkUser.At(root, name)
			want[scope.Prefix()] = true
			want[scope.Prefix()+"x"] = true // a key strewn beside it
		}
		got := map[string]bool{}
		for user, err := range walkUser.Each(ctx, root) {
			check(t, err)
			if got[user.Prefix()] {
				t.Errorf("user %s came twice", user)
			}
			got[user.Prefix()] = true
			if user.Err() != nil {
				t.Errorf("user %s: %v", user, user.Err())
			}
		}
		for prefix := range got {
			if !want[prefix] && !strings.Contains(prefix, "\x00") {
				t.Errorf("there is no user %q", prefix)
			}
		}
		for prefix := range want {
			if !got[prefix] {
				t.Errorf("user %q did not come", prefix)
			}
		}
		for _, name := range nearNames { // an instance is as good as one that At made
			scope := walkUser.At(root, name)
			addresses := collect(t, walkAddress.Each(ctx, scope))
			if len(addresses) != 1 || addresses[0].Prefix() != walkAddress.At(scope, name).Prefix() {
				t.Fatalf("user %q has addresses %v, want its own", name, addresses)
			}
			if street, err := walkStreet.At(addresses[0]).Get(ctx); street != name || err != nil {
				t.Errorf("the street of user %q is %q, %v", name, street, err)
			}
		}
		if all := collect(t, walkAddress.Each(ctx, root)); len(all) != len(of) {
			t.Errorf("below the root there are %d addresses, want %d", len(all), len(of))
		}
	})
}

// A cluster without placeholders has one instance, if it has a key.
func TestEach_literal(t *testing.T) {
	app := rin.Cluster("app:v1", rin.Child(rin.Key[int]("hits")))
	b, ctx := memstore.New(), t.Context()
	root := mustOpen(t, rin.Cluster("root", rin.Child(app)), b)
	put(t, b, "root:app:v10:hits", "x")
	put(t, b, "root:app:v1", "x")
	if none := collect(t, app.Each(ctx, root)); len(none) > 0 {
		t.Errorf("without a key there is %v", none)
	}
	put(t, b, "root:app:v1:hits", "x")
	put(t, b, "root:app:v1:misses", "x")
	if one := collect(t, app.Each(ctx, root)); len(one) != 1 || one[0].Prefix() != "root:app:v1" {
		t.Errorf("each: %v, want the one instance", one)
	}
}

func TestEach_errors(t *testing.T) {
	root := mustOpen(t, walkRoot, memstore.New())
	for _, tc := range []struct {
		name string
		seq  iter.Seq2[*rin.Scope, error]
		want string
	}{
		{"nil cluster", (*rin.ClusterNode)(nil).Each(t.Context(), root), "rin: each root: the declared node is nil"},
		{"not under", walkUser.Each(t.Context(), walkUser.At(root, 1)), "not declared under this scope"},
		{"bad scope", walkAddress.Each(t.Context(), walkUser.At(root)), "missing parameter"},
		{"nil scope", walkUser.Each(t.Context(), nil), "the scope is nil"},
	} {
		n := 0
		for scope, err := range tc.seq {
			if n++; scope != nil || err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: %v, %v, want a nil scope and %q", tc.name, scope, err, tc.want)
			}
		}
		if n != 1 {
			t.Errorf("%s: the sequence has %d elements, want the error alone", tc.name, n)
		}
	}
}

func TestParse(t *testing.T) {
	root := mustOpen(t, walkRoot, memstore.New())
	user := walkUser.At(root, 1)
	for _, tc := range []struct {
		scope  *rin.Scope
		key    string
		node   rin.Node
		err    error
		reason string
	}{
		{root, "root:blob", walkBlob, nil, "a key without parameters"},
		{root, "root:user:1:age", walkAge, nil, "a key with one"},
		{user, "root:user:1:age", walkAge, nil, "a scope parses the keys below it"},
		{user, "root:user:10:age", nil, rin.ErrNotUnder, "10 is another user"},
		{user, "root:user:1", nil, rin.ErrNotUnder, "a prefix is not below itself"},
		{root, "root", nil, rin.ErrNotUnder, "a prefix is not below itself"},
		{root, "other:blob", nil, rin.ErrNotUnder, "another tree's key"},
		{root, "", nil, rin.ErrNotUnder, "no key at all"},
		{root, "root:user:1", nil, rin.ErrUndeclared, "a cluster is no key"},
		{root, "root:user:1:age:x", nil, rin.ErrUndeclared, "a key has nothing below it"},
		{root, "root:user:1:agent", nil, rin.ErrUndeclared, "a name is matched whole"},
		{root, "root:user::age", nil, rin.ErrUndeclared, "a value is never empty"},
		{root, "root:user:%3a:age", nil, rin.ErrUndeclared, "At writes %3A"},
		{root, "root:user:%:age", nil, rin.ErrUndeclared, "a torn escape"},
		{root, "root:user:{1}:age", nil, rin.ErrUndeclared, "At escapes braces"},
		{root, "root:", nil, rin.ErrUndeclared, "an empty segment"},
	} {
		found, err := tc.scope.Parse(tc.key)
		if !errors.Is(err, tc.err) || found.Node != tc.node {
			t.Errorf("Parse(%q) = %v, %v, want %v, %v: %s", tc.key, found, err, tc.node, tc.err, tc.reason)
		}
		if errors.Is(err, rin.ErrUndeclared) && found.Key != tc.key {
			t.Errorf("an undeclared key is returned as %q", found.Key)
		}
	}
}

// An empty prefix is everything to read, and nothing to clear.
func TestEmptyPrefix(t *testing.T) {
	motd := rin.Key[string]("motd")
	user := rin.Cluster("user:<id>", rin.Child(walkAge))
	tree := rin.Cluster("", rin.Child(motd, user))
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, tree, r), t.Context()
		check(t, motd.At(root).Set(ctx, "hi"), walkAge.At(user.At(root, 1)).Set(ctx, 1))
		put(t, r, "stranger", "x")
		want := []string{"motd", "stranger", "user:1:age"}
		if diff := cmp.Diff(want, sorted(t, root.Subkeys(ctx))); diff != "" {
			t.Errorf("subkeys (-want +got):\n%s", diff)
		}
		if n, err := root.Count(ctx); n != 3 || err != nil {
			t.Errorf("count: %d, %v", n, err)
		}
		for _, opts := range [][]rin.ClearOption{nil, {rin.Force()}, {rin.DryRun()}} {
			if n, err := root.Clear(ctx, opts...); n != 0 || !errors.Is(err, rin.ErrUnscoped) {
				t.Errorf("clear(%v): %d, %v, want ErrUnscoped", opts, n, err)
			}
		}
		if users := collect(t, user.Each(ctx, root)); len(users) != 1 || users[0].Prefix() != "user:1" {
			t.Errorf("each: %v", users)
		}
		if n, err := user.At(root, 1).Clear(ctx); n != 1 || err != nil {
			t.Errorf("clear of a cluster below it: %d, %v", n, err)
		}
		if found, err := root.Parse("motd"); err != nil || found.Node != rin.Node(motd) {
			t.Errorf("parse: %v, %v", found, err)
		}
	})
}

func TestClear_protected(t *testing.T) {
	age := rin.Key[int]("age")
	safe := rin.Cluster("safe", rin.Protected(), rin.Child(age))
	house := rin.Cluster("house", rin.Child(safe, rin.Key[int]("door")))
	shed := rin.Cluster("shed", rin.Child(rin.Key[int]("door")))
	root := rin.Cluster("root", rin.Child(house, shed))
	for _, tc := range []struct {
		name   string
		at     *rin.ClusterNode
		opts   []rin.ClearOption
		want   int64
		gone   bool
		err    error
		reason string
	}{
		{"the cluster itself", safe, nil, 0, false, rin.ErrProtected, "it refuses"},
		{"a cluster above it", house, nil, 0, false, rin.ErrProtected, "clearing that would clear it too"},
		{"a cluster beside it", shed, nil, 0, false, nil, "it is not touched"},
		{"dry run", safe, []rin.ClearOption{rin.DryRun()}, 1, false, nil, "counting is harmless"},
		{"dry run of a cluster above it", house, []rin.ClearOption{rin.DryRun()}, 1, false, nil, "counting is harmless"},
		{"force and dry run", safe, []rin.ClearOption{rin.Force(), rin.DryRun()}, 1, false, nil, "a dry run deletes nothing, whatever else is given"},
		{"force", safe, []rin.ClearOption{rin.Force()}, 1, true, nil, "the caller means it"},
		{"force of a cluster above it", house, []rin.ClearOption{rin.Force()}, 1, true, nil, "the caller means it"},
	} {
		b, ctx := memstore.New(), t.Context()
		scope := mustOpen(t, root, b)
		check(t, age.At(scope).Set(ctx, 1))
		n, err := tc.at.At(scope).Clear(ctx, tc.opts...)
		if n != tc.want || !errors.Is(err, tc.err) {
			t.Errorf("%s: %d, %v, want %d, %v: %s", tc.name, n, err, tc.want, tc.err, tc.reason)
		}
		if gone := !look(t, b, "root:house:safe:age").Found; gone != tc.gone {
			t.Errorf("%s: the key is gone: %v: %s", tc.name, gone, tc.reason)
		}
	}
}

// A subtree of many pages is walked and cleared whole, and keys of any kind.
func TestClear_pages(t *testing.T) {
	const n = 250
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, walkRoot, r, rin.PageSize(20)), t.Context()
		for i := range n {
			put(t, r, fmt.Sprint("root:user:1:", i), "x")
			put(t, r, fmt.Sprint("root:user:2:", i), "x")
		}
		r.list("root:user:1:list")
		got, err := walkUser.At(root, 1).Clear(ctx)
		if got != n+1 || err != nil {
			t.Errorf("clear: %d, %v, want %d", got, err, n+1)
		}
		if left := len(keys(t, r)); left != n {
			t.Errorf("%d keys are left, want the other user's %d", left, n)
		}
	})
}

// A Clear whose context ends says how far it got, and leaves the rest.
func TestClear_stopsWithTheContext(t *testing.T) {
	const n, page = 100, 10
	onEveryBackend(t, func(t *testing.T, r rig) {
		ctx, cancel := context.WithCancel(t.Context())
		ops := 0
		s := &spy{Backend: r, fail: func(backend.Op) error {
			if ops++; ops == 2*page+5 {
				cancel()
			}
			return nil
		}}
		root := mustOpen(t, walkRoot, s, rin.PageSize(page))
		for i := range n {
			put(t, r, fmt.Sprint("root:user:1:", i), "x")
		}
		deleted, err := walkUser.At(root, 1).Clear(ctx)
		if !errors.Is(err, context.Canceled) || deleted == 0 || deleted >= n {
			t.Fatalf("clear: %d, %v, want some of %d and context.Canceled", deleted, err, n)
		}
		if want := fmt.Sprintf("%d keys were deleted before", deleted); !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %q, want %q in it", err, want)
		}
		if left := len(keys(t, r)); left != n-int(deleted) {
			t.Errorf("%d keys are left, want %d", left, n-deleted)
		}
		again, err := walkUser.At(mustOpen(t, walkRoot, r), 1).Clear(t.Context())
		if again != n-deleted || err != nil {
			t.Errorf("the rest: %d, %v, want %d", again, err, n-deleted)
		}
	})
}

// A Clear counts what it deleted before the store failed.
func TestClear_stopsWithTheStore(t *testing.T) {
	deletes, broken := 0, errors.New("broken")
	s := &spy{Backend: memstore.New()}
	root, ctx := mustOpen(t, walkRoot, s, rin.PageSize(1)), t.Context()
	for i := range 5 {
		put(t, s, fmt.Sprint("root:user:1:", i), "x")
	}
	s.fail = func(backend.Op) error {
		if deletes++; deletes == 3 {
			return broken
		}
		return nil
	}
	n, err := walkUser.At(root, 1).Clear(ctx)
	if n != 2 || !errors.Is(err, broken) {
		t.Errorf("clear: %d, %v, want 2 and the store's error", n, err)
	}
	s.fail = nil
	if left := len(keys(t, s)); left != 3 {
		t.Errorf("%d keys are left, want 3", left)
	}
}

// untrusty is a store whose scans repeat keys and add those of strangers.
func untrusty(b backend.Backend) *spy {
	return &spy{Backend: b, pages: func(seq pageSeq) pageSeq {
		return func(yield func([]string, error) bool) {
			for page, err := range seq {
				wild := append([]string{"root:user:10:age", "root:user:1", "stranger"}, page...)
				if !yield(append(wild, page...), err) || !yield(slices.Clone(page), nil) || !yield([]string{"stranger"}, nil) {
					return
				}
			}
		}
	}}
}

func TestWalk_trustsNoScan(t *testing.T) {
	b, ctx := memstore.New(), t.Context()
	root := mustOpen(t, walkRoot, untrusty(b), rin.PageSize(2))
	for _, key := range []string{"root:user:1:age", "root:user:1:name", "root:user:1:address:x:street", "root:user:10:age", "root:user:1", "stranger"} {
		put(t, b, key, "x")
	}
	one := walkUser.At(root, 1)
	want := []string{"root:user:1:address:x:street", "root:user:1:age", "root:user:1:name"}
	if diff := cmp.Diff(want, sorted(t, one.Subkeys(ctx))); diff != "" {
		t.Errorf("subkeys (-want +got):\n%s", diff)
	}
	if n, err := one.Count(ctx); n != 3 || err != nil {
		t.Errorf("count: %d, %v", n, err)
	}
	if users := collect(t, walkUser.Each(ctx, root)); len(users) != 2 {
		t.Errorf("each: %v, want two users, each once", users)
	}
	if n, err := one.Clear(ctx); n != 3 || err != nil {
		t.Errorf("clear: %d, %v, want each key counted once", n, err)
	}
	left := slices.Sorted(maps.Keys(keys(t, b)))
	if diff := cmp.Diff([]string{"root:user:1", "root:user:10:age", "stranger"}, left); diff != "" {
		t.Errorf("after clear (-want +got):\n%s", diff)
	}
}

func TestWalk_breaks(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, walkRoot, r, rin.PageSize(3)), t.Context()
		for i := range 20 {
			put(t, r, fmt.Sprintf("root:user:%d:age", i), "x")
		}
		n := 0
		for range root.Subkeys(ctx) {
			n++
			break
		}
		for range root.Entries(ctx) {
			n++
			break
		}
		for range walkUser.Each(ctx, root) {
			n++
			break
		}
		if n != 3 {
			t.Errorf("%d elements came, want one of each sequence", n)
		}
		// A sequence can be ranged over again, from the start.
		seq := root.Subkeys(ctx)
		if one, two := len(collect(t, seq)), len(collect(t, seq)); one != 20 || two != 20 {
			t.Errorf("the sequence had %d keys, then %d, want 20 each time", one, two)
		}
	})
}

// Deleting what one walks over is what walking is often for.
func TestWalk_whileDeleting(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, walkRoot, r, rin.PageSize(3)), t.Context()
		for i := range 40 {
			check(t, walkAge.At(root, i).Set(ctx, i, rin.TTL(time.Hour)))
		}
		for user, err := range walkUser.Each(ctx, root) {
			check(t, err)
			if n, err := user.Clear(ctx); n != 1 || err != nil {
				t.Errorf("clear of %s: %d, %v", user, n, err)
			}
		}
		if left := keys(t, r); len(left) > 0 {
			t.Errorf("%v are left", left)
		}
	})
}
