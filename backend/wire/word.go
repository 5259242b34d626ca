package wire

import "strconv"

// Word is a word of a command. It is a type of its own, and not an any, so that
// putting a command together allocates nothing.
type Word struct {
	text  string
	data  []byte // shares its memory with the op; nil where the word is text
	boxed any    // the text of a word that every command has, boxed once
}

// Text is a word of text.
func Text(s string) Word { return Word{text: s} }

// Data is a word of bytes, with which it shares its memory. Nil is the empty
// word.
func Data(b []byte) Word { return Word{data: b} }

// Int is a word of decimal digits.
func Int(n int64) Word { return Word{text: strconv.FormatInt(n, 10)} }

// Fixed is a word that many commands have, made once.
func Fixed(s string) Word { return Word{text: s, boxed: s} }

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
	case w.boxed != nil:
		return w.boxed
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
	MEMORY      = Fixed("MEMORY")
	USAGE       = Fixed("USAGE")

	PX      = Fixed("PX")
	PXAT    = Fixed("PXAT")
	NX      = Fixed("NX")
	XX      = Fixed("XX")
	KEEPTTL = Fixed("KEEPTTL")
	Empty   = Fixed("")
)
