package backend

import (
	"time"

	"github.com/redisimnest/rin/backend/wire"
)

// Leases are the members of a sorted set: each a token, with the server's time in
// milliseconds at which it ends as its score. The key expires with the last of them. A
// lease is given back by removing its token, with [ZRem].
//
// The time is the server's alone, so that the clocks of those who hold leases don't matter.

// Acquire takes a lease for Token, if fewer than Permits others are held: a script. For a
// token that has one already it is a new one, so that it can be sent again when its reply
// was lost.
//
// Each lease has a Number that is greater than those of all before it, also where they have
// ended, were broken, or were lost with the server that knew them: the greater of one more
// than the last, which is kept in the key Fence for a week, and of the server's time in
// microseconds.
//
// It gives no lease to a user who may not give it back.
type Acquire struct {
	Key     string
	Pattern string
	// Fence is where the last number is kept, in Key's slot: see [Sibling].
	Fence   string
	Token   []byte
	TTL     time.Duration
	Permits int64

	// Acquired says that Token has the lease.
	Acquired bool
	Number   int64
	// Left is how long it takes at most until one can be had, if none could.
	Left time.Duration
	Err  error
}

func (o *Acquire) info() info {
	return info{name: "acquire", effect: Write, kind: KindSortedSet, key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Acquired}
}

func (o *Acquire) beside() []string { return []string{o.Fence} }

// fenceTime is how long the last number is kept, in case the server's clock is set back.
const fenceTime = 7 * 24 * time.Hour

// nowScript stands behind mayScript where the time matters: now is the server's in
// microseconds, and ms in milliseconds.
const nowScript = `local now = redis.call('TIME')
now = now[1] * 1000000 + now[2]
local ms = math.floor(now / 1000)
`

// lastScript has the key expire with the last of its leases.
const lastScript = `redis.call('PEXPIREAT', key, redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2])
`

// acquireScript is an [Acquire].
//
//	KEYS[1] the leases
//	KEYS[2] the last number
//	ARGV[1] the token
//	ARGV[2] the milliseconds of the lease
//	ARGV[3] the permits
//	ARGV[4] the milliseconds that the last number is kept
//
// The answer is an array of 1 and the number, or of 0 and the milliseconds left.
const acquireScript = mayScript + nowScript + `local no = refused({{'ZADD', 1, 1}, {'ZREMRANGEBYSCORE', 1, 1}, {'PEXPIREAT', 1}, {'ZRANGE', 0, 1}, {'ZRANGEBYSCORE', 0, 1}, {'ZREM', 1}, {'SET', 1}})
if no then return no end
local live, own = '(' .. ms, tonumber(redis.call('ZSCORE', key, ARGV[1]) or 0)
local over = redis.call('ZCOUNT', key, live, '+inf') - ARGV[3]
if over >= 0 and own <= ms then
  return {0, redis.call('ZRANGEBYSCORE', key, live, '+inf', 'WITHSCORES', 'LIMIT', over, 1)[2] - ms}
end
local number = string.format('%.0f', math.max(now, (redis.call('GET', KEYS[2]) or 0) + 1))
redis.call('ZREMRANGEBYSCORE', key, '-inf', ms)
redis.call('ZADD', key, ms + ARGV[2], ARGV[1])
` + lastScript + `redis.call('SET', KEYS[2], number, 'PX', ARGV[4])
return {1, number}`

var acquireWord = wire.Fixed(acquireScript)

func (o *Acquire) calls() []string {
	return []string{"TIME", "ZSCORE", "ZCOUNT", "ZRANGEBYSCORE", "GET", "ZREMRANGEBYSCORE", "ZADD", "PEXPIREAT", "ZRANGE", "SET", "ZREM"}
}

func (o *Acquire) command(c *wire.Command) {
	c.Nested = true
	c.Add(wire.EVAL, acquireWord, wire.Int(2)).Key(o.Key).Key(o.Fence).
		Add(wire.Data(o.Token), millis(o.TTL), wire.Int(o.Permits), millis(fenceTime))
}

func (o *Acquire) answer(r wire.Reply) error {
	elems, err := r.Array(2)
	if err != nil {
		return err
	}
	n, err := elems[1].Int()
	if err != nil {
		return err
	}
	if o.Acquired = elems[0].Is("1"); o.Acquired {
		o.Number = n
	} else {
		o.Left = time.Duration(n) * time.Millisecond
	}
	return nil
}

// Prolong gives a lease that Token still has another TTL from now on: a script. A lease
// that has ended is not brought back.
type Prolong struct {
	Key     string
	Pattern string
	Token   []byte
	TTL     time.Duration

	// Prolonged says that Token had the lease.
	Prolonged bool
	Err       error
}

func (o *Prolong) info() info {
	return info{name: "prolong", effect: Write, kind: KindSortedSet, key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Prolonged}
}

const prolongScript = mayScript + nowScript + `local no = refused({{'ZADD', 1, 1}, {'PEXPIREAT', 1}, {'ZRANGE', 0, 1}})
if no then return no end
if tonumber(redis.call('ZSCORE', key, ARGV[1]) or 0) <= ms then return 0 end
redis.call('ZADD', key, ms + ARGV[2], ARGV[1])
` + lastScript + `return 1`

var prolongWord = wire.Fixed(prolongScript)

func (o *Prolong) calls() []string {
	return []string{"TIME", "ZSCORE", "ZADD", "PEXPIREAT", "ZRANGE"}
}

func (o *Prolong) command(c *wire.Command) {
	c.Add(wire.EVAL, prolongWord, wire.Int(1)).Key(o.Key).Add(wire.Data(o.Token), millis(o.TTL))
}

func (o *Prolong) answer(r wire.Reply) error {
	n, err := r.Int()
	o.Prolonged = n == 1
	return err
}

// Leases reads who has leases: a script, since their time is the server's.
type Leases struct {
	Key     string
	Pattern string

	// Held are those that have not ended, the one that ends first in front.
	Held []Lease
	Err  error
}

// Lease is one of [Leases].
type Lease struct {
	Token []byte
	Left  time.Duration
}

func (o *Leases) info() info {
	return info{name: "leases", effect: Read, kind: KindSortedSet, key: o.Key, pattern: o.Pattern, err: &o.Err}
}

const leasesScript = mayScript + nowScript + `local held = redis.call('ZRANGEBYSCORE', key, '(' .. ms, '+inf', 'WITHSCORES')
for i = 2, #held, 2 do held[i] = string.format('%.0f', held[i] - ms) end
return held`

var leasesWord = wire.Fixed(leasesScript)

func (*Leases) calls() []string { return []string{"TIME", "ZRANGEBYSCORE"} }

func (o *Leases) command(c *wire.Command) {
	c.Nested, c.Strings = true, true
	c.Add(wire.EVAL, leasesWord, wire.Int(1)).Key(o.Key)
}

func (o *Leases) answer(r wire.Reply) error {
	tokens, left, err := r.Scores()
	if err != nil {
		return err
	}
	o.Held = make([]Lease, len(tokens))
	for i, token := range tokens {
		o.Held[i] = Lease{token, time.Duration(left[i]) * time.Millisecond}
	}
	return nil
}
