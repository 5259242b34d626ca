// Package memstore is rin's backend in memory: for tests, for examples and for
// programs that want rin's hierarchy without a server.
//
//	root, err := rin.Open(Root, memstore.New())
//
// It answers as Redis does, expiry included, and it starts no goroutine. Keys
// expire by time.Now, or by [Clock], so testing/synctest drives its time.
//
// An expired key is out of sight at once. Its memory is given back when a write
// touches the key or a scan passes it; a key that expires and is never touched
// or passed again keeps its memory. What a key takes is an estimate: its bytes,
// its value's, and what the store needs on average to hold them.
//
// # Cost
//
// Reads take no lock and allocate only the copy that they hand out, so they
// scale over the cores; one that a transaction comes between waits for it.
// Writes and transactions follow one another under one lock. A scan costs what
// the keys under its prefix cost, however many others there are.
package memstore

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redisimnest/rin/backend"
)

// Store is a store of keys in memory, safe for concurrent use. Make one with
// [New].
type Store struct {
	now func() time.Time
	err error // why the store can't be used, if it can't

	mu      sync.Mutex    // serialises the writes
	version atomic.Uint64 // odd while a transaction is carried out: see asOne
	keys    keyspace
	waits   map[string]chan struct{} // for a list at a key: closed when it is written
}

var (
	_ backend.Backend    = (*Store)(nil)
	_ backend.Pager      = (*Store)(nil)
	_ backend.Transactor = (*Store)(nil)
	_ backend.Clock      = (*Store)(nil)
	_ backend.Waiter     = (*Store)(nil)
)

// New makes an empty store. With a nil option, every operation returns an error
// that says so.
func New(opts ...Option) *Store {
	s := &Store{now: time.Now}
	for _, opt := range opts {
		if opt == nil {
			s.err = errors.New("memstore: an option of New is nil; leave it out")
			continue
		}
		opt.apply(s)
	}
	return s
}

// Now is the store's time, by which its keys expire: time.Now, or [Clock].
func (s *Store) Now() time.Time { return s.now() }
