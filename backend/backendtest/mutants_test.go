package backendtest

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"path"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/wire"
)

// mutant is a store that breaks one rule, in a way in which stores do.
type mutant struct {
	how    string // the store …
	breaks string // the case that reports it
	spoil  spoil
}

// spoil makes a store one that breaks a rule.
type spoil func(backend.Backend) backend.Backend

var mutants = slices.Concat(opMutants(), doMutants, valueMutants, setMutants, keyMutants, expireTimeMutants, changeMutants, leaseMutants, countMutants, fillMutants, limitMutants, kindMutants, execMutants,
	transactionMutants, waitMutants, contextMutants, ownershipMutants, scanMutants, concurrencyMutants)

// next carries ops out as they should be.
type next func(ops ...backend.Op)

// on has f carry out the ops of one type.
func on[O backend.Op](f func(o O, next next)) spoil {
	return onEach(func(op backend.Op, next next) {
		if o, ok := op.(O); ok {
			f(o, next)
		} else {
			next(op)
		}
	})
}

// onEach has f carry out each op.
func onEach(f func(op backend.Op, next next)) spoil {
	return onExec(func(ctx context.Context, ops []backend.Op, exec backend.Next) error {
		if err := backend.Ended(ctx, ops); err != nil {
			return err
		}
		for _, op := range ops {
			f(op, func(ops ...backend.Op) { _ = exec(ctx, ops) })
		}
		return backend.FirstErr(ops)
	})
}

// onExec has f carry out the batches.
func onExec(f backend.Interceptor) spoil {
	return func(b backend.Backend) backend.Backend { return split{backend.Intercept(b, f), b} }
}

// onTransact has f carry out the transactions.
func onTransact(f backend.Interceptor) spoil {
	return func(b backend.Backend) backend.Backend { return split{b, backend.Intercept(b, f)} }
}

// split is a backend whose transactions another one carries out.
type split struct {
	backend.Backend
	transactions backend.Backend
}

func (s split) Unwrap() backend.Backend { return s.Backend }

func (s split) Transact(ctx context.Context, ops ...backend.Op) error {
	return backend.Transact(ctx, s.transactions, ops...)
}

// liar is a backend that returns what an interceptor does, also where its ops
// have other errors.
type liar struct {
	backend.Backend
	say backend.Interceptor
}

func (l liar) Unwrap() backend.Backend { return l.Backend }

func (l liar) Exec(ctx context.Context, ops ...backend.Op) error {
	return l.say(ctx, ops, func(ctx context.Context, ops []backend.Op) error { return l.Backend.Exec(ctx, ops...) })
}

func (l liar) Transact(ctx context.Context, ops ...backend.Op) error {
	return l.say(ctx, ops, func(ctx context.Context, ops []backend.Op) error { return backend.Transact(ctx, l.Backend, ops...) })
}

// lies has f carry out batches and transactions, and say what it likes.
func lies(f backend.Interceptor) spoil {
	return func(b backend.Backend) backend.Backend { return liar{b, f} }
}

type scanFunc = func(ctx context.Context, b backend.Backend, prefix string, size int) iter.Seq2[[]string, error]

// onScan has f carry out the scans.
func onScan(f scanFunc) spoil {
	return func(b backend.Backend) backend.Backend { return scanning{b, f} }
}

// scanning is a backend whose scans go through a mutant.
type scanning struct {
	backend.Backend
	scan scanFunc
}

func (s scanning) Unwrap() backend.Backend { return s.Backend }

func (s scanning) Scan(ctx context.Context, prefix string) iter.Seq2[[]string, error] {
	return s.ScanPages(ctx, prefix, backend.DefaultPageSize)
}

func (s scanning) ScanPages(ctx context.Context, prefix string, size int) iter.Seq2[[]string, error] {
	return s.scan(ctx, s.Backend, prefix, size)
}

// opMutants are three for each op of the catalogue, or two for one that only
// reads.
func opMutants() (all []mutant) {
	for _, o := range Ops() {
		breaks := "op/" + o.Name
		all = append(all,
			mutant{"leaves out " + o.Name, breaks, onEach(func(op backend.Op, next next) {
				if !o.is(op) {
					next(op)
				}
			})},
			mutant{"says nothing to " + o.Name, breaks, onEach(func(op backend.Op, next next) {
				fresh, mine := copyOf(op), o.is(op)
				if next(op); mine {
					reflect.ValueOf(op).Elem().Set(reflect.ValueOf(fresh).Elem())
				}
			})})
		if o.Silent {
			all = all[:len(all)-1] // it never says anything
		}
		if o.Effect == backend.Write {
			all = append(all, mutant{"takes back " + o.Name, breaks, takesBack(o)})
		}
	}
	return all
}

// is says that op is of this form.
func (o Op) is(op backend.Op) bool { return reflect.DeepEqual(op, o.New(backend.Key(op))) }

// takesBack gives the key what it held, and the expiry that it had.
func takesBack(o Op) spoil {
	return onEach(func(op backend.Op, next next) {
		if !o.is(op) {
			next(op)
			return
		}
		key := o.changes(backend.Key(op))
		was, left := contentOf(next, key)
		next(op)
		next(&backend.Delete{Key: key})
		if was.found() {
			next(was.write(key, left))
		}
	})
}

