package rin_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

// A report that one process at a time makes, and exports of which two may run.
var (
	ReportLock = rin.Lock("lock:report:<day>")
	Exports    = rin.Semaphore("exports", rin.Permits(2))
	Office     = rin.Cluster("office", rin.Child(ReportLock, Exports))
)

// ledger is what is written to under the lock. It remembers the greatest fence that it has
// seen, and so turns down a holder that has lost its lock and doesn't know.
type ledger struct{ fence int64 }

func (l *ledger) write(fence int64, line string) error {
	if fence < l.fence {
		return errors.New("written with the lock of somebody else")
	}
	l.fence = fence
	fmt.Println(line)
	return nil
}

// Do holds the lock while the function runs. What needs the fence acquires a lease itself.
func ExampleLock() {
	ctx := context.Background()
	office, err := rin.Open(Office, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	lock := ReportLock.At(office, "monday")
	err = lock.Do(ctx, 10*time.Second, func(ctx context.Context) error {
		_, err := lock.TryAcquire(ctx, 10*time.Second)
		fmt.Println("somebody else has it:", errors.Is(err, rin.ErrLocked))
		return nil // ctx ends if the lock is lost meanwhile
	})
	if err != nil {
		log.Fatal(err)
	}

	var books ledger
	lease, err := lock.Acquire(ctx, 10*time.Second)
	if err != nil {
		log.Fatal(err)
	}
	defer lease.Release(ctx)
	if err := books.write(lease.Fence(), "the report of monday"); err != nil {
		log.Fatal(err)
	}
	err = books.write(lease.Fence()-1, "the report of a process that stood still")
	fmt.Println(err)
	// Output:
	// somebody else has it: true
	// the report of monday
	// written with the lock of somebody else
}

// A semaphore has several permits, and each comes back when its holder dies.
func ExampleSemaphore() {
	ctx := context.Background()
	office, err := rin.Open(Office, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	exports := Exports.At(office)
	for range 3 {
		permit, err := exports.TryAcquire(ctx, time.Minute)
		if errors.Is(err, rin.ErrLocked) {
			fmt.Println("busy, try again later")
			continue
		}
		if err != nil {
			log.Fatal(err)
		}
		defer permit.Release(ctx)
		fmt.Println("exporting")
	}
	holders, err := exports.Holders(ctx)
	fmt.Println(len(holders), err)
	// Output:
	// exporting
	// exporting
	// busy, try again later
	// 2 <nil>
}
