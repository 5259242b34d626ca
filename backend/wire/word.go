package wire

import (
	"crypto/sha1"
	"encoding/hex"
	"math"
	"strconv"
)

// Word is a word of a command. It is a type of its own, and not an any, so that
// putting a command together allocates nothing.
type Word struct {
	text  string
	data  []byte // shares its memory with the op; nil where the word is text
	fixed *fixed // of a word that many commands have
}

// fixed is what has been made once of a word.
type fixed struct {
	boxed  any
	digest *Word // of a script, as EVALSHA takes it
}

// Text is a word of text.
func Text(s string) Word { return Word{text: s} }

// Data is a word of bytes, with which it shares its memory. Nil is the empty
// word.
func Data(b []byte) Word { return Word{data: b} }

// Int is a word of decimal digits.
func Int(n int64) Word {
	if i := n + 1; uint64(i) < uint64(len(small)) {
		return small[i]
	}
	return Word{text: strconv.FormatInt(n, 10)}
}

// small are the words of -1, 0, 1, … which are frequent.
var small = func() (words [32]Word) {
	for i := range words {
		words[i] = Fixed(strconv.Itoa(i - 1))
	}
	return words
}()

// Float is a word of the fewest digits that are read back as the same number; inf
// for infinity.
func Float(f float64) Word {
	switch {
	case math.IsInf(f, 1):
		return Word{text: "+inf"}
	case math.IsInf(f, -1):
		return Word{text: "-inf"}
	case f == math.Trunc(f) && 0 < f && f < 10:
		return Int(int64(f))
	}
	return Word{text: strconv.FormatFloat(f, 'g', -1, 64)}
}

// Fixed is a word that many commands have, made once.
func Fixed(s string) Word { return Word{text: s, fixed: &fixed{boxed: s}} }

// Script is a Fixed script, which [Command.Shorten] can put its digest in place of.
func Script(s string) Word {
	sum := sha1.Sum([]byte(s)) //nolint:gosec // it is what the server calls a script by
	digest := Fixed(hex.EncodeToString(sum[:]))
	w := Fixed(s)
	w.fixed.digest = &digest
	return w
}

// String is the word as a string that shares no memory with the op.
func (w Word) String() string {
	if w.data != nil {
		return string(w.data)
	}
	return w.text
}

// Any is the word as a string, or as a []byte that shares its memory with the
// op.
func (w Word) Any() any {
	switch {
	case w.fixed != nil:
		return w.fixed.boxed
	case w.data != nil:
		return w.data
	}
	return w.text
}

// The words that stand in commands.
var (
	GET         = Fixed("GET")
	GETEX       = Fixed("GETEX")
	GETDEL      = Fixed("GETDEL")
	SET         = Fixed("SET")
	UNLINK      = Fixed("UNLINK")
	EXISTS      = Fixed("EXISTS")
	PTTL        = Fixed("PTTL")
	PEXPIRE     = Fixed("PEXPIRE")
	PEXPIREAT   = Fixed("PEXPIREAT")
	PEXPIRETIME = Fixed("PEXPIRETIME")
	PERSIST     = Fixed("PERSIST")
	EVAL        = Fixed("EVAL")
	EVALSHA     = Fixed("EVALSHA")
	MEMORY      = Fixed("MEMORY")
	USAGE       = Fixed("USAGE")

	INCRBY      = Fixed("INCRBY")
	INCRBYFLOAT = Fixed("INCRBYFLOAT")
	TYPE        = Fixed("TYPE")

	HGET         = Fixed("HGET")
	HMGET        = Fixed("HMGET")
	HGETALL      = Fixed("HGETALL")
	HSET         = Fixed("HSET")
	HSETNX       = Fixed("HSETNX")
	HPTTL        = Fixed("HPTTL")
	FIELDS       = Fixed("FIELDS")
	HDEL         = Fixed("HDEL")
	HEXISTS      = Fixed("HEXISTS")
	HLEN         = Fixed("HLEN")
	HKEYS        = Fixed("HKEYS")
	HSCAN        = Fixed("HSCAN")
	HINCRBY      = Fixed("HINCRBY")
	HINCRBYFLOAT = Fixed("HINCRBYFLOAT")

	LPUSH  = Fixed("LPUSH")
	RPUSH  = Fixed("RPUSH")
	LPOP   = Fixed("LPOP")
	RPOP   = Fixed("RPOP")
	LINDEX = Fixed("LINDEX")
	LSET   = Fixed("LSET")
	LRANGE = Fixed("LRANGE")
	LLEN   = Fixed("LLEN")
	LTRIM  = Fixed("LTRIM")
	LREM   = Fixed("LREM")
	LMOVE  = Fixed("LMOVE")

	SADD        = Fixed("SADD")
	SREM        = Fixed("SREM")
	SISMEMBER   = Fixed("SISMEMBER")
	SMISMEMBER  = Fixed("SMISMEMBER")
	SCARD       = Fixed("SCARD")
	SMEMBERS    = Fixed("SMEMBERS")
	SSCAN       = Fixed("SSCAN")
	SPOP        = Fixed("SPOP")
	SRANDMEMBER = Fixed("SRANDMEMBER")
	SMOVE       = Fixed("SMOVE")
	SUNION      = Fixed("SUNION")
	SINTER      = Fixed("SINTER")
	SDIFF       = Fixed("SDIFF")
	SUNIONSTORE = Fixed("SUNIONSTORE")
	SINTERSTORE = Fixed("SINTERSTORE")
	SDIFFSTORE  = Fixed("SDIFFSTORE")

	ZADD             = Fixed("ZADD")
	ZINCRBY          = Fixed("ZINCRBY")
	ZSCORE           = Fixed("ZSCORE")
	ZMSCORE          = Fixed("ZMSCORE")
	ZRANK            = Fixed("ZRANK")
	ZREVRANK         = Fixed("ZREVRANK")
	ZREM             = Fixed("ZREM")
	ZCARD            = Fixed("ZCARD")
	ZCOUNT           = Fixed("ZCOUNT")
	ZRANGE           = Fixed("ZRANGE")
	ZRANGEBYSCORE    = Fixed("ZRANGEBYSCORE")
	ZREVRANGE        = Fixed("ZREVRANGE")
	ZREVRANGEBYSCORE = Fixed("ZREVRANGEBYSCORE")
	ZREMRANGEBYRANK  = Fixed("ZREMRANGEBYRANK")
	ZREMRANGEBYSCORE = Fixed("ZREMRANGEBYSCORE")
	ZPOPMIN          = Fixed("ZPOPMIN")
	ZPOPMAX          = Fixed("ZPOPMAX")
	ZSCAN            = Fixed("ZSCAN")

	PX         = Fixed("PX")
	PXAT       = Fixed("PXAT")
	NX         = Fixed("NX")
	XX         = Fixed("XX")
	KEEPTTL    = Fixed("KEEPTTL")
	GT         = Fixed("GT")
	LT         = Fixed("LT")
	CH         = Fixed("CH")
	LEFT       = Fixed("LEFT")
	RIGHT      = Fixed("RIGHT")
	LIMIT      = Fixed("LIMIT")
	WITHSCORES = Fixed("WITHSCORES")
	COUNT      = Fixed("COUNT")
	Empty      = Fixed("")
)