var doMutants = []mutant{
	{"flattens arrays", "do/nested reply", on(func(o *backend.Do, next next) {
		next(o)
		var flat []wire.Reply
		for _, elem := range o.Reply.Elems {
			flat = append(flat, elem.Elems...)
		}
		o.Reply.Elems = flat
	})},
	{"breaks off behind an array", "do/nested reply", onExec(func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		err := next(ctx, ops)
		if i := slices.IndexFunc(ops, func(op backend.Op) bool { _, is := op.(*backend.Do); return is }); i >= 0 {
			return backend.FailAll(ops[i+1:], errors.New("redis: can't parse reply"))
		}
		return err
	})},
	{"makes each pair an array", "do/reply of pairs", on(func(o *backend.Do, next next) {
		next(o)
		var pairs []wire.Reply
		for pair := range slices.Chunk(o.Reply.Elems, 2) {
			pairs = append(pairs, wire.ArrayOf(pair...))
		}
		o.Reply.Elems = pairs
	})},
	{"answers for the last part only", "do/100,000 words", on(func(o *backend.Do, next next) {
		const part = 1000
		args := o.Args
		for words := range slices.Chunk(args, part) {
			o.Args = words
			next(o)
		}
		o.Args = args
	})},
	{"forgets the expiry", "do/100,000 words", on(func(o *backend.Do, next next) {
		o.TTL = 0
		next(o)
	})},
}

// pause lets every other goroutine of the bubble come as far as it can.
func pause() { time.Sleep(time.Millisecond) }

// longPause lets them come far enough to pause several times.
func longPause() { time.Sleep(10 * time.Millisecond) }

var valueMutants = []mutant{
	{"finds nothing", "value/get present", on(func(o *backend.Get, next next) {
		next(o)
		o.Found = false
	})},
	{"finds everything", "value/get absent", on(func(o *backend.Get, next next) {
		next(o)
		o.Found = true
	})},
	{"renews at every Get", "value/get leaves the expiry", on(func(o *backend.Get, next next) {
		o.TTL = 9 * hour
		next(o)
	})},
	{"never renews", "value/get renews", on(func(o *backend.Get, next next) {
		o.TTL = 0
		next(o)
	})},
	{"creates what it renews", "value/get does not create", on(func(o *backend.Get, next next) {
		next(o)
		if o.TTL > 0 {
			next(&backend.Set{Key: o.Key, TTL: o.TTL, Cond: backend.IfAbsent})
		}
	})},
	{"trims values", "value/any bytes are a value", on(func(o *backend.Set, next next) {
		o.Value = bytes.TrimSpace(o.Value)
		next(o)
	})},
	{"takes an empty value for none", "value/any bytes are a value", on(func(o *backend.Get, next next) {
		next(o)
		o.Found = len(o.Value) > 0
	})},
	{"ends keys at a zero byte", "value/any bytes are a key", on(func(o *backend.Set, next next) {
		o.Key, _, _ = strings.Cut(o.Key, "\x00")
		next(o)
	})},
	{"takes without deleting", "value/take", on(func(o *backend.Take, next next) {
		get := &backend.Get{Key: o.Key}
		next(get)
		o.Value, o.Found, o.Err = get.Value, get.Found, get.Err
	})},
	{"keeps the expiry of what was taken", "value/take leaves nothing behind", ghosts},
}

// ghosts keeps the expiry of keys that are gone.
func ghosts(b backend.Backend) backend.Backend {
	ghosts := map[string]time.Duration{}
	return onEach(func(op backend.Op, next next) {
		if set, ok := op.(*backend.Set); ok && set.KeepTTL {
			set.TTL = ghosts[set.Key]
		}
		ttl := &backend.TTL{Key: backend.Key(op)}
		next(ttl, op)
		ghosts[ttl.Key] = max(ghosts[ttl.Key], ttl.Remaining)
	})(b)
}

var setMutants = []mutant{
	{"never overwrites", "value/set replaces", on(func(o *backend.Set, next next) {
		o.Cond = backend.IfAbsent
		next(o)
	})},
	{"always keeps the expiry", "value/set clears the expiry", on(func(o *backend.Set, next next) {
		o.KeepTTL = true
		next(o)
	})},
	{"forgets the TTL", "value/set with a TTL", on(func(o *backend.Set, next next) {
		o.TTL = 0
		next(o)
	})},
	{"forgets the ExpireAt", "value/set with an ExpireAt", on(func(o *backend.Set, next next) {
		o.ExpireAt = time.Time{}
		next(o)
	})},
	{"stores for ever what should be gone", "value/set with a past ExpireAt", on(func(o *backend.Set, next next) {
		if o.ExpireAt.Before(time.Now()) {
			o.ExpireAt = time.Time{}
		}
		next(o)
	})},
	{"refuses an ExpireAt before 1970", "value/set with a past ExpireAt", on(func(o *backend.Set, next next) {
		if !o.ExpireAt.IsZero() && o.ExpireAt.Unix() <= 0 {
			o.Err = errors.New("invalid expire time in 'set' command")
			return
		}
		next(o)
	})},
	{"forgets KeepTTL", "value/set keeps the expiry", on(func(o *backend.Set, next next) {
		o.KeepTTL = false
		next(o)
	})},
	{"prefers the TTL to KeepTTL", "value/set keeps the expiry or gives one", on(func(o *backend.Set, next next) {
		o.KeepTTL = o.KeepTTL && o.TTL == 0
		next(o)
	})},
	{"forgets the TTL beside KeepTTL", "value/set keeps the expiry or gives one", on(func(o *backend.Set, next next) {
		if o.KeepTTL {
			o.TTL = 0
		}
		next(o)
	})},
	{"forgets IfAbsent", "value/set if absent", on(func(o *backend.Set, next next) {
		if o.Cond == backend.IfAbsent {
			o.Cond = backend.Always
		}
		next(o)
	})},
	{"forgets IfPresent", "value/set if present", on(func(o *backend.Set, next next) {
		if o.Cond == backend.IfPresent {
			o.Cond = backend.Always
		}
		next(o)
	})},
	{"returns the old value only where it was replaced", "value/set returns the old value", on(func(o *backend.Set, next next) {
		next(o)
		if !o.Applied {
			o.Old, o.OldFound = nil, false
		}
	})},
	{"takes an old value for a refusal", "value/set returns the old value", on(func(o *backend.Set, next next) {
		next(o)
		o.OldFound = o.OldFound && len(o.Old) > 0
	})},
	{"forgets KeepTTL beside IfPresent", "value/set in every combination", on(func(o *backend.Set, next next) {
		o.KeepTTL = o.KeepTTL && o.Cond != backend.IfPresent
		next(o)
	})},
	{"returns the old value unasked", "value/set in every combination", on(func(o *backend.Set, next next) {
		o.ReturnOld = true
		next(o)
	})},
}

