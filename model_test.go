package rin_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/internal/clienttest"
	"github.com/redisimnest/rin/internal/servertest"
	"github.com/redisimnest/rin/memstore"
)

// The tree that the model lives in: keys of every renewal, and two levels.
var (
	modelNote  = rin.Key[string]("note", rin.Default("none"))
	modelAge   = rin.Key[int]("age", rin.Renew(rin.OnAccess))
	modelSeen  = rin.Key[int]("seen", rin.TTL(2*time.Hour), rin.Renew(rin.Never))
	modelFree  = rin.Key[int]("free", rin.NoTTL())
	modelPet   = rin.Cluster("pet:<pet>", rin.Child(modelAge))
	modelOwner = rin.Cluster("owner:<owner>", rin.TTL(time.Hour), rin.Child(modelNote, modelSeen, modelFree, modelPet))
	modelRoot  = rin.Cluster("root", rin.Child(modelOwner))
)

// A world is a store under the model: the same steps are taken in each, and what
// they answer is compared.
type world struct {
	name string
	root *rin.Scope
}

// Whatever is done through the API, every store answers the same as memstore.
func TestModel(t *testing.T) {
	redis, valkey := servertest.Start(t, servertest.Redis), servertest.Start(t, servertest.Valkey)
	servers := map[string]backend.Backend{
		"goredis": clienttest.Server(redis).Open(t, clienttest.Goredis), "valkeygo": clienttest.Server(valkey).Open(t, clienttest.Valkeygo),
	}
	rapid.Check(t, func(t *rapid.T) {
		worlds := []world{open(t, "memstore", memstore.New())}
		for name, b := range servers {
			w := open(t, name, b)
			if _, err := w.root.Clear(t.Context()); err != nil {
				t.Fatal(err)
			}
			worlds = append(worlds, w)
		}
		t.Repeat(map[string]func(*rapid.T){
			"note":   func(t *rapid.T) { stepOn(t, worlds, modelNote, rapid.StringN(0, 3, -1)) },
			"seen":   func(t *rapid.T) { stepOn(t, worlds, modelSeen, rapid.IntRange(0, 9)) },
			"free":   func(t *rapid.T) { stepOn(t, worlds, modelFree, rapid.IntRange(0, 9)) },
			"age":    func(t *rapid.T) { stepOn(t, worlds, modelAge, rapid.IntRange(0, 9)) },
			"walk":   func(t *rapid.T) { walkStep(t, worlds) },
			"forget": func(t *rapid.T) { clearStep(t, worlds) },
		})
	})
}

func open(t *rapid.T, name string, b backend.Backend) world {
	root, err := rin.Open(modelRoot, b, rin.PageSize(3))
	if err != nil {
		t.Fatal(err)
	}
	return world{name, root}
}

// same runs a step in every world and compares the answers with the first's.
func same(t *rapid.T, worlds []world, what string, step func(*rin.Scope) any) {
	t.Helper()
	want := step(worlds[0].root)
	for _, w := range worlds[1:] {
		if got := step(w.root); !cmp.Equal(want, got, cmp.Comparer(sameTTL)) {
			t.Fatalf("%s: %s answers %v, %s answers %v", what, worlds[0].name, want, w.name, got)
		}
	}
}

// remaining is a TTL in an answer; a moment's difference is none.
type remaining time.Duration

func sameTTL(a, b remaining) bool {
	return max(a, b)-min(a, b) < remaining(slack)
}

var modelNames = []string{"1", "10", "1*", "a:b", "{x}", "?"}

// drawParams are the values of a node's placeholders.
func drawParams(t *rapid.T, n int) (params []any) {
	for i := range n {
		params = append(params, rapid.SampledFrom(modelNames).Draw(t, fmt.Sprint("param ", i)))
	}
	return params
}

func drawSetOptions(t *rapid.T) []rin.WriteOption {
	one := rapid.SampledFrom([]rin.WriteOption{
		rin.TTL(30 * time.Minute), rin.TTL(10 * time.Minute), rin.NoTTL(), rin.KeepTTL(), rin.ExpireAt(time.Now().Add(3 * time.Hour)),
	})
	return rapid.SliceOfN(one, 0, 2).Draw(t, "options")
}

