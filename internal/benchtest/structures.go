package benchtest

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
)

// RawStructures is a client used without rin, on structures. Its functions fail the
// benchmark themselves.
type RawStructures struct {
	IncrBy func(ctx context.Context, key string, n int64) int64
	// Counted is a script of INCRBY and PEXPIRE, by EVAL.
	Counted   func(ctx context.Context, key string, n int64) int64
	HGet      func(ctx context.Context, key, field string) string
	HSet      func(ctx context.Context, key, field, value string)
	HGetAll   func(ctx context.Context, key string) map[string]string
	RPush     func(ctx context.Context, key, value string) int64
	LRange    func(ctx context.Context, key string) []string
	SIsMember func(ctx context.Context, key, member string) bool
	SMembers  func(ctx context.Context, key string) []string
	ZIncrBy   func(ctx context.Context, key, member string, by float64) float64
	// ZRevRange is the first ten with their scores.
	ZRevRange func(ctx context.Context, key string) []rin.Scored[string]
	// Batch is, that many times each and in one round trip, HGet, IncrBy, SIsMember and
	// ZIncrBy.
	Batch func(ctx context.Context, times int, hash, field, counter, set, member, sorted, player string)
}

// CountScript is what Counted sends.
const CountScript = `local n = redis.call('INCRBY', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return n`

var (
	hits   = rin.Counter[int]("hits")
	window = rin.Counter[int]("window", rin.TTL(TTL))
	stock  = rin.Hash[string, int]("stock")
	whole  = rin.Hash[string, int]("whole")
	events = rin.List[string]("events")
	past   = rin.List[string]("past")
	tags   = rin.Set[string]("tags")
	board  = rin.SortedSet[string]("board")
	many   = rin.Cluster("structures", rin.Child(hits, window, stock, whole, events, past, tags, board))
)

// Structures is what structures are used for most: single steps, and reads of all that
// there is. The raw client decodes into the same Go types.
func Structures(b *testing.B, store backend.Backend, raw RawStructures) []Calls {
	root, err := rin.Open(many, store)
	check(b, err)
	h, w, s, all := hits.At(root), window.At(root), stock.At(root), whole.At(root)
	l, p, t, z := events.At(root), past.At(root), tags.At(root), board.At(root)
	fill(b, all, p, t, z)
	_, err = s.Set(b.Context(), "tea", 7)
	check(b, err)
	return []Calls{
		{"op=counter add", func(ctx context.Context) { AnswerOf(h.Add(ctx, 1)).Of(b) }, func(ctx context.Context) { raw.IncrBy(ctx, "raw:hits", 1) }},
		{"op=counter add/ttl", func(ctx context.Context) { AnswerOf(w.Add(ctx, 1)).Of(b) }, func(ctx context.Context) { raw.Counted(ctx, "raw:window", 1) }},
		{"op=hash get", func(ctx context.Context) { AnswerOf(s.Get(ctx, "tea")).Of(b) }, func(ctx context.Context) { number(b, raw.HGet(ctx, s.Key(), "tea")) }},
		{"op=hash set", func(ctx context.Context) { AnswerOf(s.Set(ctx, "tea", 7)).Of(b) }, func(ctx context.Context) { raw.HSet(ctx, "raw:stock", "tea", strconv.Itoa(7)) }},
		{"op=hash all/fields=1000", func(ctx context.Context) { AnswerOf(all.All(ctx)).Of(b) }, func(ctx context.Context) {
			texts := raw.HGetAll(ctx, all.Key())
			numbers := make(map[string]int, len(texts))
			for field, text := range texts {
				numbers[field] = number(b, text)
			}
		}},
		{"op=list push", func(ctx context.Context) { AnswerOf(l.Push(ctx, "an event")).Of(b) }, func(ctx context.Context) { raw.RPush(ctx, "raw:events", "an event") }},
		{"op=list range/elements=1000", func(ctx context.Context) { AnswerOf(p.Range(ctx, 0, -1)).Of(b) }, func(ctx context.Context) { raw.LRange(ctx, p.Key()) }},
		{"op=set has", func(ctx context.Context) { AnswerOf(t.Has(ctx, "tag 7")).Of(b) }, func(ctx context.Context) { raw.SIsMember(ctx, t.Key(), "tag 7") }},
		{"op=set members/members=10000", func(ctx context.Context) { AnswerOf(t.Members(ctx)).Of(b) }, func(ctx context.Context) { raw.SMembers(ctx, t.Key()) }},
		{"op=sorted set increment", func(ctx context.Context) { AnswerOf(z.Increment(ctx, "player 7", 1)).Of(b) }, func(ctx context.Context) { raw.ZIncrBy(ctx, z.Key(), "player 7", 1) }},
		{"op=sorted set top/n=10", func(ctx context.Context) { AnswerOf(z.Top(ctx, 10)).Of(b) }, func(ctx context.Context) { raw.ZRevRange(ctx, z.Key()) }},
		{"op=batch/mixed=100", func(ctx context.Context) {
			batch := root.Batch()
			var got []*rin.Future[int]
			var had []*rin.Future[bool]
			var scored []*rin.Future[float64]
			for range 25 {
				got = append(got, s.In(batch).Get("tea"), h.In(batch).Add(1))
				had = append(had, t.In(batch).Has("tag 7"))
				scored = append(scored, z.In(batch).Increment("player 7", 1))
			}
			check(b, batch.Run(ctx))
			results(b, got)
			results(b, had)
			results(b, scored)
		}, func(ctx context.Context) {
			raw.Batch(ctx, 25, s.Key(), "tea", "raw:hits", t.Key(), "tag 7", z.Key(), "player 7")
		}},
	}
}

// fill makes the structures that are read.
func fill(b *testing.B, all rin.HashEntry[string, int], p rin.ListEntry[string], t rin.SetEntry[string], z rin.SortedSetEntry[string]) {
	numbers, texts, members, scores := map[string]int{}, []string{}, []string{}, []rin.Scored[string]{}
	for i := range 10_000 {
		if i < 1000 {
			numbers[fmt.Sprint("field ", i)] = i
			texts = append(texts, fmt.Sprint("event ", i))
		}
		members = append(members, fmt.Sprint("tag ", i))
		scores = append(scores, rin.Scored[string]{Member: fmt.Sprint("player ", i), Score: float64(i)})
	}
	ctx := b.Context()
	check(b, all.Replace(ctx, numbers))
	check(b, t.Replace(ctx, members))
	AnswerOf(p.Push(ctx, texts...)).Of(b)
	AnswerOf(z.AddMany(ctx, scores...)).Of(b)
}

// Answer is what a client returns, of which [Answer.Of] gives the value.
type Answer[T any] struct {
	value T
	err   error
}

// AnswerOf takes what a client returns.
func AnswerOf[T any](value T, err error) Answer[T] { return Answer[T]{value, err} }

// Of is the value. An error fails the benchmark.
func (a Answer[T]) Of(b *testing.B) T {
	check(b, a.err)
	return a.value
}

func number(b *testing.B, text string) int {
	n, err := strconv.Atoi(text)
	check(b, err)
	return n
}
