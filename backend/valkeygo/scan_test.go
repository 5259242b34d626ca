package valkeygo_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/valkeygo"
	"github.com/redisimnest/rin/internal/servertest"
)

// A scan survives a lost connection: keys may come twice, none is missed.
func TestScan_lostConnection(t *testing.T) {
	proxy := servertest.NewProxy(t, servertest.Start(t, servertest.Redis))
	b := valkeygo.New(newClient(t, proxy.Addr()))
	const n = 500
	fill(t, b, n)
	for _, when := range []int{0, 3} { // Before the first page, and behind the third.
		t.Run(fmt.Sprint(when), func(t *testing.T) {
			seen, pages := map[string]bool{}, 0
			if when == 0 {
				proxy.Swallow("SCAN")
			}
			for page, err := range b.ScanPages(t.Context(), "k:", 20) {
				if err != nil {
					t.Fatalf("Scan: %v", err)
				}
				for _, key := range page {
					seen[key] = true
				}
				if pages++; pages == when {
					proxy.Swallow("SCAN")
				}
			}
			if len(seen) != n {
				t.Errorf("saw %d keys of %d", len(seen), n)
			}
		})
	}
}

// A scan on a server that is lost for good ends in an error, once.
func TestScan_vanishedServer(t *testing.T) {
	proxy := servertest.NewProxy(t, servertest.Start(t, servertest.Redis))
	b := valkeygo.New(newClient(t, proxy.Addr()), valkeygo.RetryFor(100*time.Millisecond))
	fill(t, b, 500)
	var errs []error
	for _, err := range b.ScanPages(t.Context(), "k:", 20) {
		if err != nil {
			errs = append(errs, err)
		}
		proxy.Vanish()
	}
	if len(errs) != 1 || errors.Is(errs[0], context.DeadlineExceeded) {
		t.Errorf("errors: %v; want one, and not the deadline's, since there is none", errs)
	}
}

// fill writes n keys k:0, k:1, ….
func fill(t *testing.T, b *valkeygo.Backend, n int) {
	t.Helper()
	ops := make([]backend.Op, n)
	for i := range ops {
		ops[i] = &backend.Set{Key: fmt.Sprintf("k:%d", i)}
	}
	mustExec(t, b, ops...)
}
