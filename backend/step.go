package backend

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redisimnest/rin/backend/wire"
)

// mayScript begins a script that calls something behind its first write: by refused, it ends
// with an error, before anything is done, where the user may not run that, since what a script
// has done nothing takes back. Each command is given with as many words behind its key as it
// has, which newer servers check too. Redis 6.2 can't say so beforehand. The first write is
// the server's to refuse, but for one that a condition may keep from being made at all.
const mayScript = `local key, may = KEYS[1], redis.acl_check_cmd
local function refused(name, ...)
  if name and may and not may(name, key, ...) then return redis.error_reply('NOPERM the user may not run ' .. name) end
end
`

// stepScript makes a write one atomic step with what must hold before it, with what
// follows it, and with the expiry of its key, whatever the command is. It calls no command
// that the step doesn't ask for, so that an ACL needs to allow no other.
//
//	KEYS[1]  the key
//	ARGV[1]  the guard: = where it must hold the string ARGV[2], NX where it must
//	         be absent, NONE where it must be, whatever it could hold, NEW where
//	         the key is deleted first, if it holds what the command ARGV[2] reads,
//	         nothing where there is none
//	ARGV[2]  the string, or the command
//	ARGV[3]  what gives the key its expiry after the write, PEXPIRE or PEXPIREAT,
//	         or nothing
//	ARGV[4]  the milliseconds for it
//	ARGV[5]  NX where only a key without an expiry gets it, DID where the command
//	         has to have done something, or both
//	ARGV[6]  how many words stand behind the command's key before its items
//	ARGV[7]  how many words an item has
//	ARGV[8]  + where the command answers how many items it has changed
//	ARGV[9]  how many words there are to try first, in place of those behind the
//	         command's first: SET does so to create a key with an expiry, or else
//	         to keep that of the key
//	ARGV[10] how many words the command has that follows, without its key
//	ARGV[11] the words to try first; those of the command that follows; then the
//	         command without its key
//
// A command of many words is carried out in parts, since Lua can't unpack them
// all at once. One without items is not carried out behind the guard NEW.
//
// The answer is an array of what was done, [refused], [carriedOut] or
// [triedFirst], and the command's own answer; of what was refused, the string
// that the guard saw.
const stepScript = mayScript + stepBody

const stepBody = `local left = -1
local try, follow = tonumber(ARGV[9]), tonumber(ARGV[10])
local at, did, answer = 11 + try + follow, 1, false
local once, anew = ARGV[5]:find('NX', 1, true) ~= nil, ARGV[1] == 'NEW'
local no = refused(ARGV[1] ~= '' and at < #ARGV and ARGV[at], unpack(ARGV, at + 1, math.min(at + 9, #ARGV))) or refused(ARGV[3] ~= '' and ARGV[3], 1) or
  refused(once and 'PTTL') or refused(follow > 0 and ARGV[11 + try], unpack(ARGV, 12 + try, 10 + try + follow))
if no then return no end
if anew then
  redis.call(ARGV[2], key)
  if once then left = redis.call('PTTL', key) end
  redis.call('UNLINK', key)
elseif ARGV[1] == 'NONE' then
  if redis.call('EXISTS', key) == 1 then return {0, false} end
elseif ARGV[1] ~= '' then
  local now = redis.call('GET', key)
  if now ~= (ARGV[1] == '=' and ARGV[2]) then return {0, now} end
end
if try > 0 then
  answer = redis.call(ARGV[at], key, ARGV[at + 1], unpack(ARGV, 11, 10 + try))
  if answer then did = 2 end
end
if did == 1 then
  local from, item = at + 1 + tonumber(ARGV[6]), tonumber(ARGV[7])
  local part, sum = 1000 - 1000 % item, nil
  if anew and from > #ARGV then return {1, 0} end
  repeat
    local words = {ARGV[at], key}
    for i = at + 1, at + tonumber(ARGV[6]) do words[#words + 1] = ARGV[i] end
    for i = from, math.min(from + part - 1, #ARGV) do words[#words + 1] = ARGV[i] end
    answer, from = redis.call(unpack(words)), from + part
    if ARGV[8] == '+' then sum = (sum or 0) + answer end
  until from > #ARGV
  answer = sum or answer
end
if follow > 0 then redis.call(ARGV[11 + try], key, unpack(ARGV, 12 + try, 10 + try + follow)) end
local idle = not answer or answer == 0 or type(answer) == 'table' and not answer.ok and #answer == 0
if ARGV[3] == '' or idle and ARGV[5]:find('DID', 1, true) then
elseif left > 0 then redis.call(ARGV[3], key, left)
elseif not once or redis.call('PTTL', key) == -1 then redis.call(ARGV[3], key, ARGV[4])
end
return {did, answer}`

