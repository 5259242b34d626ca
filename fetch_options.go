package rin

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// FetchOption is an option of [Entry.Fetch] and [FetchAll].
type FetchOption interface {
	fmt.Stringer
	validInFetch(*fetching) error
}

// fetching is how a Fetch goes about it.
type fetching struct {
	lease      time.Duration // zero: others may load, too
	beta       float64       // zero: no early refresh
	absentFor  time.Duration // zero: an absence is not remembered
	soft, hard time.Duration // zero: no limit
	loadAnyway bool
	shared     bool
	report     *FetchReport // nil: nobody asks
}

func fetchingBy(opts []FetchOption) (how fetching, err error) {
	if len(opts) == 0 {
		return how, nil
	}
	applied := new(fetching)
	for _, opt := range opts {
		if opt == nil {
			return how, errors.New("an option of the fetch is nil; leave it out")
		}
		if err := opt.validInFetch(applied); err != nil {
			return how, err
		}
	}
	return *applied, nil
}

type exclusiveOption struct{ lease time.Duration }

// Exclusive lets at most one load of a key run in the whole fleet, by a lease as that of a
// [Lock], in a key beside it. Who does not get it waits for the value, and asks again from
// time to time, a quarter of a second apart at most. The lease is how long a process that
// dies keeps the others waiting, ten seconds for instance; one that lives renews it while it
// loads.
func Exclusive(lease time.Duration) FetchOption { return exclusiveOption{lease} }

func (o exclusiveOption) validInFetch(f *fetching) (err error) {
	if _, err := positive(o, o.lease); err != nil {
		return err
	}
	if f.lease, err = checkLease(o.lease); err != nil {
		return fmt.Errorf("%v: %w", o, err)
	}
	return nil
}

func (o exclusiveOption) String() string { return fmt.Sprintf("Exclusive(%v)", o.lease) }

type refreshEarlyOption struct{ beta float64 }

// RefreshEarly loads a value anew in the background before it expires, so that a
// key that is read often never goes cold. Each read decides by chance, more
// likely the nearer the end is and the longer a load takes: optimal probabilistic
// early expiration, as by Vattani, Chierichetti and Lowenstein ("Optimal
// Probabilistic Cache Stampede Prevention", VLDB 2015). A beta of 1 suits most;
// more is earlier. Until this process has measured a load, it is taken for a
// hundredth of the TTL.
//
// A read then is GET and PTTL, in one round trip.
func RefreshEarly(beta float64) FetchOption { return refreshEarlyOption{beta} }

func (o refreshEarlyOption) validInFetch(f *fetching) error {
	if !(o.beta > 0) || math.IsInf(o.beta, 1) {
		return fmt.Errorf("%v: beta must be a positive number; 1 suits most", o)
	}
	f.beta = o.beta
	return nil
}

func (o refreshEarlyOption) String() string { return fmt.Sprintf("RefreshEarly(%v)", o.beta) }

type cacheAbsentOption struct{ ttl time.Duration }

// CacheAbsent remembers for d that the loader returned [Absent], in a key beside
// the entry's, so that Fetch does not ask again. Other readers see nothing there.
// A stored value counts more than a remembered absence; whatever deletes the key
// forgets it. Where several wait for one load, the longest that one of them asks for counts.
//
// By default an absence is not remembered.
func CacheAbsent(d time.Duration) FetchOption { return cacheAbsentOption{d} }

func (o cacheAbsentOption) validInFetch(f *fetching) (err error) {
	f.absentFor, err = positive(o, o.ttl)
	return err
}

func (o cacheAbsentOption) String() string { return fmt.Sprintf("CacheAbsent(%v)", o.ttl) }

type loadTimeoutOption struct{ soft, hard time.Duration }

// LoadTimeout bounds how long a caller waits for a load. After soft it gets the value that
// has expired, if the key is declared with [StaleIfError] and has one, and the load goes on
// without it. After hard it gets an error that is [ErrLoadTimeout], or that value; the
// context of the loader ends then, too. Zero is no bound.
//
// By default a caller waits for as long as its context lasts.
func LoadTimeout(soft, hard time.Duration) FetchOption { return loadTimeoutOption{soft, hard} }

func (o loadTimeoutOption) validInFetch(f *fetching) error {
	switch {
	case o.soft < 0 || o.hard < 0 || o.soft == 0 && o.hard == 0:
		return fmt.Errorf("%v: %w: give a positive soft or hard limit", o, ErrTTL)
	case o.hard > 0 && o.soft >= o.hard:
		return fmt.Errorf("%v: %w: the soft limit has to come before the hard one", o, ErrTTL)
	}
	f.soft, f.hard = o.soft, o.hard
	return nil
}

func (o loadTimeoutOption) String() string { return fmt.Sprintf("LoadTimeout(%v, %v)", o.soft, o.hard) }

// ErrLoadTimeout says that a load took longer than [LoadTimeout] allows.
var ErrLoadTimeout = errors.New("the load takes too long")

type loadAnywayOption struct{}

// LoadAnyway loads when the store fails, instead of returning the failure, and
// returns what was loaded when it can't be stored. It keeps an application
// answering without its cache, at the price that every process then loads, again
// and again. Leases can't be had then either.
//
// By default a failure is never taken for a miss: Fetch returns it.
func LoadAnyway() FetchOption { return loadAnywayOption{} }

func (loadAnywayOption) validInFetch(f *fetching) error {
	f.loadAnyway = true
	return nil
}

func (loadAnywayOption) String() string { return "LoadAnyway()" }

type shareReadOption struct{}

// ShareRead lets callers in this process who want one key at the same time share a read of
// it. A caller shares only a read that is sent after it has asked, so that nobody gets what is
// older than their own last write. It is for keys that very many read at once: a single read
// is no faster, and may wait for the one before it.
//
// By default every caller sends a read of its own.
func ShareRead() FetchOption { return shareReadOption{} }

func (shareReadOption) validInFetch(f *fetching) error {
	f.shared = true
	return nil
}

func (shareReadOption) String() string { return "ShareRead()" }

// FetchReport says how a Fetch came by its value: see [Report].
type FetchReport struct {
	// Outcome is where the value came from: [OutcomeHit], [OutcomeLoaded], [OutcomeJoined],
	// [OutcomeStale]; or [OutcomeAbsent] where it is known that there is none.
	Outcome Outcome
	// LoadErr is why the value that has expired was served, where this caller's load
	// failed.
	LoadErr error
}

// Stale says that the value has expired: see [StaleIfError].
func (r FetchReport) Stale() bool { return r.Outcome == OutcomeStale }

type reportOption struct{ to *FetchReport }

// Report has Fetch say in *to how it came by its value. It does not apply to [FetchAll],
// whose results say it themselves.
func Report(to *FetchReport) FetchOption { return reportOption{to} }

func (o reportOption) validInFetch(f *fetching) error {
	if f.report = o.to; o.to == nil {
		return fmt.Errorf("%v: give it a FetchReport to write to", o)
	}
	return nil
}

func (reportOption) String() string { return "Report(…)" }

func positive(o fmt.Stringer, d time.Duration) (time.Duration, error) {
	if d <= 0 {
		return 0, fmt.Errorf("%v: %w: it is not positive", o, ErrTTL)
	}
	return wholeMillis(d), nil
}
