package valkeygo

import (
	"fmt"
	"time"
)

// Option changes how [New] and [FromEnv] set up a [Backend].
type Option interface {
	fmt.Stringer
	apply(*Backend)
}

// defaultRetryFor outlasts a restart and most failovers, and is short enough to
// wait for.
const defaultRetryFor = 5 * time.Second

// RetryFor sets for how long a read is tried again whose connection was lost, or
// whose server was starting: at most until the context's deadline, if that is
// nearer. Zero or less: such a read is not tried again.
//
// Writes, and batches that hold one, are never tried again.
//
// By default it is five seconds.
func RetryFor(d time.Duration) Option { return retryFor(d) }

type retryFor time.Duration

func (r retryFor) apply(b *Backend) { b.retryFor = time.Duration(r) }

func (r retryFor) String() string { return fmt.Sprintf("RetryFor(%v)", time.Duration(r)) }
