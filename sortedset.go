package rin

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"reflect"

	"github.com/redisimnest/rin/backend"
)

// SortedSetOf is a declared sorted set. [SortedSet] makes it; [SortedSetOf.At] binds it to
// a place in a store.
type SortedSetOf[T any] struct{ node }

// SortedSet declares a set of members of type T with a score each, in the order of the
// scores:
//
//	rin.SortedSet[string]("scores", rin.MaxLen(1000))
//
// Members of one score stand in the order of the bytes that they are stored as; counted
// from the highest score, in the reverse of that.
//
// A score is a float64. One that is NaN is [ErrScore], and so is one beyond 2^53, where a
// float64 can't tell whole numbers from their neighbours: a time in nanoseconds, for
// example, for which milliseconds will do. The infinities are scores.
//
// Members are stored without a header: text where T has one, digits for numbers, and what
// the codec writes for others. Equal members have to be written as equal bytes, so that T
// can't be written by gob.
//
// Mistakes are reported by [Open], all of them together.
func SortedSet[T any](pattern string, opts ...SortedSetOption) *SortedSetOf[T] {
	s := &SortedSetOf[T]{newNode(pattern)}
	s.self = s
	s.value = &value{holds: "sortedset[" + goName(reflect.TypeFor[T]()) + "]", kind: backend.KindSortedSet, bind: bindSet[T]}
	for _, opt := range opts {
		s.add(opt)
	}
	return s
}

type keepLowestOption struct{}

// KeepLowest makes [MaxLen] keep the members with the lowest scores, and not those with the
// highest. It applies to [SortedSet].
func KeepLowest() SortedSetOption { return keepLowestOption{} }

func (keepLowestOption) validInSortedSet() {}

func (o keepLowestOption) declare(n *node) {
	n.value.keepLowest = true
}

func (keepLowestOption) String() string { return "KeepLowest()" }

// At binds the sorted set to a scope. It takes parameters as [KeyOf.At] does.
func (s *SortedSetOf[T]) At(scope *Scope, params ...any) SortedSetEntry[T] {
	if s == nil {
		return SortedSetEntry[T]{structure{handle{err: errNilNode}}}
	}
	return SortedSetEntry[T]{structure{at(scope, &s.node, params)}}
}

// SortedSetEntry is a sorted set at its place in a store. [SortedSetOf.At] makes it. It is
// a small value, immutable, and safe for concurrent use.
//
// Ranks count from 0. Every operation is one round trip, but for the iterator, and its error
// is an [*OpError]. A sorted set that is not there reads as one without members, and one
// without members is not there: with the last member its key goes, and its TTL.
type SortedSetEntry[T any] struct{ structure }

// Scored is a member of a sorted set with its score.
type Scored[T any] struct {
	Member T
	Score  float64
}

// String returns the member and its score as they print.
func (s Scored[T]) String() string { return fmt.Sprintf("%v: %v", s.Member, s.Score) }

// exact is the greatest number up to which a float64 holds each whole one.
const exactScore = 1 << 53

func checkScore(score float64) error {
	switch {
	case math.IsNaN(score):
		return fmt.Errorf("%w: it is NaN", ErrScore)
	case math.Abs(score) > exactScore && !math.IsInf(score, 0):
		return fmt.Errorf("%w: %.0f is beyond 2^53, where a float64 can't tell whole numbers from their neighbours; use a larger unit", ErrScore, score)
	}
	return nil
}

func (e SortedSetEntry[T]) bounded() backend.Bounded {
	if e.check() != nil {
		return backend.Bounded{}
	}
	v := e.place.node.value
	return backend.Bounded{MaxLen: v.maxLen, KeepLowest: v.keepLowest}
}

// Add gives a member a score, and returns whether the member is new. What is more than
// [MaxLen] is dropped in the same step, which may be this very member. It is ZADD, in a
// script where there is a TTL or a MaxLen: O(log n).
func (e SortedSetEntry[T]) Add(ctx context.Context, member T, score float64) (added bool, err error) {
	return e.add(member, score).now(ctx)
}

