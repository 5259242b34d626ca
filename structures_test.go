package rin_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/codec"
	"github.com/redisimnest/rin/internal/clienttest"
	"github.com/redisimnest/rin/internal/servertest"
	"github.com/redisimnest/rin/memstore"
)

type player struct {
	Name string
	Team string `json:",omitempty"`
}

// A tree with each kind of structure. One user's keys share a slot.
var (
	visits   = rin.Counter[int]("visits", rin.TTL(time.Minute), rin.Renew(rin.Never))
	credit   = rin.Counter[int8]("credit", rin.Default(5))
	weight   = rin.Counter[float64]("weight")
	profile  = rin.Hash[string, int]("profile")
	teams    = rin.Hash[int, player]("teams")
	recent   = rin.List[string]("recent", rin.MaxLen(3))
	queue    = rin.List[player]("queue")
	done     = rin.List[player]("done", rin.TTL(2*time.Hour))
	tags     = rin.Set[string]("tags")
	more     = rin.Set[string]("more", rin.TTL(2*time.Hour))
	scores   = rin.SortedSet[player]("scores")
	best     = rin.SortedSet[int]("best", rin.MaxLen(2))
	cheapest = rin.SortedSet[int]("cheapest", rin.MaxLen(2), rin.KeepLowest())
	someone  = rin.Cluster("user:{<user_id>}", rin.TTL(time.Hour), rin.Child(visits, credit, weight, profile, teams, recent, queue, done, tags, more, scores, best, cheapest))
	manyRoot = rin.Cluster("root", rin.Child(someone))
)

// said is what an operation returns, as it prints.
func said(results ...any) string {
	return strings.TrimSuffix(strings.TrimSuffix(fmt.Sprintln(results...), "\n"), " <nil>")
}

// inOrder is a list in order, as it prints.
func inOrder(list []string, err error) string {
	slices.Sort(list)
	return said(list, err)
}

// A telling is one step of a test, with what it is to say: "!" and a part of its error's text
// where it is to fail.
type telling struct {
	name string
	got  string
	want string
}

func checkTold(t *testing.T, deeds []telling) {
	t.Helper()
	for _, d := range deeds {
		if failure, fails := strings.CutPrefix(d.want, "!"); fails && strings.Contains(d.got, "rin: ") && strings.Contains(d.got, failure) {
			continue
		}
		if d.got != d.want {
			t.Errorf("%s: got  %s\nwant %s", d.name, d.got, d.want)
		}
	}
}

// lasting is how long a structure has left, roughly.
func lasting(ctx context.Context, e interface {
	TTL(context.Context) (time.Duration, error)
},
) string {
	left, err := e.TTL(ctx)
	if left == rin.NoExpiry {
		return "no expiry"
	}
	return said(left.Round(30*time.Second), err)
}

// raw are the bytes of a plain value.
func raw(ctx context.Context, b backend.Backend, key string) string {
	get := &backend.Get{Key: key}
	err := b.Exec(ctx, get)
	return said(string(get.Value), err)
}

func TestCounter(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		user, ctx := someone.At(mustOpen(t, manyRoot, r), 1), t.Context()
		v, c, w := visits.At(user), credit.At(user), weight.At(user)
		checkTold(t, []telling{
			{"missing", said(v.Get(ctx)), "0"},
			{"missing, with a default", said(c.Get(ctx)), "5"},
			{"lookup", said(c.Lookup(ctx)), "0 false"},
			{"type of nothing", said(v.Type(ctx)), ""},
			{"add", said(v.Add(ctx, 41)), "41"},
			{"inc", said(v.Inc(ctx)), "42"},
			{"dec", said(v.Dec(ctx)), "41"},
			{"get", said(v.Get(ctx)), "41"},
			{"type", said(v.Type(ctx)), "counter[int]"},
			{"plain digits", raw(ctx, r, v.Key()), "41"},
			{"begins at 0", said(c.Add(ctx, 100)), "100"},
			{"overflow", said(c.Add(ctx, 28)), "!the number would overflow: it is 100, and the result would not fit an int8"},
			{"changes nothing", said(c.Get(ctx)), "100"},
			{"capped", said(c.AddCapped(ctx, 10, 115)), "5 true"},
			{"to the cap", said(c.AddCapped(ctx, 5, 115)), "0 true"},
			{"over the cap", said(c.AddCapped(ctx, 1, 115)), "0 false"},
			{"a cap below what is there", said(c.AddCapped(ctx, 1, 7)), "0 false"},
			{"a cap that the type has", said(c.AddCapped(ctx, 20, 127)), "12 false"},
			{"nothing to add", said(c.AddCapped(ctx, 0, 7)), "!0 is not positive; use Add to take away"},
			{"reset", said(c.Reset(ctx)), "115"},
			{"reset of nothing", said(c.Reset(ctx)), "0"},
			{"set", said(v.Set(ctx, math.MaxInt64)), "<nil>"},
			{"overflow of 64 bits", said(v.Inc(ctx)), "!the number would overflow"},
			{"all digits", said(v.Add(ctx, -1)), "9223372036854775806"},
			{"floats", said(w.Add(ctx, 0.1)) + " " + said(w.Add(ctx, 0.2)), "0.1 0.3"},
			{"delete", said(w.Delete(ctx)), "true"},
		})
		put(t, r, w.Key(), "many")
		checkTold(t, []telling{
			{"no number", said(w.Add(ctx, 1)), "!the stored value is no number"},
			{"no number to read", said(w.Get(ctx)), "!stored value is damaged"},
		})
	})
}

