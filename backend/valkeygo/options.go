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

// RetryFor sets for how long an operation is tried again that surely was not done,
// since there was no connection, or the server was starting, failing over or
// moving slots; and a read whose connection was lost. It is at most until the
// context's deadline, if that is nearer. Zero or less: what was surely not done is
// tried again once.
//
// A write that may have been done is never sent again, nor is a batch that holds
// one.
//
// By default it is five seconds.
func RetryFor(d time.Duration) Option { return retryFor(d) }

type retryFor time.Duration

func (r retryFor) apply(b *Backend) { b.retryFor = time.Duration(r) }

func (r retryFor) String() string { return fmt.Sprintf("RetryFor(%v)", time.Duration(r)) }