func (e SortedSetEntry[T]) add(member T, score float64) operation[bool] {
	return e.adding("add", member, score, backend.ZAlways, false)
}

// AddIfHigher gives a member a score that is higher than its own, or adds it, and returns
// whether it did. It is ZADD GT, in a script where there is a TTL or a MaxLen: O(log n).
func (e SortedSetEntry[T]) AddIfHigher(ctx context.Context, member T, score float64) (bool, error) {
	return e.addIfHigher(member, score).now(ctx)
}

func (e SortedSetEntry[T]) addIfHigher(member T, score float64) operation[bool] {
	return e.adding("add if higher", member, score, backend.ZIfHigher, true)
}

// AddIfLower gives a member a score that is lower than its own, or adds it, and returns
// whether it did. It is ZADD LT, in a script where there is a TTL or a MaxLen: O(log n).
func (e SortedSetEntry[T]) AddIfLower(ctx context.Context, member T, score float64) (bool, error) {
	return e.addIfLower(member, score).now(ctx)
}

func (e SortedSetEntry[T]) addIfLower(member T, score float64) operation[bool] {
	return e.adding("add if lower", member, score, backend.ZIfLower, true)
}

// AddIfAbsent adds a member that is not there, and returns whether it did. It is ZADD NX, in
// a script where there is a TTL or a MaxLen: O(log n).
func (e SortedSetEntry[T]) AddIfAbsent(ctx context.Context, member T, score float64) (bool, error) {
	return e.addIfAbsent(member, score).now(ctx)
}

func (e SortedSetEntry[T]) addIfAbsent(member T, score float64) operation[bool] {
	return e.adding("add if absent", member, score, backend.ZIfAbsent, false)
}

func (e SortedSetEntry[T]) adding(name string, member T, score float64, cond backend.ZCond, changed bool) operation[bool] {
	op := e.addition(cond, changed)
	text, err := encodeOne(e.structure, member)
	if err == nil {
		err = checkScore(score)
	}
	op.Members = []backend.Scored{{Member: text, Score: score}}
	return changing(e.structure, name, op, err, addedOne)
}

func (e SortedSetEntry[T]) addition(cond backend.ZCond, changed bool) *backend.ZAdd {
	return &backend.ZAdd{Key: e.key, Pattern: e.pattern(), Expiry: e.life(), Bounded: e.bounded(), Cond: cond, Changed: changed}
}

func addedOne(_ handle, op backend.Op) (bool, error) { return op.(*backend.ZAdd).Added > 0, nil }

// AddMany gives members their scores, and returns how many are new. It is ZADD, in a script
// where there is a TTL or a MaxLen: O(log n) for each.
func (e SortedSetEntry[T]) AddMany(ctx context.Context, members ...Scored[T]) (added int64, err error) {
	return e.addMany(members...).now(ctx)
}

func (e SortedSetEntry[T]) addMany(members ...Scored[T]) operation[int64] {
	op := e.addition(backend.ZAlways, false)
	var err error
	op.Members, err = e.encodeScored(members)
	o := changing(e.structure, "add many", op, err, addedScored)
	o.idle = len(members) == 0
	return o
}

func (e SortedSetEntry[T]) encodeScored(members []Scored[T]) ([]backend.Scored, error) {
	all, texts := make([]backend.Scored, len(members)), make([][]byte, len(members))
	for i, m := range members {
		text, err := encodeOne(e.structure, m.Member)
		if err == nil {
			err = checkScore(m.Score)
		}
		if err != nil {
			return nil, err
		}
		all[i], texts[i] = backend.Scored{Member: text, Score: m.Score}, text
	}
	return all, distinct("member", texts)
}