// A window never outlives itself: the first addition sets the TTL, no other one moves it,
// and a window that has lost it gets it back.
func TestCounter_window(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		ctx := t.Context()
		v := visits.At(mustOpen(t, manyRoot, r), 1)
		checkTold(t, []telling{
			{"first", said(v.Inc(ctx)), "1"},
			{"its TTL", lasting(ctx, v), "1m0s"},
			{"shorten", said(v.Expire(ctx, 30*time.Second)), "true"},
			{"second", said(v.AddCapped(ctx, 1, 10)), "8 true"},
			{"its TTL again", lasting(ctx, v), "30s"},
			{"lose the TTL", said(v.Persist(ctx)), "true"},
			{"refused", said(v.AddCapped(ctx, 100, 10)), "8 false"},
			{"not given back", lasting(ctx, v), "no expiry"},
			{"third", said(v.Inc(ctx)), "3"},
			{"given back", lasting(ctx, v), "1m0s"},
		})
	})
}

func TestHash(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		user, ctx := someone.At(mustOpen(t, manyRoot, r), 1), t.Context()
		p, m := profile.At(user), teams.At(user)
		checkTold(t, []telling{
			{"all of nothing", said(p.All(ctx)), "map[]"},
			{"missing", said(p.Get(ctx, "age")), "0 rin: get root:user:{1}:profile: not found"},
			{"lookup", said(p.Lookup(ctx, "age")), "0 false"},
			{"set", said(p.Set(ctx, "age", 30)), "true"},
			{"its TTL", lasting(ctx, p), "1h0m0s"},
			{"set again", said(p.Set(ctx, "age", 31)), "false"},
			{"get", said(p.Get(ctx, "age")), "31"},
			{"set many", said(p.SetMany(ctx, map[string]int{"age": 32, "height": 180, "": 0})), "2"},
			{"get many", said(p.GetMany(ctx, "age", "weight", "")), "map[:0 age:32]"},
			{"get none", said(p.GetMany(ctx)), "map[]"},
			{"all", said(p.All(ctx)), "map[:0 age:32 height:180]"},
			{"len", said(p.Len(ctx)), "3"},
			{"add", said(p.Add(ctx, "age", 1)), "33"},
			{"add to nothing", said(p.Add(ctx, "visits", 1)), "1"},
			{"has", said(p.Has(ctx, "visits")), "true"},
			{"set if absent", said(p.SetIfAbsent(ctx, "age", 1)) + said(p.SetIfAbsent(ctx, "size", 7)), "falsetrue"},
			{"take", said(p.Take(ctx, "size")) + " " + said(p.Take(ctx, "size")), "7 true 0 false"},
			{"delete", said(p.Delete(ctx, "visits", "weight", "")), "2"},
			{"delete nothing", said(p.Delete(ctx)), "0"},
			{"type", said(p.Type(ctx)), "hash[string]int"},
			{"replace", said(p.Replace(ctx, map[string]int{"age": 1})), "<nil>"},
			{"all that is left", said(p.All(ctx)), "map[age:1]"},
			{"its TTL again", lasting(ctx, p), "1h0m0s"},
			{"replace by nothing", said(p.Replace(ctx, nil)), "<nil>"},
			{"gone", said(p.Exists(ctx)), "false"},
			{"structs", said(m.Set(ctx, 7, player{"Ann", "red"})), "true"},
			{"get a struct", said(m.All(ctx)), "map[7:{Ann red}]"},
			{"add to a struct", said(m.Add(ctx, 7, player{})), "!the stored value is no number: the values are rin_test.player"},
			{"delete all", said(m.DeleteAll(ctx)), "true"},
		})
		want := map[string]int{}
		for i := range 2500 {
			want[fmt.Sprint("field ", i)] = i
		}
		_, err := p.SetMany(ctx, want)
		check(t, err)
		got, fields := map[string]int{}, 0
		for f, err := range p.Each(ctx) {
			check(t, err)
			got[f.Field] = f.Value
		}
		for _, err := range p.Fields(ctx) {
			check(t, err)
			fields++
		}
		if !maps.Equal(got, want) || fields != len(want) {
			t.Errorf("Each yields %d fields, Fields %d; want %d", len(got), fields, len(want))
		}
	})
}

