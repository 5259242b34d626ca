package loadtest

import (
	"sync"
	"testing"
	"time"
)

// A canary is a timer that shows how late any timer is on this machine, which other
// processes hold up too. By that much an operation may be late.
type canary struct {
	mu      sync.Mutex
	late    []lapse // more than a few milliseconds
	wonders []wonder
}

// lapse is a time during which a timer was due and did not fire.
type lapse struct{ due, fired time.Time }

// wonder is an operation that was late.
type wonder struct {
	name     string
	deadline time.Time
	late     time.Duration
}

// tick is the canary's rhythm.
const tick = 5 * time.Millisecond

func newCanary(t *testing.T) *canary {
	c := &canary{}
	go func() {
		for t.Context().Err() == nil {
			due := time.Now().Add(tick)
			time.Sleep(tick)
			if now := time.Now(); now.Sub(due) > tick {
				c.mu.Lock()
				c.late = append(c.late, lapse{due, now})
				c.mu.Unlock()
			}
		}
	}()
	return c
}

// wonder notes an operation that was late.
func (c *canary) wonder(name string, deadline time.Time, late time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wonders = append(c.wonders, wonder{name, deadline, late})
}

// judge reports operations that were late by more than the timers were meanwhile.
func (c *canary) judge(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.wonders {
		excuse, end := time.Duration(0), w.deadline.Add(w.late)
		for _, l := range c.late {
			if from, to := later(l.due, w.deadline), earlier(l.fired, end); to.After(from) {
				excuse += to.Sub(from)
			}
		}
		if w.late-excuse > punctuality {
			t.Errorf("%s was %v late, of which timers were late for %v", w.name, w.late, excuse)
		}
	}
}

// worst is how late a timer was at most.
func (c *canary) worst() (worst time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.late {
		worst = max(worst, l.fired.Sub(l.due))
	}
	return worst
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
