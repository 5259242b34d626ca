package backend

import (
	"bytes"
	"time"

	"github.com/redisimnest/rin/backend/wire"
)

// A value that was loaded from somewhere else may be out of date by the time it is stored.
// So who is about to load has a lease, which whoever changes or deletes the value takes
// away, and stores only what the lease is still there for: Rajesh Nishtala et al., "Scaling
// Memcache at Facebook" (NSDI 2013), section 3.2.1. The leases are those of [Acquire], in a
// sorted set beside the key.
//
// A token that begins with [Shared] is for a load that others may run beside: it keeps
// nobody out.

// Shared is what the tokens begin with that keep nobody out.
const Shared = "+"

// Nothing is the one member of the leases where it is known that there is nothing to load,
// for as long as that key lives.
const Nothing = "~"

// Failure is the member of the leases until which the load is known to fail. It begins as a
// token that keeps nobody out.
const Failure = Shared + "!"

// Claim reads a value, or else takes a lease for Token to load it: a script. It takes none
// where the value is there, unless Anew asks for another one, nor where it is known that
// there is none, nor where another token keeps it out. It can be sent again when its reply
// was lost.
type Claim struct {
	Key     string
	Pattern string
	Leases  string // the key of the leases
	Kept    string // a key whose value is read in the same step; empty for none
	Token   []byte
	TTL     time.Duration
	Anew    bool

	// Claimed says that Token has the lease.
	Claimed bool
	// Value is what there is, if Found; with Anew, until ExpireAt, in Unix milliseconds: 0 is
	// for ever.
	Value    []byte
	Found    bool
	ExpireAt int64
	// Nothing says that it is known that there is none, and Failed that the load fails.
	Nothing bool
	Failed  bool
	// Left is how long another token may keep this one out.
	Left time.Duration
	// Old and OldFound are the value at Kept, where the value of Key is not there.
	Old      []byte
	OldFound bool
	Err      error
}

// Seen is what the key held, for a [Fill].
func (o *Claim) Seen() Seen { return Seen{o.Value, o.Found, o.ExpireAt} }

// Seen is what a key held at a moment, as in a [Claim]. A value that was written since is
// told from it by its bytes and by when it expires.
type Seen struct {
	Value    []byte
	Found    bool
	ExpireAt int64
}

func (o *Claim) info() info {
	return info{name: "claim", does: writes(KindString), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Claimed}
}

func (o *Claim) beside() []string { return beside(o.Leases, o.Kept) }

// beside are the keys that are given.
func beside(keys ...string) (given []string) {
	for _, key := range keys {
		if key != "" {
			given = append(given, key)
		}
	}
	return given
}

// seenScript stands behind nowScript: seen reads a plain value, and when it expires, if that is
// asked for. Redis 6.2 says only how long it has left; together with its TIME that may be a
// millisecond off, so that a Fill is refused now and then.
const seenScript = `local function seen(expires)
  local value, at = redis.call('GET', key), 0
  if value and expires then
    at = may and redis.call('PEXPIRETIME', key) or redis.call('PTTL', key)
    if at > 0 and not may then at = ms + at end
  end
  return value, string.format('%.0f', math.max(at, 0))
end
`

// claimScript is a [Claim].
//
//	KEYS[1] the key
//	KEYS[2] its leases
//	KEYS[3] what else is read, or nothing
//	ARGV[1] the token
//	ARGV[2] the milliseconds of the lease
//	ARGV[3] ANEW where the value is to be loaded though it is there
//
// The answer is an array of what was done, the value, when it expires, the milliseconds that
// another token keeps this one out, and what else was read.
const claimScript = mayScript + nowScript + leasesOf + seenScript + `local value, at = seen(ARGV[3] ~= '')
if value and ARGV[3] == '' then return {'FOUND', value, at, 0, false} end
local old = not value and KEYS[3] and redis.call('GET', KEYS[3]) or false
local live, ended, _, last, nothing, failure = leases(KEYS[2], ARGV[1])
if not value and nothing then return {'NOTHING', value, at, 0, old} end
if old and failure then return {'FAILED', value, at, 0, old} end
if #live > 0 and ARGV[1]:sub(1, 1) ~= '+' then return {'HELD', value, at, live[#live] - ms, old} end
local no = refused(#ended > 0 and 'ZADD', 1, 1) or refused('PEXPIRE', 1) or refused('ZREM', 1)
if no then return no end
for _, token in ipairs(ended) do redis.call('ZREM', KEYS[2], token) end
redis.call('ZADD', KEYS[2], ms + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[2], math.max(ARGV[2], last - ms))
return {'CLAIMED', value, at, 0, old}`

var claimWord = wire.Script(claimScript)

func (o *Claim) calls() []string {
	names := []string{"TIME", "GET", "ZRANGE", "ZADD", "PEXPIRE", "ZREM"}
	if o.Anew {
		names = append(names, "PEXPIRETIME")
	}
	return names
}

func (o *Claim) command(c *wire.Command) {
	c.Nested = true
	c.Add(wire.EVAL, claimWord, wire.Int(int64(1+len(o.beside())))).Key(o.Key)
	for _, key := range o.beside() {
		c.Key(key)
	}
	c.Add(wire.Data(o.Token), millis(o.TTL))
	addIf(c, o.Anew, "ANEW")
}

