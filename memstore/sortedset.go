package memstore

import (
	"fmt"
	"math"
	"sort"
	"time"

	"github.com/tidwall/btree"

	"github.com/redisimnest/rin/backend"
)

// sortedSet is members with scores, by member and in the order of their scores; those
// of one score in the order of their bytes.
type sortedSet struct {
	scores map[string]float64
	order  *btree.BTreeG[scored]
	bytes  int
}

type scored struct {
	member string
	score  float64
}

func newSortedSet() *sortedSet {
	return &sortedSet{map[string]float64{}, btree.NewBTreeGOptions(before, btree.Options{NoLocks: true}), 0}
}

func before(a, b scored) bool {
	if a.score != b.score {
		return a.score < b.score
	}
	return a.member < b.member
}

func (*sortedSet) kind() backend.Kind { return backend.KindSortedSet }
func (z *sortedSet) len() int         { return len(z.scores) }
func (z *sortedSet) size() int        { return z.bytes + z.len()*2*elementOverhead }

// set gives a member its score.
func (z *sortedSet) set(member string, score float64) {
	if old, found := z.scores[member]; found {
		z.order.Delete(scored{member, old})
	} else {
		z.bytes += len(member)
	}
	z.scores[member] = score
	z.order.Set(scored{member, score})
}

func (z *sortedSet) remove(member string) bool {
	score, found := z.scores[member]
	if found {
		delete(z.scores, member)
		z.order.Delete(scored{member, score})
		z.bytes -= len(member)
	}
	return found
}

// rank is how many members come before one. It looks at O(log n) places, each of which
// costs O(log n).
func (z *sortedSet) rank(of scored) int {
	return sort.Search(z.len(), func(i int) bool {
		at, _ := z.order.GetAt(i)
		return !before(at, of)
	})
}

// from is how many members have a score before a bound, and to how many have one that
// is not behind it.
func (z *sortedSet) from(b backend.Bound) int {
	return sort.Search(z.len(), func(i int) bool {
		at, _ := z.order.GetAt(i)
		return at.score > b.Score || !b.Open && at.score == b.Score
	})
}

func (z *sortedSet) to(b backend.Bound) int {
	return sort.Search(z.len(), func(i int) bool {
		at, _ := z.order.GetAt(i)
		return at.score > b.Score || b.Open && at.score == b.Score
	})
}

// members are those of the places from one on to another, which is not among them; or in
// reverse, counted from the end.
func (z *sortedSet) members(from, to int, reverse bool) (members []backend.Scored) {
	if from >= to {
		return nil
	}
	members = make([]backend.Scored, 0, to-from)
	add := func(m scored) bool {
		members = append(members, backend.Scored{Member: []byte(m.member), Score: m.score})
		return len(members) < to-from
	}
	if reverse {
		first, _ := z.order.GetAt(z.len() - 1 - from)
		z.order.Descend(first, add)
	} else {
		first, _ := z.order.GetAt(from)
		z.order.Ascend(first, add)
	}
	return members
}

// removeRange removes the members of places.
func (z *sortedSet) removeRange(from, to int) int64 {
	for _, m := range z.members(from, to, false) {
		z.remove(string(m.Member))
	}
	return int64(max(to-from, 0))
}

// trim drops what is too many.
func (z *sortedSet) trim(b backend.Bounded) {
	over := z.len() - int(b.MaxLen)
	switch {
	case b.MaxLen <= 0 || over <= 0:
	case b.KeepLowest:
		z.removeRange(int(b.MaxLen), z.len())
	default:
		z.removeRange(0, over)
	}
}

// may says whether a score is written, and whether it is new or another one.
func may(cond backend.ZCond, score, old float64, found bool) bool {
	switch cond {
	case backend.ZIfAbsent:
		return !found
	case backend.ZIfHigher:
		return !found || score > old
	case backend.ZIfLower:
		return !found || score < old
	}
	return true
}

func (z *sortedSet) add(o *backend.ZAdd) (did bool) {
	for _, m := range o.Members {
		old, found := z.scores[string(m.Member)]
		if !may(o.Cond, m.Score, old, found) {
			continue
		}
		if z.set(string(m.Member), m.Score); !found || o.Changed && m.Score != old {
			o.Added++
		}
	}
	z.trim(o.Bounded)
	return o.Cond == backend.ZAlways || o.Added > 0
}