func addedScored(_ handle, op backend.Op) (int64, error) { return op.(*backend.ZAdd).Added, nil }

// Increment adds to the score of a member, which begins at 0, and returns the score then.
// What is more than [MaxLen] is dropped in the same step, which may be this very member. It
// is ZINCRBY, in a script where there is a TTL or a MaxLen: O(log n).
func (e SortedSetEntry[T]) Increment(ctx context.Context, member T, by float64) (score float64, err error) {
	return e.increment(member, by).now(ctx)
}

func (e SortedSetEntry[T]) increment(member T, by float64) operation[float64] {
	text, err := encodeOne(e.structure, member)
	if err == nil {
		err = checkScore(by)
	}
	op := &backend.ZIncrBy{Key: e.key, Pattern: e.pattern(), Expiry: e.life(), Bounded: e.bounded(), Member: text, By: by}
	return changing(e.structure, "increment", op, err, incremented)
}

func incremented(_ handle, op backend.Op) (float64, error) { return op.(*backend.ZIncrBy).Score, nil }

// Score returns the score of a member. The bool says whether it is there. It is ZSCORE:
// O(1).
func (e SortedSetEntry[T]) Score(ctx context.Context, member T) (float64, bool, error) {
	v, err := e.score(member).now(ctx)
	return v.Value, v.Found, err
}

func (e SortedSetEntry[T]) score(member T) operation[Maybe[float64]] {
	text, err := encodeOne(e.structure, member)
	o := reading(e.structure, "score", &backend.ZScore{Key: e.key, Pattern: e.pattern(), Member: text}, scoreOf)
	o.err = err
	return o
}

func scoreOf(_ handle, op backend.Op) (Maybe[float64], error) {
	score := op.(*backend.ZScore)
	return Maybe[float64]{score.Score, score.Found}, nil
}

// ScoreMany returns of each of the members its score, and whether it is there. It is
// ZMSCORE: O(n) in the members.
func (e SortedSetEntry[T]) ScoreMany(ctx context.Context, members ...T) ([]Maybe[float64], error) {
	return e.scoreMany(members...).now(ctx)
}

func (e SortedSetEntry[T]) scoreMany(members ...T) operation[[]Maybe[float64]] {
	texts, err := encodeMany(e.structure, members)
	o := reading(e.structure, "score many", &backend.ZMScore{Key: e.key, Pattern: e.pattern(), Members: texts}, scoresOf)
	o.err, o.idle = err, len(members) == 0
	return o
}

func scoresOf(_ handle, op backend.Op) ([]Maybe[float64], error) {
	many := op.(*backend.ZMScore)
	scores := make([]Maybe[float64], len(many.Scores))
	for i, score := range many.Scores {
		scores[i] = Maybe[float64]{score, many.Found[i]}
	}
	return scores, nil
}

// RankOption is an option of [SortedSetEntry.Rank] and [SortedSetEntry.ReverseRank].
type RankOption interface {
	fmt.Stringer
	validInRank(*backend.ZRank)
}

type competition struct{}

// Competition ranks members of one score alike: 0, 1, 1, 3. By default each has a rank of
// its own.
func Competition() RankOption { return competition{} }

func (competition) validInRank(o *backend.ZRank) { o.Scores = true }

// String returns the option as it is written.
func (competition) String() string { return "Competition()" }

// Rank returns how many members stand before one, counted from the lowest score. The bool
// says whether it is there. It is ZRANK, or a script with [Competition]: O(log n).
func (e SortedSetEntry[T]) Rank(ctx context.Context, member T, opts ...RankOption) (int64, bool, error) {
	v, err := e.rank(member, opts...).now(ctx)
	return v.Value, v.Found, err
}

func (e SortedSetEntry[T]) rank(member T, opts ...RankOption) operation[Maybe[int64]] {
	return e.ranking("rank", member, false, opts)
}