func TestList(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		user, ctx := someone.At(mustOpen(t, manyRoot, r), 1), t.Context()
		l, q, d := recent.At(user), queue.At(user), done.At(user)
		checkTold(t, []telling{
			{"all of nothing", said(l.All(ctx)), "[]"},
			{"pop of nothing", said(l.Pop(ctx)), " false"},
			{"push", said(l.Push(ctx, "a", "b")), "2"},
			{"its TTL", lasting(ctx, l), "1h0m0s"},
			{"push nothing", said(l.Push(ctx)), "0"},
			{"push too many", said(l.Push(ctx, "c", "d")), "3"},
			{"what is left", said(l.All(ctx)), "[b c d]"},
			{"push front", said(l.PushFront(ctx, "z")), "3"},
			{"what is left then", said(l.All(ctx)), "[z b c]"},
			{"at", said(l.At(ctx, 1)) + " " + said(l.At(ctx, -1)) + " " + said(l.At(ctx, 3)), "b true c true  false"},
			{"peek", said(l.Peek(ctx)) + " " + said(l.PeekFront(ctx)), "c true z true"},
			{"set at", said(l.SetAt(ctx, -1, "C")) + " " + said(l.SetAt(ctx, 3, "D")), "true false"},
			{"range", said(l.Range(ctx, 1, 5)), "[b C]"},
			{"pop", said(l.Pop(ctx)) + " " + said(l.PopFront(ctx)), "C true z true"},
			{"len", said(l.Len(ctx)), "1"},
			{"more", said(l.Push(ctx, "x", "b")), "3"},
			{"remove", said(l.Remove(ctx, "b", 1)), "1"},
			{"trim", said(l.Trim(ctx, 0, 0)), "<nil>"},
			{"what is left at last", said(l.All(ctx)), "[x]"},
			{"pop many", said(l.PopMany(ctx, 5)), "[x]"},
			{"pop a negative number", said(l.PopMany(ctx, -1)), "!the number is negative: -1"},
			{"gone", said(l.Exists(ctx)), "false"},
			{"structs", said(q.Push(ctx, player{"Ann", ""}, player{"Bob", "red"})), "2"},
			{"move", said(q.Move(ctx, d)), "{Ann } true"},
			{"the other's TTL", lasting(ctx, d), "2h0m0s"},
			{"what it has", said(d.All(ctx)), "[{Ann }]"},
			{"move to itself", said(q.Move(ctx, q)), "{Bob red} true"},
			{"pop many front", said(q.PopManyFront(ctx, 5)), "[{Bob red}]"},
			{"move nothing", said(q.Move(ctx, d)), "{ } false"},
			{"type", said(d.Type(ctx)), "list[rin_test.player]"},
		})
		var want []player
		for i := range 2500 {
			want = append(want, player{Name: fmt.Sprint(i)})
		}
		_, err := q.Push(ctx, want...)
		check(t, err)
		var got []player
		for v, err := range q.Each(ctx) {
			check(t, err)
			got = append(got, v)
		}
		if !slices.Equal(got, want) {
			t.Errorf("Each yields %d elements, want %d in their order", len(got), len(want))
		}
	})
}

