package servertest

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// Proxy is a network between a client and a server that fails on demand. It
// understands requests and replies, so it loses exactly the one that it is told
// to lose.
type Proxy struct {
	target   string
	listener net.Listener
	done     chan struct{}
	running  sync.WaitGroup

	mu       sync.Mutex
	conns    map[net.Conn]struct{}
	vanished bool
	gate     chan struct{} // closed while traffic flows
	swallow  map[string]int
	count    map[string]int
}

// maxInFlight is how many requests of one connection may wait for a reply.
const maxInFlight = 1 << 16

// NewProxy starts a proxy on a free loopback port in front of the server at
// target. It is closed at the end of the test.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("servertest: %v", err)
	}
	p := &Proxy{
		target:   target,
		listener: listener,
		done:     make(chan struct{}),
		conns:    map[net.Conn]struct{}{},
		gate:     make(chan struct{}),
		swallow:  map[string]int{},
		count:    map[string]int{},
	}
	close(p.gate)
	p.running.Go(p.accept)
	t.Cleanup(func() {
		close(p.done)
		p.Vanish()
		p.running.Wait()
	})
	return p
}

// Addr is where clients reach the server through the proxy.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Swallow loses the reply to the next request whose first word is command, in
// any case of letters: the server carries the request out, its reply is
// dropped, and the connection is closed. Requests behind it on the same
// connection don't reach the server. Called n times, it does so n times.
// EVAL is EVALSHA too.
func (p *Proxy) Swallow(command string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.swallow[strings.ToUpper(command)]++
}

// Stall keeps connections open, and accepts new ones, but lets nothing through
// until [Proxy.Resume]: a server that hangs.
func (p *Proxy) Stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.flowing() {
		p.gate = make(chan struct{})
	}
}

// Resume ends a stall. What was held back is forwarded.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.flowing() {
		close(p.gate)
	}
}

// Cut closes every connection, and accepts new ones.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		conn.Close()
	}
}

// Vanish closes every connection and refuses new ones: a server that died.
func (p *Proxy) Vanish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.vanished = true
	p.listener.Close()
	for conn := range p.conns {
		conn.Close()
	}
}

// Count is how many requests whose first word is command, in any case of
// letters, were forwarded to the server. EVAL is EVALSHA too.
func (p *Proxy) Count(command string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count[strings.ToUpper(command)]
}

func (p *Proxy) flowing() bool {
	select {
	case <-p.gate:
		return true
	default:
		return false
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		if p.adopt(client) {
			p.running.Go(func() { p.serve(client) })
		}
	}
}

// adopt makes conn known to Vanish, or closes it if that has been called.
func (p *Proxy) adopt(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.vanished {
		conn.Close()
		return false
	}
	p.conns[conn] = struct{}{}
	return true
}

func (p *Proxy) disown(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
	conn.Close()
}

// serve connects one client to the server until either hangs up.
func (p *Proxy) serve(client net.Conn) {
	defer p.disown(client)
	server, err := net.DialTimeout("tcp", p.target, doTimeout)
	if err != nil || !p.adopt(server) {
		return
	}
	defer p.disown(server)

	fates := make(chan fate, maxInFlight)
	var requests sync.WaitGroup
	requests.Go(func() {
		defer server.Close()
		p.requests(client, server, fates)
	})
	p.replies(server, client, fates)
	client.Close()
	requests.Wait()
}

// fate is what happens to the reply of a request.
type fate int

const (
	deliver fate = iota
	lose
)

// requests forwards what the client sends, up to the first request whose reply
// is to be lost.
func (p *Proxy) requests(client, server net.Conn, fates chan<- fate) {
	w := newWire(client)
	for {
		request, err := w.read()
		if err != nil || !p.open() {
			return
		}
		f := p.admit(request)
		fates <- f
		if _, err := server.Write(w.raw); err != nil {
			return
		}
		if f == lose {
			io.Copy(io.Discard, client) // Until the client, or replies, hangs up.
			return
		}
	}
}

// replies forwards what the server sends, up to the reply that is to be lost.
func (p *Proxy) replies(server, client net.Conn, fates <-chan fate) {
	w := newWire(server)
	for {
		reply, err := w.read()
		if err != nil || !p.open() {
			return
		}
		if _, unasked := reply.(push); !unasked && <-fates == lose {
			return
		}
		if _, err := client.Write(w.raw); err != nil {
			return
		}
	}
}

// open waits while the proxy stalls; it is false if the test has ended.
func (p *Proxy) open() bool {
	p.mu.Lock()
	gate := p.gate
	p.mu.Unlock()
	select {
	case <-gate:
		return true
	case <-p.done:
		return false
	}
}

// admit counts a request and decides on its reply.
func (p *Proxy) admit(request any) fate {
	words, _ := request.([]any)
	if len(words) == 0 {
		return deliver
	}
	name, _ := words[0].(string)
	if name = strings.ToUpper(name); name == "EVALSHA" {
		name = "EVAL"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count[name]++
	if p.swallow[name] == 0 {
		return deliver
	}
	p.swallow[name]--
	return lose
}
