package memstore_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/backendtest"
	"github.com/redisimnest/rin/memstore"
)

func TestConformance_bubble(t *testing.T) {
	h := harness()
	h.Leaf = synctest.Test
	h.Elapse = func(_ testing.TB, d time.Duration) { time.Sleep(d) }
	backendtest.Run(t, h)
}

func TestConformance_clock(t *testing.T) {
	var clock hand
	h := harness(memstore.Clock(clock.now))
	h.Elapse = func(_ testing.TB, d time.Duration) { clock.elapse(d) }
	backendtest.Run(t, h)
}

// harness is that of stores with opts. It has no Elapse yet.
func harness(opts ...memstore.Option) backendtest.Harness {
	var store *memstore.Store
	return backendtest.Harness{
		New: func(testing.TB) backend.Backend {
			store = memstore.New(opts...)
			return store
		},
		Foreign:    func(_ testing.TB, key string) { store.MakeList(key) },
		NoCommands: true,
	}
}

// hand is a clock that is moved by hand.
type hand struct{ nanos atomic.Int64 }

func (h *hand) now() time.Time         { return time.Unix(1_000_000_000, h.nanos.Load()).UTC() }
func (h *hand) elapse(d time.Duration) { h.nanos.Add(int64(d)) }