var keyMutants = []mutant{
	{"always says that it deleted", "key/delete", on(func(o *backend.Delete, next next) {
		next(o)
		o.Deleted = true
	})},
	{"keeps the expiry of what was deleted", "key/delete forgets the expiry", ghosts},
	{"takes an empty value for none", "key/exists", on(func(o *backend.Exists, next next) {
		get := &backend.Get{Key: o.Key}
		next(get)
		o.Found = len(get.Value) > 0
	})},
	{"takes an absent key for one that does not expire", "key/ttl", on(func(o *backend.TTL, next next) {
		next(o)
		o.Found = true
	})},
	{"counts the TTL in seconds", "key/ttl runs down", on(func(o *backend.TTL, next next) {
		next(o)
		o.Remaining = (o.Remaining + time.Second - 1).Truncate(time.Second)
	})},
	{"rounds the TTL down", "key/ttl is whole milliseconds", on(func(o *backend.TTL, next next) {
		next(o)
		o.Remaining = max(0, o.Remaining-time.Millisecond)
	})},
	{"does not round the TTL", "key/ttl is whole milliseconds", on(func(o *backend.TTL, next next) {
		next(o)
		o.Remaining -= o.Remaining / 1_000_000
	})},
	{"overflows", "key/ttl of an age", on(func(o *backend.TTL, next next) {
		next(o)
		o.Remaining *= 2
	})},
	{"goes on renewing what has expired", "key/expired", never(func(o *backend.Expire) { o.Applied = true })},
	{"still sees what has expired", "key/expired", on(func(o *backend.Set, next next) {
		o.TTL *= 1000
		next(o)
	})},
	{"refuses to create what has expired", "key/expired and written again", func(b backend.Backend) backend.Backend {
		known := map[string]bool{}
		return on(func(o *backend.Set, next next) {
			if o.Cond == backend.IfAbsent && known[o.Key] {
				return
			}
			known[o.Key] = true
			next(o)
		})(b)
	}},
	{"says that it persisted what does not expire", "key/persist", on(func(o *backend.Persist, next next) {
		next(o)
		o.Applied = true
	})},
	{"expires only what expires already", "key/expire", on(func(o *backend.Expire, next next) {
		ttl := &backend.TTL{Key: o.Key}
		if next(ttl); ttl.Remaining > 0 {
			next(o)
		}
	})},
	{"expires in whole seconds", "key/expire happens", on(func(o *backend.Expire, next next) {
		o.TTL = (o.TTL + time.Second - 1).Truncate(time.Second)
		next(o)
	})},
	{"heeds no past ExpireAt", "key/expire in the past", on(func(o *backend.Expire, next next) {
		if o.ExpireAt.IsZero() || o.ExpireAt.After(time.Now()) {
			next(o)
		}
	})},
	{"says that it expired what is absent", "key/expire absent", never(func(o *backend.Expire) { o.Applied = true })},
}

var expireTimeMutants = []mutant{
	{"takes an absent key for one that does not expire", "key/expire time", never(func(o *backend.ExpireTime) { o.Found = true })},
	{"tells what is left", "key/expire time", on(func(o *backend.ExpireTime, next next) {
		next(o)
		o.At = time.Unix(0, 0).Add(time.Until(o.At))
	})},
	{"knows whole seconds", "key/expire time is that of ExpireAt", on(func(o *backend.ExpireTime, next next) {
		next(o)
		o.At = o.At.Truncate(time.Second)
	})},
	{"does not truncate", "key/expire time is that of ExpireAt", on(func(o *backend.ExpireTime, next next) {
		next(o)
		o.At = o.At.Add(time.Microsecond)
	})},
	{"counts no value", "key/memory usage", on(func(o *backend.MemoryUsage, next next) {
		if next(o); o.Found {
			o.Bytes = 64
		}
	})},
	{"takes nothing for something", "key/memory usage", never(func(o *backend.MemoryUsage) { o.Found = true })},
}

// never says yes whatever the answer is.
func never[O backend.Op](yes func(o O)) spoil {
	return on(func(o O, next next) {
		next(o)
		yes(o)
	})
}