func (o *Claim) answer(r wire.Reply) error {
	elems, err := r.Array(5)
	if err != nil {
		return err
	}
	var got Claim
	var left int64
	got.Claimed, got.Nothing, got.Failed = elems[0].Is("CLAIMED"), elems[0].Is("NOTHING"), elems[0].Is("FAILED")
	if got.Value, got.Found, err = elems[1].Bytes(); err != nil {
		return err
	}
	if got.ExpireAt, err = elems[2].Int(); err != nil {
		return err
	}
	if left, err = elems[3].Int(); err != nil {
		return err
	}
	if got.Old, got.OldFound, err = elems[4].Bytes(); err != nil {
		return err
	}
	o.Claimed, o.Nothing, o.Failed, o.Left = got.Claimed, got.Nothing, got.Failed, time.Duration(left)*time.Millisecond
	o.Value, o.Found, o.ExpireAt, o.Old, o.OldFound = got.Value, got.Found, got.ExpireAt, got.Old, got.OldFound
	return nil
}

// Fill stores what was loaded, if Token still has the lease that [Claim] gave it, and the
// key holds what was seen then: a script. It takes the lease back in any case, and those of
// all others if it has stored something.
type Fill struct {
	Key     string
	Pattern string
	Leases  string
	Token   []byte
	Seen    Seen

	// Value is stored at Key for TTL, or for ever, and at Kept too, if that is given, for
	// KeptTTL.
	Value   []byte
	TTL     time.Duration
	Kept    string
	KeptTTL time.Duration
	// Nothing, if it is not zero, says that there was nothing to load, and Failed that the
	// load failed: that is known for so long, and no value is stored.
	Nothing time.Duration
	Failed  time.Duration

	Applied bool
	Err     error
}

func (o *Fill) info() info {
	return info{name: "fill", does: writes(KindString), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Applied}
}

func (o *Fill) beside() []string { return beside(o.Leases, o.Kept) }

// fillScript is a [Fill].
//
//	KEYS[1] the key
//	KEYS[2] its leases
//	KEYS[3] where else the value is kept, or nothing
//	ARGV[1] the token
//	ARGV[2] FOUND where a value was seen
//	ARGV[3] the value
//	ARGV[4] when it expires
//	ARGV[5] the value to store
//	ARGV[6] its milliseconds, or 0
//	ARGV[7] those of where else it is kept
//	ARGV[8] NOTHING or FAILED where that is stored in place of the value
//	ARGV[9] the milliseconds for which it is known
const fillScript = mayScript + nowScript + seenScript + `local value, at = seen(ARGV[2] ~= '')
local score, said = tonumber(redis.call('ZSCORE', KEYS[2], ARGV[1]) or 0), ARGV[8] ~= ''
local changed = score <= ms or value ~= (ARGV[2] ~= '' and ARGV[3]) or value and at ~= ARGV[4]
local no = not changed and (refused(not said and 'SET', 1) or refused(said and 'ZADD', 1, 1) or refused(said and 'PEXPIRE', 1))
if no then return no end
if changed then
  redis.call('ZREM', KEYS[2], ARGV[1])
  return 0
end
if ARGV[8] == 'FAILED' then
  local left = redis.call('PTTL', KEYS[2])
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('ZADD', KEYS[2], ms + ARGV[9], '+!')
  redis.call('PEXPIRE', KEYS[2], math.max(ARGV[9], left))
  return 1
end
redis.call('UNLINK', KEYS[2])
if said then
  redis.call('ZADD', KEYS[2], 0, '~')
  redis.call('PEXPIRE', KEYS[2], ARGV[9])
  return 1
end
for i, life in ipairs({ARGV[6], KEYS[3] and ARGV[7]}) do
  local at = i == 1 and key or KEYS[3]
  if life == '0' then redis.call('SET', at, ARGV[5]) else redis.call('SET', at, ARGV[5], 'PX', life) end
end
return 1`

var fillWord = wire.Script(fillScript)

func (o *Fill) calls() []string {
	names := []string{"TIME", "GET", "ZSCORE", "ZREM"}
	if o.Seen.Found {
		names = append(names, "PEXPIRETIME")
	}
	switch {
	case o.Failed > 0:
		return append(names, "PTTL", "ZADD", "PEXPIRE")
	case o.Nothing > 0:
		return append(names, "UNLINK", "ZADD", "PEXPIRE")
	}
	return append(names, "UNLINK", "SET")
}

func (o *Fill) command(c *wire.Command) {
	c.Add(wire.EVAL, fillWord, wire.Int(int64(1+len(o.beside())))).Key(o.Key)
	for _, key := range o.beside() {
		c.Key(key)
	}
	c.Add(wire.Data(o.Token))
	addIf(c, o.Seen.Found, "FOUND")
	c.Add(wire.Data(o.Seen.Value), wire.Int(o.Seen.ExpireAt), wire.Data(o.Value), millis(o.TTL), millis(o.KeptTTL))
	switch {
	case o.Failed > 0:
		c.Add(wire.Text("FAILED"), millis(o.Failed))
	case o.Nothing > 0:
		c.Add(wire.Text("NOTHING"), millis(o.Nothing))
	default:
		c.Add(wire.Empty, wire.Empty)
	}
}

func (o *Fill) answer(r wire.Reply) error { return yes(r, &o.Applied) }

// Same says that the key still holds what was seen.
func (s Seen) Same(now Seen) bool {
	return s.Found == now.Found && s.ExpireAt == now.ExpireAt && bytes.Equal(s.Value, now.Value)
}
