package backend

import (
	"strconv"

	"github.com/redisimnest/rin/backend/wire"
)

// IncrBy adds to the whole number that a key holds, and creates one of 0 first where
// there is none: INCRBY, or a script where it has bounds or an expiry. Beyond 64 bits
// it fails with [ErrOverflow].
type IncrBy struct {
	Key     string
	Pattern string
	Expiry
	By int64
	// Bounded refuses a result that is less than Min or more than Max. By may then not
	// be the least number that there is.
	Bounded  bool
	Min, Max int64

	// Now is the number after the op: what it was, where it was refused.
	Now     int64
	Applied bool
	Err     error
}

func (o *IncrBy) info() info {
	return info{name: "incrby", does: writes(KindString), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Applied}
}

func (o *IncrBy) calls() []string { return o.count().calls("GET", "SET", "UNLINK") }

func (o *IncrBy) count() count {
	n := count{name: wire.INCRBY, by: wire.Int(o.By), expiry: o.Expiry}
	if o.Bounded {
		n = n.within(wire.Int(o.Min), wire.Int(o.Max))
	}
	return n
}

func (o *IncrBy) command(c *wire.Command) {
	o.count().write(c, o.Key)
}

func (o *IncrBy) answer(r wire.Reply) error {
	applied, r, err := counted(o.Bounded, r)
	if err == nil {
		o.Now, err = r.Int()
	}
	o.Applied = applied && err == nil
	return err
}

// IncrByFloat adds to the number that a key holds, and creates one of 0 first where
// there is none: INCRBYFLOAT, or a script where it has bounds or an expiry. The server
// computes with more digits than a float64 has, and keeps 17 behind the point. An
// infinite result is [ErrOverflow].
type IncrByFloat struct {
	Key     string
	Pattern string
	Expiry
	By float64
	// Bounded refuses a result that is less than Min or more than Max.
	Bounded  bool
	Min, Max float64

	// Now is the number after the op: what it was, where it was refused.
	Now     float64
	Applied bool
	Err     error
}

func (o *IncrByFloat) info() info {
	return info{name: "incrbyfloat", does: writes(KindString), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Applied}
}

func (o *IncrByFloat) calls() []string { return o.count().calls("GET", "SET", "UNLINK") }

func (o *IncrByFloat) count() count {
	n := count{name: wire.INCRBYFLOAT, by: wire.Float(o.By), expiry: o.Expiry}
	if o.Bounded {
		n = n.within(wire.Float(o.Min), wire.Float(o.Max))
	}
	return n
}

func (o *IncrByFloat) command(c *wire.Command) {
	o.count().write(c, o.Key)
}

func (o *IncrByFloat) answer(r wire.Reply) error {
	applied, r, err := counted(o.Bounded, r)
	if err == nil {
		o.Now, err = r.Float()
	}
	o.Applied = applied && err == nil
	return err
}

// countScript adds to a number, and takes that back where the result is out of bounds.
//
//	KEYS[1] the key
//	ARGV[1] the command that adds
//	ARGV[2] what it adds
//	ARGV[3] the least result
//	ARGV[4] the greatest
//	ARGV[5] the milliseconds for the key's expiry, or nothing
//	ARGV[6] NX where only a key without an expiry gets it
//	ARGV[7] the field, of a hash
//
// Numbers are read and compared as texts, since Lua's have 53 bits only. The answer is an
// array of 1 and the result, or of 0 and what there was.
const countScript = mayScript + countBody

const countBody = `local field = ARGV[7]
local no = refused(field and 'HDEL', 1) or refused(not field and 'SET', 1) or refused(not field and 'UNLINK') or
  refused(ARGV[5] ~= '' and 'PEXPIRE', 1) or refused(ARGV[6] ~= '' and 'PTTL')
if no then return no end
local float, where, read = ARGV[1]:find('FLOAT', 1, true), {key, field}, field and 'HGET' or 'GET'
local function less(a, b)
  if float then return tonumber(a) < tonumber(b) end
  local negative = a:sub(1, 1) == '-'
  if negative ~= (b:sub(1, 1) == '-') then return negative end
  if negative then a, b = b:sub(2), a:sub(2) end
  if #a ~= #b then return #a < #b end
  return a < b
end
local old = redis.call(read, unpack(where))
where[#where + 1] = ARGV[2]
redis.call(ARGV[1], unpack(where))
where[#where] = nil
local now = redis.call(read, unpack(where))
if less(now, ARGV[3]) or less(ARGV[4], now) then
  if not old then redis.call(field and 'HDEL' or 'UNLINK', unpack(where))
  elseif now == old then
  elseif field then redis.call(ARGV[1], key, field, ARGV[2]:sub(1, 1) == '-' and ARGV[2]:sub(2) or '-' .. ARGV[2])
  else redis.call('SET', key, old, 'KEEPTTL') end
  return {0, old or '0'}
end
if ARGV[5] ~= '' and (ARGV[6] == '' or redis.call('PTTL', key) == -1) then redis.call('PEXPIRE', key, ARGV[5]) end
return {1, now}`

