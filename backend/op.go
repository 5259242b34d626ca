package backend

import (
	"context"
	"slices"
	"strings"

	"github.com/redisimnest/rin/backend/wire"
)

// Op is one command on one key, or on keys that share its slot. It stands in one
// place: its arguments and results, its command, and what the reply means.
//
// The set is closed. An adapter of a Redis client carries every op by [Command]
// and [Answer] and knows none; a store of another kind switches over the types
// of this package, and fails what it does not know with [ErrUnsupported].
//
// Every op has the fields Key, Pattern and Err; [Key], [Pattern], [Err] and
// [Fail] reach them without a type switch.
type Op interface {
	info() info
	// command adds the op's words to an empty command.
	command(*wire.Command)
	// answer gives the op the results that are in the reply to its command. They
	// share no memory with it, but for what [wire.Bytes] has given away.
	answer(wire.Reply) error
}

// info is what all ops have in common. It is asked for several times for each op, and so is
// no larger than what a function returns without memory.
type info struct {
	name    string
	does    does
	key     string
	pattern string
	err     *error
	did     *bool // whether it found, wrote or deleted anything; nil: it always does
}

// does is an op's effect, and the kind of value that it wants.
type does int

func reads(k Kind) does  { return does(k)<<1 | does(Read) }
func writes(k Kind) does { return does(k)<<1 | does(Write) }

func (d does) effect() Effect { return Effect(d & 1) }
func (d does) kind() Kind     { return Kind(d >> 1) }

// needing is an op that not every server knows.
type needing interface{ needs() need }

// need is what not every server has.
type need struct {
	feature string // of the op, if it isn't the op itself
	redis   string // the first version of Redis with it
	valkey  string // the first version of Valkey with it, if it isn't in all of them
}

// scripted is an op with a script of its own, which is no step. It says what that calls.
type scripted interface{ calls() []string }

// spread is an op on several keys. It says which there are beside the first, in whose slot
// they are.
type spread interface{ beside() []string }

// Effect says what sending an op does to the store, and so what may be done
// when its reply was lost.
type Effect int

const (
	// Read changes no value. It may be sent again.
	Read Effect = iota
	// Write changes one. It must never be sent again where it may have been
	// carried out: even a write that leaves the same twice would undo what
	// another client has written between the two.
	Write
)

// Kind is a kind of value that a key can hold.
type Kind int

const (
	// KindAny is every kind: the op asks of none.
	KindAny Kind = iota
	// KindString is a plain value.
	KindString
	// KindList is a list.
	KindList
	// KindHash is a hash: fields with values.
	KindHash
	// KindSet is a set of members.
	KindSet
	// KindSortedSet is a set of members with scores.
	KindSortedSet
)

// kindNames are the names of kinds, as TYPE answers them.
var kindNames = [...]string{KindAny: "any", KindString: "string", KindList: "list", KindHash: "hash", KindSet: "set", KindSortedSet: "zset"}

// String is the kind's name, as TYPE answers it.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return "other"
	}
	return kindNames[k]
}

// Command is the command that carries out op. Whoever asks for it gives it back
// with [wire.Command.Free]; its words may share their memory with op.
func Command(op Op) *wire.Command {
	c := wire.NewCommand()
	op.command(c)
	return c
}

// Commands are the names of all commands that carrying out op takes, those of its
// script included, as an ACL has them: get, memory|usage.
func Commands(op Op) []string {
	c := Command(op)
	defer c.Free()
	name := c.Words[0].String()
	for _, word := range c.Words[1:c.KeyAt] {
		if name != "EVAL" {
			name += "|" + word.String()
		}
	}
	names := []string{name}
	if own, ok := op.(scripted); ok && name == "EVAL" {
		names = append(names, own.calls()...)
	} else if name == "EVAL" {
		names = append(names, calls(c.Words[c.KeyAt+1:])...)
		if c.Words[1].String() == fieldStepScript {
			names = append(names, expiringFields(c.Words[len(c.Words)-1].String() != "")...)
		}
	}
	for i := range names {
		names[i] = strings.ToLower(names[i])
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "" })
}

// Answer gives op the results that are in the reply to its command, or the error
// that the reply is, as [Refused] has it, or that this is no reply to it. It returns
// the error.
func Answer(op Op, reply wire.Reply) error {
	err := reply.Err
	if err != nil {
		err = Refused(op, err)
	} else {
		err = op.answer(reply)
	}
	if err != nil {
		Fail(op, err)
	}
	return err
}

// Name is the op's name in lower case, as in errors: "get".
func Name(op Op) string { return op.info().name }

// Key is the key that the op touches, the first if it touches two.
func Key(op Op) string { return op.info().key }

// Keys are all keys that the op touches. They share a slot.
func Keys(op Op) []string {
	keys := []string{Key(op)}
	if several, ok := op.(spread); ok {
		keys = append(keys, several.beside()...)
	}
	return keys
}

// Pattern is the declared pattern of the op's key, safe as a label of a metric
// or a log line. It may be empty.
func Pattern(op Op) string { return op.info().pattern }

// EffectOf says whether the op may be sent a second time.
func EffectOf(op Op) Effect { return op.info().does.effect() }

// AnyWrite says that one of the ops is a [Write].
func AnyWrite(ops []Op) bool {
	return slices.ContainsFunc(ops, func(op Op) bool { return EffectOf(op) == Write })
}

// KindOf is the kind of value that the op wants its key to hold, if it is there:
// on another kind it fails with [ErrWrongKind].
func KindOf(op Op) Kind { return op.info().does.kind() }

// Did says that the op found what it asks for, or did what it is for: a Get that
// found its key, a Set that was applied. It counts where Err is nil.
func Did(op Op) bool {
	did := op.info().did
	return did == nil || *did
}

// Err is the op's error, nil where it has its answer.
func Err(op Op) error { return *op.info().err }

// Fail sets the op's error.
func Fail(op Op, err error) { *op.info().err = err }

// FailAll sets the error of every op and returns it: what an Exec does whose
// connection, or whose context, has ended. A nil error makes them as new, to be
// sent once more.
func FailAll(ops []Op, err error) error {
	for _, op := range ops {
		Fail(op, err)
	}
	return err
}

// FirstErr is the first error of ops that is not nil: what Exec returns.
func FirstErr(ops []Op) error {
	for _, op := range ops {
		if err := Err(op); err != nil {
			return err
		}
	}
	return nil
}

// Ended fails every op with the context's error if the context has ended, and
// returns that error: the first thing an Exec does.
func Ended(ctx context.Context, ops []Op) error {
	if err := ctx.Err(); err != nil {
		return FailAll(ops, err)
	}
	return nil
}
