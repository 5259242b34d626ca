package backend

import (
	"math"

	"github.com/redisimnest/rin/backend/wire"
)

// Scored is a member of a sorted set with its score.
type Scored = wire.Scored

// ZCond says which members a [ZAdd] writes.
type ZCond int

const (
	// ZAlways writes all.
	ZAlways ZCond = iota
	// ZIfAbsent writes those that are not there: NX.
	ZIfAbsent
	// ZIfHigher writes those that are not there or have a lower score: GT.
	ZIfHigher
	// ZIfLower writes those that are not there or have a higher score: LT.
	ZIfLower
)

// Bounded keeps a sorted set from growing beyond a length.
type Bounded struct {
	// MaxLen is how many members are kept; zero keeps all.
	MaxLen int64
	// KeepLowest keeps those with the lowest scores, and not those with the highest.
	KeepLowest bool
}

// trim is the command that drops what is too many.
func (b Bounded) trim() []wire.Word {
	switch {
	case b.MaxLen <= 0:
		return nil
	case b.KeepLowest:
		return []wire.Word{wire.ZREMRANGEBYRANK, wire.Int(b.MaxLen), wire.Int(-1)}
	}
	return []wire.Word{wire.ZREMRANGEBYRANK, wire.Int(0), wire.Int(-b.MaxLen - 1)}
}

// ZAdd writes members of a sorted set with their scores: ZADD, or a script where there
// is an expiry or a MaxLen.
type ZAdd struct {
	Key     string
	Pattern string
	Expiry
	Bounded
	Members []Scored
	Cond    ZCond
	// Changed counts members whose score has changed among those that were added.
	Changed bool

	// Added is how many members were added.
	Added int64
	Err   error
}

