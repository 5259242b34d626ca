// Package walk goes through all keys of a Redis or Valkey server, or of a
// cluster, so that a walk is whole or ends in an error: that is what SCAN does
// not promise when a server is restarted or demoted on the way, and what no
// client promises of a cluster whose slots move.
//
// It is written for adapters of Redis clients, and knows none: an adapter gives
// it a [Node] for each server.
package walk

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/wire"
)

// Node is a server, as a client reaches it.
type Node interface {
	// Do sends commands, none of which has a key, in one round trip on one
	// connection, and returns their replies. What the server refuses is the Err of
	// its reply; the error is that of the connection or the context. The commands
	// only read, so they may be sent again, all of them together.
	Do(ctx context.Context, commands ...[]string) ([]wire.Reply, error)
}

// Walk says which keys are walked, and how.
type Walk struct {
	// Prefix is what the keys begin with.
	Prefix string
	// Size is how many keys the server looks at for a page, more or less.
	Size int
	// Patience is how long a server is waited for that is lost, or whose slots
	// are moving, if the context does not end before.
	Patience time.Duration
}

// Patience is the usual one: it outlasts a restart, and most failovers.
const Patience = 5 * time.Second

// Server walks the keys of one server: SCAN. A key may come twice.
//
// Where another process answers than the one that the cursor is from, or the
// server is a primary no more, it begins anew: so it stays with one server
// behind Sentinel, too. Each page asks for INFO, for that reason.
func (w Walk) Server(ctx context.Context, node Node) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		s := w.scan(node)
		for {
			err := s.run(ctx, func(page []string) bool { return yield(page, nil) })
			switch {
			case err == nil:
				return
			case passing(err) && s.waits(ctx):
				continue
			}
			yield(nil, failure(ctx, err))
			return
		}
	}
}

// scan is the walk through the keys of one server.
type scan struct {
	Walk
	node    Node
	lost    time.Time // when it failed first after a page; zero while it has not
	stopped bool      // by the consumer
}

func (w Walk) scan(node Node) *scan { return &scan{Walk: w, node: node} }

// errChanged says that a walk of a server was not that of one primary throughout.
var errChanged = errors.New("the server was restarted, or another one took its place")

// run hands on all pages of one process, as long as that keeps its role.
func (s *scan) run(ctx context.Context, yield func([]string) bool) error {
	role, err := s.role(ctx)
	if err != nil {
		return err
	}
	var process string
	for cursor := ""; cursor != "0"; {
		page, err := s.page(ctx, cursor)
		switch {
		case err != nil:
			return err
		case cursor == "":
			process = page.process
		case page.process != process:
			return errChanged
		}
		if cursor != "" {
			s.lost = time.Time{} // It gets on.
		}
		if len(page.keys) > 0 && !yield(page.keys) {
			s.stopped = true
			return nil
		}
		cursor = page.next
	}
	now, err := s.role(ctx)
	if err == nil && now != role {
		err = errChanged
	}
	return err
}

// waits waits a moment, unless the server has been lost for too long.
func (s *scan) waits(ctx context.Context) bool {
	if s.lost.IsZero() {
		s.lost = time.Now()
	}
	return time.Since(s.lost) < s.Patience && pause(ctx) == nil
}

// page is a page of keys, and the process that it is from.
type page struct {
	keys    []string
	next    string // the cursor of the next; 0 where there is none
	process string
}

// page is the page at cursor, empty for the first.
func (s *scan) page(ctx context.Context, cursor string) (p page, err error) {
	if cursor == "" {
		cursor = "0"
	}
	words := []string{"SCAN", cursor, "COUNT", strconv.Itoa(s.Size)}
	if s.Prefix != "" {
		words = append(words, "MATCH", wire.Match(s.Prefix))
	}
	replies, err := ask(ctx, s.node, words, infoServer)
	if err != nil {
		return p, err
	}
	elems, err := replies[0].Array(2)
	if err != nil {
		return p, err
	}
	keys := elems[1].Expanded().Elems
	p.keys = make([]string, len(keys))
	for i, key := range keys {
		p.keys[i] = key.Text
	}
	p.keys = wire.Within(s.Prefix, p.keys)
	p.next, p.process = elems[0].Text, processOf(replies[1])
	return p, nil
}

// role is the server's: master or slave. What doesn't know the command, a test
// double or a proxy, has none.
func (s *scan) role(ctx context.Context) (string, error) {
	replies, err := s.node.Do(ctx, []string{"ROLE"})
	switch {
	case err != nil:
		return "", err
	case denied(replies[0].Err):
		return "", refusal{replies[0].Err}
	case len(replies[0].Expanded().Elems) == 0:
		return "", nil
	}
	return replies[0].Expanded().Elems[0].Text, nil
}

var infoServer = []string{"INFO", "server"}

// processOf is the id of the process that answered infoServer. What doesn't tell
// it has none.
func processOf(info wire.Reply) string {
	for line := range strings.Lines(info.Text) {
		if id, ok := strings.CutPrefix(line, "run_id:"); ok {
			return strings.TrimSpace(id)
		}
	}
	return ""
}

// ask sends commands of which the server may refuse all but the first, if it is
// not for want of a right.
func ask(ctx context.Context, node Node, commands ...[]string) ([]wire.Reply, error) {
	replies, err := node.Do(ctx, commands...)
	if err != nil {
		return nil, err
	}
	for i, r := range replies {
		if r.Err != nil && (i == 0 || denied(r.Err)) {
			return nil, refusal{r.Err}
		}
	}
	return replies, nil
}

func denied(err error) bool { return err != nil && strings.Contains(err.Error(), "NOPERM") }

// refusal is what a server has answered in place of a reply.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// passing says that err may be over in a moment: a lost connection, or a server
// that starts or changes its role.
func passing(err error) bool {
	var r refusal
	if err == nil || !errors.As(err, &r) {
		return err != nil
	}
	word, _, _ := strings.Cut(r.Error(), " ")
	switch word {
	case "LOADING", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "BUSY":
		return true
	}
	return false
}

// pause waits a moment before something is tried again.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(20 * time.Millisecond):
		return nil
	}
}

// failure is the error that ends a walk.
func failure(ctx context.Context, err error) error {
	return backend.Unsent(ctx, fmt.Errorf("walking the keys: %w", err))
}