var sortedSetDeeds = []deed{
	changes(newSortedSet, func(o *backend.ZAdd) backend.Expiry { return o.Expiry }, func(o *backend.ZAdd, z *sortedSet) bool { return z.add(o) }),
	changes(newSortedSet, func(o *backend.ZIncrBy) backend.Expiry { return o.Expiry }, func(o *backend.ZIncrBy, z *sortedSet) bool {
		score := z.scores[string(o.Member)] + o.By
		if math.IsNaN(score) {
			backend.Fail(o, fmt.Errorf("%w: the score would be NaN", backend.ErrOverflow))
			return false
		}
		z.set(string(o.Member), score)
		z.trim(o.Bounded)
		o.Score = score
		return true
	}),
	looks(func(o *backend.ZScore, z *sortedSet) { o.Score, o.Found = z.score(o.Member) }),
	writes(zmscore),
	looks(zrank),
	changes(newSortedSet, func(o *backend.ZRem) backend.Expiry { return o.Expiry }, func(o *backend.ZRem, z *sortedSet) bool {
		for _, member := range o.Members {
			if z.remove(string(member)) {
				o.Removed++
			}
		}
		return o.Removed > 0
	}),
	looks(func(o *backend.ZCard, z *sortedSet) { o.Len = int64(z.len()) }),
	looks(func(o *backend.ZCount, z *sortedSet) { o.Len = int64(max(z.to(o.Max)-z.from(o.Min), 0)) }),
	looks(func(o *backend.ZRange, z *sortedSet) {
		from, to := span(o.Start, o.Stop, z.len())
		o.Members = z.members(from, to, o.Reverse)
	}),
	looks(zaround),
	looks(zrangeByScore),
	changes(newSortedSet, func(o *backend.ZRemRangeByRank) backend.Expiry { return o.Expiry }, func(o *backend.ZRemRangeByRank, z *sortedSet) bool {
		o.Removed = z.removeRange(span(o.Start, o.Stop, z.len()))
		return o.Removed > 0
	}),
	changes(newSortedSet, func(o *backend.ZRemRangeByScore) backend.Expiry { return o.Expiry }, func(o *backend.ZRemRangeByScore, z *sortedSet) bool {
		o.Removed = z.removeRange(z.from(o.Min), z.to(o.Max))
		return o.Removed > 0
	}),
	changes(newSortedSet, func(o *backend.ZPop) backend.Expiry { return o.Expiry }, func(o *backend.ZPop, z *sortedSet) bool {
		o.Members = z.members(0, int(min(o.Count, int64(z.len()))), o.Max)
		for _, m := range o.Members {
			z.remove(string(m.Member))
		}
		return len(o.Members) > 0
	}),
	looks(zscan),
}

func (z *sortedSet) score(member []byte) (float64, bool) {
	score, found := z.scores[string(member)]
	return score, found
}

// zmscore answers for a set that is not there, too.
func zmscore(_ *Store, o *backend.ZMScore, it *item, _ time.Time) {
	z := structureIn(it, newSortedSet)
	o.Scores, o.Found = make([]float64, len(o.Members)), make([]bool, len(o.Members))
	for i, member := range o.Members {
		o.Scores[i], o.Found[i] = z.score(member)
	}
}

func zrank(o *backend.ZRank, z *sortedSet) {
	score, found := z.score(o.Member)
	if o.Found = found; !found {
		return
	}
	var rank int
	switch {
	case o.Scores && o.Reverse:
		rank = z.len() - z.to(backend.Bound{Score: score})
	case o.Scores:
		rank = z.from(backend.Bound{Score: score})
	case o.Reverse:
		rank = z.len() - 1 - z.rank(scored{string(o.Member), score})
	default:
		rank = z.rank(scored{string(o.Member), score})
	}
	o.Rank = int64(rank)
}

func zaround(o *backend.ZAround, z *sortedSet) {
	at := &backend.ZRank{Member: o.Member, Reverse: o.Reverse}
	if zrank(at, z); !at.Found {
		return
	}
	o.Rank = max(at.Rank-o.Count, 0)
	from, to := span(o.Rank, at.Rank+o.Count, z.len())
	o.Members = z.members(from, to, o.Reverse)
}

func zrangeByScore(o *backend.ZRangeByScore, z *sortedSet) {
	from, to := z.from(o.Min), z.to(o.Max)
	if o.Reverse {
		from, to = z.len()-to, z.len()-from
	}
	from = min(from+int(min(o.Offset, int64(z.len()))), max(to, from))
	if o.Count > 0 && int64(to-from) > o.Count {
		to = from + int(o.Count)
	}
	o.Members = z.members(from, to, o.Reverse)
}

// zscan pages in the order of the scores. A member whose score changes meanwhile may
// come twice; so that none is missed that stays, a page is never cut: all come at once
// where there are few, else those that follow the last one by its bytes.
func zscan(o *backend.ZScan, z *sortedSet) {
	o.Members = z.members(0, z.len(), false)
}