// ReverseRank returns how many members stand before one, counted from the highest score.
// The bool says whether it is there. It is ZREVRANK, or a script with [Competition]:
// O(log n).
func (e SortedSetEntry[T]) ReverseRank(ctx context.Context, member T, opts ...RankOption) (int64, bool, error) {
	v, err := e.reverseRank(member, opts...).now(ctx)
	return v.Value, v.Found, err
}

func (e SortedSetEntry[T]) reverseRank(member T, opts ...RankOption) operation[Maybe[int64]] {
	return e.ranking("reverse rank", member, true, opts)
}

func (e SortedSetEntry[T]) ranking(name string, member T, reverse bool, opts []RankOption) operation[Maybe[int64]] {
	text, err := encodeOne(e.structure, member)
	op := &backend.ZRank{Key: e.key, Pattern: e.pattern(), Member: text, Reverse: reverse}
	for _, opt := range opts {
		if opt == nil {
			err = errNilRank
			break
		}
		opt.validInRank(op)
	}
	o := reading(e.structure, name, op, rankOf)
	o.err = err
	return o
}

var errNilRank = fmt.Errorf("an option of the rank is nil; leave it out")

func rankOf(_ handle, op backend.Op) (Maybe[int64], error) {
	rank := op.(*backend.ZRank)
	return Maybe[int64]{rank.Rank, rank.Found}, nil
}

// Remove removes members, and returns how many were there. It is ZREM, in a script where
// there is a TTL: O(log n) for each.
func (e SortedSetEntry[T]) Remove(ctx context.Context, members ...T) (removed int64, err error) {
	return e.remove(members...).now(ctx)
}

func (e SortedSetEntry[T]) remove(members ...T) operation[int64] {
	texts, err := encodeMany(e.structure, members)
	op := &backend.ZRem{Key: e.key, Pattern: e.pattern(), Expiry: e.life(), Members: texts}
	o := changing(e.structure, "remove", op, err, removedScored)
	o.idle = len(members) == 0
	return o
}

// removedScored is how many members an op has removed, in whatever way.
func removedScored(_ handle, op backend.Op) (int64, error) {
	switch op := op.(type) {
	case *backend.ZRemRangeByRank:
		return op.Removed, nil
	case *backend.ZRemRangeByScore:
		return op.Removed, nil
	default:
		return op.(*backend.ZRem).Removed, nil
	}
}

// Len returns how many members there are. It is ZCARD: O(1).
func (e SortedSetEntry[T]) Len(ctx context.Context) (int64, error) { return e.len().now(ctx) }

func (e SortedSetEntry[T]) len() operation[int64] {
	return reading(e.structure, "len", &backend.ZCard{Key: e.key, Pattern: e.pattern()}, scoredCount)
}

func scoredCount(_ handle, op backend.Op) (int64, error) { return op.(*backend.ZCard).Len, nil }

// Bound is an end of a range of scores. [Including] and [Excluding] make it; the zero Bound
// is 0, and in the range. [Lowest] and [Highest] are the ends of the range of all scores.
type Bound struct{ bound backend.Bound }

// Including is a score that is in the range.
func Including(score float64) Bound { return Bound{backend.Bound{Score: score}} }

// Excluding is a score that the range ends before.
func Excluding(score float64) Bound { return Bound{backend.Bound{Score: score, Open: true}} }

// Lowest is below every score, and Highest above.
var (
	Lowest  = Bound{backend.Lowest}
	Highest = Bound{backend.Highest}
)

// String returns the bound as Redis has it: 1.5, or (1.5 where it is excluded.
func (b Bound) String() string { return b.bound.String() }

func checkBounds(least, most Bound) error {
	if math.IsNaN(least.bound.Score) || math.IsNaN(most.bound.Score) {
		return fmt.Errorf("%w: an end of the range is NaN", ErrScore)
	}
	return nil
}

