package valkeygo

import (
	"context"
	"strconv"

	"github.com/valkey-io/valkey-go"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/internal/resp"
)

// maxWords is how many words the longest command has, more or less: as many
// need no allocation.
const maxWords = 12

// command is op's command. It shares no memory with op: the client may still
// write it when the context has ended and Exec has returned.
func (b *Backend) command(op backend.Op) (valkey.Completed, error) {
	words, err := resp.Append(make([]resp.Word, 0, maxWords), op)
	if err != nil {
		return valkey.Completed{}, err
	}
	cmd, key := b.client.B().Arbitrary(), resp.KeyAt(words)
	for i, word := range words {
		if i == key {
			cmd = cmd.Keys(word.String())
		} else {
			cmd = cmd.Args(word.String())
		}
	}
	return cmd.Build(), nil
}

// commands are the commands of those ops that have one. The others fail.
func (b *Backend) commands(ops []backend.Op) ([]backend.Op, []valkey.Completed) {
	known, cmds := make([]backend.Op, 0, len(ops)), make([]valkey.Completed, 0, len(ops))
	for _, op := range ops {
		cmd, err := b.command(op)
		if err != nil {
			backend.Fail(op, err)
			continue
		}
		known, cmds = append(known, op), append(cmds, cmd)
	}
	return known, cmds
}

// settle gives op its results, or its error.
func settle(ctx context.Context, op backend.Op, result valkey.ValkeyResult) {
	message, err := result.ToMessage()
	settleBy(ctx, op, message, err)
}

// settleBy settles op by the message that answers it, and that message's error.
func settleBy(ctx context.Context, op backend.Op, message valkey.ValkeyMessage, err error) {
	if err != nil && !valkey.IsValkeyNil(err) {
		backend.Fail(op, failure(ctx, op, err))
		return
	}
	text, found, err := answer(message)
	if err != nil {
		backend.Fail(op, err)
		return
	}
	resp.Fill(op, text, found)
}

// answer is a reply that is no error, as [resp.Fill] wants it.
func answer(message valkey.ValkeyMessage) (text string, found bool, err error) {
	switch {
	case message.IsNil():
		return "", false, nil
	case message.IsInt64():
		n, err := message.ToInt64()
		return strconv.FormatInt(n, 10), true, err
	}
	text, err = message.ToString()
	return text, true, err
}