var changeMutants = []mutant{
	{"keeps the expiry unasked", "change/swap in every combination", on(func(o *backend.CompareAndSwap, next next) {
		o.KeepTTL = true
		next(o)
	})},
	{"forgets KeepTTL", "change/swap in every combination", on(func(o *backend.CompareAndSwap, next next) {
		o.KeepTTL = false
		next(o)
	})},
	{"keeps what it was told to drop", "change/swap in every combination", on(func(o *backend.CompareAndSwap, next next) {
		if o.ExpireAt.Before(time.Now()) {
			o.ExpireAt = time.Time{}
		}
		next(o)
	})},
	{"takes an empty Old for Absent", "change/swap in every combination", on(func(o *backend.CompareAndSwap, next next) {
		o.Absent = o.Absent || len(o.Old) == 0
		next(o)
	})},
	{"compares with Old beside Absent", "change/swap in every combination", on(func(o *backend.CompareAndSwap, next next) {
		o.Absent = o.Absent && len(o.Old) == 0
		next(o)
	})},
	{"says what is there also where it swapped", "change/swap in every combination", on(func(o *backend.CompareAndSwap, next next) {
		if next(o); o.Applied {
			o.Current, o.Found = o.Old, !o.Absent
		}
	})},
	{"does not say what is there", "change/swap in every combination", on(func(o *backend.CompareAndSwap, next next) {
		next(o)
		o.Current, o.Found = nil, false
	})},
	{"compares up to a zero byte", "change/swap any bytes", on(func(o *backend.CompareAndSwap, next next) {
		o.Old, _, _ = bytes.Cut(o.Old, []byte{0})
		next(o)
	})},
	{"trims what is there", "change/swap any bytes", on(func(o *backend.CompareAndSwap, next next) {
		next(o)
		o.Current = bytes.TrimSpace(o.Current)
	})},
	{"does not say what is there", "change/compare and delete", on(func(o *backend.CompareAndDelete, next next) {
		next(o)
		o.Current, o.Found = nil, false
	})},
	{"says what it deleted", "change/compare and delete", on(func(o *backend.CompareAndDelete, next next) {
		if next(o); o.Deleted {
			o.Current, o.Found = o.Old, true
		}
	})},
	{"deletes without comparing", "change/compare and delete", on(func(o *backend.CompareAndDelete, next next) {
		del := &backend.Delete{Key: o.Key}
		next(del)
		o.Deleted = del.Deleted
	})},
	{"takes an absent key for an empty one", "change/compare and delete", on(func(o *backend.CompareAndDelete, next next) {
		next(o)
		o.Deleted = o.Deleted || len(o.Old) == 0
	})},
}

var kindMutants = []mutant{
	{"takes another kind for a miss, as MGET does", "kind/wrong kind", on(func(o *backend.Get, next next) {
		next(o)
		o.Err = nil
	})},
	{"deletes another kind", "kind/wrong kind", on(func(o *backend.Take, next next) {
		next(o)
		next(&backend.Delete{Key: o.Key})
	})},
	{"takes another kind for another value", "kind/wrong kind", on(func(o *backend.CompareAndSwap, next next) {
		next(o)
		o.Found, o.Err = true, nil
	})},
	{"takes another kind of leases for a lost one", "kind/wrong kind of leases", on(func(o *backend.Fill, next next) {
		next(o)
		o.Err = nil
	})},
	{"renews another kind", "kind/wrong kind is not renewed", on(func(o *backend.Get, next next) {
		next(o)
		if o.TTL > 0 {
			next(&backend.Expire{Key: o.Key, TTL: o.TTL})
		}
	})},
	{"writes only over strings", "kind/set replaces another kind", on(func(o *backend.Set, next next) {
		get := &backend.Get{Key: o.Key}
		if next(get); get.Err != nil {
			o.Err = get.Err
			return
		}
		next(o)
	})},
	{"keeps only a string's expiry", "kind/set keeps another kind's expiry", on(func(o *backend.Set, next next) {
		get := &backend.Get{Key: o.Key}
		next(get)
		o.KeepTTL = get.Found
		next(o)
	})},
	{"sees only strings", "kind/keys of any kind", on(func(o *backend.Exists, next next) {
		get := &backend.Get{Key: o.Key}
		next(get)
		o.Found = get.Found
	})},
	{"stops at the first error", "kind/wrong kind in a batch", onExec(stopsAtError)},
}

// stopsAtError leaves the ops behind a failed one.
func stopsAtError(ctx context.Context, ops []backend.Op, next backend.Next) error {
	for _, op := range ops {
		if err := next(ctx, []backend.Op{op}); err != nil {
			return err
		}
	}
	return nil
}

// waiting is a backend whose waits go through a mutant.
type waiting struct {
	backend.Backend
	wait func(ctx context.Context, b backend.Backend, key string) error
}

func (w waiting) Unwrap() backend.Backend { return w.Backend }

func (w waiting) Wait(ctx context.Context, key string) error { return w.wait(ctx, w.Backend, key) }

// onWait has f carry out the waits.
func onWait(f func(ctx context.Context, b backend.Backend, key string) error) spoil {
	return func(b backend.Backend) backend.Backend { return waiting{b, f} }
}

var waitMutants = []mutant{
	{"takes what it has waited for", "wait/element that is there", onWait(func(ctx context.Context, b backend.Backend, key string) error {
		err := backend.Wait(ctx, b, key)
		_ = b.Exec(ctx, &backend.LPop{Key: key, Count: 1})
		return err
	})},
	{"gives up waiting", "wait/element that comes", onWait(func(ctx context.Context, b backend.Backend, key string) error {
		length := &backend.LLen{Key: key}
		if err := b.Exec(ctx, length); err != nil || length.Len > 0 {
			return err
		}
		return errors.New("there is nothing")
	})},
	{"waits for nothing", "wait/end of the context", onWait(func(context.Context, backend.Backend, string) error { return nil })},
	{"waits whatever the kind", "wait/another kind", onWait(func(ctx context.Context, b backend.Backend, key string) error {
		if err := backend.Wait(ctx, b, key); !errors.Is(err, backend.ErrWrongKind) {
			return err
		}
		return nil
	})},
}

