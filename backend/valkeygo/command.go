package valkeygo

import (
	"context"
	"strconv"

	"github.com/valkey-io/valkey-go"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/wire"
)

// command is op's command. It shares no memory with op: the client may still
// write it when the context has ended and Exec has returned.
func (b *Backend) command(op backend.Op) valkey.Completed { return b.completed(backend.Command(op)) }

// completed is c in the client's form. It frees c.
func (b *Backend) completed(c *wire.Command) valkey.Completed {
	defer c.Free()
	cmd := b.client.B().Arbitrary()
	for i, word := range c.Words {
		if i == c.KeyAt {
			cmd = cmd.Keys(word.String())
		} else {
			cmd = cmd.Args(word.String())
		}
	}
	return cmd.Build()
}

// commands are those of ops, and whether the last tries to call its script by its digest.
func (b *Backend) commands(ops []backend.Op) (cmds []valkey.Completed, tried bool) {
	cmds = make([]valkey.Completed, len(ops))
	var before []any
	single := b.client.Mode() != valkey.ClientModeCluster
	for i, op := range ops {
		c := backend.Command(op)
		tried = single && b.scripts.ShortenNext(c, &before, i == len(ops)-1)
		cmds[i] = b.completed(c)
	}
	return cmds, tried
}

// settle gives op its results, or its error, which it returns.
func settle(ctx context.Context, op backend.Op, result valkey.ValkeyResult) error {
	message, err := result.ToMessage()
	return settleBy(ctx, op, message, err)
}

// settleBy settles op by the message that answers it, and that message's error.
func settleBy(ctx context.Context, op backend.Op, message valkey.ValkeyMessage, err error) error {
	if err != nil && !valkey.IsValkeyNil(err) {
		err = failure(ctx, op, err)
		backend.Fail(op, err)
		return err
	}
	return backend.Answer(op, reply(message))
}

// reply is a message in the form that every client's replies have.
func reply(m valkey.ValkeyMessage) wire.Reply {
	switch {
	case m.IsNil():
		return wire.Reply{Nil: true}
	case m.IsString():
		text, _ := m.ToString()
		return wire.Reply{Text: text}
	case m.IsInt64():
		n, _ := m.ToInt64()
		return wire.Reply{Text: strconv.FormatInt(n, 10)}
	case m.IsArray():
		return replies(m)
	case m.IsMap():
		return pairs(m)
	case m.IsBool():
		return boolean(m)
	case m.Error() != nil:
		return wire.Reply{Err: m.Error()}
	}
	text, _ := m.ToString() // A number as it was sent, or a verbatim string behind its format: "txt:".
	if len(text) > 3 && text[3] == ':' {
		text = text[4:]
	}
	return wire.Reply{Text: text}
}

func replies(m valkey.ValkeyMessage) wire.Reply {
	elems, _ := m.ToArray()
	if texts, ok := textsOf(elems); ok {
		return wire.Strings(texts)
	}
	if members, ok := membersOf(elems); ok {
		return wire.Members(members)
	}
	all := make([]wire.Reply, len(elems))
	for i := range elems {
		all[i] = reply(elems[i])
	}
	return wire.ArrayOf(all...)
}

// textsOf are the texts of messages, if all of them are strings.
func textsOf(elems []valkey.ValkeyMessage) (texts [][]byte, ok bool) {
	for i := range elems {
		if !elems[i].IsString() {
			return nil, false
		}
		if texts == nil {
			texts = make([][]byte, len(elems))
		}
		texts[i] = text(&elems[i])
	}
	return texts, true
}

// text is that of a message which is a string.
func text(m *valkey.ValkeyMessage) []byte {
	text, _ := m.ToString()
	return wire.Bytes(text)
}

// membersOf are members and their scores, if all messages are a pair of them.
func membersOf(elems []valkey.ValkeyMessage) (members []wire.Scored, ok bool) {
	for i := range elems {
		pair, _ := elems[i].ToArray()
		if len(pair) != 2 || !pair[0].IsString() || !pair[1].IsFloat64() {
			return nil, false
		}
		if members == nil {
			members = make([]wire.Scored, len(elems))
		}
		members[i].Score, _ = pair[1].ToFloat64()
		members[i].Member = text(&pair[0])
	}
	return members, true
}

func pairs(m valkey.ValkeyMessage) wire.Reply {
	elems, _ := m.ToMap()
	texts := make([][]byte, 0, 2*len(elems))
	for key, value := range elems {
		if !value.IsString() {
			return mixedPairs(elems)
		}
		texts = append(texts, wire.Bytes(key), text(&value))
	}
	return wire.Strings(texts)
}

func mixedPairs(elems map[string]valkey.ValkeyMessage) wire.Reply {
	all := make([]wire.Reply, 0, 2*len(elems))
	for key, value := range elems {
		all = append(all, wire.Reply{Text: key}, reply(value))
	}
	return wire.ArrayOf(all...)
}

func boolean(m valkey.ValkeyMessage) wire.Reply {
	if yes, _ := m.ToBool(); yes {
		return wire.Reply{Text: "1"}
	}
	return wire.Reply{Text: "0"}
}
