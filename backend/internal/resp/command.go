// Package resp translates between backend ops and the Redis protocol: the words
// of an op's command, the results in its reply, and the meaning of its failure.
// The adapters of the Redis clients share it, so that they differ only in how
// they send words and receive replies.
package resp

import (
	"fmt"
	"time"

	"github.com/redisimnest/rin/backend"
)

// Append appends the words of op's command to words. The command's name comes
// first; [KeyAt] says where the key stands.
//
// The error is [backend.ErrUnsupported], for an op that no adapter knows.
func Append(words []Word, op backend.Op) ([]Word, error) {
	switch op := op.(type) {
	case *backend.Get:
		if op.TTL > 0 {
			return append(words, getex, text(op.Key), px, millis(op.TTL)), nil
		}
		return append(words, get, text(op.Key)), nil
	case *backend.Set:
		return appendSet(words, op), nil
	case *backend.Take:
		return append(words, getdel, text(op.Key)), nil
	case *backend.Delete:
		return append(words, unlink, text(op.Key)), nil
	case *backend.Exists:
		return append(words, exists, text(op.Key)), nil
	case *backend.TTL:
		return append(words, pttl, text(op.Key)), nil
	case *backend.Expire:
		if !op.ExpireAt.IsZero() {
			return append(words, pexpireat, text(op.Key), moment(op.ExpireAt)), nil
		}
		return append(words, pexpire, text(op.Key), millis(op.TTL)), nil
	case *backend.Persist:
		return append(words, persist, text(op.Key)), nil
	case *backend.ExpireTime:
		return append(words, pexpiretime, text(op.Key)), nil
	case *backend.MemoryUsage:
		return append(words, memory, usage, text(op.Key)), nil
	case *backend.CompareAndSwap:
		return appendSwap(words, op), nil
	case *backend.CompareAndDelete:
		return append(words, eval, text(deleteScript), oneKey, text(op.Key), data(op.Old)), nil
	case *backend.SetLocked:
		return appendSetLocked(words, op), nil
	}
	return words, fmt.Errorf("%w: %s", backend.ErrUnsupported, backend.Name(op))
}

func appendSet(words []Word, op *backend.Set) []Word {
	if needsScript(op) {
		return appendSetScript(words, op)
	}
	words = append(words, set, text(op.Key), data(op.Value))
	switch op.Cond {
	case backend.IfAbsent:
		words = append(words, nx)
	case backend.IfPresent:
		words = append(words, xx)
	}
	if op.ReturnOld {
		words = append(words, get)
	}
	if op.KeepTTL {
		return append(words, keepttl)
	}
	return appendExpiry(words, op.TTL, op.ExpireAt)
}

// appendExpiry appends when a value expires, if it does.
func appendExpiry(words []Word, ttl time.Duration, at time.Time) []Word {
	switch {
	case ttl > 0:
		return append(words, px, millis(ttl))
	case !at.IsZero():
		return append(words, pxat, moment(at))
	}
	return words
}

// moment is t in Unix milliseconds. SET refuses moments before the first, which
// are as long past as any other.
func moment(t time.Time) Word { return number(max(t.UnixMilli(), 1)) }

func millis(d time.Duration) Word { return number(d.Milliseconds()) }

// KeyAt is the index of the key among the words of a command.
func KeyAt(words []Word) int {
	switch words[0].text {
	case "EVAL":
		return 3
	case "MEMORY":
		return 2
	}
	return 1
}