func TestSet(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		user, ctx := someone.At(mustOpen(t, manyRoot, r), 1), t.Context()
		a, b := tags.At(user), more.At(user)
		checkTold(t, []telling{
			{"members of nothing", inOrder(a.Members(ctx)), "[]"},
			{"add", said(a.Add(ctx, "x", "y", "x")), "2"},
			{"its TTL", lasting(ctx, a), "1h0m0s"},
			{"add nothing", said(a.Add(ctx)), "0"},
			{"has", said(a.Has(ctx, "x")) + " " + said(a.Has(ctx, "z")), "true false"},
			{"has many", said(a.HasMany(ctx, "z", "y")), "[false true]"},
			{"len", said(a.Len(ctx)), "2"},
			{"members", inOrder(a.Members(ctx)), "[x y]"},
			{"remove", said(a.Remove(ctx, "x", "q")), "1"},
			{"replace", said(a.Replace(ctx, []string{"1", "2", "3"})), "<nil>"},
			{"its TTL again", lasting(ctx, a), "1h0m0s"},
			{"random", said(func() (int, error) { some, err := a.Random(ctx, 2); return len(some), err }()), "2"},
			{"random beyond", inOrder(a.Random(ctx, 9)), "[1 2 3]"},
			{"move", said(a.MoveTo(ctx, b, "1")) + " " + said(a.MoveTo(ctx, b, "1")), "true false"},
			{"the other's TTL", lasting(ctx, b), "2h0m0s"},
			{"add to the other", said(b.Add(ctx, "2")), "1"},
			{"union", inOrder(a.Union(ctx, b)), "[1 2 3]"},
			{"intersect", inOrder(a.Intersect(ctx, b)), "[2]"},
			{"diff", inOrder(a.Diff(ctx, b)), "[3]"},
			{"diff into", said(a.DiffInto(ctx, b, b)), "1"},
			{"what it has", inOrder(b.Members(ctx)), "[3]"},
			{"the other's TTL again", lasting(ctx, b), "2h0m0s"},
			{"union into", said(a.UnionInto(ctx, a, b)), "2"},
			{"intersect into", said(a.IntersectInto(ctx, a, b)), "1"},
			{"pop", inOrder(a.Pop(ctx, 5)), "[3]"},
			{"gone", said(a.Exists(ctx)), "false"},
			{"nothing into", said(a.UnionInto(ctx, b)), "0"},
			{"the other has nothing", said(b.Len(ctx)), "0"}, // miniredis keeps its key
			{"pop a negative number", said(a.Pop(ctx, -1)), "!the number is negative: -1"},
		})
		var want []string
		for i := range 2500 {
			want = append(want, fmt.Sprint("member ", i))
		}
		_, err := a.Add(ctx, want...)
		check(t, err)
		var got []string
		for v, err := range a.Each(ctx) {
			check(t, err)
			got = append(got, v)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("Each yields %d members, want %d", len(got), len(want))
		}
	})
}