var execMutants = []mutant{
	{"sends what it can of a batch with an op of two slots", "exec/an op of two slots", onExec(func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		for _, op := range ops {
			_ = next(ctx, []backend.Op{op})
		}
		return backend.FirstErr(ops)
	})},
	{"wants an op", "exec/no ops", onExec(func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		if len(ops) == 0 {
			return errors.New("wrong number of arguments")
		}
		return next(ctx, ops)
	})},
	{"begins at the end", "exec/order on one key", onExec(func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		backwards := slices.Clone(ops)
		slices.Reverse(backwards)
		return next(ctx, backwards)
	})},
	{"confuses answers", "exec/an answer for each op", onExec(func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		err := next(ctx, ops)
		var previous []byte
		for get := range only[*backend.Get](ops) {
			previous, get.Value = get.Value, previous
		}
		return err
	})},
	{"forgets ops", "exec/5,000 ops", onExec(func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		return next(ctx, ops[:min(len(ops), 4096)])
	})},
	{"leaves out what it does not know", "exec/unknown op", onEach(func(op backend.Op, next next) {
		if _, unknown := op.(*backend.Do); !unknown {
			next(op)
		}
	})},
	{"stops at what it does not know", "exec/unknown op", onExec(stopsAtError)},
	{"returns the last error", "exec/first error", lies(func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		_ = next(ctx, ops)
		backwards := slices.Clone(ops)
		slices.Reverse(backwards)
		return backend.FirstErr(backwards)
	})},
}

var transactionMutants = []mutant{
	{"wants an op", "transaction/no ops", onTransact(func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		if len(ops) == 0 {
			return errors.New("a transaction needs an op")
		}
		return next(ctx, ops)
	})},
	{"begins at the end", "transaction/an answer for each op", onTransact(func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		backwards := slices.Clone(ops)
		slices.Reverse(backwards)
		return next(ctx, backwards)
	})},
	{"reads before it writes", "transaction/an answer for each op", onTransact(func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		sorted := slices.Clone(ops)
		slices.SortStableFunc(sorted, func(x, y backend.Op) int {
			return int(min(backend.EffectOf(x), 1) - min(backend.EffectOf(y), 1))
		})
		return next(ctx, sorted)
	})},
	{"renews nothing", "transaction/every op", onTransact(func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		for expire := range only[*backend.Expire](ops) {
			expire.TTL = hour
		}
		return next(ctx, ops)
	})},
	{"forgets ops", "transaction/3,000 ops", onTransact(func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		return next(ctx, ops[:min(len(ops), 2048)])
	})},
	{"stops at the first error", "transaction/wrong kind in the middle", onTransact(stopsAtError)},
	{"takes it back", "transaction/wrong kind in the middle", onTransact(func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		err := next(ctx, ops)
		if err != nil {
			for _, op := range ops {
				_ = next(ctx, []backend.Op{&backend.Delete{Key: backend.Key(op)}})
			}
		}
		return err
	})},
	{"runs the ops that it knows", "transaction/unknown op", oneByOne},
	{"heeds no context", "transaction/ended context", onTransact(withoutCancel)},
	{"tells only Transact's caller", "transaction/ended context", lies(func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return next(ctx, ops)
	})},
	{"runs one op after the other", "transaction/all or none", oneByOne},
	{"runs one op after the other", "transaction/seen one, seen all", func(b backend.Backend) backend.Backend {
		return slow(oneByOne(b))
	}},
	{"runs one op after the other", "transaction/nothing comes between", oneByOne},
	{"writes, then releases", "transaction/filling seen as one", func(b backend.Backend) backend.Backend {
		return on(func(o *backend.Fill, next next) {
			next(&backend.Set{Key: o.Key, Value: o.Value})
			longPause()
			next(o)
		})(slow(b))
	}},
	{"knows no slots", "transaction/keys of two slots", oneByOne},
	{"says only that the slots differ", "transaction/keys of two slots", onTransact(func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		if backend.CheckSlot(ops) != nil {
			return backend.FailAll(ops, backend.ErrCrossSlot)
		}
		return next(ctx, ops)
	})},
}

// oneByOne runs the ops of a transaction one after the other.
func oneByOne(b backend.Backend) backend.Backend {
	return onTransact(func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		for _, op := range ops {
			_ = next(ctx, []backend.Op{op})
			longPause()
		}
		return backend.FirstErr(ops)
	})(b)
}

// slow pauses before each read and each transaction, so that they don't all come
// before the first write.
func slow(b backend.Backend) backend.Backend {
	b = on(func(o *backend.Get, next next) {
		pause()
		next(o)
	})(b)
	return onTransact(func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		pause()
		return next(ctx, ops)
	})(b)
}

var contextMutants = []mutant{
	{"heeds no context", "context/cancelled before", onExec(withoutCancel)},
	{"looks at the context when all is done", "context/cancelled before", onExec(func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		err := next(context.WithoutCancel(ctx), ops)
		return errors.Join(err, backend.Ended(ctx, ops))
	})},
	{"tells only Exec's caller", "context/cancelled before", lies(func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return next(ctx, ops)
	})},
	{"does not know what it sent", "context/cancelled before", onExec(func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		if ctx.Err() != nil {
			return backend.FailAll(ops, errors.Join(ctx.Err(), backend.ErrUnknownOutcome))
		}
		return next(ctx, ops)
	})},
	{"has an error of its own", "context/deadline before", onExec(func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		if ctx.Err() != nil {
			return backend.FailAll(ops, errors.New("i/o timeout"))
		}
		return next(ctx, ops)
	})},
	{"heeds no context", "context/scan cancelled before", onScan(func(ctx context.Context, b backend.Backend, prefix string, size int) iter.Seq2[[]string, error] {
		return backend.ScanPages(context.WithoutCancel(ctx), b, prefix, size)
	})},
	{"ends as if all were well", "context/scan cancelled midway", onScan(func(ctx context.Context, b backend.Backend, prefix string, size int) iter.Seq2[[]string, error] {
		return func(yield func([]string, error) bool) {
			for page, err := range backend.ScanPages(ctx, b, prefix, size) {
				if err != nil || !yield(page, nil) {
					return
				}
			}
		}
	})},
	{"goes on after its error", "context/scan cancelled midway", onScan(func(ctx context.Context, b backend.Backend, prefix string, size int) iter.Seq2[[]string, error] {
		return func(yield func([]string, error) bool) {
			for page := range backend.ScanPages(context.WithoutCancel(ctx), b, prefix, size) {
				if err := ctx.Err(); err != nil && !yield(nil, err) || !yield(page, nil) {
					return
				}
			}
		}
	})},
}

