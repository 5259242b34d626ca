package goredis

import (
	"bytes"
	"context"
	"errors"
	"net"

	"github.com/redis/go-redis/v9"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/internal/resp"
)

// command is an op on its way to the server. Its reply is read as a string,
// whatever it is: go-redis gives integers as digits.
//
// It replaces three methods of the command that go-redis would send, and so
// finds out whether it was sent and answered, and forbids that it is sent again.
type command struct {
	*redis.StringCmd
	op backend.Op
	// once says that op may not be sent twice. An abandoned command outlives the
	// call, and then may not look at op: its caller uses it for something else.
	once bool
	// sent is how often the words were asked for: at least as often as they
	// were written to a connection, since hooks and the routing of a cluster
	// look at them too.
	sent int
	// answered says that reply came. What happens to the rest of a pipeline
	// does not take it back.
	answered bool
	reply    string
	// adrift says that the command may have been carried out, whatever the
	// server has answered: by itself, since there was no transaction.
	adrift bool
}

// maxWords is how many words most commands have at most.
const maxWords = 6

// newCommands makes the commands of ops. An op that has none gets its error.
func newCommands(ctx context.Context, ops []backend.Op) []command {
	cmds := make([]command, 0, len(ops))
	for _, op := range ops {
		words, err := resp.Append(make([]resp.Word, 0, maxWords), op)
		if err != nil {
			backend.Fail(op, err)
			continue
		}
		cmd := redis.NewStringCmd(ctx, args(words)...)
		cmd.SetFirstKeyPos(int8(resp.KeyAt(words)))
		cmd.SetStepCount(1) // Else a cluster client asks its servers, without a deadline.
		cmds = append(cmds, command{StringCmd: cmd, op: op, once: backend.EffectOf(op) == backend.Once})
	}
	return cmds
}

// args are words as go-redis wants them.
func args(words []resp.Word) []any {
	args := make([]any, len(words))
	for i, word := range words {
		args[i] = word.Any()
	}
	return args
}

// Args is what go-redis calls when it writes the command to a connection, once
// for each try.
func (c *command) Args() []any {
	c.sent++
	return c.StringCmd.Args()
}

// NoRetry is what go-redis asks before it sends a command, or the pipeline that
// it is in, again.
func (c *command) NoRetry() bool { return c.once }

// SetErr is what go-redis calls when the reply has come, with nil where it is
// no error, and again when the pipeline breaks off behind it.
func (c *command) SetErr(err error) {
	if err == nil {
		c.answered, c.reply = true, c.Val()
	}
	c.StringCmd.SetErr(err)
}

// detach copies the words that share memory with the op.
func (c *command) detach() {
	words := c.StringCmd.Args()
	for i, word := range words {
		if value, ok := word.([]byte); ok {
			words[i] = bytes.Clone(value)
		}
	}
}

// abandon fails the op of a command that is still under way when ctx ends.
func (c *command) abandon(ctx context.Context) {
	backend.Fail(c.op, resp.Lost(ctx, c.op, ctx.Err()))
}

// settle fills in the op of a command that has been processed.
func (c *command) settle(ctx context.Context) {
	err := c.Err()
	switch {
	case c.answered:
		resp.Fill(c.op, c.reply, true)
	case err == nil: // A hook gave the answer.
		resp.Fill(c.op, c.Val(), true)
	case errors.Is(err, redis.Nil):
		resp.Fill(c.op, "", false)
	default:
		backend.Fail(c.op, c.failure(ctx, err))
	}
}

func (c *command) failure(ctx context.Context, err error) error {
	var reply redis.Error
	switch {
	case c.unsent(err):
		return resp.Unsent(ctx, err)
	case errors.As(err, &reply) && !c.repeated(err) && !c.adrift:
		return resp.Refused(c.op, err)
	}
	return resp.Lost(ctx, c.op, err)
}

// unsent says that the command was certainly not sent. What kept the last of
// several tries from being sent says nothing of the first.
func (c *command) unsent(err error) bool {
	return c.sent == 0 || c.once && noConnection(err)
}

// noConnection says that there was no connection to send a command on.
func noConnection(err error) bool {
	var dial *net.OpError
	return errors.As(err, &dial) && dial.Op == "dial" ||
		errors.Is(err, redis.ErrClosed) ||
		errors.Is(err, redis.ErrPoolTimeout) ||
		errors.Is(err, redis.ErrPoolExhausted)
}

// repeated says that err answers the last of several tries, and so says nothing
// of the first.
func (c *command) repeated(err error) bool {
	return c.sent > 1 && !c.once && transient(err)
}

// transient says that go-redis sends a command again that was answered with err.
func transient(err error) bool {
	return redis.IsLoadingError(err) || redis.IsReadOnlyError(err) ||
		redis.IsMasterDownError(err) || redis.IsNoReplicasError(err) ||
		redis.IsClusterDownError(err) || redis.IsTryAgainError(err) ||
		redis.IsMaxClientsError(err)
}
