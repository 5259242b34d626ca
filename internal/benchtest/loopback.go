package benchtest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"
)

// Loopback is a dialer of connections to a store in this process that knows GET
// and SET. It answers while the request is being written, so that a benchmark
// over it measures the client and what is above it.
func Loopback() func(ctx context.Context, network, addr string) (net.Conn, error) {
	var values sync.Map
	return func(context.Context, string, string) (net.Conn, error) {
		c := &loopback{values: &values}
		c.readable = sync.NewCond(&c.mu)
		return c, nil
	}
}

type loopback struct {
	values *sync.Map // string to []byte

	mu       sync.Mutex
	readable *sync.Cond
	replies  bytes.Buffer
	closed   bool
}

func (c *loopback) Write(request []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for in := bufio.NewReader(bytes.NewReader(request)); ; {
		words, err := readWords(in)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
		c.answer(words)
	}
	c.readable.Signal()
	return len(request), nil
}

func readWords(in *bufio.Reader) ([][]byte, error) {
	n, err := readNumber(in, '*')
	if err != nil {
		return nil, err
	}
	words := make([][]byte, n)
	for i := range words {
		size, err := readNumber(in, '$')
		if err != nil {
			return nil, err
		}
		words[i] = make([]byte, size+len("\r\n"))
		if _, err := io.ReadFull(in, words[i]); err != nil {
			return nil, err
		}
		words[i] = words[i][:size]
	}
	return words, nil
}

func readNumber(in *bufio.Reader, kind byte) (int, error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if line[0] != kind {
		return 0, fmt.Errorf("benchtest: %q where a %c was due", line, kind)
	}
	return strconv.Atoi(string(line[1 : len(line)-len("\r\n")]))
}

// answer refuses HELLO, so that a client makes do with RESP2, and agrees to
// whatever else one says at first.
func (c *loopback) answer(words [][]byte) {
	switch string(bytes.ToUpper(words[0])) {
	case "GET":
		value, _ := c.values.Load(string(words[1]))
		data, _ := value.([]byte)
		fmt.Fprintf(&c.replies, "$%d\r\n%s\r\n", len(data), data)
	case "SET":
		c.values.Store(string(words[1]), words[2])
		c.replies.WriteString("+OK\r\n")
	case "HELLO":
		c.replies.WriteString("-ERR unknown command 'HELLO'\r\n")
	default:
		c.replies.WriteString("+OK\r\n")
	}
}

func (c *loopback) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.replies.Len() == 0 {
		if c.closed {
			return 0, io.EOF
		}
		c.readable.Wait()
	}
	return c.replies.Read(p)
}

func (c *loopback) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.readable.Broadcast()
	return nil
}

func (*loopback) LocalAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (*loopback) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (*loopback) SetDeadline(time.Time) error      { return nil }
func (*loopback) SetReadDeadline(time.Time) error  { return nil }
func (*loopback) SetWriteDeadline(time.Time) error { return nil }