func withoutCancel(ctx context.Context, ops []backend.Op, next backend.Next) error {
	return next(context.WithoutCancel(ctx), ops)
}

var ownershipMutants = []mutant{
	{"keeps the caller's value", "ownership/what goes in", cache(same, bytes.Clone)},
	{"hands out its own value", "ownership/what comes out", cache(bytes.Clone, same)},
	{"hands out what it overwrites", "ownership/what came out", func(b backend.Backend) backend.Backend {
		values := map[string][]byte{}
		return onEach(func(op backend.Op, next next) {
			next(op)
			switch o := op.(type) {
			case *backend.Get:
				values[o.Key] = o.Value
			case *backend.Set:
				copy(values[o.Key], o.Value)
			}
		})(b)
	}},
	{"has one buffer for all answers", "ownership/answers of a batch", onExec(func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		err := next(ctx, ops)
		var buffer []byte
		for get := range only[*backend.Get](ops) {
			buffer = append(buffer, get.Value...)
		}
		for get := range only[*backend.Get](ops) {
			n := len(get.Value)
			get.Value, buffer = buffer[:n], buffer[n:]
		}
		return err
	})},
	{"hands out its own keys", "ownership/pages", func(b backend.Backend) backend.Backend {
		var keys []string
		return onScan(func(ctx context.Context, b backend.Backend, prefix string, size int) iter.Seq2[[]string, error] {
			if keys == nil {
				keys = allKeys(ctx, b, prefix)
			}
			return pagesOf(keys, size)
		})(b)
	}},
	{"hands out its own value", "ownership/concurrent readers", cache(bytes.Clone, same)},
	{"keeps the caller's value", "ownership/concurrent writers", cache(same, bytes.Clone)},
}

func same(b []byte) []byte { return b }

// cache answers Gets with what it remembers of Sets.
func cache(in, out func([]byte) []byte) spoil {
	return func(b backend.Backend) backend.Backend {
		var values sync.Map
		return onEach(func(op backend.Op, next next) {
			next(op)
			switch o := op.(type) {
			case *backend.Set:
				if o.Applied {
					values.Store(o.Key, in(o.Value))
				}
			case *backend.Get:
				if value, ok := values.Load(o.Key); ok {
					o.Value = out(value.([]byte))
				}
			}
		})(b)
	}
}

var scanMutants = []mutant{
	{"takes the prefix for a glob", "scan/literal prefix", onScan(func(ctx context.Context, b backend.Backend, prefix string, size int) iter.Seq2[[]string, error] {
		return pagesOf(slices.DeleteFunc(allKeys(ctx, b, ""), func(key string) bool {
			matches, _ := path.Match(prefix+"*", key)
			return !matches
		}), size)
	})},
	{"wants the prefix to be text", "scan/odd first byte", onScan(func(ctx context.Context, b backend.Backend, prefix string, size int) iter.Seq2[[]string, error] {
		return backend.ScanPages(ctx, b, strings.ToValidUTF8(prefix, ""), size)
	})},
	{"takes an empty prefix for no key", "scan/empty prefix", onScan(func(ctx context.Context, b backend.Backend, prefix string, size int) iter.Seq2[[]string, error] {
		if prefix == "" {
			return pagesOf(nil, size)
		}
		return backend.ScanPages(ctx, b, prefix, size)
	})},
	{"wants more than the prefix", "scan/a key that is the prefix", onScan(func(ctx context.Context, b backend.Backend, prefix string, size int) iter.Seq2[[]string, error] {
		return backend.ScanPages(ctx, b, prefix+"\x00", size)
	})},
	{"yields an empty page at the end", "scan/no match", onScan(func(ctx context.Context, b backend.Backend, prefix string, size int) iter.Seq2[[]string, error] {
		return func(yield func([]string, error) bool) {
			for page, err := range backend.ScanPages(ctx, b, prefix, size) {
				if !yield(page, err) {
					return
				}
			}
			yield(nil, nil)
		}
	})},
	{"ends after a page", "scan/more than a page", onScan(firstPage)},
	{"takes the page's size for a limit", "scan/page sizes", onScan(firstPage)},
	{"remembers a scan that was left", "scan/break", func(b backend.Backend) backend.Backend {
		busy := false
		return onScan(func(ctx context.Context, b backend.Backend, prefix string, size int) iter.Seq2[[]string, error] {
			return func(yield func([]string, error) bool) {
				if busy {
					yield(nil, errors.New("a scan is under way"))
					return
				}
				busy = true
				for page, err := range backend.ScanPages(ctx, b, prefix, size) {
					if !yield(page, err) {
						return
					}
				}
				busy = false
			}
		})(b)
	}},
	{"scans once", "scan/twice", onScan(func(ctx context.Context, b backend.Backend, prefix string, size int) iter.Seq2[[]string, error] {
		keys := allKeys(ctx, b, prefix)
		return func(yield func([]string, error) bool) {
			pages := pagesOf(keys, size)
			keys = nil
			pages(yield)
		}
	})},
	{"counts keys to find the next page", "scan/delete while scanning", onScan(func(ctx context.Context, b backend.Backend, prefix string, size int) iter.Seq2[[]string, error] {
		return func(yield func([]string, error) bool) {
			for from := 0; ; from += size {
				keys := allKeys(ctx, b, prefix)
				if from >= len(keys) || !yield(keys[from:min(from+size, len(keys))], nil) {
					return
				}
			}
		}
	})},
	{"ends when a key is written", "scan/write while scanning", onScan(func(ctx context.Context, b backend.Backend, prefix string, size int) iter.Seq2[[]string, error] {
		return func(yield func([]string, error) bool) {
			before := len(allKeys(ctx, b, prefix))
			for page, err := range backend.ScanPages(ctx, b, prefix, size) {
				if len(allKeys(ctx, b, prefix)) != before || !yield(page, err) {
					return
				}
			}
		}
	})},
	{"yields whatever was there once", "scan/deleted keys", remembers},
	{"yields whatever was there once", "scan/expired keys", remembers},
}