// CountByScore returns how many members have a score in a range. It is ZCOUNT: O(log n).
func (e SortedSetEntry[T]) CountByScore(ctx context.Context, least, most Bound) (int64, error) {
	return e.countByScore(least, most).now(ctx)
}

func (e SortedSetEntry[T]) countByScore(least, most Bound) operation[int64] {
	op := &backend.ZCount{Key: e.key, Pattern: e.pattern(), Min: least.bound, Max: most.bound}
	o := reading(e.structure, "count by score", op, countedByScore)
	o.err = checkBounds(least, most)
	return o
}

func countedByScore(_ handle, op backend.Op) (int64, error) { return op.(*backend.ZCount).Len, nil }

// Top returns the n members with the highest scores, the highest first. It is ZREVRANGE:
// O(log n) and what it returns.
func (e SortedSetEntry[T]) Top(ctx context.Context, n int) ([]Scored[T], error) {
	return e.top(n).now(ctx)
}

func (e SortedSetEntry[T]) top(n int) operation[[]Scored[T]] { return e.first("top", n, true) }

// Bottom returns the n members with the lowest scores, the lowest first. It is ZRANGE:
// O(log n) and what it returns.
func (e SortedSetEntry[T]) Bottom(ctx context.Context, n int) ([]Scored[T], error) {
	return e.bottom(n).now(ctx)
}

func (e SortedSetEntry[T]) bottom(n int) operation[[]Scored[T]] { return e.first("bottom", n, false) }

func (e SortedSetEntry[T]) first(name string, n int, reverse bool) operation[[]Scored[T]] {
	o := e.span(name, 0, int64(n)-1, reverse)
	o.err, o.idle = checkCount(n), n == 0
	return o
}

func (e SortedSetEntry[T]) span(name string, from, to int64, reverse bool) operation[[]Scored[T]] {
	op := &backend.ZRange{Key: e.key, Pattern: e.pattern(), Start: from, Stop: to, Reverse: reverse}
	return reading(e.structure, name, op, scoredMembers[T])
}

// scoredMembers decodes the members that an op has read, or taken, in whatever way, as
// [elements.decodeAll] does.
func scoredMembers[T any](h handle, op backend.Op) (_ []Scored[T], failed error) {
	var found []backend.Scored
	switch op := op.(type) {
	case *backend.ZRange:
		found = op.Members
	case *backend.ZRangeByScore:
		found = op.Members
	case *backend.ZAround:
		found = op.Members
	case *backend.ZPop:
		found = op.Members
	}
	all, in := make([]Scored[T], 0, len(found)), elems[T](h)
	for _, m := range found {
		v, err := in.decode(h.key, m.Member)
		switch {
		case err == nil:
			all = append(all, Scored[T]{v, m.Score})
		case h.place.policy.mismatch != TreatAsMissing:
			failed = errors.Join(failed, err)
		}
	}
	return all, failed
}

// Around returns a member with the n members before it and the n behind it, in the order of
// the highest score first; none where the member is not there. It is a script of ZREVRANK
// and ZREVRANGE: O(log n) and what it returns.
func (e SortedSetEntry[T]) Around(ctx context.Context, member T, n int) ([]Scored[T], error) {
	return e.around(member, n).now(ctx)
}

func (e SortedSetEntry[T]) around(member T, n int) operation[[]Scored[T]] {
	text, err := encodeOne(e.structure, member)
	if err == nil {
		err = checkCount(n)
	}
	op := &backend.ZAround{Key: e.key, Pattern: e.pattern(), Member: text, Count: int64(n), Reverse: true}
	o := reading(e.structure, "around", op, scoredMembers[T])
	o.err = err
	return o
}

// RangeOption is an option of [SortedSetEntry.RangeByScore] and
// [SortedSetEntry.RangeByRank].
type RangeOption interface {
	fmt.Stringer
	validInRange(*scoreRange)
}

// scoreRange is a range whose options are being applied.
type scoreRange struct {
	offset, count int64
	limited       bool
	reverse       bool
}