var countWord = wire.Script(countScript)

// fieldCountScript is countScript for a field that is to expire.
//
//	ARGV[8] the milliseconds that the field has left
//	ARGV[9] NX where a field that has an expiry keeps it
const fieldCountScript = mayScript + fieldScript + `local once = ARGV[9] ~= ''
local no = unfit(once)
if no then return no end
local function count() ` + countBody + ` end
local done = count()
if done[1] == 1 and not (once and redis.call('HPTTL', key, 'FIELDS', 1, ARGV[7])[1] > 0) then
  redis.call('HPEXPIRE', key, ARGV[8], 'FIELDS', 1, ARGV[7])
end
return done`

var fieldCountWord = wire.Script(fieldCountScript)

// plusScript is countScript without bounds, which most additions are: it is short, and reads
// the number anew only where Lua's can't hold it.
const plusScript = mayScript + `local n = #ARGV
local no = refused('PEXPIRE', 1) or refused(n == 5 and 'HGET', 1) or refused(n == 4 and 'GET') or refused(ARGV[3] ~= '' and 'PTTL')
if no then return no end
local now = redis.call(ARGV[1], key, unpack(ARGV, 4, n))
if ARGV[3] == '' or redis.call('PTTL', key) == -1 then redis.call('PEXPIRE', key, ARGV[2]) end
if type(now) == 'string' or -1e15 < now and now < 1e15 then return now end
if n == 5 then return redis.call('HGET', key, ARGV[4]) end
return redis.call('GET', key)`

var plusWord = wire.Script(plusScript)

// count is an addition: the command by itself, or [plusScript] where there is an expiry, or
// [countScript] where there are bounds.
type count struct {
	name, by wire.Word
	expiry   Expiry
	inHash   bool
	field    []byte // of a hash
	fields   Expiry // that of the field; it takes bounds
	bounded  bool
	min, max wire.Word
}

// within is the addition with bounds.
func (n count) within(least, most wire.Word) count {
	n.bounded, n.min, n.max = true, least, most
	return n
}

func (n count) isPlain() bool { return !n.bounded && n.expiry.TTL == 0 }

func (n count) write(c *wire.Command, key string) {
	if n.isPlain() {
		c.Add(n.name).Key(key)
		if n.inHash {
			c.Add(wire.Data(n.field))
		}
		c.Add(n.by)
		return
	}
	if !n.bounded {
		c.Add(wire.EVAL, plusWord, wire.Int(1)).Key(key).Add(n.name)
		n.expiry.addTo(c)
		if n.inHash {
			c.Add(wire.Data(n.field))
		}
		c.Add(n.by)
		return
	}
	c.Nested = true
	script := countWord
	if n.fields.TTL > 0 {
		script = fieldCountWord
	}
	c.Add(wire.EVAL, script, wire.Int(1)).Key(key).Add(n.name, n.by, n.min, n.max)
	n.expiry.addTo(c)
	if n.inHash {
		c.Add(wire.Data(n.field))
	}
	if n.fields.TTL > 0 {
		n.fields.addTo(c)
	}
}

// calls are the commands that the script calls: read, and those that restore.
func (n count) calls(read string, restore ...string) []string {
	if n.isPlain() {
		return nil
	}
	names := []string{n.name.String(), read}
	if n.bounded {
		names = append(names, restore...)
	}
	if n.fields.TTL > 0 {
		names = append(names, expiringFields(n.fields.IfNone)...)
	}
	return append(names, n.expiry.expiring()...)
}

// counted is whether an addition was made, and the number.
func counted(bounded bool, r wire.Reply) (applied bool, number wire.Reply, err error) {
	if !bounded {
		return true, r, nil
	}
	elems, err := r.Array(2)
	if err != nil {
		return false, wire.Reply{}, err
	}
	applied, err = strconv.ParseBool(elems[0].Text)
	return applied, elems[1], err
}