func firstPage(ctx context.Context, b backend.Backend, prefix string, size int) iter.Seq2[[]string, error] {
	keys := allKeys(ctx, b, prefix)
	return pagesOf(keys[:min(len(keys), size)], size)
}

// remembers scans an index that nothing is ever removed from.
func remembers(b backend.Backend) backend.Backend {
	index := map[string]bool{}
	note := func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		for _, op := range ops {
			index[backend.Key(op)] = true
		}
		return next(ctx, ops)
	}
	return scanning{backend.Intercept(b, note), func(_ context.Context, _ backend.Backend, prefix string, size int) iter.Seq2[[]string, error] {
		var keys []string
		for key := range index {
			if strings.HasPrefix(key, prefix) {
				keys = append(keys, key)
			}
		}
		return pagesOf(keys, size)
	}}
}

// allKeys is every key with the prefix.
func allKeys(ctx context.Context, b backend.Backend, prefix string) (keys []string) {
	for page := range b.Scan(ctx, prefix) {
		keys = append(keys, page...)
	}
	return keys
}

// pagesOf yields the keys in pages.
func pagesOf(keys []string, size int) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for page := range slices.Chunk(keys, size) {
			if !yield(page, nil) {
				return
			}
		}
	}
}

var concurrencyMutants = []mutant{
	{"looks, then creates", "concurrency/one creates", on(func(o *backend.Set, next next) {
		exists := &backend.Exists{Key: o.Key}
		next(exists)
		pause()
		if o.Cond == backend.IfAbsent && !exists.Found {
			o.Cond = backend.Always
		}
		next(o)
	})},
	{"reads, then deletes", "concurrency/one takes", on(func(o *backend.Take, next next) {
		get := &backend.Get{Key: o.Key}
		next(get)
		pause()
		next(&backend.Delete{Key: o.Key})
		o.Value, o.Found = get.Value, get.Found
	})},
	{"looks, then deletes", "concurrency/one deletes", on(func(o *backend.Delete, next next) {
		exists := &backend.Exists{Key: o.Key}
		next(exists)
		pause()
		next(o)
		o.Deleted = exists.Found
	})},
	{"reads, then swaps", "concurrency/swaps lose nothing", on(func(o *backend.Set, next next) {
		get := &backend.Get{Key: o.Key}
		next(get)
		pause()
		next(o)
		o.Old, o.OldFound = get.Value, get.Found
	})},
	{"reads, then swaps", "concurrency/swaps count", on(func(o *backend.CompareAndSwap, next next) {
		get := &backend.Get{Key: o.Key}
		next(get)
		pause()
		o.Current, o.Found = get.Value, get.Found
		if o.Applied = bytes.Equal(get.Value, o.Old); o.Applied {
			next(&backend.Set{Key: o.Key, Value: o.Value})
		}
	})},
	{"reads, then deletes", "concurrency/one compares and deletes", on(func(o *backend.CompareAndDelete, next next) {
		get := &backend.Get{Key: o.Key}
		next(get)
		pause()
		next(&backend.Delete{Key: o.Key})
		o.Deleted = get.Found && bytes.Equal(get.Value, o.Old)
	})},
	{"looks, then fills", "concurrency/one fills", on(func(o *backend.Fill, next next) {
		lease := &backend.ZScore{Key: o.Leases, Member: o.Token}
		next(lease)
		pause()
		if o.Applied = lease.Found; o.Applied {
			next(&backend.Set{Key: o.Key, Value: o.Value}, &backend.Delete{Key: o.Leases})
		}
	})},
	{"writes, then expires", "concurrency/never without its expiry", on(func(o *backend.Set, next next) {
		plain := &backend.Set{Key: o.Key, Value: o.Value, KeepTTL: o.KeepTTL}
		next(plain)
		pause()
		if o.TTL > 0 {
			next(&backend.Expire{Key: o.Key, TTL: o.TTL})
		}
	})},
	{"looks for an expiry to keep, then writes", "concurrency/never created without its expiry", on(func(o *backend.Set, next next) {
		exists := &backend.Exists{Key: o.Key}
		next(exists)
		pause()
		if exists.Found {
			o.TTL, o.ExpireAt = 0, time.Time{}
		}
		next(o)
	})},
	{"has one buffer for all callers", "concurrency/batches of many", func(b backend.Backend) backend.Backend {
		var buffer atomic.Pointer[[]byte]
		return on(func(o *backend.Get, next next) {
			next(o)
			buffer.Store(&o.Value)
			pause()
			o.Value = *buffer.Load()
		})(b)
	}},
	{"ends a scan when another begins", "concurrency/scans of many", func(b backend.Backend) backend.Backend {
		var scans atomic.Int64
		return onScan(func(ctx context.Context, b backend.Backend, prefix string, size int) iter.Seq2[[]string, error] {
			return func(yield func([]string, error) bool) {
				mine := scans.Add(1)
				pause()
				if scans.Load() == mine {
					backend.ScanPages(ctx, b, prefix, size)(yield)
				}
			}
		})(b)
	}},
}

