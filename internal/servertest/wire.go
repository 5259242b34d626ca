package servertest

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// errorReply is what a server answers instead of a reply.
type errorReply string

func (e errorReply) Error() string { return string(e) }

// push is a message that a server sends unasked, and so no reply.
type push []any

// wire reads messages of the Redis protocol, versions 2 and 3, and remembers
// the bytes of the last one.
type wire struct {
	r   *bufio.Reader
	raw []byte
}

func newWire(r io.Reader) *wire { return &wire{r: bufio.NewReader(r)} }

// read returns the next message: a string, an int64, an errorReply, a []any, a
// push or nil. Maps are flat and other scalars are strings. Its bytes are in
// w.raw until the next read.
func (w *wire) read() (any, error) {
	w.raw = w.raw[:0]
	return w.next()
}

func (w *wire) next() (any, error) {
	line, err := w.line()
	if err != nil {
		return nil, err
	}
	kind, rest := line[0], line[1:]
	switch kind {
	case '+', ',', '#', '(':
		return rest, nil
	case '-':
		return errorReply(rest), nil
	case ':':
		return strconv.ParseInt(rest, 10, 64)
	case '_':
		return nil, nil
	}
	n, err := strconv.Atoi(rest)
	if err != nil {
		return nil, fmt.Errorf("message %q: %w", line, err)
	}
	if n < 0 {
		return nil, nil
	}
	switch kind {
	case '$', '=':
		return w.bulk(n)
	case '!':
		text, err := w.bulk(n)
		return errorReply(text), err
	case '*', '~':
		return w.list(n)
	case '%':
		return w.list(2 * n)
	case '>':
		items, err := w.list(n)
		return push(items), err
	}
	return nil, fmt.Errorf("message %q is of an unknown kind", line)
}

func (w *wire) line() (string, error) {
	line, err := w.r.ReadString('\n')
	if err != nil {
		return "", err
	}
	w.raw = append(w.raw, line...)
	text, ok := strings.CutSuffix(line, "\r\n")
	if !ok || text == "" {
		return "", fmt.Errorf("%q is no line of the Redis protocol", line)
	}
	return text, nil
}

func (w *wire) bulk(n int) (string, error) {
	data := make([]byte, n+len("\r\n"))
	if _, err := io.ReadFull(w.r, data); err != nil {
		return "", err
	}
	w.raw = append(w.raw, data...)
	return string(data[:n]), nil
}

func (w *wire) list(n int) ([]any, error) {
	items := make([]any, n)
	for i := range items {
		item, err := w.next()
		if err != nil {
			return nil, err
		}
		items[i] = item
	}
	return items, nil
}

// appendRequest appends a command in the form that servers read.
func appendRequest(dst []byte, args []string) []byte {
	dst = fmt.Appendf(dst, "*%d\r\n", len(args))
	for _, arg := range args {
		dst = fmt.Appendf(dst, "$%d\r\n%s\r\n", len(arg), arg)
	}
	return dst
}
