package backend

import (
	"time"

	"github.com/redisimnest/rin/backend/wire"
)

// Do is a command that has no op of its own, on one key. Only what speaks the
// Redis protocol knows it: a store of another kind does not.
type Do struct {
	Key     string
	Pattern string
	// Command is what stands before the key: LRANGE, or MEMORY and USAGE.
	Command []string
	// Args is what stands behind it.
	Args [][]byte
	// ReadOnly says that the command changes nothing, and so may be sent again.
	ReadOnly bool

	// TTL gives the key an expiry in the same atomic step, by a script, which a
	// Command of one word is needed for. Zero leaves the expiry to the command.
	TTL time.Duration
	// Head and Item say how a command with a TTL may be parted that has more
	// arguments than a script can hand on at once: it has Head of them first and
	// then items of Item each. Adds says that it answers how many items it has
	// changed, so that the answers of the parts are added up.
	Head, Item int
	Adds       bool

	Reply wire.Reply
	Err   error
}

func (o *Do) info() info {
	i := info{name: "do", does: writes(KindAny), key: o.Key, pattern: o.Pattern, err: &o.Err}
	if o.ReadOnly {
		i.does = reads(KindAny)
	}
	return i
}

func (o *Do) command(c *wire.Command) {
	if o.TTL > 0 {
		s := step{ttl: o.TTL, head: o.Head, item: o.Item, adds: o.Adds}
		s.begin(c, o.Key, wire.Text(o.Command[0]))
	} else {
		c.Nested = true
		for _, word := range o.Command {
			c.Add(wire.Text(word))
		}
		c.Key(o.Key)
	}
	for _, arg := range o.Args {
		c.Add(wire.Data(arg))
	}
}

func (o *Do) answer(r wire.Reply) (err error) {
	if o.TTL > 0 {
		_, r, err = stepAnswer(r)
	}
	o.Reply = r.Expanded()
	return err
}
