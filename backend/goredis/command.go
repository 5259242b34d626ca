package goredis

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/wire"
)

// command is an op on its way to the server.
//
// It replaces three methods of the command that go-redis would send, and so
// finds out whether it was sent and answered, and forbids that it is sent again.
type command struct {
	redis.Cmder
	text redis.StringCmd // what Cmder is where no reply with elements is expected
	op   backend.Op
	// once says that op may not be sent twice. An abandoned command outlives the
	// call, and then may not look at op: its caller uses it for something else.
	once bool
	// short says that op's script is called by its digest, and that the answer says whether the
	// server takes that.
	short bool
	// sent is how often the words were asked for: at least as often as they
	// were written to a connection, since hooks and the routing of a cluster
	// look at them too.
	sent int
	// answered says that reply came. What happens to the rest of a pipeline
	// does not take it back, nor that the command is abandoned.
	answered atomic.Bool
	reply    wire.Reply
	// handedOver says that a [handover] carries it out.
	handedOver bool
	// adrift says that the command may have been carried out, whatever the
	// server has answered: by itself, since there was no transaction.
	adrift bool
}

// newCommands are the commands of ops. They may be short, by the scripts, if there are some.
func newCommands(ctx context.Context, ops []backend.Op, scripts *backend.Scripts) []command {
	cmds := make([]command, len(ops))
	var words, before []any
	for i, op := range ops {
		c := backend.Command(op)
		switch {
		case scripts == nil:
		case len(ops) == 1:
			cmds[i].short = scripts.Shorten(c)
		default:
			cmds[i].short = scripts.ShortenNext(c, &before, i == len(ops)-1)
		}
		if n := len(c.Words); n > len(words) {
			words = make([]any, max(n, usualWords*(len(ops)-i-1)))
		}
		args := words[:len(c.Words):len(c.Words)]
		words = words[len(args):]
		for j, word := range c.Words {
			args[j] = word.Any()
		}
		cmds[i].op, cmds[i].once = op, backend.EffectOf(op) == backend.Write
		cmds[i].expect(ctx, c, args)
		c.Free()
	}
	return cmds
}

// usualWords is what most commands of a batch have: their words share memory.
const usualWords = 4

// expect makes c what go-redis sends. A reply without elements is read as a string
// whatever it is, for which go-redis gives numbers as digits: that saves the boxing of the
// other way, which every reply could take.
func (c *command) expect(ctx context.Context, sent *wire.Command, args []any) {
	switch {
	case sent.Strings:
		c.Cmder = redis.NewStringSliceCmd(ctx, args...)
	case sent.Scores:
		c.Cmder = redis.NewZSliceCmd(ctx, args...)
	case sent.Map:
		c.Cmder = redis.NewMapStringStringCmd(ctx, args...)
	case sent.Nested:
		c.Cmder = redis.NewCmd(ctx, args...)
	default:
		c.text = *redis.NewStringCmd(ctx, args...)
		c.Cmder = &c.text
	}
	c.SetFirstKeyPos(int8(sent.KeyAt))
	c.SetStepCount(1) // Else a cluster client asks its servers, without a deadline.
}

// Args is what go-redis calls when it writes the command to a connection, once
// for each try.
func (c *command) Args() []any {
	c.sent++
	return c.Cmder.Args()
}

// NoRetry is what go-redis asks before it sends a command, or the pipeline that
// it is in, again.
func (c *command) NoRetry() bool { return c.once }

// SetErr is what go-redis calls when the reply has come, with nil where it is
// no error, and again when the pipeline breaks off behind it.
func (c *command) SetErr(err error) {
	if isNil := errors.Is(err, redis.Nil); (err == nil || isNil) && !c.answered.Load() {
		if c.reply = (wire.Reply{Nil: true}); !isNil {
			c.reply = c.val()
		}
		c.answered.Store(true)
	}
	c.Cmder.SetErr(err)
}

// val is the reply that has been read.
func (c *command) val() wire.Reply {
	switch cmd := c.Cmder.(type) {
	case *redis.StringCmd:
		return wire.Reply{Text: cmd.Val()}
	case *redis.StringSliceCmd:
		return wire.Strings(texts(cmd.Val()))
	case *redis.MapStringStringCmd:
		return wire.Strings(flat(cmd.Val()))
	case *redis.ZSliceCmd:
		return wire.Members(scored(cmd.Val()))
	case *redis.Cmd:
		return reply(cmd.Val())
	}
	return wire.Reply{}
}

// detach copies the words that share memory with the op.
func (c *command) detach() {
	words := c.Cmder.Args()
	for i, word := range words {
		if value, ok := word.([]byte); ok {
			words[i] = bytes.Clone(value)
		}
	}
}

// abandon fails the op of a command that is still under way when ctx ends. Of a
// batch, some may have their answers.
func (c *command) abandon(ctx context.Context) {
	if c.answered.Load() {
		backend.Answer(c.op, c.reply)
		return
	}
	backend.Fail(c.op, backend.Lost(ctx, c.op, ctx.Err()))
}

// settle fills in the op of a command that has been processed, and returns its error.
func (c *command) settle(ctx context.Context) error {
	err := c.Err()
	switch {
	case c.answered.Load():
		return backend.Answer(c.op, c.reply)
	case err == nil: // A hook gave the answer.
		return backend.Answer(c.op, c.val())
	}
	err = c.failure(ctx, err)
	backend.Fail(c.op, err)
	return err
}

func (c *command) failure(ctx context.Context, err error) error {
	var reply redis.Error
	switch {
	case c.unsent(err):
		return backend.Unsent(ctx, err)
	case errors.As(err, &reply) && !c.adrift:
		return backend.Refused(c.op, err)
	}
	return backend.Lost(ctx, c.op, err)
}

// unsent says that the command was certainly not sent. What kept the last of
// several tries from being sent says nothing of the first.
func (c *command) unsent(err error) bool {
	return c.sent == 0 || c.once && noConnection(err)
}

// noConnection says that there was no connection to send a command on.
func noConnection(err error) bool {
	return isDial(err) ||
		errors.Is(err, redis.ErrClosed) ||
		errors.Is(err, redis.ErrPoolTimeout) ||
		errors.Is(err, redis.ErrPoolExhausted)
}

// isDial says that no connection could be made.
func isDial(err error) bool {
	var network *net.OpError
	return errors.As(err, &network) && network.Op == "dial"
}