func (o *ZAdd) info() info {
	return info{name: "zadd", does: writes(KindSortedSet), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (*ZAdd) needs() need { return need{redis: "6.2"} }

func (o *ZAdd) step() step {
	s := o.Expiry.step()
	s.follow, s.item, s.adds = o.trim(), 2, true
	if o.Cond != ZAlways {
		s.head, s.ifDid = 1, true
	}
	if o.Changed {
		s.head++
	}
	return s
}

func (o *ZAdd) command(c *wire.Command) {
	s := o.step()
	s.write(c, o.Key, wire.ZADD)
	switch o.Cond {
	case ZIfAbsent:
		c.Add(wire.NX)
	case ZIfHigher:
		c.Add(wire.GT)
	case ZIfLower:
		c.Add(wire.LT)
	}
	if o.Changed {
		c.Add(wire.CH)
	}
	for _, m := range o.Members {
		c.Add(wire.Float(m.Score), wire.Data(m.Member))
	}
}

func (o *ZAdd) answer(r wire.Reply) error {
	s := o.step()
	return s.number(r, &o.Added)
}

// ZIncrBy adds to the score of a member of a sorted set, which is added with it where it
// is not there: ZINCRBY, or a script where there is an expiry or a MaxLen.
type ZIncrBy struct {
	Key     string
	Pattern string
	Expiry
	Bounded
	Member []byte
	By     float64

	Score float64
	Err   error
}

func (o *ZIncrBy) info() info {
	return info{name: "zincrby", does: writes(KindSortedSet), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *ZIncrBy) step() step {
	s := o.Expiry.step()
	s.follow = o.trim()
	return s
}

func (o *ZIncrBy) command(c *wire.Command) {
	s := o.step()
	s.write(c, o.Key, wire.ZINCRBY).Add(wire.Float(o.By), wire.Data(o.Member))
}

func (o *ZIncrBy) answer(r wire.Reply) error {
	s := o.step()
	r, err := s.result(r)
	if err == nil {
		o.Score, err = r.Float()
	}
	return err
}

// ZScore reads the score of a member of a sorted set: ZSCORE.
type ZScore struct {
	Key     string
	Pattern string
	Member  []byte

	Score float64
	Found bool
	Err   error
}

func (o *ZScore) info() info {
	return info{name: "zscore", does: reads(KindSortedSet), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Found}
}

func (o *ZScore) command(c *wire.Command) { c.Add(wire.ZSCORE).Key(o.Key).Add(wire.Data(o.Member)) }

func (o *ZScore) answer(r wire.Reply) (err error) {
	if r.Nil {
		return nil
	}
	o.Score, err = r.Float()
	o.Found = err == nil
	return err
}

// ZMScore reads the scores of members of a sorted set: ZMSCORE.
type ZMScore struct {
	Key     string
	Pattern string
	Members [][]byte

	// Scores are those of Members, and Found says of each whether it is there.
	Scores []float64
	Found  []bool
	Err    error
}

func (o *ZMScore) info() info {
	return info{name: "zmscore", does: reads(KindSortedSet), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (*ZMScore) needs() need { return need{redis: "6.2"} }

func (o *ZMScore) command(c *wire.Command) {
	c.Nested = true
	addAll(c.Add(wire.ZMSCORE).Key(o.Key), o.Members)
}

func (o *ZMScore) answer(r wire.Reply) (err error) {
	elems, err := r.Array(len(o.Members))
	if err != nil {
		return err
	}
	scores, found := make([]float64, len(elems)), make([]bool, len(elems))
	for i, elem := range elems {
		if found[i] = !elem.Nil; found[i] {
			if scores[i], err = elem.Float(); err != nil {
				return err
			}
		}
	}
	o.Scores, o.Found = scores, found
	return nil
}

// ZRank asks at which place a member of a sorted set stands, counted from 0: ZRANK or
// ZREVRANK, or a script for the place among the scores.
type ZRank struct {
	Key     string
	Pattern string
	Member  []byte
	// Reverse counts from the highest score.
	Reverse bool
	// Scores counts those that have another score only, so that members of one score
	// have one place.
	Scores bool

	Rank  int64
	Found bool
	Err   error
}

func (o *ZRank) info() info {
	return info{name: "zrank", does: reads(KindSortedSet), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Found}
}

func (*ZRank) calls() []string { return []string{"ZSCORE", "ZCOUNT"} }

const rankScript = `local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not score then return false end
if ARGV[2] ~= '' then return redis.call('ZCOUNT', KEYS[1], '(' .. score, '+inf') end
return redis.call('ZCOUNT', KEYS[1], '-inf', '(' .. score)`

var rankWord = wire.Script(rankScript)

func (o *ZRank) command(c *wire.Command) {
	switch {
	case o.Scores:
		addIf(c.Add(wire.EVAL, rankWord, wire.Int(1)).Key(o.Key).Add(wire.Data(o.Member)), o.Reverse, "REV")
	case o.Reverse:
		c.Add(wire.ZREVRANK).Key(o.Key).Add(wire.Data(o.Member))
	default:
		c.Add(wire.ZRANK).Key(o.Key).Add(wire.Data(o.Member))
	}
}

func (o *ZRank) answer(r wire.Reply) (err error) {
	if r.Nil {
		return nil
	}
	o.Rank, err = r.Int()
	o.Found = err == nil
	return err
}

// ZRem removes members of a sorted set, and the set with its last: ZREM, or a script
// where there is an expiry.
type ZRem struct {
	Key     string
	Pattern string
	Expiry
	Members [][]byte

	Removed int64
	Err     error
}

func (o *ZRem) info() info {
	return info{name: "zrem", does: writes(KindSortedSet), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *ZRem) command(c *wire.Command) {
	s := o.items(1)
	addAll(s.write(c, o.Key, wire.ZREM), o.Members)
}

func (o *ZRem) answer(r wire.Reply) error {
	s := o.items(1)
	return s.number(r, &o.Removed)
}

// ZCard asks how many members a sorted set has: ZCARD.
type ZCard struct {
	Key     string
	Pattern string

	Len int64
	Err error
}

func (o *ZCard) info() info {
	return info{name: "zcard", does: reads(KindSortedSet), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *ZCard) command(c *wire.Command) { c.Add(wire.ZCARD).Key(o.Key) }

func (o *ZCard) answer(r wire.Reply) (err error) {
	o.Len, err = r.Int()
	return err
}

// Bound is an end of a range of scores. The zero Bound is 0, and in the range.
type Bound struct {
	Score float64
	// Open leaves the score itself out.
	Open bool
}

// Lowest and Highest are the ends of the range of all scores.
var (
	Lowest  = Bound{Score: math.Inf(-1)}
	Highest = Bound{Score: math.Inf(1)}
)

func (b Bound) word() wire.Word {
	word := wire.Float(b.Score)
	if b.Open {
		return wire.Text("(" + word.String())
	}
	return word
}

// String is the bound as Redis has it: 1.5, or (1.5 where it is open.
func (b Bound) String() string { return b.word().String() }

// ZCount asks how many members of a sorted set have a score in a range: ZCOUNT.
type ZCount struct {
	Key      string
	Pattern  string
	Min, Max Bound

	Len int64
	Err error
}

func (o *ZCount) info() info {
	return info{name: "zcount", does: reads(KindSortedSet), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *ZCount) command(c *wire.Command) {
	c.Add(wire.ZCOUNT).Key(o.Key).Add(o.Min.word(), o.Max.word())
}

func (o *ZCount) answer(r wire.Reply) (err error) {
	o.Len, err = r.Int()
	return err
}

// ZRange reads members of a sorted set from one place to another, both included, from
// the end where they are negative: ZRANGE or ZREVRANGE.
type ZRange struct {
	Key         string
	Pattern     string
	Start, Stop int64
	// Reverse counts, and reads, from the highest score.
	Reverse bool

	Members []Scored
	Err     error
}

func (o *ZRange) info() info {
	return info{name: "zrange", does: reads(KindSortedSet), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *ZRange) command(c *wire.Command) {
	c.Nested, c.Scores = true, true
	name := wire.ZRANGE
	if o.Reverse {
		name = wire.ZREVRANGE
	}
	c.Add(name).Key(o.Key).Add(wire.Int(o.Start), wire.Int(o.Stop), wire.WITHSCORES)
}

func (o *ZRange) answer(r wire.Reply) (err error) {
	o.Members, err = r.Scores()
	return err
}

// ZAround reads a member of a sorted set and its neighbours, as many on each side as
// Count says: a script of ZRANK and ZRANGE, or of ZREVRANK and ZREVRANGE.
type ZAround struct {
	Key     string
	Pattern string
	Member  []byte
	Count   int64
	// Reverse reads from the highest score.
	Reverse bool

	// Members are none where Member is not there. Rank is the first one's place.
	Members []Scored
	Rank    int64
	Err     error
}

func (o *ZAround) info() info {
	return info{name: "zaround", does: reads(KindSortedSet), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *ZAround) calls() []string {
	if o.Reverse {
		return []string{"ZREVRANK", "ZREVRANGE"}
	}
	return []string{"ZRANK", "ZRANGE"}
}

const aroundScript = `local at = redis.call('Z' .. ARGV[3] .. 'RANK', KEYS[1], ARGV[1])
if not at then return {0, {}} end
local from = math.max(at - tonumber(ARGV[2]), 0)
return {from, redis.call('Z' .. ARGV[3] .. 'RANGE', KEYS[1], from, at + tonumber(ARGV[2]), 'WITHSCORES')}`

var aroundWord = wire.Script(aroundScript)

func (o *ZAround) command(c *wire.Command) {
	c.Nested = true
	addIf(c.Add(wire.EVAL, aroundWord, wire.Int(1)).Key(o.Key).Add(wire.Data(o.Member), wire.Int(o.Count)), o.Reverse, "REV")
}

func (o *ZAround) answer(r wire.Reply) error {
	elems, err := r.Array(2)
	if err != nil {
		return err
	}
	rank, err := elems[0].Int()
	if err != nil {
		return err
	}
	if o.Members, err = elems[1].Scores(); err == nil {
		o.Rank = rank
	}
	return err
}

// ZRangeByScore reads members of a sorted set whose scores are in a range: ZRANGEBYSCORE
// or ZREVRANGEBYSCORE.
type ZRangeByScore struct {
	Key      string
	Pattern  string
	Min, Max Bound
	// Reverse reads from the highest score.
	Reverse bool
	// Offset is how many members are passed over, and Count how many are read at most;
	// zero is all.
	Offset, Count int64

	Members []Scored
	Err     error
}

func (o *ZRangeByScore) info() info {
	return info{name: "zrangebyscore", does: reads(KindSortedSet), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *ZRangeByScore) command(c *wire.Command) {
	c.Nested, c.Scores = true, true
	if o.Reverse {
		c.Add(wire.ZREVRANGEBYSCORE).Key(o.Key).Add(o.Max.word(), o.Min.word())
	} else {
		c.Add(wire.ZRANGEBYSCORE).Key(o.Key).Add(o.Min.word(), o.Max.word())
	}
	c.Add(wire.WITHSCORES)
	if count := o.Count; count > 0 || o.Offset > 0 {
		if count == 0 {
			count = -1
		}
		c.Add(wire.LIMIT, wire.Int(o.Offset), wire.Int(count))
	}
}

func (o *ZRangeByScore) answer(r wire.Reply) (err error) {
	o.Members, err = r.Scores()
	return err
}

// ZRemRangeByRank removes the members of a sorted set from one place to another, both
// included, from the end where they are negative: ZREMRANGEBYRANK, or a script where
// there is an expiry.
type ZRemRangeByRank struct {
	Key     string
	Pattern string
	Expiry
	Start, Stop int64

	Removed int64
	Err     error
}

func (o *ZRemRangeByRank) info() info {
	return info{name: "zremrangebyrank", does: writes(KindSortedSet), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *ZRemRangeByRank) command(c *wire.Command) {
	s := o.ifDid()
	s.write(c, o.Key, wire.ZREMRANGEBYRANK).Add(wire.Int(o.Start), wire.Int(o.Stop))
}

func (o *ZRemRangeByRank) answer(r wire.Reply) error {
	s := o.ifDid()
	return s.number(r, &o.Removed)
}

// ZRemRangeByScore removes the members of a sorted set whose scores are in a range:
// ZREMRANGEBYSCORE, or a script where there is an expiry.
type ZRemRangeByScore struct {
	Key     string
	Pattern string
	Expiry
	Min, Max Bound

	Removed int64
	Err     error
}

func (o *ZRemRangeByScore) info() info {
	return info{name: "zremrangebyscore", does: writes(KindSortedSet), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *ZRemRangeByScore) command(c *wire.Command) {
	s := o.ifDid()
	s.write(c, o.Key, wire.ZREMRANGEBYSCORE).Add(o.Min.word(), o.Max.word())
}

func (o *ZRemRangeByScore) answer(r wire.Reply) error {
	s := o.ifDid()
	return s.number(r, &o.Removed)
}

// ZPop takes members of a sorted set from one end, and the set with its last: ZPOPMIN or
// ZPOPMAX, or a script where there is an expiry.
type ZPop struct {
	Key     string
	Pattern string
	Expiry
	// Max takes those with the highest scores, and not those with the lowest.
	Max bool
	// Count is how many members are taken at most.
	Count int64

	// Members are those that were taken, the outermost first.
	Members []Scored
	Err     error
}

func (o *ZPop) info() info {
	return info{name: "zpop", does: writes(KindSortedSet), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *ZPop) command(c *wire.Command) {
	c.Nested = true
	name := wire.ZPOPMIN
	if o.Max {
		name = wire.ZPOPMAX
	}
	s := o.ifDid()
	s.write(c, o.Key, name).Add(wire.Int(o.Count))
}

func (o *ZPop) answer(r wire.Reply) error {
	s := o.ifDid()
	r, err := s.result(r)
	if err == nil {
		o.Members, err = r.Scores()
	}
	return err
}

// ZScan reads a page of a sorted set: ZSCAN. Every member that is there from the first
// page to the last is in one of them at least, and may be in several.
type ZScan struct {
	Key     string
	Pattern string
	// Cursor is where the page begins: what the page before it gave, empty for the
	// first.
	Cursor string
	Count  int

	Members []Scored
	// Next is where the next page begins; empty where there is none.
	Next string
	Err  error
}

func (o *ZScan) info() info {
	return info{name: "zscan", does: reads(KindSortedSet), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *ZScan) command(c *wire.Command) { addScan(c, wire.ZSCAN, o.Key, o.Cursor, o.Count) }

func (o *ZScan) answer(r wire.Reply) (err error) {
	next, page, err := scanAnswer(r)
	if err != nil {
		return err
	}
	if o.Members, err = page.Scores(); err == nil {
		o.Next = next
	}
	return err
}