// stepOn does one thing to one entry in every world, and looks at what it left.
func stepOn[T any](t *rapid.T, worlds []world, key *rin.KeyOf[T], values *rapid.Generator[T]) {
	params := drawParams(t, map[bool]int{true: 2, false: 1}[rin.Node(key) == rin.Node(modelAge)])
	value, old, opts := values.Draw(t, "value"), values.Draw(t, "old"), drawSetOptions(t)
	minutes := time.Duration(rapid.IntRange(5, 200).Draw(t, "minutes")) * time.Minute
	at := time.Now().Add(minutes)
	steps := map[string]func(context.Context, rin.Entry[T]) any{
		"set":            func(ctx context.Context, e rin.Entry[T]) any { return text(e.Set(ctx, value, opts...)) },
		"set if absent":  func(ctx context.Context, e rin.Entry[T]) any { return two(e.SetIfAbsent(ctx, value, opts...)) },
		"set if present": func(ctx context.Context, e rin.Entry[T]) any { return two(e.SetIfPresent(ctx, value, opts...)) },
		"swap":           func(ctx context.Context, e rin.Entry[T]) any { return three(e.Swap(ctx, value, opts...)) },
		"take":           func(ctx context.Context, e rin.Entry[T]) any { return three(e.Take(ctx)) },
		"get":            func(ctx context.Context, e rin.Entry[T]) any { return two(e.Get(ctx)) },
		"lookup":         func(ctx context.Context, e rin.Entry[T]) any { return three(e.Lookup(ctx)) },
		"compare and swap": func(ctx context.Context, e rin.Entry[T]) any {
			return two(e.CompareAndSwap(ctx, old, value, opts...))
		},
		"update": func(ctx context.Context, e rin.Entry[T]) any {
			return two(e.Update(ctx, func(T, bool) (T, error) { return value, nil }, opts...))
		},
		"forget":    func(ctx context.Context, e rin.Entry[T]) any { return two(e.Forget(ctx)) },
		"delete":    func(ctx context.Context, e rin.Entry[T]) any { return two(e.Delete(ctx)) },
		"expire":    func(ctx context.Context, e rin.Entry[T]) any { return two(e.Expire(ctx, minutes)) },
		"expire at": func(ctx context.Context, e rin.Entry[T]) any { return two(e.ExpireAt(ctx, at)) },
		"persist":   func(ctx context.Context, e rin.Entry[T]) any { return two(e.Persist(ctx)) },
		"touch":     func(ctx context.Context, e rin.Entry[T]) any { return two(e.Touch(ctx)) },
	}
	name := rapid.SampledFrom(slices.Sorted(maps.Keys(steps))).Draw(t, "step")
	same(t, worlds, fmt.Sprint(name, " ", key.Pattern(), params), func(root *rin.Scope) any {
		e := key.At(root, params...)
		answer := steps[name](t.Context(), e)
		typ, typErr := e.Type(t.Context())
		raw, found, rawErr := e.Raw(t.Context())
		exists, existsErr := e.Exists(t.Context())
		left, leftErr := e.TTL(t.Context())
		return []any{e.Key(), answer, typ, text(typErr), raw, found, text(rawErr), exists, text(existsErr), remaining(left), text(leftErr)}
	})
}

// text, two and three make answers of results: an error counts by its text.
func text(err error) any {
	if err != nil {
		return err.Error()
	}
	return nil
}

func two[A any](a A, err error) any { return []any{a, text(err)} }

func three[A, B any](a A, b B, err error) any { return []any{a, b, text(err)} }

func walkStep(t *rapid.T, worlds []world) {
	scope := drawScope(t)
	same(t, worlds, "walk", func(root *rin.Scope) any {
		s, ctx := scope(root), t.Context()
		subkeys, entries := []string{}, []string{}
		for key, err := range s.Subkeys(ctx) {
			subkeys = append(subkeys, fmt.Sprint(key, err))
		}
		for found, err := range s.Entries(ctx) {
			entries = append(entries, fmt.Sprint(found.Key, found.Node.Pattern(), found.Params, err))
		}
		var each []string
		for pet, err := range modelPet.Each(ctx, s) {
			each = append(each, fmt.Sprint(pet, err))
		}
		slices.Sort(subkeys)
		slices.Sort(entries)
		slices.Sort(each)
		return []any{s.Prefix(), subkeys, entries, each, two(s.Count(ctx)), two(s.Clear(ctx, rin.DryRun()))}
	})
}

func clearStep(t *rapid.T, worlds []world) {
	scope := drawScope(t)
	same(t, worlds, "clear", func(root *rin.Scope) any {
		s := scope(root)
		n, err := s.Clear(t.Context())
		left, countErr := root.Count(t.Context())
		return []any{s.Prefix(), n, text(err), left, text(countErr)}
	})
}

// drawScope is the root, or an owner.
func drawScope(t *rapid.T) func(*rin.Scope) *rin.Scope {
	if rapid.IntRange(0, 3).Draw(t, "depth") == 0 {
		return func(root *rin.Scope) *rin.Scope { return root }
	}
	params := drawParams(t, 1)
	return func(root *rin.Scope) *rin.Scope { return modelOwner.At(root, params...) }
}