type limitOption struct{ offset, count int }

// Limit passes over some members of a range, and returns up to count of the others. By
// default all are returned.
func Limit(offset, count int) RangeOption { return limitOption{offset, count} }

func (o limitOption) validInRange(r *scoreRange) {
	r.offset, r.count, r.limited = int64(o.offset), int64(o.count), true
}

func (o limitOption) String() string { return fmt.Sprintf("Limit(%d, %d)", o.offset, o.count) }

type reverseOption struct{}

// Reverse orders a range from the highest score down, and counts its ranks so. By default it
// is from the lowest up.
func Reverse() RangeOption { return reverseOption{} }

func (reverseOption) validInRange(r *scoreRange) { r.reverse = true }

// String returns the option as it is written.
func (reverseOption) String() string { return "Reverse()" }

func rangeOf(opts []RangeOption) (r scoreRange, err error) {
	for _, opt := range opts {
		if opt == nil {
			return r, fmt.Errorf("an option of the range is nil; leave it out")
		}
		opt.validInRange(&r)
	}
	if r.offset < 0 || r.count < 0 {
		return r, errNoCount
	}
	return r, nil
}

// RangeByScore returns the members whose scores are in a range:
//
//	scores.RangeByScore(ctx, rin.Excluding(10), rin.Highest, rin.Limit(0, 100))
//
// It is ZRANGEBYSCORE or ZREVRANGEBYSCORE: O(log n), what it returns and what [Limit] passes
// over.
func (e SortedSetEntry[T]) RangeByScore(ctx context.Context, least, most Bound, opts ...RangeOption) ([]Scored[T], error) {
	return e.rangeByScore(least, most, opts...).now(ctx)
}

func (e SortedSetEntry[T]) rangeByScore(least, most Bound, opts ...RangeOption) operation[[]Scored[T]] {
	r, err := rangeOf(opts)
	if err == nil {
		err = checkBounds(least, most)
	}
	op := &backend.ZRangeByScore{
		Key: e.key, Pattern: e.pattern(), Min: least.bound, Max: most.bound,
		Reverse: r.reverse, Offset: r.offset, Count: r.count,
	}
	o := reading(e.structure, "range by score", op, scoredMembers[T])
	o.err, o.idle = err, r.limited && r.count == 0
	return o
}

// RangeByRank returns the members from one rank to another, both included; negative ones
// count from the end. [Limit] has no use here. It is ZRANGE or ZREVRANGE: O(log n) and what
// it returns.
func (e SortedSetEntry[T]) RangeByRank(ctx context.Context, from, to int, opts ...RangeOption) ([]Scored[T], error) {
	return e.rangeByRank(from, to, opts...).now(ctx)
}

func (e SortedSetEntry[T]) rangeByRank(from, to int, opts ...RangeOption) operation[[]Scored[T]] {
	r, err := rangeOf(opts)
	if err == nil && r.limited {
		err = fmt.Errorf("a range of ranks takes no Limit; give other ranks")
	}
	o := e.span("range by rank", int64(from), int64(to), r.reverse)
	o.err = err
	return o
}

// RemoveByScore removes the members whose scores are in a range, and returns how many they
// were. It is ZREMRANGEBYSCORE, in a script where there is a TTL: O(log n) and what it
// removes.
func (e SortedSetEntry[T]) RemoveByScore(ctx context.Context, least, most Bound) (removed int64, err error) {
	return e.removeByScore(least, most).now(ctx)
}

func (e SortedSetEntry[T]) removeByScore(least, most Bound) operation[int64] {
	op := &backend.ZRemRangeByScore{Key: e.key, Pattern: e.pattern(), Expiry: e.life(), Min: least.bound, Max: most.bound}
	return changing(e.structure, "remove by score", op, checkBounds(least, most), removedScored)
}