func TestSortedSet(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		user, ctx := someone.At(mustOpen(t, manyRoot, r), 1), t.Context()
		s, b, c := scores.At(user), best.At(user), cheapest.At(user)
		ann, bob, cid, dan := player{Name: "Ann"}, player{Name: "Bob"}, player{Name: "Cid"}, player{Name: "Dan"}
		all := []rin.Scored[player]{{bob, 20}, {cid, 20}, {dan, 5}}
		checkTold(t, []telling{
			{"top of nothing", said(s.Top(ctx, 3)), "[]"},
			{"add", said(s.Add(ctx, ann, 10)) + " " + said(s.Add(ctx, ann, 11)), "true false"},
			{"its TTL", lasting(ctx, s), "1h0m0s"},
			{"add many", said(s.AddMany(ctx, all...)), "3"},
			{"add none", said(s.AddMany(ctx)), "0"},
			{"if higher", said(s.AddIfHigher(ctx, ann, 9)) + " " + said(s.AddIfHigher(ctx, ann, 12)), "false true"},
			{"if lower", said(s.AddIfLower(ctx, dan, 6)) + " " + said(s.AddIfLower(ctx, dan, 4)), "false true"},
			{"if absent", said(s.AddIfAbsent(ctx, dan, 100)), "false"},
			{"increment", said(s.Increment(ctx, ann, -2)), "10"},
			{"score", said(s.Score(ctx, ann)) + " " + said(s.Score(ctx, player{})), "10 true 0 false"},
			{"score many", said(s.ScoreMany(ctx, player{}, bob)), "[not found 20]"},
			{"top", said(s.Top(ctx, 2)), "[{Cid }: 20 {Bob }: 20]"},
			{"bottom", said(s.Bottom(ctx, 2)), "[{Dan }: 4 {Ann }: 10]"},
			{"top none", said(s.Top(ctx, 0)), "[]"},
			{"rank", said(s.Rank(ctx, cid)) + " " + said(s.ReverseRank(ctx, bob)), "3 true 1 true"},
			{"rank in competition", said(s.ReverseRank(ctx, bob, rin.Competition())) + " " + said(s.Rank(ctx, cid, rin.Competition())), "0 true 2 true"},
			{"rank of nobody", said(s.Rank(ctx, player{})), "0 false"},
			{"len", said(s.Len(ctx)), "4"},
			{"count", said(s.CountByScore(ctx, rin.Excluding(4), rin.Including(20))), "3"},
			{"around", said(s.Around(ctx, bob, 1)), "[{Cid }: 20 {Bob }: 20 {Ann }: 10]"},
			{"around nobody", said(s.Around(ctx, player{}, 1)), "[]"},
			{"range by score", said(s.RangeByScore(ctx, rin.Lowest, rin.Excluding(20))), "[{Dan }: 4 {Ann }: 10]"},
			{"range in reverse", said(s.RangeByScore(ctx, rin.Lowest, rin.Highest, rin.Reverse(), rin.Limit(1, 2))), "[{Bob }: 20 {Ann }: 10]"},
			{"range by rank", said(s.RangeByRank(ctx, -2, -1)) + said(s.RangeByRank(ctx, 0, 0, rin.Reverse())), "[{Bob }: 20 {Cid }: 20][{Cid }: 20]"},
			{"pop", said(s.PopMin(ctx)) + " " + said(s.PopMax(ctx)), "{Dan }: 4 true {Cid }: 20 true"},
			{"remove", said(s.Remove(ctx, bob, dan)), "1"},
			{"remove by score", said(s.RemoveByScore(ctx, rin.Lowest, rin.Including(10))), "1"},
			{"gone", said(s.Exists(ctx)) + " " + said(s.PopMax(ctx)), "false { }: 0 false"},
			{"keep the highest", said(b.AddMany(ctx, rin.Scored[int]{1, 1}, rin.Scored[int]{2, 2}, rin.Scored[int]{3, 3})) + said(b.Top(ctx, 9)), "3[3: 3 2: 2]"},
			{"not among them", said(b.Add(ctx, 9, 0)) + said(b.Len(ctx)), "true2"},
			{"keep the lowest", said(c.AddMany(ctx, rin.Scored[int]{1, 1}, rin.Scored[int]{2, 2}, rin.Scored[int]{3, 3})) + said(c.Top(ctx, 9)), "3[2: 2 1: 1]"},
			{"remove by rank", said(c.RemoveByRank(ctx, 0, 0)), "1"},
			{"NaN", said(b.Add(ctx, 1, math.NaN())), "!invalid score: it is NaN"},
			{"nanoseconds", said(b.Add(ctx, 1, 1.7e18)), "!invalid score: 1700000000000000000 is beyond 2^53"},
			{"infinite", said(c.Add(ctx, 1, math.Inf(-1))) + said(c.Bottom(ctx, 1)), "true[1: -Inf]"},
			{"twice", said(b.AddMany(ctx, rin.Scored[int]{1, 1}, rin.Scored[int]{1, 2})), `!two members of one call are both stored as "1"`},
			{"type", said(b.Type(ctx)), "sortedset[int]"},
		})
		seen := 0
		for i := range 2500 {
			check(t, second(s.Add(ctx, player{Name: fmt.Sprint(i)}, float64(i))))
		}
		for m, err := range s.Each(ctx) {
			check(t, err)
			if seen++; m.Member.Name != fmt.Sprint(m.Score) {
				t.Errorf("Each yields %v", m)
			}
		}
		if seen != 2500 {
			t.Errorf("Each yields %d members, want 2500", seen)
		}
	})
}

func second[T any](_ T, err error) error { return err }