var stepWord = wire.Script(stepScript)

// fieldStepScript is stepScript for a command that writes fields of a hash which are to
// expire: each gets its expiry in the same step. A server that can't do that is found out
// before anything is done.
//
//	ARGV[n-1] the milliseconds that each field has left
//	ARGV[n]   NX where a field that has an expiry keeps it
const fieldStepScript = mayScript + fieldScript + `local left = {}
local once, life = table.remove(ARGV) ~= '', table.remove(ARGV)
local no = unfit(once)
if no then return no end
if once then
  for i = 12, #ARGV, 2 do left[i] = redis.call('HPTTL', key, 'FIELDS', 1, ARGV[i])[1] end
end
local function step() ` + stepBody + ` end
local done = step()
if done.err or done[1] == 0 or ARGV[5]:find('DID', 1, true) and done[2] == 0 then return done end
for i = 12, #ARGV, 2 do
  redis.call('HPEXPIRE', key, left[i] and left[i] > 0 and left[i] or life, 'FIELDS', 1, ARGV[i])
end
return done`

// fieldScript stands behind mayScript where fields expire: by unfit, the script ends with
// an error where the server knows no such thing, or the user may not use it. Every server
// that knows it can say so.
const fieldScript = `local function unfit(once)
  if not may or not pcall(may, 'HPEXPIRE', key, 1, 'FIELDS', 1, 'field') then return redis.error_reply("ERR unknown command 'HPEXPIRE'") end
  return refused('HPEXPIRE', 1, 'FIELDS', 1, 'field') or refused(once and 'HPTTL', 'FIELDS', 1, 'field')
end
`

// expiringFields are the commands that give fields an expiry, once or again.
func expiringFields(once bool) []string {
	if once {
		return []string{"HPEXPIRE", "HPTTL"}
	}
	return []string{"HPEXPIRE"}
}

var fieldStepWord = wire.Script(fieldStepScript)

// What a step says that it did.
const (
	refused    = "0" // nothing: the guard saw something else
	carriedOut = "1"
	triedFirst = "2" // the words that were to be tried first
)

// guard is what must hold before a step; empty, it is nothing.
type guard string

const (
	holdsExactly guard = "=" // the string, or else the step is refused
	holdsNothing guard = "NX"
	holdsNoKind  guard = "NONE" // nothing of any kind
	madeAnew     guard = "NEW"  // it is deleted first
)

// step is a write by [stepScript]. The zero step is the command by itself.
type step struct {
	guard guard
	holds []byte // what holdsExactly wants; the command by which madeAnew knows the kind

	ttl      time.Duration // given to the key after the write
	expireAt time.Time
	unlessIt bool // only a key without an expiry gets it
	ifDid    bool // only where the command has done something

	head, item int  // how the command's words behind the key can be parted; item 0: not at all
	adds       bool // the answers of the parts add up

	fields Expiry // of each field that a hash's command writes; with one, it is of pairs

	first  []wire.Word // tried first, in place of the words behind the command's first
	follow []wire.Word // a command without its key, carried out behind the write
}

// unparted is an item so long that a command is of one part.
const unparted = 1000

// begin adds all words of the step but those behind the name of its command.
func (s *step) begin(c *wire.Command, key string, name wire.Word) {
	c.Nested = true
	script := stepWord
	if s.fields.TTL > 0 {
		script = fieldStepWord
	}
	c.Add(wire.EVAL, script, wire.Int(1)).Key(key)
	c.Add(wire.Text(string(s.guard)), wire.Data(s.holds))
	s.addExpiry(c)
	item := int64(unparted)
	if s.item > 0 {
		item = int64(s.item)
	}
	c.Add(wire.Int(int64(s.head)), wire.Int(item))
	addIf(c, s.adds, "+")
	c.Add(wire.Int(int64(len(s.first))), wire.Int(int64(len(s.follow)))).Add(s.first...).Add(s.follow...).Add(name)
}

