package backend

import (
	"strings"

	"github.com/redisimnest/rin/backend/wire"
)

// push is a push to either end of a list.
type push struct {
	Key     string
	Pattern string
	Expiry
	Values [][]byte
	// MaxLen drops what is too many from the other end; zero drops nothing.
	MaxLen int64

	// Len is how many elements the list has afterwards.
	Len int64
	Err error
}

// LPush puts elements in front of a list, one after the other: LPUSH, or a script
// where there is an expiry or a MaxLen.
type LPush push

// RPush puts elements behind a list, one after the other: RPUSH, or a script where
// there is an expiry or a MaxLen.
type RPush push

func (o *push) base(name string) info {
	return info{name: name, does: writes(KindList), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *push) with(from, to int64) step {
	s := o.step()
	s.item = 1
	if o.MaxLen > 0 {
		s.follow = []wire.Word{wire.LTRIM, wire.Int(from), wire.Int(to)}
	}
	return s
}

func (o *push) read(s step, r wire.Reply) error {
	err := s.number(r, &o.Len)
	if o.MaxLen > 0 && err == nil {
		o.Len = min(o.Len, o.MaxLen)
	}
	return err
}

func (o *LPush) info() info { return (*push)(o).base("lpush") }

func (o *LPush) step() step { return (*push)(o).with(0, o.MaxLen-1) }

func (o *LPush) command(c *wire.Command) {
	s := o.step()
	addAll(s.write(c, o.Key, wire.LPUSH), o.Values)
}

func (o *LPush) answer(r wire.Reply) error { return (*push)(o).read(o.step(), r) }

func (o *RPush) info() info { return (*push)(o).base("rpush") }

func (o *RPush) step() step { return (*push)(o).with(-o.MaxLen, -1) }

func (o *RPush) command(c *wire.Command) {
	s := o.step()
	addAll(s.write(c, o.Key, wire.RPUSH), o.Values)
}

func (o *RPush) answer(r wire.Reply) error { return (*push)(o).read(o.step(), r) }

// pop takes elements from either end of a list.
type pop struct {
	Key     string
	Pattern string
	Expiry
	// Count is how many elements are taken at most.
	Count int64

	// Values are the elements, the outermost first.
	Values [][]byte
	Err    error
}

// LPop takes elements from the front of a list, and the list with its last: LPOP, or a
// script where there is an expiry.
type LPop pop

// RPop takes elements from the back of a list, and the list with its last: RPOP, or a
// script where there is an expiry.
type RPop pop

func (o *pop) base(name string) info {
	return info{name: name, does: writes(KindList), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *pop) write(c *wire.Command, name wire.Word) {
	c.Nested = true
	s := o.ifDid()
	s.write(c, o.Key, name).Add(wire.Int(o.Count))
}

func (o *pop) read(r wire.Reply) error {
	s := o.ifDid()
	r, err := s.result(r)
	if err == nil {
		o.Values, err = r.Texts()
	}
	return err
}

func (o *LPop) info() info                { return (*pop)(o).base("lpop") }
func (*LPop) needs() need                 { return need{redis: "6.2"} }
func (o *LPop) command(c *wire.Command)   { (*pop)(o).write(c, wire.LPOP) }
func (o *LPop) answer(r wire.Reply) error { return (*pop)(o).read(r) }
func (o *RPop) info() info                { return (*pop)(o).base("rpop") }
func (*RPop) needs() need                 { return need{redis: "6.2"} }
func (o *RPop) command(c *wire.Command)   { (*pop)(o).write(c, wire.RPOP) }
func (o *RPop) answer(r wire.Reply) error { return (*pop)(o).read(r) }

// LIndex reads an element of a list by its index, from the back where that is negative:
// LINDEX.
type LIndex struct {
	Key     string
	Pattern string
	Index   int64

	Value []byte
	Found bool
	Err   error
}

func (o *LIndex) info() info {
	return info{name: "lindex", does: reads(KindList), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Found}
}

func (o *LIndex) command(c *wire.Command) { c.Add(wire.LINDEX).Key(o.Key).Add(wire.Int(o.Index)) }

func (o *LIndex) answer(r wire.Reply) (err error) {
	o.Value, o.Found, err = r.Bytes()
	return err
}

// LSet replaces an element of a list by its index, from the back where that is
// negative: LSET, or a script where there is an expiry.
type LSet struct {
	Key     string
	Pattern string
	Expiry
	Index int64
	Value []byte

	// Applied is false where the list has no such element.
	Applied bool
	Err     error
}

func (o *LSet) info() info {
	return info{name: "lset", does: writes(KindList), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Applied}
}

func (o *LSet) command(c *wire.Command) {
	s := o.step()
	s.write(c, o.Key, wire.LSET).Add(wire.Int(o.Index), wire.Data(o.Value))
}

func (o *LSet) answer(r wire.Reply) error {
	s := o.step()
	r, err := s.result(r)
	if err == nil {
		err = r.OK()
	}
	o.Applied = err == nil
	return err
}

// isAnswer says that the error means that there is no such element.
func (o *LSet) isAnswer(err error) bool {
	text := err.Error()
	return strings.Contains(text, "no such key") || strings.Contains(text, "index out of range")
}

// LRange reads elements of a list from one index to another, both included, from the
// back where they are negative: LRANGE.
type LRange struct {
	Key         string
	Pattern     string
	Start, Stop int64

	Values [][]byte
	Err    error
}

func (o *LRange) info() info {
	return info{name: "lrange", does: reads(KindList), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *LRange) command(c *wire.Command) {
	c.Nested, c.Strings = true, true
	c.Add(wire.LRANGE).Key(o.Key).Add(wire.Int(o.Start), wire.Int(o.Stop))
}

func (o *LRange) answer(r wire.Reply) (err error) {
	o.Values, err = r.Texts()
	return err
}

// LLen asks how many elements a list has: LLEN.
type LLen struct {
	Key     string
	Pattern string

	Len int64
	Err error
}

func (o *LLen) info() info {
	return info{name: "llen", does: reads(KindList), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *LLen) command(c *wire.Command) { c.Add(wire.LLEN).Key(o.Key) }

func (o *LLen) answer(r wire.Reply) (err error) {
	o.Len, err = r.Int()
	return err
}

// LTrim leaves a list the elements from one index to another, both included: LTRIM, or
// a script where there is an expiry.
type LTrim struct {
	Key     string
	Pattern string
	Expiry
	Start, Stop int64

	Err error
}

func (o *LTrim) info() info {
	return info{name: "ltrim", does: writes(KindList), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *LTrim) command(c *wire.Command) {
	s := o.step()
	s.write(c, o.Key, wire.LTRIM).Add(wire.Int(o.Start), wire.Int(o.Stop))
}

func (o *LTrim) answer(r wire.Reply) error {
	s := o.step()
	r, err := s.result(r)
	if err != nil {
		return err
	}
	return r.OK()
}

// LRem removes elements that equal a value: Count from the front, or from the back where
// it is negative, or all where it is zero: LREM, or a script where there is an expiry.
type LRem struct {
	Key     string
	Pattern string
	Expiry
	Count int64
	Value []byte

	Removed int64
	Err     error
}

func (o *LRem) info() info {
	return info{name: "lrem", does: writes(KindList), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *LRem) command(c *wire.Command) {
	s := o.ifDid()
	s.write(c, o.Key, wire.LREM).Add(wire.Int(o.Count), wire.Data(o.Value))
}

func (o *LRem) answer(r wire.Reply) error {
	s := o.ifDid()
	return s.number(r, &o.Removed)
}

// LMove takes an element from one end of a list and puts it at an end of another, or of
// the same: LMOVE, or a script where there is an expiry. To lies in Key's slot.
type LMove struct {
	Key     string
	Pattern string
	To      string
	// FromFront and ToFront choose the ends: by default it is the back of both.
	FromFront, ToFront bool
	// Expiry is what becomes of To's.
	Expiry

	Value []byte
	Found bool
	Err   error
}

func (o *LMove) info() info {
	return info{name: "lmove", does: writes(KindList), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Found}
}

func (*LMove) needs() need { return need{redis: "6.2"} }

func (o *LMove) beside() []string { return []string{o.To} }

func (o *LMove) calls() []string { return o.many().calls() }

func (o *LMove) many() many {
	return many{name: wire.LMOVE, keys: []string{o.Key, o.To}, to: 2, expiry: o.Expiry}
}

func (o *LMove) command(c *wire.Command) {
	o.many().write(c).Add(end(o.FromFront), end(o.ToFront))
}

func end(front bool) wire.Word {
	if front {
		return wire.LEFT
	}
	return wire.RIGHT
}

func (o *LMove) answer(r wire.Reply) (err error) {
	o.Value, o.Found, err = r.Bytes()
	return err
}

// manyScript carries out a command on several keys, and gives the one that it writes to
// its expiry.
//
//	KEYS    the keys, in the order of the command
//	ARGV[1] the command
//	ARGV[2] the milliseconds for the expiry, or nothing
//	ARGV[3] NX where only a key without an expiry gets it
//	ARGV[4] which of the keys is written to
//	ARGV[5] a command that reads the kind of value which that key has to hold, if it is
//	        there, for a command that would replace any; or nothing
//	ARGV[6] the words behind the keys
const manyScript = mayScript + `local to, left = KEYS[tonumber(ARGV[4])], -1
local no = refused(ARGV[2] ~= '' and 'PEXPIRE', 1) or refused(ARGV[3] ~= '' and 'PTTL')
if no then return no end
if ARGV[5] ~= '' then redis.call(ARGV[5], to) end
if ARGV[3] == 'NX' then left = redis.call('PTTL', to) end
local words = {ARGV[1]}
for _, key in ipairs(KEYS) do words[#words + 1] = key end
for i = 6, #ARGV do words[#words + 1] = ARGV[i] end
local answer = redis.call(unpack(words))
if answer and answer ~= 0 and ARGV[2] ~= '' then redis.call('PEXPIRE', to, left > 0 and left or ARGV[2]) end
return answer`

var manyWord = wire.Script(manyScript)

// many is a write to one of several keys, by [manyScript] if it has to be.
type many struct {
	name   wire.Word
	keys   []string
	to     int // the key that is written to, counted from 1
	expiry Expiry
	kind   string // a command that reads the kind which that key has to hold, or nothing
}

func (m many) isPlain() bool { return m.expiry.TTL == 0 && m.kind == "" }

// write adds the words of the command up to its last key.
func (m many) write(c *wire.Command) *wire.Command {
	if m.isPlain() {
		c.Add(m.name)
		return m.addKeys(c)
	}
	m.addKeys(c.Add(wire.EVAL, manyWord, wire.Int(int64(len(m.keys))))).Add(m.name)
	m.expiry.addTo(c)
	return c.Add(wire.Int(int64(m.to)), wire.Text(m.kind))
}

func (m many) addKeys(c *wire.Command) *wire.Command {
	for _, key := range m.keys {
		c.Key(key)
	}
	return c
}

// calls are the commands that the script calls.
func (m many) calls() []string {
	return append([]string{m.name.String(), m.kind}, m.expiry.expiring()...)
}