// A key of another kind is an error that names both, of every family, and stays as it is.
func TestStructures_wrongKind(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		user, ctx := someone.At(mustOpen(t, manyRoot, r), 1), t.Context()
		for _, key := range []string{profile.At(user).Key(), recent.At(user).Key(), tags.At(user).Key(), scores.At(user).Key()} {
			put(t, r, key, "7")
		}
		r.list(visits.At(user).Key())
		checkTold(t, []telling{
			{"counter", said(visits.At(user).Inc(ctx)), "!another kind of Redis value: a list, not a string"},
			{"hash", said(profile.At(user).Set(ctx, "a", 1)), "!another kind of Redis value: a string, not a hash"},
			{"hash, all anew", said(profile.At(user).Replace(ctx, nil)), "!another kind of Redis value: a string, not a hash"},
			{"list", said(recent.At(user).Push(ctx, "a")), "!another kind of Redis value: a string, not a list"},
			{"set", said(tags.At(user).Members(ctx)), "!another kind of Redis value: a string, not a set"},
			{"sorted set", said(scores.At(user).Top(ctx, 1)), "!another kind of Redis value: a string, not a zset"},
			{"type", said(scores.At(user).Type(ctx)), "!another kind of Redis value: a string, not a zset"},
			{"as it was", raw(ctx, r, profile.At(user).Key()), "7"},
		})
	})
}

// What can't be decoded is an error that shows it; a walk goes on behind it, and a
// declaration may leave it out.
func TestStructures_undecodable(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		ids := rin.Set[int]("ids")
		lenient := rin.Set[int]("ids", rin.OnMismatch(rin.TreatAsMissing))
		ctx := t.Context()
		one := ids.At(mustOpen(t, rin.Cluster("root", rin.Child(ids)), r))
		other := lenient.At(mustOpen(t, rin.Cluster("root", rin.Child(lenient)), r))
		check(t, r.Exec(ctx, &backend.SAdd{Key: one.Key(), Members: [][]byte{[]byte("1"), []byte("many"), []byte("2")}}))
		checkTold(t, []telling{
			{"members", said(one.Members(ctx)), `!root:ids: element "many"`},
			{"without it", said(len(must(other.Members(ctx))(t))), "2"},
			{"the rest", said(func() int { rest, _ := one.Members(ctx); return len(rest) }()), "2"},
		})
		good, bad := 0, 0
		for _, err := range one.Each(ctx) {
			if err == nil {
				good++
			} else if bad++; !strings.Contains(err.Error(), `"many"`) {
				t.Errorf("the error is %v", err)
			}
		}
		if good != 2 || bad != 1 {
			t.Errorf("Each yields %d members and %d errors, want 2 and 1", good, bad)
		}
	})
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		check(t, err)
		return v
	}
}

// With Renew(OnAccess), reads of structures renew the TTL.
func TestStructures_renewedByReads(t *testing.T) {
	sliding := rin.Hash[string, int]("sliding", rin.TTL(time.Hour), rin.Renew(rin.OnAccess))
	queued := rin.List[string]("queued", rin.TTL(time.Hour), rin.Renew(rin.OnAccess))
	onEveryBackend(t, func(t *testing.T, r rig) {
		ctx := t.Context()
		root := mustOpen(t, rin.Cluster("root", rin.Child(sliding, queued)), r)
		h, l := sliding.At(root), queued.At(root)
		checkTold(t, []telling{
			{"set", said(h.Set(ctx, "a", 1)), "true"},
			{"shorten", said(h.Expire(ctx, time.Minute)), "true"},
			{"get", said(h.Get(ctx, "a")), "1"},
			{"renewed", lasting(ctx, h), "1h0m0s"},
			{"shorten", said(h.Expire(ctx, time.Minute)), "true"},
			{"ask", said(h.Exists(ctx)) + " " + lasting(ctx, h), "true 1m0s"},
			{"walk", said(walked(h.Each(ctx))), "<nil>"},
			{"renewed", lasting(ctx, h), "1h0m0s"},
			{"shorten a list", said(l.Push(ctx, "a")) + said(l.Expire(ctx, time.Minute)), "1true"},
			{"walk a list", said(walked(l.Each(ctx))), "<nil>"},
			{"renewed", lasting(ctx, l), "1h0m0s"},
			{"read of nothing", said(h.Delete(ctx, "a")) + said(h.Len(ctx)) + said(h.Exists(ctx)), "10false"},
		})
	})
}