func (s *step) addExpiry(c *wire.Command) {
	switch {
	case s.ttl > 0:
		c.Add(wire.PEXPIRE, millis(s.ttl))
	case !s.expireAt.IsZero():
		c.Add(wire.PEXPIREAT, moment(s.expireAt))
	default:
		c.Add(wire.Empty, wire.Empty)
	}
	switch {
	case s.unlessIt && s.ifDid:
		c.Add(wire.Text("NX DID"))
	case s.ifDid:
		c.Add(wire.Text("DID"))
	default:
		addIf(c, s.unlessIt, "NX")
	}
}

func addIf(c *wire.Command, given bool, word string) {
	if given {
		c.Add(wire.Text(word))
	} else {
		c.Add(wire.Empty)
	}
}

// Expiry is what a write to a structure makes of its key's expiry, in the same atomic
// step. The zero Expiry leaves it alone.
type Expiry struct {
	// TTL is what the key has left from the write on.
	TTL time.Duration
	// IfNone leaves a key that has an expiry the one it has.
	IfNone bool
}

func (e Expiry) step() step { return step{ttl: e.TTL, unlessIt: e.IfNone} }

// isPlain says that the command needs no script.
func (s *step) isPlain() bool {
	return s.ttl == 0 && s.guard == "" && s.follow == nil && s.fields.TTL == 0
}

// write adds the words of the command up to its key, in a script if it needs one.
func (s *step) write(c *wire.Command, key string, name wire.Word) *wire.Command {
	if s.isPlain() {
		return c.Add(name).Key(key)
	}
	s.begin(c, key, name)
	return c
}

// end adds what stands behind the words of the command.
func (s *step) end(c *wire.Command) {
	if s.fields.TTL > 0 {
		s.fields.addTo(c)
	}
}

// result is what the command answered, in a script or not.
func (s *step) result(r wire.Reply) (wire.Reply, error) {
	if s.isPlain() {
		return r, nil
	}
	_, r, err := stepAnswer(r)
	return r, err
}

// stepAnswer is what a step did, and the answer of its command.
func stepAnswer(r wire.Reply) (did string, answer wire.Reply, err error) {
	elems, err := r.Array(2)
	if err != nil {
		return "", wire.Reply{}, err
	}
	switch did = elems[0].Text; did {
	case refused, carriedOut, triedFirst:
		if err := elems[1].Err; err != nil {
			return "", wire.Reply{}, err
		}
		return did, elems[1], nil
	}
	return "", wire.Reply{}, fmt.Errorf("the script of a step answered %v", elems[0])
}

// calls are the commands that a step's script calls. Its words are from behind
// its key.
func calls(words []wire.Word) (names []string) {
	const atGuard, atHolds, atExpire, atUnless, atTry, atFollow = 0, 1, 2, 4, 8, 9
	count := func(at int) int {
		n, _ := strconv.Atoi(words[at].String())
		return n
	}
	try, follow := count(atTry), count(atFollow)
	begin := atFollow + 1
	names = append(names, words[begin+try+follow].String(), words[atExpire].String())
	if follow > 0 {
		names = append(names, words[begin+try].String())
	}
	switch guard(words[atGuard].String()) {
	case holdsExactly, holdsNothing:
		names = append(names, "GET")
	case holdsNoKind:
		names = append(names, "EXISTS")
	case madeAnew:
		names = append(names, words[atHolds].String(), "UNLINK")
	}
	if strings.Contains(words[atUnless].String(), "NX") {
		names = append(names, "PTTL")
	}
	return names
}

// addExpiry adds when a value expires, if it does, as SET takes it.
func addExpiry(c *wire.Command, ttl time.Duration, at time.Time) {
	c.Words = appendExpiry(c.Words, ttl, at)
}

func appendExpiry(words []wire.Word, ttl time.Duration, at time.Time) []wire.Word {
	switch {
	case ttl > 0:
		return append(words, wire.PX, millis(ttl))
	case !at.IsZero():
		return append(words, wire.PXAT, moment(at))
	}
	return words
}

// moment is t in Unix milliseconds. SET refuses moments before the first, which
// are as long past as any other.
func moment(t time.Time) wire.Word { return wire.Int(max(t.UnixMilli(), 1)) }

func millis(d time.Duration) wire.Word { return wire.Int(d.Milliseconds()) }