var leaseMutants = []mutant{
	{"has a permit too many", "lease/permits", on(func(o *backend.Acquire, next next) {
		o.Permits++
		next(o)
		o.Permits--
	})},
	{"gives no token a second lease", "lease/the same token", on(func(o *backend.Acquire, next next) {
		held := &backend.Leases{Key: o.Key}
		next(held)
		for _, lease := range held.Held {
			if bytes.Equal(lease.Token, o.Token) {
				o.Left = lease.Left
				return
			}
		}
		next(o)
	})},
	{"gives all leases one number", "lease/numbers grow", on(func(o *backend.Acquire, next next) {
		if next(o); o.Acquired {
			o.Number = 5
		}
	})},
	{"notes that who has a lease waits", "lease/waiting", on(func(o *backend.Acquire, next next) {
		next(o)
		if o.Acquired {
			next(&backend.ZAdd{Key: o.Key, Members: []backend.Scored{{Member: []byte(backend.Waiting), Score: float64(far.UnixMilli())}}})
		}
	})},
	{"notes nothing", "lease/waiting", on(func(o *backend.Acquire, next next) {
		o.Wait = 0
		next(o)
	})},
	{"notes for ever", "lease/waiting", on(func(o *backend.Acquire, next next) {
		if o.Wait > 0 {
			o.Wait = hour
		}
		next(o)
	})},
	{"prolongs what has ended", "lease/a lease ends", on(func(o *backend.Prolong, next next) {
		until := float64(time.Now().Add(o.TTL).UnixMilli())
		next(&backend.ZAdd{Key: o.Key, Members: []backend.Scored{{Member: o.Token, Score: until}}})
		o.Prolonged = true
	})},
	{"prolongs the lease and not the key", "lease/prolong", on(func(o *backend.Prolong, next next) {
		ttl := &backend.TTL{Key: o.Key}
		next(ttl)
		if next(o); o.Prolonged {
			next(&backend.Expire{Key: o.Key, TTL: ttl.Remaining})
		}
	})},
}

var countMutants = []mutant{
	{"can't take back what adds nothing", "count/out of bounds", on(func(o *backend.HIncrBy, next next) {
		if next(o); !o.Applied && o.By == 0 && o.Now != 0 {
			backend.Fail(o, backend.ErrNoNumber)
		}
	})},
}

var fillMutants = []mutant{
	{"claims what is there", "fill/claim", on(func(o *backend.Claim, next next) {
		anew := o.Anew
		o.Anew = true
		next(o)
		o.Anew = anew
	})},
	{"knows no expiry", "fill/claim", on(func(o *backend.Claim, next next) {
		next(o)
		o.ExpireAt = 0
	})},
	{"keeps nobody out", "fill/claim of one", on(func(o *backend.Claim, next next) {
		next(&backend.Delete{Key: o.Leases})
		next(o)
	})},
	{"keeps all out", "fill/claim of many", on(func(o *backend.Claim, next next) {
		token := o.Token
		o.Token = bytes.TrimPrefix(o.Token, []byte(backend.Shared))
		next(o)
		o.Token = token
	})},
	{"keeps nothing", "fill/claim reads what was kept", on(func(o *backend.Claim, next next) {
		next(o)
		o.Old, o.OldFound = nil, false
	})},
	{"keeps the lease", "fill/fill", on(func(o *backend.Fill, next next) {
		if next(o); o.Applied {
			next(&backend.Claim{Key: o.Key, Leases: o.Leases, Token: o.Token, TTL: hour, Anew: true})
		}
	})},
	{"forgets the TTL", "fill/fill", on(func(o *backend.Fill, next next) {
		ttl := o.TTL
		o.TTL = 0
		next(o)
		o.TTL = ttl
	})},
	{"asks for no lease", "fill/fill without the lease", on(func(o *backend.Fill, next next) {
		next(&backend.Set{Key: o.Key, Value: o.Value, Cond: backend.IfAbsent})
		o.Applied = true
	})},
	{"compares no value", "fill/fill of what has changed", on(func(o *backend.Fill, next next) {
		held := &backend.Get{Key: o.Key}
		next(held)
		seen := o.Seen
		o.Seen.Value, o.Seen.Found = held.Value, held.Found
		next(o)
		o.Seen = seen
	})},
	{"compares no expiry", "fill/fill of what has changed", on(func(o *backend.Fill, next next) {
		at := &backend.ExpireTime{Key: o.Key}
		next(at)
		seen := o.Seen
		if o.Seen.ExpireAt = 0; !at.At.IsZero() {
			o.Seen.ExpireAt = at.At.UnixMilli()
		}
		next(o)
		o.Seen = seen
	})},
	{"forgets a failure", "fill/fill with a failure", on(func(o *backend.Claim, next next) {
		next(&backend.ZRem{Key: o.Leases, Members: [][]byte{[]byte(backend.Failure)}})
		next(o)
	})},
	{"stores nothing as a value", "fill/fill with nothing", on(func(o *backend.Fill, next next) {
		next(o)
		next(&backend.Set{Key: o.Key})
	})},
}

var limitMutants = []mutant{
	{"has a burst of one more", "limit/a burst", on(func(o *backend.Limit, next next) {
		o.Burst++
		next(o)
		o.Burst--
	})},
	{"remembers for good", "limit/what is earned", on(func(o *backend.Limit, next next) {
		next(o)
		next(&backend.Persist{Key: o.Key})
	})},
	{"knows no windows", "limit/a window", on(func(o *backend.Limit, next next) {
		window := o.Window
		o.Window = false
		next(o)
		o.Window = window
	})},
	{"counts what only looks", "limit/peek", on(func(o *backend.Limit, next next) {
		peek := o.Peek
		o.Peek = false
		next(o)
		o.Peek = peek
	})},
	{"allows what it can't count", "limit/no limiter", on(func(o *backend.Limit, next next) {
		if next(o); backend.Err(o) != nil {
			backend.Fail(o, nil)
			o.Allowed = true
		}
	})},
}