// Members and fields have to be equal as bytes where they are equal in Go.
func TestStructures_refusedByOpen(t *testing.T) {
	for want, node := range map[string]rin.Node{
		"members: rin_test.player can't be compared as bytes: each process writes gob in another way": rin.Set[player]("s", rin.Codec(codec.Gob)),
		"fields: rin_test.player can't be compared as bytes":                                          rin.Hash[player, int]("h", rin.Codec(codec.Gob)),
		"sortedset[any]: members: any can't be stored plain":                                          rin.SortedSet[any]("z"),
		"list[func()]":                            rin.List[func()]("l"),
		"MaxLen(0): a structure holds one":        rin.List[int]("l", rin.MaxLen(0)),
		"end the transforms":                      rin.Counter[int]("c", rin.Transforms(shout{})),
		"holds int8, but its default is a string": rin.Counter[int8]("c", rin.Default("x")),
	} {
		_, err := rin.Open(rin.Cluster("root", rin.Child(node)), memstore.New())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open = %v, want %q", err, want)
		}
	}
}

// An element is moved, or compared, only where it is stored in the same way.
func TestStructures_storedAlike(t *testing.T) {
	stock := rin.Hash[string, int]("stock", rin.Transforms(shout{}))
	plain, loud := rin.List[player]("plain"), rin.List[player]("loud", rin.Transforms(shout{}))
	other, red, blue := rin.List[player]("gob", rin.Codec(codec.Gob)), rin.Set[string]("red"), rin.Set[string]("blue", rin.Transforms(shout{}))
	root, ctx := mustOpen(t, rin.Cluster("root", rin.Child(plain, loud, other, red, blue, stock)), memstore.New()), t.Context()
	check(t, second(plain.At(root).Push(ctx, player{})), second(loud.At(root).Push(ctx, player{})), second(red.At(root).Add(ctx, "a")))
	const refused = "!the other structure: its elements are stored in another way"
	checkTold(t, []telling{
		{"to transforms", said(plain.At(root).Move(ctx, loud.At(root))), refused},
		{"from transforms", said(loud.At(root).Move(ctx, loud.At(root))), refused},
		{"another codec", said(plain.At(root).MoveWait(ctx, other.At(root))), refused},
		{"sets", said(red.At(root).MoveTo(ctx, blue.At(root), "a")), refused},
		{"union", said(red.At(root).Union(ctx, blue.At(root))), refused},
		{"into", said(red.At(root).UnionInto(ctx, blue.At(root))), refused},
		{"a field", said(stock.At(root).Set(ctx, "a", 7)) + said(stock.At(root).All(ctx)), "truemap[a:7]"},
		{"added to", said(stock.At(root).Add(ctx, "b", 1)), "!the stored value is no number to the server"},
		{"nothing moved", said(plain.At(root).Len(ctx)) + said(red.At(root).Len(ctx)), "11"},
	})
}

// shout is a transform that writes in one way only.
type shout struct{}

func (shout) Name() string { return "shout" }
func (shout) Encode(dst, data []byte, _ string) ([]byte, error) {
	return append(append(dst, data...), '!'), nil
}

func (shout) Decode(dst, data []byte, _ string) ([]byte, error) {
	return append(dst, data[:len(data)-1]...), nil
}

