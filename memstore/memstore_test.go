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
	backendtest.Run(t, backendtest.Harness{
		New:        func(testing.TB) backend.Backend { return memstore.New() },
		Leaf:       synctest.Test,
		Elapse:     func(_ testing.TB, d time.Duration) { time.Sleep(d) },
		NoCommands: true,
	})
}

func TestConformance_clock(t *testing.T) {
	var clock hand
	backendtest.Run(t, backendtest.Harness{
		New:        func(testing.TB) backend.Backend { return memstore.New(memstore.Clock(clock.now)) },
		Elapse:     func(_ testing.TB, d time.Duration) { clock.elapse(d) },
		NoCommands: true,
	})
}

// hand is a clock that is moved by hand.
type hand struct{ nanos atomic.Int64 }

func (h *hand) now() time.Time         { return time.Unix(1_000_000_000, h.nanos.Load()).UTC() }
func (h *hand) elapse(d time.Duration) { h.nanos.Add(int64(d)) }