// RemoveByRank removes the members from one rank to another, both included, and returns how
// many they were; negative ones count from the highest score. It is ZREMRANGEBYRANK, in a
// script where there is a TTL: O(log n) and what it removes.
func (e SortedSetEntry[T]) RemoveByRank(ctx context.Context, from, to int) (removed int64, err error) {
	return e.removeByRank(from, to).now(ctx)
}

func (e SortedSetEntry[T]) removeByRank(from, to int) operation[int64] {
	op := &backend.ZRemRangeByRank{Key: e.key, Pattern: e.pattern(), Expiry: e.life(), Start: int64(from), Stop: int64(to)}
	return changing(e.structure, "remove by rank", op, nil, removedScored)
}

// PopMin takes the member with the lowest score. The bool says whether there was one. It is
// ZPOPMIN, in a script where there is a TTL: O(log n).
func (e SortedSetEntry[T]) PopMin(ctx context.Context) (Scored[T], bool, error) {
	v, err := e.popMin().now(ctx)
	return v.Value, v.Found, err
}

func (e SortedSetEntry[T]) popMin() operation[Maybe[Scored[T]]] { return e.popping("pop min", false) }

// PopMax takes the member with the highest score. The bool says whether there was one. It is
// ZPOPMAX, in a script where there is a TTL: O(log n).
func (e SortedSetEntry[T]) PopMax(ctx context.Context) (Scored[T], bool, error) {
	v, err := e.popMax().now(ctx)
	return v.Value, v.Found, err
}

func (e SortedSetEntry[T]) popMax() operation[Maybe[Scored[T]]] { return e.popping("pop max", true) }

func (e SortedSetEntry[T]) popping(name string, highest bool) operation[Maybe[Scored[T]]] {
	op := &backend.ZPop{Key: e.key, Pattern: e.pattern(), Expiry: e.life(), Max: highest, Count: 1}
	return changing(e.structure, name, op, nil, poppedScored[T])
}

func poppedScored[T any](h handle, op backend.Op) (Maybe[Scored[T]], error) {
	all, err := scoredMembers[T](h, op)
	if err != nil || len(all) == 0 {
		return Maybe[Scored[T]]{}, err
	}
	return Maybe[Scored[T]]{all[0], true}, nil
}

// Each yields each member with its score, once, in any order. A member that can't be decoded
// comes with an error, and the walk goes on behind it; any other error ends it. Members that
// are added meanwhile may be missed. It is ZSCAN: O(n) in the set, in pages of [PageSize]. It
// remembers the members it has yielded, to yield none twice.
func (e SortedSetEntry[T]) Each(ctx context.Context) iter.Seq2[Scored[T], error] {
	return each(ctx, e.structure, e.page)
}

func (e SortedSetEntry[T]) page(cursor string, count int) (backend.Op, func() page[Scored[T]]) {
	op := &backend.ZScan{Key: e.key, Pattern: e.pattern(), Cursor: cursor, Count: count}
	return op, func() page[Scored[T]] {
		p := page[Scored[T]]{next: op.Next}
		for _, m := range op.Members {
			p.texts = append(p.texts, []byte(string(m.Member)))
			v, err := elems[T](e.handle).decode(e.key, m.Member)
			p.elems, p.errs = append(p.elems, Scored[T]{v, m.Score}), append(p.errs, err)
		}
		return p
	}
}

// In queues operations on the sorted set in a batch: the methods are the entry's own,
// without a context, and return futures. The iterator is not among them.
func (e SortedSetEntry[T]) In(b *Batch) BatchSortedSetEntry[T] {
	return BatchSortedSetEntry[T]{batchStructure{batchHandle{e.handle, b}, e.structure}, e}
}

// BatchSortedSetEntry queues operations on a sorted set in a batch. [SortedSetEntry.In]
// makes it.
type BatchSortedSetEntry[T any] struct {
	batchStructure
	entry SortedSetEntry[T]
}
