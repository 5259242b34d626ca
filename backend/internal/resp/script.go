package resp

import (
	"time"

	"github.com/redisimnest/rin/backend"
)

// setScript carries out a Set that SET has no words for, and answers what SET
// would. It is sent whole, with EVAL: in a pipeline nobody could answer a
// NOSCRIPT.
//
//	KEYS[1]  the key
//	ARGV[1]  the value
//	ARGV[2]  NX, XX or nothing
//	ARGV[3]  GET or nothing
//	ARGV[4]  KEEPTTL or nothing
//	ARGV[5]  PX, PXAT or nothing
//	ARGV[6]  the milliseconds for it
const setScript = `local old = false
if ARGV[3] == 'GET' then old = redis.call('GET', KEYS[1]) end
local found = redis.call('EXISTS', KEYS[1]) == 1
if ARGV[2] == 'NX' and found or ARGV[2] == 'XX' and not found then return old end
if ARGV[4] == 'KEEPTTL' and found then
  redis.call('SET', KEYS[1], ARGV[1], 'KEEPTTL')
elseif ARGV[5] ~= nil then
  redis.call('SET', KEYS[1], ARGV[1], ARGV[5], ARGV[6])
else
  redis.call('SET', KEYS[1], ARGV[1])
end
if ARGV[3] == 'GET' then return old end
return 'OK'`

// needsScript says that SET can't express op: KEEPTTL takes no expiry for a key
// that is created, and NX takes no GET before Redis 7.
func needsScript(op *backend.Set) bool {
	expires := op.TTL > 0 || !op.ExpireAt.IsZero()
	return op.KeepTTL && expires || op.Cond == backend.IfAbsent && op.ReturnOld
}

func appendSetScript(words []Word, op *backend.Set) []Word {
	words = append(words, eval, text(setScript), oneKey, text(op.Key), data(op.Value))
	switch op.Cond {
	case backend.IfAbsent:
		words = append(words, nx)
	case backend.IfPresent:
		words = append(words, xx)
	default:
		words = append(words, nothing)
	}
	words = appendIf(words, op.ReturnOld, get)
	words = appendIf(words, op.KeepTTL, keepttl)
	return appendExpiry(words, op.TTL, op.ExpireAt)
}

func appendIf(words []Word, given bool, word Word) []Word {
	if given {
		return append(words, word)
	}
	return append(words, nothing)
}

// swapScript carries out a CompareAndSwap. It answers [swapped], or [held] and
// the key's value, or nil where the key is absent: one string, as any other
// reply.
//
//	KEYS[1]  the key
//	ARGV[1]  the value
//	ARGV[2]  NX for a key that is to be absent, or nothing
//	ARGV[3]  the value that is to be there otherwise
//	ARGV[4]  what SET takes behind the value, in as many words
const swapScript = `local old = ARGV[3]
if ARGV[2] == 'NX' then old = false end
local now = redis.call('GET', KEYS[1])
if now ~= old then return now and '0' .. now end
redis.call('SET', KEYS[1], ARGV[1], unpack(ARGV, 4))
return '1'`

// The first bytes of swapScript's answers.
const (
	swapped = '1'
	held    = '0'
)

func appendSwap(words []Word, op *backend.CompareAndSwap) []Word {
	words = append(words, eval, text(swapScript), oneKey, text(op.Key), data(op.Value))
	words = append(appendIf(words, op.Absent, nx), data(op.Old))
	if op.KeepTTL && !op.Absent { // An absent key has no expiry to keep.
		return append(words, keepttl)
	}
	return appendExpiry(words, op.TTL, op.ExpireAt)
}

// deleteScript carries out a CompareAndDelete, and answers what UNLINK would.
//
//	KEYS[1]  the key
//	ARGV[1]  the value that is to be there
const deleteScript = `if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('UNLINK', KEYS[1])`

// lockedScript carries out a SetLocked, and answers 1 where it did, 0 otherwise.
//
//	KEYS[1]  the key
//	KEYS[2]  the lock
//	ARGV[1]  the value
//	ARGV[2]  the token that the lock is to hold
//	ARGV[3]  what SET takes behind the value, in as many words
const lockedScript = `if redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], unpack(ARGV, 3))
return redis.call('UNLINK', KEYS[2])`

func appendSetLocked(words []Word, op *backend.SetLocked) []Word {
	words = append(words, eval, text(lockedScript), twoKeys, text(op.Key), text(op.Lock), data(op.Value), data(op.Token))
	return appendExpiry(words, op.TTL, time.Time{})
}
