package backend

import "github.com/redisimnest/rin/backend/wire"

// SAdd adds members to a set: SADD, or a script where there is an expiry.
type SAdd struct {
	Key     string
	Pattern string
	Expiry
	Members [][]byte
	// Replace leaves the set no other members. Without members, it is gone.
	Replace bool

	// Added is how many members were not there before.
	Added int64
	Err   error
}

func (o *SAdd) info() info {
	return info{name: "sadd", does: writes(KindSet), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *SAdd) step() step {
	s := o.Expiry.step()
	s.item, s.adds = 1, true
	if o.Replace {
		s.anew("SCARD")
	}
	return s
}

func (o *SAdd) command(c *wire.Command) {
	s := o.step()
	addAll(s.write(c, o.Key, wire.SADD), o.Members)
}

func (o *SAdd) answer(r wire.Reply) error {
	s := o.step()
	return s.number(r, &o.Added)
}

// SRem removes members of a set, and the set with its last: SREM, or a script where
// there is an expiry.
type SRem struct {
	Key     string
	Pattern string
	Expiry
	Members [][]byte

	Removed int64
	Err     error
}

func (o *SRem) info() info {
	return info{name: "srem", does: writes(KindSet), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *SRem) command(c *wire.Command) {
	s := o.items(1)
	addAll(s.write(c, o.Key, wire.SREM), o.Members)
}

func (o *SRem) answer(r wire.Reply) error {
	s := o.items(1)
	return s.number(r, &o.Removed)
}

// SIsMember asks whether a set has a member: SISMEMBER.
type SIsMember struct {
	Key     string
	Pattern string
	Member  []byte

	Found bool
	Err   error
}

func (o *SIsMember) info() info {
	return info{name: "sismember", does: reads(KindSet), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Found}
}

func (o *SIsMember) command(c *wire.Command) {
	c.Add(wire.SISMEMBER).Key(o.Key).Add(wire.Data(o.Member))
}

func (o *SIsMember) answer(r wire.Reply) error { return yes(r, &o.Found) }

// SMIsMember asks which members a set has: SMISMEMBER.
type SMIsMember struct {
	Key     string
	Pattern string
	Members [][]byte

	// Found says of each of Members whether it is there.
	Found []bool
	Err   error
}

func (o *SMIsMember) info() info {
	return info{name: "smismember", does: reads(KindSet), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (*SMIsMember) needs() need { return need{redis: "6.2"} }

func (o *SMIsMember) command(c *wire.Command) {
	c.Nested = true
	addAll(c.Add(wire.SMISMEMBER).Key(o.Key), o.Members)
}

func (o *SMIsMember) answer(r wire.Reply) error {
	elems, err := r.Array(len(o.Members))
	if err != nil {
		return err
	}
	found := make([]bool, len(elems))
	for i, elem := range elems {
		if err := yes(elem, &found[i]); err != nil {
			return err
		}
	}
	o.Found = found
	return nil
}

// SCard asks how many members a set has: SCARD.
type SCard struct {
	Key     string
	Pattern string

	Len int64
	Err error
}

func (o *SCard) info() info {
	return info{name: "scard", does: reads(KindSet), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *SCard) command(c *wire.Command) { c.Add(wire.SCARD).Key(o.Key) }

func (o *SCard) answer(r wire.Reply) (err error) {
	o.Len, err = r.Int()
	return err
}

// SScan reads a page of a set: SSCAN. Every member that is there from the first page to
// the last is in one of them at least, and may be in several.
type SScan struct {
	Key     string
	Pattern string
	// Cursor is where the page begins: what the page before it gave, empty for the
	// first.
	Cursor string
	Count  int

	Members [][]byte
	// Next is where the next page begins; empty where there is none.
	Next string
	Err  error
}

func (o *SScan) info() info {
	return info{name: "sscan", does: reads(KindSet), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *SScan) command(c *wire.Command) { addScan(c, wire.SSCAN, o.Key, o.Cursor, o.Count) }

func (o *SScan) answer(r wire.Reply) (err error) {
	next, page, err := scanAnswer(r)
	if err != nil {
		return err
	}
	if o.Members, err = page.Texts(); err == nil {
		o.Next = next
	}
	return err
}

// SPop takes members of a set at random, and the set with its last: SPOP, or a script
// where there is an expiry.
type SPop struct {
	Key     string
	Pattern string
	Expiry
	// Count is how many members are taken at most.
	Count int64

	Members [][]byte
	Err     error
}

func (o *SPop) info() info {
	return info{name: "spop", does: writes(KindSet), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *SPop) command(c *wire.Command) {
	c.Nested = true
	s := o.ifDid()
	s.write(c, o.Key, wire.SPOP).Add(wire.Int(o.Count))
}

func (o *SPop) answer(r wire.Reply) error {
	s := o.ifDid()
	r, err := s.result(r)
	if err == nil {
		o.Members, err = r.Texts()
	}
	return err
}

// SRandMember reads members of a set at random, none twice: SRANDMEMBER.
type SRandMember struct {
	Key     string
	Pattern string
	// Count is how many members are read at most.
	Count int64

	Members [][]byte
	Err     error
}

func (o *SRandMember) info() info {
	return info{name: "srandmember", does: reads(KindSet), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *SRandMember) command(c *wire.Command) {
	c.Nested = true
	c.Add(wire.SRANDMEMBER).Key(o.Key).Add(wire.Int(o.Count))
}

func (o *SRandMember) answer(r wire.Reply) (err error) {
	o.Members, err = r.Texts()
	return err
}

// SMove moves a member from one set to another: SMOVE, or a script where there is an
// expiry. To lies in Key's slot.
type SMove struct {
	Key     string
	Pattern string
	To      string
	Member  []byte
	// Expiry is what becomes of To's.
	Expiry

	// Moved is false where the member was not there.
	Moved bool
	Err   error
}

func (o *SMove) info() info {
	return info{name: "smove", does: writes(KindSet), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Moved}
}

func (o *SMove) beside() []string { return []string{o.To} }

func (o *SMove) calls() []string { return o.many().calls() }

func (o *SMove) many() many {
	return many{name: wire.SMOVE, keys: []string{o.Key, o.To}, to: 2, expiry: o.Expiry}
}

func (o *SMove) command(c *wire.Command) { o.many().write(c).Add(wire.Data(o.Member)) }

func (o *SMove) answer(r wire.Reply) error { return yes(r, &o.Moved) }

// Combination is how sets are combined.
type Combination int

const (
	// Union is what any of the sets has.
	Union Combination = iota
	// Inter is what all of them have.
	Inter
	// Diff is what the first has and none of the others.
	Diff
)

var (
	combine      = [...]wire.Word{Union: wire.SUNION, Inter: wire.SINTER, Diff: wire.SDIFF}
	combineStore = [...]wire.Word{Union: wire.SUNIONSTORE, Inter: wire.SINTERSTORE, Diff: wire.SDIFFSTORE}
)

// SCombine reads the members of several sets combined: SMEMBERS of one, or SUNION, SINTER
// or SDIFF. The keys share a slot.
type SCombine struct {
	Key     string
	Pattern string
	// Others are the other sets. Without them, it is the members of Key.
	Others []string
	How    Combination

	Members [][]byte
	Err     error
}

func (o *SCombine) info() info {
	return info{name: "scombine", does: reads(KindSet), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *SCombine) beside() []string { return o.Others }

func (o *SCombine) command(c *wire.Command) {
	c.Nested, c.Strings = true, true
	name := wire.SMEMBERS
	if len(o.Others) > 0 {
		name = combine[o.How]
	}
	c.Add(name).Key(o.Key)
	for _, key := range o.Others {
		c.Key(key)
	}
}

func (o *SCombine) answer(r wire.Reply) (err error) {
	o.Members, err = r.Texts()
	return err
}

// SCombineStore writes what several sets combined have to Key, in place of the set that
// is there: SUNIONSTORE, SINTERSTORE or SDIFFSTORE, in a script, since these replace any
// kind of value. The keys share a slot.
type SCombineStore struct {
	Key     string
	Pattern string
	From    []string
	How     Combination
	Expiry

	// Len is how many members the set has then. Without one, it is gone.
	Len int64
	Err error
}

func (o *SCombineStore) info() info {
	return info{name: "scombinestore", does: writes(KindSet), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *SCombineStore) beside() []string { return o.From }

func (o *SCombineStore) calls() []string { return o.many().calls() }

func (o *SCombineStore) many() many {
	return many{name: combineStore[o.How], keys: append([]string{o.Key}, o.From...), to: 1, expiry: o.Expiry, kind: "SCARD"}
}

func (o *SCombineStore) command(c *wire.Command) { o.many().write(c) }

func (o *SCombineStore) answer(r wire.Reply) (err error) {
	o.Len, err = r.Int()
	return err
}
