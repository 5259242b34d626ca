package backend

import (
	"math"
	"time"

	"github.com/redisimnest/rin/backend/wire"
)

// HGet reads a field of a hash: HGET.
type HGet struct {
	Key     string
	Pattern string
	Field   []byte

	Value []byte
	Found bool
	Err   error
}

func (o *HGet) info() info {
	return info{name: "hget", does: reads(KindHash), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Found}
}

func (o *HGet) command(c *wire.Command) { c.Add(wire.HGET).Key(o.Key).Add(wire.Data(o.Field)) }

func (o *HGet) answer(r wire.Reply) (err error) {
	o.Value, o.Found, err = r.Bytes()
	return err
}

// HMGet reads fields of a hash: HMGET.
type HMGet struct {
	Key     string
	Pattern string
	Fields  [][]byte

	// Values are those of the fields, in their order; nil where a field is not there.
	Values [][]byte
	Err    error
}

func (o *HMGet) info() info {
	return info{name: "hmget", does: reads(KindHash), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *HMGet) command(c *wire.Command) {
	c.Nested = true
	addAll(c.Add(wire.HMGET).Key(o.Key), o.Fields)
}

func (o *HMGet) answer(r wire.Reply) error {
	elems, err := r.Array(len(o.Fields))
	if err != nil {
		return err
	}
	values := make([][]byte, len(elems))
	for i, elem := range elems {
		if values[i], _, err = elem.Bytes(); err != nil {
			return err
		}
	}
	o.Values = values
	return nil
}

// addAll adds words of data.
func addAll(c *wire.Command, data [][]byte) {
	for _, word := range data {
		c.Add(wire.Data(word))
	}
}

// HGetAll reads all fields of a hash with their values: HGETALL.
type HGetAll struct {
	Key     string
	Pattern string

	// Pairs are fields and values in turn, in any order.
	Pairs [][]byte
	Err   error
}

func (o *HGetAll) info() info {
	return info{name: "hgetall", does: reads(KindHash), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *HGetAll) command(c *wire.Command) {
	c.Nested, c.Map = true, true
	c.Add(wire.HGETALL).Key(o.Key)
}

func (o *HGetAll) answer(r wire.Reply) (err error) {
	o.Pairs, err = pairTexts(r)
	return err
}

func pairTexts(r wire.Reply) ([][]byte, error) {
	texts, err := r.Texts()
	if err == nil && len(texts)%2 != 0 {
		_, err = r.Pairs() // which says so
	}
	if err != nil {
		return nil, err
	}
	return texts, nil
}

// HSet writes fields of a hash: HSET, or a script where there is an expiry.
type HSet struct {
	Key     string
	Pattern string
	Expiry
	// Pairs are fields and values in turn, no field twice.
	Pairs [][]byte
	// FieldExpiry is given to each field that is written. Without one, it has none then.
	FieldExpiry Expiry
	// Replace leaves the hash no other fields. Without pairs, it is gone.
	Replace bool

	// Added is how many fields were not there before.
	Added int64
	Err   error
}

func (o *HSet) info() info {
	return info{name: "hset", does: writes(KindHash), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *HSet) needs() need { return o.FieldExpiry.forFields() }

// forFields is what an op needs that may give fields an expiry.
func (e Expiry) forFields() need {
	if e.TTL > 0 {
		return need{"a TTL of fields", "7.4", "9.0"}
	}
	return need{}
}

func (o *HSet) step() step {
	s := o.Expiry.step()
	s.item, s.adds, s.fields = 2, true, o.FieldExpiry
	if o.Replace {
		s.anew("HLEN")
	}
	return s
}

// anew makes a step delete the key first, whose kind the command reads.
func (s *step) anew(command string) { s.guard, s.holds = madeAnew, []byte(command) }

func (o *HSet) command(c *wire.Command) {
	s := o.step()
	addAll(s.write(c, o.Key, wire.HSET), o.Pairs)
	s.end(c)
}

func (o *HSet) answer(r wire.Reply) error {
	s := o.step()
	return s.number(r, &o.Added)
}

// number reads the answer of a step that is a number.
func (s *step) number(r wire.Reply, n *int64) error {
	r, err := s.result(r)
	if err == nil {
		*n, err = r.Int()
	}
	return err
}

// HSetNX writes a field of a hash that is not there: HSETNX, or a script where there
// is an expiry.
type HSetNX struct {
	Key     string
	Pattern string
	Expiry
	// FieldExpiry is given to a field that is written.
	FieldExpiry  Expiry
	Field, Value []byte

	Applied bool
	Err     error
}

func (o *HSetNX) info() info {
	return info{name: "hsetnx", does: writes(KindHash), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Applied}
}

func (o *HSetNX) needs() need { return o.FieldExpiry.forFields() }

func (o *HSetNX) step() step {
	s := o.ifDid()
	s.fields = o.FieldExpiry
	return s
}

// ifDid is a step that gives the key its expiry only where it has done something.
func (e Expiry) ifDid() step {
	s := e.step()
	s.ifDid = true
	return s
}

func (o *HSetNX) command(c *wire.Command) {
	s := o.step()
	s.write(c, o.Key, wire.HSETNX).Add(wire.Data(o.Field), wire.Data(o.Value))
	s.end(c)
}

func (o *HSetNX) answer(r wire.Reply) error {
	s := o.step()
	r, err := s.result(r)
	if err != nil {
		return err
	}
	return yes(r, &o.Applied)
}

// HDel deletes fields of a hash, and the hash with its last: HDEL, or a script where
// there is an expiry.
type HDel struct {
	Key     string
	Pattern string
	Expiry
	Fields [][]byte

	Deleted int64
	Err     error
}

func (o *HDel) info() info {
	return info{name: "hdel", does: writes(KindHash), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *HDel) step() step { return o.items(1) }

// items is a step of many items that gives the key its expiry only where it has done
// something.
func (e Expiry) items(words int) step {
	s := e.ifDid()
	s.item, s.adds = words, true
	return s
}

func (o *HDel) command(c *wire.Command) {
	s := o.step()
	addAll(s.write(c, o.Key, wire.HDEL), o.Fields)
}

func (o *HDel) answer(r wire.Reply) error {
	s := o.step()
	return s.number(r, &o.Deleted)
}

// HGetDel reads a field of a hash and deletes it, in one atomic step: a script, since
// HGETDEL is not known to every server.
type HGetDel struct {
	Key     string
	Pattern string
	Expiry
	Field []byte

	Value []byte
	Found bool
	Err   error
}

func (o *HGetDel) info() info {
	return info{name: "hgetdel", does: writes(KindHash), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Found}
}

func (o *HGetDel) calls() []string { return append([]string{"HGET", "HDEL"}, o.expiring()...) }

// expiring are the commands that give a key the expiry.
func (e Expiry) expiring() []string {
	switch {
	case e.TTL == 0:
		return nil
	case e.IfNone:
		return []string{"PEXPIRE", "PTTL"}
	}
	return []string{"PEXPIRE"}
}

const takeScript = mayScript + `local no = refused(ARGV[2] ~= '' and 'PEXPIRE', 1) or refused(ARGV[3] ~= '' and 'PTTL')
if no then return no end
local value = redis.call('HGET', KEYS[1], ARGV[1])
if not value then return false end
redis.call('HDEL', KEYS[1], ARGV[1])
if ARGV[2] ~= '' and (ARGV[3] == '' or redis.call('PTTL', KEYS[1]) == -1) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return value`

var takeWord = wire.Script(takeScript)

func (o *HGetDel) command(c *wire.Command) {
	c.Add(wire.EVAL, takeWord, wire.Int(1)).Key(o.Key).Add(wire.Data(o.Field))
	o.addTo(c)
}

// addTo adds the milliseconds of the expiry, or nothing, and whether only a key without
// one gets it.
func (e Expiry) addTo(c *wire.Command) {
	if e.TTL > 0 {
		c.Add(millis(e.TTL))
	} else {
		c.Add(wire.Empty)
	}
	addIf(c, e.IfNone, "NX")
}

func (o *HGetDel) answer(r wire.Reply) (err error) {
	o.Value, o.Found, err = r.Bytes()
	return err
}

// HPTTL asks how long a field of a hash has left: HPTTL.
type HPTTL struct {
	Key     string
	Pattern string
	Field   []byte

	// Remaining is at least a millisecond, or zero for a field that does not expire.
	Remaining time.Duration
	Found     bool
	Err       error
}

func (o *HPTTL) info() info {
	return info{name: "hpttl", does: reads(KindHash), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Found}
}

func (*HPTTL) needs() need { return need{redis: "7.4", valkey: "9.0"} }

func (o *HPTTL) command(c *wire.Command) {
	c.Nested = true
	c.Add(wire.HPTTL).Key(o.Key).Add(wire.FIELDS, wire.Int(1), wire.Data(o.Field))
}

func (o *HPTTL) answer(r wire.Reply) error {
	elems, err := r.Array(1)
	if err != nil {
		return err
	}
	o.Remaining, o.Found, err = remaining(elems[0])
	return err
}

// HExists asks whether a field of a hash is there: HEXISTS.
type HExists struct {
	Key     string
	Pattern string
	Field   []byte

	Found bool
	Err   error
}

func (o *HExists) info() info {
	return info{name: "hexists", does: reads(KindHash), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Found}
}

func (o *HExists) command(c *wire.Command) { c.Add(wire.HEXISTS).Key(o.Key).Add(wire.Data(o.Field)) }

func (o *HExists) answer(r wire.Reply) error { return yes(r, &o.Found) }

// HLen asks how many fields a hash has: HLEN.
type HLen struct {
	Key     string
	Pattern string

	Len int64
	Err error
}

func (o *HLen) info() info {
	return info{name: "hlen", does: reads(KindHash), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *HLen) command(c *wire.Command) { c.Add(wire.HLEN).Key(o.Key) }

func (o *HLen) answer(r wire.Reply) (err error) {
	o.Len, err = r.Int()
	return err
}

// HScan reads a page of a hash: HSCAN. Every field that is there from the first page
// to the last is in one of them at least, and may be in several.
type HScan struct {
	Key     string
	Pattern string
	// Cursor is where the page begins: what the page before it gave, empty for the
	// first.
	Cursor string
	Count  int

	// Pairs are fields and values in turn.
	Pairs [][]byte
	// Next is where the next page begins; empty where there is none.
	Next string
	Err  error
}

func (o *HScan) info() info {
	return info{name: "hscan", does: reads(KindHash), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *HScan) command(c *wire.Command) { addScan(c, wire.HSCAN, o.Key, o.Cursor, o.Count) }

func (o *HScan) answer(r wire.Reply) (err error) {
	next, page, err := scanAnswer(r)
	if err != nil {
		return err
	}
	if o.Pairs, err = pairTexts(page); err == nil {
		o.Next = next
	}
	return err
}

const firstCursor = "0"

func addScan(c *wire.Command, name wire.Word, key, cursor string, count int) {
	if cursor == "" {
		cursor = firstCursor
	}
	c.Nested = true
	c.Add(name).Key(key).Add(wire.Text(cursor), wire.COUNT, wire.Int(int64(count)))
}

func scanAnswer(r wire.Reply) (next string, page wire.Reply, err error) {
	elems, err := r.Array(2)
	if err != nil {
		return "", page, err
	}
	cursor, _, err := elems[0].Bytes()
	if next = string(cursor); next == firstCursor {
		next = ""
	}
	return next, elems[1], err
}

// HIncrBy adds to the whole number in a field of a hash: HINCRBY. See [IncrBy].
type HIncrBy struct {
	Key     string
	Pattern string
	Expiry
	// FieldExpiry is given to the field. Without one, it keeps what it has.
	FieldExpiry Expiry
	Field       []byte
	By          int64
	Bounded     bool
	Min, Max    int64

	Now     int64
	Applied bool
	Err     error
}

func (o *HIncrBy) info() info {
	return info{name: "hincrby", does: writes(KindHash), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Applied}
}

func (o *HIncrBy) needs() need { return o.FieldExpiry.forFields() }

func (o *HIncrBy) calls() []string { return o.count().calls("HGET", "HDEL") }

func (o *HIncrBy) count() count {
	n := count{name: wire.HINCRBY, by: wire.Int(o.By), expiry: o.Expiry, inHash: true, field: o.Field, fields: o.FieldExpiry}
	switch {
	case o.Bounded:
		return n.within(wire.Int(o.Min), wire.Int(o.Max))
	case o.FieldExpiry.TTL > 0: // which takes the script with bounds
		return n.within(wire.Int(math.MinInt64), wire.Int(math.MaxInt64))
	}
	return n
}

func (o *HIncrBy) command(c *wire.Command) {
	o.count().write(c, o.Key)
}

func (o *HIncrBy) answer(r wire.Reply) error {
	applied, r, err := counted(o.Bounded || o.FieldExpiry.TTL > 0, r)
	if err == nil {
		o.Now, err = r.Int()
	}
	o.Applied = applied && err == nil
	return err
}

// HIncrByFloat adds to the number in a field of a hash: HINCRBYFLOAT. See
// [IncrByFloat].
type HIncrByFloat struct {
	Key     string
	Pattern string
	Expiry
	// FieldExpiry is given to the field. Without one, it keeps what it has.
	FieldExpiry Expiry
	Field       []byte
	By          float64

	Now float64
	Err error
}

func (o *HIncrByFloat) info() info {
	return info{name: "hincrbyfloat", does: writes(KindHash), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *HIncrByFloat) needs() need { return o.FieldExpiry.forFields() }

func (o *HIncrByFloat) calls() []string { return o.count().calls("HGET", "HDEL") }

func (o *HIncrByFloat) count() count {
	n := count{name: wire.HINCRBYFLOAT, by: wire.Float(o.By), expiry: o.Expiry, inHash: true, field: o.Field, fields: o.FieldExpiry}
	if o.FieldExpiry.TTL > 0 { // which takes the script with bounds
		return n.within(wire.Float(-math.MaxFloat64), wire.Float(math.MaxFloat64))
	}
	return n
}

func (o *HIncrByFloat) command(c *wire.Command) { o.count().write(c, o.Key) }

func (o *HIncrByFloat) answer(r wire.Reply) error {
	_, r, err := counted(o.FieldExpiry.TTL > 0, r)
	if err == nil {
		o.Now, err = r.Float()
	}
	return err
}
