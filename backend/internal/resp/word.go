package resp

import "strconv"

// Word is a word of a command. It is a type of its own, and not an any, so that
// putting a command together allocates nothing.
type Word struct {
	text  string
	data  []byte // shares its memory with the op; nil where the word is text
	boxed any    // the text of a word that every command has, boxed once
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
	case w.boxed != nil:
		return w.boxed
	case w.data != nil:
		return w.data
	}
	return w.text
}

func fixed(s string) Word { return Word{text: s, boxed: s} }

func text(s string) Word { return Word{text: s} }

func data(b []byte) Word { return Word{data: b} }

func number(n int64) Word { return Word{text: strconv.FormatInt(n, 10)} }

// The words that stand in commands.
var (
	get         = fixed("GET")
	getex       = fixed("GETEX")
	getdel      = fixed("GETDEL")
	set         = fixed("SET")
	unlink      = fixed("UNLINK")
	exists      = fixed("EXISTS")
	pttl        = fixed("PTTL")
	pexpire     = fixed("PEXPIRE")
	pexpireat   = fixed("PEXPIREAT")
	persist     = fixed("PERSIST")
	eval        = fixed("EVAL")
	memory      = fixed("MEMORY")
	usage       = fixed("USAGE")
	pexpiretime = fixed("PEXPIRETIME")

	px      = fixed("PX")
	pxat    = fixed("PXAT")
	nx      = fixed("NX")
	xx      = fixed("XX")
	keepttl = fixed("KEEPTTL")
	nothing = fixed("")
	oneKey  = fixed("1")
	twoKeys = fixed("2")
)
