package wire

import "sync"

// Command is a command on its way to a server. [NewCommand] makes one.
type Command struct {
	// Words are its words, the name first.
	Words []Word
	// KeyAt is where in Words its key stands, the first if it has several. They
	// share a slot.
	KeyAt int
	// Nested says that the reply may have elements, for a client that has to know
	// before it reads one. A reply without them has to be expected all the same.
	Nested bool
	// Strings, Map and Scores say of a Nested reply that it is an array of strings, none of
	// them nil, a map of strings, or members with scores: a client may have a quicker way
	// to read these.
	Strings, Map, Scores bool
}

var commands = sync.Pool{New: func() any { return new(Command) }}

// NewCommand is an empty command, out of a pool.
func NewCommand() *Command { return commands.Get().(*Command) }

// maxPooled bounds what one long command keeps from the collector.
const maxPooled = 1 << 10

// Free gives the command back to the pool. Whoever calls it has no part of the
// command any more.
func (c *Command) Free() {
	if cap(c.Words) > maxPooled {
		c.Words = nil
	}
	clear(c.Words)
	*c = Command{Words: c.Words[:0]}
	commands.Put(c)
}

// Add appends words.
func (c *Command) Add(words ...Word) *Command {
	c.Words = append(c.Words, words...)
	return c
}

// Key appends a key.
func (c *Command) Key(key string) *Command {
	if c.KeyAt == 0 {
		c.KeyAt = len(c.Words)
	}
	return c.Add(Text(key))
}

// Script is the digest of the script that the command sends, as a string; nil where it sends
// none that the function of this name has made.
func (c *Command) Script() any {
	if len(c.Words) < 2 || c.Words[0].fixed != EVAL.fixed || c.Words[1].fixed == nil || c.Words[1].fixed.digest == nil {
		return nil
	}
	return c.Words[1].fixed.digest.fixed.boxed
}

// Shorten calls the command's script by its digest, with EVALSHA, instead of sending it. It
// is for a command that has one.
func (c *Command) Shorten() { c.Words[0], c.Words[1] = EVALSHA, *c.Words[1].fixed.digest }
