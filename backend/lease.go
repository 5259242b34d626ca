package backend

import (
	"time"

	"github.com/redisimnest/rin/backend/wire"
)

// Leases are the members of a sorted set: each a token, with the server's time in
// milliseconds at which it ends as its score. The empty member has the number of the last
// lease, which is greater than all these. A lease is given back by removing its token, with
// [ZRem]; all of them are taken away by removing what is not greater than [LastLease]. The
// key lives for a day longer than its leases.
//
// The time is the server's alone, so that the clocks of those who hold leases don't matter.

// Waiting is the member that says until when somebody waits for a lease. It keeps nobody out.
const Waiting = Shared + "?"

// LastLease is a score greater than the end of any lease, and less than any number.
const LastLease = 1e14

// Acquire takes a lease for Token, if fewer than Permits others are held: a script. For a
// token that has one already it is a new one, so that it can be sent again when its reply
// was lost.
//
// Each lease has a Number that is greater than those of all before it, also where they have
// ended, were taken away, or were lost with the server that knew them: the greater of one
// more than the last, and of the server's time in microseconds.
//
// It gives no lease to a user who may not give it back.
type Acquire struct {
	Key     string
	Pattern string
	Token   []byte
	TTL     time.Duration
	Permits int64
	// Wait is for how long it is noted, by [Waiting], that Token waits for a lease, if it gets
	// none; zero notes nothing.
	Wait time.Duration

	// Acquired says that Token has the lease.
	Acquired bool
	Number   int64
	// Left is how long it takes at most until one can be had, if none could.
	Left time.Duration
	Err  error
}

func (o *Acquire) info() info {
	return info{name: "acquire", does: writes(KindSortedSet), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Acquired}
}

// NumberTime is how long the last number is kept, in case the server's clock is set back.
const NumberTime = 24 * time.Hour

// leasesOf stands behind nowScript: leases reads those at a key. It is the ends of those that
// keep mine out, from the first to the last, the tokens of those that have ended, the last
// number, the end of the last one but mine, and whether [Nothing] and [Failure] are there.
const leasesOf = `local function leases(at, mine)
  local all, live, ended, number, last = redis.call('ZRANGE', at, 0, -1, 'WITHSCORES'), {}, {}, 0, 0
  local nothing, failure
  for i = 1, #all, 2 do
    local token, score = all[i], tonumber(all[i + 1])
    if token == '~' then nothing = true end
    if token == '' then number = score
    elseif score <= ms then ended[#ended + 1] = token
    elseif token ~= mine then
      last = score
      if token == '+!' then failure = true end
      if token:sub(1, 1) ~= '+' then live[#live + 1] = score end
    end
  end
  return live, ended, number, last, nothing, failure
end
`

// nowScript stands behind mayScript where the time matters: now is the server's in
// microseconds, and ms in milliseconds.
const nowScript = `local now = redis.call('TIME')
now = now[1] * 1000000 + now[2]
local ms = math.floor(now / 1000)
`

// acquireScript is an [Acquire].
//
//	KEYS[1] the leases
//	ARGV[1] the token
//	ARGV[2] the milliseconds of the lease
//	ARGV[3] the permits
//	ARGV[4] the milliseconds that the last number is kept
//	ARGV[5] the milliseconds for which it is noted that somebody waits
//
// The answer is an array of 1 and the number, or of 0 and the milliseconds left.
const acquireScript = mayScript + nowScript + leasesOf + `local live, ended, last, latest = leases(key, ARGV[1])
now = math.max(now, last + 1)
local over = #live - ARGV[3]
if over >= 0 then
  if ARGV[5] ~= '0' then redis.call('ZADD', key, ms + ARGV[5], '+?') end
  return {0, live[over + 1] - ms}
end
local no = refused(#ended > 0 and 'ZADD', 1, 1) or refused('PEXPIRE', 1) or refused('ZREM', 1)
if no then return no end
for _, token in ipairs(ended) do redis.call('ZREM', key, token) end
local number = string.format('%.0f', now)
redis.call('ZADD', key, ms + ARGV[2], ARGV[1], number, '')
redis.call('PEXPIRE', key, math.max(ARGV[2], latest - ms) + ARGV[4])
return {1, number}`

var acquireWord = wire.Script(acquireScript)

func (o *Acquire) calls() []string {
	return []string{"TIME", "ZRANGE", "ZADD", "PEXPIRE", "ZREM"}
}

func (o *Acquire) command(c *wire.Command) {
	c.Nested = true
	c.Add(wire.EVAL, acquireWord, wire.Int(1)).Key(o.Key).
		Add(wire.Data(o.Token), millis(o.TTL), wire.Int(o.Permits), millis(NumberTime), millis(o.Wait))
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
	// Keep is how long the key is kept for beyond its leases.
	Keep time.Duration

	// Prolonged says that Token had the lease.
	Prolonged bool
	Err       error
}

func (o *Prolong) info() info {
	return info{name: "prolong", does: writes(KindSortedSet), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Prolonged}
}

const prolongScript = mayScript + nowScript + `local no = refused('PTTL') or refused('PEXPIRE', 1)
if no then return no end
if tonumber(redis.call('ZSCORE', key, ARGV[1]) or 0) <= ms then return 0 end
redis.call('ZADD', key, ms + ARGV[2], ARGV[1])
local life = ARGV[2] + ARGV[3]
if redis.call('PTTL', key) < life then redis.call('PEXPIRE', key, life) end
return 1`

var prolongWord = wire.Script(prolongScript)

func (o *Prolong) calls() []string {
	return []string{"TIME", "ZSCORE", "ZADD", "PTTL", "PEXPIRE"}
}

func (o *Prolong) command(c *wire.Command) {
	c.Add(wire.EVAL, prolongWord, wire.Int(1)).Key(o.Key).Add(wire.Data(o.Token), millis(o.TTL), millis(o.Keep))
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
	return info{name: "leases", does: reads(KindSortedSet), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

const leasesScript = mayScript + nowScript + `local held = redis.call('ZRANGEBYSCORE', key, '(' .. ms, '1e14', 'WITHSCORES')
for i = 2, #held, 2 do held[i] = string.format('%.0f', held[i] - ms) end
return held`

var leasesWord = wire.Script(leasesScript)

func (*Leases) calls() []string { return []string{"TIME", "ZRANGEBYSCORE"} }

func (o *Leases) command(c *wire.Command) {
	c.Nested, c.Strings = true, true
	c.Add(wire.EVAL, leasesWord, wire.Int(1)).Key(o.Key)
}

func (o *Leases) answer(r wire.Reply) error {
	held, err := r.Scores()
	if err != nil {
		return err
	}
	o.Held = nil
	for _, h := range held {
		if string(h.Member) != Waiting {
			o.Held = append(o.Held, Lease{h.Member, time.Duration(h.Score) * time.Millisecond})
		}
	}
	return nil
}
