package backend

import (
	"time"

	"github.com/redisimnest/rin/backend/wire"
)

// Limit asks whether N more are allowed where at most Rate are in each span of time Per, and
// notes them if so: a script, whose time is the server's. What is refused costs nothing. The
// key expires when nothing is left to remember.
//
// By default it is the generic cell rate algorithm (ATM Forum, "Traffic Management
// Specification 4.0", 1996): the key holds the time at which all that was allowed will have
// been earned, and Burst are allowed at once. In any span t that allows no more than
// Burst + t × Rate/Per.
//
// With Window it counts within windows of Per, and takes what was counted in the window
// before for spread over it evenly (a sliding window counter). Burst then plays no part. If
// it was not spread evenly, up to twice Rate can fall into one Per.
type Limit struct {
	Key     string
	Pattern string
	N       int64
	Peek    bool // notes nothing
	Rate    int64
	Per     time.Duration
	Burst   int64
	Window  bool

	Allowed bool
	// Remaining is how many more are allowed at once after that.
	Remaining int64
	// RetryAfter is when N would be allowed, if they are not.
	RetryAfter time.Duration
	// ResetAfter is when nothing will be remembered, if no more come.
	ResetAfter time.Duration
	Err        error
}

func (o *Limit) info() info {
	i := info{name: "limit", does: writes(KindString), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Allowed}
	if o.Peek {
		i.does = reads(KindString)
	}
	return i
}

// LimitEpoch is the Unix time from which the keys of limiters count, in microseconds, the
// beginning of 2025: a float64 then holds a hundredth of one.
const LimitEpoch = 1_735_689_600

// limitScript begins the script of a [Limit].
//
//	KEYS[1] the key
//	ARGV[1] how many
//	ARGV[2] the rate
//	ARGV[3] the microseconds that the rate is for
//	ARGV[4] the burst
//	ARGV[5] PEEK where nothing is noted
//
// The answer is an array of whether they are allowed, how many remain, and the microseconds
// until they are allowed and until nothing is remembered.
const limitScript = `local key, n, rate, per, burst, peek = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5] ~= ''
local now = redis.call('TIME')
now = (now[1] - 1735689600) * 1000000 + now[2]
local function note(text, life) redis.call('SET', key, text, 'PX', string.format('%.0f', math.ceil(life / 1000))) end
local function strange() return redis.error_reply('ERR the value is not that of such a limiter') end
`

// cellScript is a [Limit] by GCRA. The key holds the time when all that was allowed is
// earned. What floats lose, less than a tenth of a microsecond, is not waited for.
const cellScript = limitScript + `local each, due = per / rate, tonumber(redis.call('GET', key) or now)
if not due then return strange() end
due = math.max(due, now)
local wait = due + each * (n - burst) - now
local allowed = wait < 0.1
if allowed and not peek then
  due = due + each * n
  note(string.format('%.17g', due), due - now)
end
return {allowed and 1 or 0, math.max(0, math.floor(burst - (due - now) / each + 1e-6)), allowed and 0 or math.ceil(wait), math.ceil(due - now)}`

// windowScript is a [Limit] with Window. The key holds the number of the last window in
// which something was counted, how much, and how much in the one before.
const windowScript = limitScript + `local at = math.floor(now / per)
local last, count, before = string.match(redis.call('GET', key) or '0 0 0', '^(%-?%d+) (%d+) (%d+)$')
if not last then return strange() end
last, count, before = tonumber(last), tonumber(count), tonumber(before)
if last == at - 1 then count, before = 0, count elseif last ~= at then count, before = 0, 0 end
local left = (at + 1) * per - now
local free = rate - count - before * left / per
local allowed = n <= free + 1e-6
if allowed and not peek then
  count, free = count + n, free - n
  note(string.format('%.0f %.0f %.0f', at, count, before), left + per)
end
local wait, reset = 0, 0
if not allowed then
  if count + n <= rate then wait = left - (rate - count - n) * per / before
  else wait = left + math.max(0, per - (rate - n) * per / count) end
end
if count > 0 then reset = left + per elseif before > 0 then reset = left end
return {allowed and 1 or 0, math.max(0, math.floor(free + 1e-6)), math.ceil(wait), math.ceil(reset)}`

var cellWord, windowWord = wire.Script(cellScript), wire.Script(windowScript)

func (o *Limit) calls() []string {
	if o.Peek {
		return []string{"TIME", "GET"}
	}
	return []string{"TIME", "GET", "SET"}
}

func (o *Limit) command(c *wire.Command) {
	c.Nested = true
	script := cellWord
	if o.Window {
		script = windowWord
	}
	c.Add(wire.EVAL, script, wire.Int(1)).Key(o.Key).Add(wire.Int(o.N), wire.Int(o.Rate), wire.Int(o.Per.Microseconds()), wire.Int(o.Burst))
	addIf(c, o.Peek, "PEEK")
}

func (o *Limit) answer(r wire.Reply) error {
	elems, err := r.Array(4)
	if err != nil {
		return err
	}
	var n [4]int64
	for i := range n {
		if n[i], err = elems[i].Int(); err != nil {
			return err
		}
	}
	o.Allowed, o.Remaining = n[0] == 1, n[1]
	o.RetryAfter, o.ResetAfter = time.Duration(n[2])*time.Microsecond, time.Duration(n[3])*time.Microsecond
	return nil
}