// A batch takes operations on all structures, in one round trip; those that have nothing to
// send send nothing.
func TestStructures_batch(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root := mustOpen(t, manyRoot, r)
		user, ctx := someone.At(root, 1), t.Context()
		b := root.Batch()
		n := visits.At(user).In(b).Inc()
		set := profile.At(user).In(b).Set("age", 30)
		all := profile.At(user).In(b).All()
		length := queue.At(user).In(b).Push(player{Name: "Ann"})
		nothing := tags.At(user).In(b).Add()
		added := scores.At(user).In(b).Add(player{Name: "Ann"}, 1)
		top := scores.At(user).In(b).Top(1)
		kind := tags.At(user).In(b).Type()
		check(t, b.Run(ctx))
		if got, want := said(n, set, all, length, nothing, added, top, kind), "1 true map[age:30] 1 0 true [{Ann }: 1] "; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

// A structure takes as much memory as one that was written by hand: there is no header, and
// numbers are digits.
func TestStructures_memory(t *testing.T) {
	const many = 1000
	for _, program := range programs {
		t.Run(program.String(), func(t *testing.T) {
			on := program.single(t)
			on.empty(t)
			addr := on.primaries[0]
			user, ctx := someone.At(mustOpen(t, manyRoot, on.Open(t, clienttest.Goredis)), 1), t.Context()
			p, q, g, s := profile.At(user), teams.At(user), tags.At(user), best.At(user)
			fields, members, text := map[string]int{}, make([]string, many), player{Name: "Ann"}
			sets, adds := []string{"HSET", "p"}, []string{"SADD", "t"}
			for i := range many {
				fields[fmt.Sprint("field ", i)], members[i] = i, fmt.Sprint("member ", i)
				sets = append(sets, fmt.Sprint("field ", i), fmt.Sprint(i))
				adds = append(adds, members[i])
			}
			check(t, second(p.SetMany(ctx, fields)), second(q.Set(ctx, 7, text)), second(g.Add(ctx, members...)), second(s.Add(ctx, 7, 1.5)))
			servertest.Do(t, addr, sets...)
			servertest.Do(t, addr, "HSET", "q", "7", `{"Name":"Ann"}`)
			servertest.Do(t, addr, adds...)
			servertest.Do(t, addr, "ZADD", "s", "1.5", "7")
			for raw, key := range map[string]string{"p": p.Key(), "q": q.Key(), "t": g.Key(), "s": s.Key()} {
				same := strings.Repeat(raw, len(key)) // The key's own length counts.
				servertest.Do(t, addr, "RENAME", raw, same)
				servertest.Do(t, addr, "PEXPIRE", same, "3600000")
				ours, theirs := servertest.Do(t, addr, "MEMORY", "USAGE", key, "SAMPLES", "0"), servertest.Do(t, addr, "MEMORY", "USAGE", same, "SAMPLES", "0")
				if ours != theirs {
					t.Errorf("%s takes %v bytes, and by hand %v", key, ours, theirs)
				}
			}
		})
	}
}

// Every operation of an entry has its batched form, but for the iterators, what waits, and
// what copies a whole, which take several round trips.
func TestStructures_batchedForms(t *testing.T) {
	walks := []string{"Each", "Fields", "PopWait", "PopFrontWait", "MoveWait"}
	for entry, batched := range map[reflect.Type]reflect.Type{
		reflect.TypeFor[rin.CounterEntry[int]]():      reflect.TypeFor[rin.BatchCounterEntry[int]](),
		reflect.TypeFor[rin.HashEntry[string, int]](): reflect.TypeFor[rin.BatchHashEntry[string, int]](),
		reflect.TypeFor[rin.ListEntry[int]]():         reflect.TypeFor[rin.BatchListEntry[int]](),
		reflect.TypeFor[rin.SetEntry[int]]():          reflect.TypeFor[rin.BatchSetEntry[int]](),
		reflect.TypeFor[rin.SortedSetEntry[int]]():    reflect.TypeFor[rin.BatchSortedSetEntry[int]](),
	} {
		forms := 0
		for i := range entry.NumMethod() {
			m := entry.Method(i)
			copies := m.Type.In(m.Type.NumIn()-1) == reflect.TypeFor[[]rin.CopyOption]()
			if m.Type.NumIn() < 2 || m.Type.In(1) != reflect.TypeFor[context.Context]() || slices.Contains(walks, m.Name) || copies {
				continue
			}
			if forms++; !hasMethod(batched, m.Name) {
				t.Errorf("%v.%s has no batched form", entry, m.Name)
			}
		}
		if forms != batched.NumMethod() {
			t.Errorf("%v has %d operations, and %v %d", entry, forms, batched, batched.NumMethod())
		}
	}
}

func hasMethod(t reflect.Type, name string) bool {
	_, ok := t.MethodByName(name)
	return ok
}

// Structures are walked, parsed and cleared with everything else.
func TestStructures_inTheTree(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root := mustOpen(t, manyRoot, r)
		user, ctx := someone.At(root, 1), t.Context()
		check(t, second(visits.At(user).Inc(ctx)), second(profile.At(user).Set(ctx, "age", 1)), second(queue.At(user).Push(ctx, player{})),
			second(tags.At(user).Add(ctx, "a")), second(scores.At(user).Add(ctx, player{}, 1)))
		var found []string
		for entry, err := range root.Entries(ctx) {
			check(t, err)
			found = append(found, entry.Node.Pattern())
		}
		slices.Sort(found)
		if got := said(found); got != "[profile queue scores tags visits]" {
			t.Errorf("Entries yields %s", got)
		}
		if usage, err := profile.At(user).MemoryUsage(ctx); usage <= 0 && !errors.Is(err, rin.ErrUnsupported) {
			t.Errorf("MemoryUsage = %d, %v", usage, err)
		}
		if n, err := user.Clear(ctx); n != 5 || err != nil {
			t.Errorf("Clear = %d, %v; want 5", n, err)
		}
	})
}
