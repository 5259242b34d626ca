package resp

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/redisimnest/rin/backend"
)

// Fill puts the reply to op's command into op's results. Text is a status, a
// string or the digits of an integer; ok is false for the nil reply. What op
// receives is a copy of text.
func Fill(op backend.Op, text string, ok bool) {
	switch op := op.(type) {
	case *backend.Get:
		op.Value, op.Found = value(text, ok), ok
	case *backend.Set:
		fillSet(op, text, ok)
	case *backend.Take:
		op.Value, op.Found = value(text, ok), ok
	case *backend.Delete:
		op.Deleted = text == "1"
	case *backend.Exists:
		op.Found = text == "1"
	case *backend.TTL:
		op.Remaining, op.Found, op.Err = remaining(text)
	case *backend.Expire:
		op.Applied = text == "1"
	case *backend.Persist:
		op.Applied = text == "1"
	case *backend.ExpireTime:
		op.At, op.Found, op.Err = expiry(text)
	case *backend.MemoryUsage:
		op.Bytes, op.Found, op.Err = memoryUsage(text, ok)
	case *backend.CompareAndSwap:
		fillSwap(op, text, ok)
	case *backend.CompareAndDelete:
		op.Deleted = text == "1"
	case *backend.SetLocked:
		op.Applied = text == "1"
	}
}

func value(text string, ok bool) []byte {
	if !ok {
		return nil
	}
	return []byte(text)
}

// fillSet reads the reply OK, or the old value if that was asked for. The old
// value doesn't say whether it was replaced: the condition does.
func fillSet(op *backend.Set, text string, ok bool) {
	if !op.ReturnOld {
		op.Applied = ok
		return
	}
	op.Old, op.OldFound = value(text, ok), ok
	switch op.Cond {
	case backend.IfAbsent:
		op.Applied = !ok
	case backend.IfPresent:
		op.Applied = ok
	default:
		op.Applied = true
	}
}

// fillSwap reads the reply of swapScript.
func fillSwap(op *backend.CompareAndSwap, text string, ok bool) {
	switch {
	case !ok:
	case text != "" && text[0] == swapped:
		op.Applied = true
	case text != "" && text[0] == held:
		op.Current, op.Found = []byte(text[1:]), true
	default:
		op.Err = fmt.Errorf("the script of a compare and swap answered %q", text)
	}
}

// The answers of PTTL and PEXPIRETIME that are no time.
const (
	noExpiry = -1
	noKey    = -2
)

// longest is the greatest Duration in milliseconds.
const longest = math.MaxInt64 / int64(time.Millisecond)

func remaining(text string) (left time.Duration, found bool, err error) {
	ms, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return 0, false, fmt.Errorf("PTTL answered %q", text)
	case ms == noKey:
		return 0, false, nil
	case ms == noExpiry:
		return 0, true, nil
	}
	// A key in its last millisecond is still there; one that outlives every
	// Duration has the longest.
	return time.Duration(min(max(ms, 1), longest)) * time.Millisecond, true, nil
}

func expiry(text string) (at time.Time, found bool, err error) {
	ms, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return time.Time{}, false, fmt.Errorf("PEXPIRETIME answered %q", text)
	case ms == noKey:
		return time.Time{}, false, nil
	case ms == noExpiry:
		return time.Time{}, true, nil
	}
	return time.UnixMilli(ms), true, nil
}

func memoryUsage(text string, ok bool) (bytes int64, found bool, err error) {
	if !ok {
		return 0, false, nil
	}
	bytes, err = strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, false, fmt.Errorf("MEMORY USAGE answered %q", text)
	}
	return bytes, true, nil
}
