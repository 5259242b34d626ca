package resp

import "github.com/redisimnest/rin/backend"

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
	return appendExpiry(words, op)
}

func appendIf(words []Word, given bool, word Word) []Word {
	if given {
		return append(words, word)
	}
	return append(words, nothing)
}
