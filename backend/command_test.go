package backend_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/backendtest"
	"github.com/redisimnest/rin/backend/wire"
)

func TestCommand(t *testing.T) {
	at := time.UnixMilli(1_800_000_000_123).Add(999 * time.Microsecond)
	v := []byte("v")
	for _, row := range []struct {
		op   backend.Op
		want string
	}{
		{&backend.Get{Key: "k"}, "GET k"},
		{&backend.Get{Key: "k", TTL: time.Second}, "GETEX k PX 1000"},
		{&backend.Set{Key: "k", Value: v}, "SET k v"},
		{&backend.Set{Key: "k"}, "SET k "},
		{&backend.Set{Key: "k", Value: v, TTL: time.Millisecond}, "SET k v PX 1"},
		{&backend.Set{Key: "k", Value: v, ExpireAt: at}, "SET k v PXAT 1800000000123"},
		{&backend.Set{Key: "k", Value: v, ExpireAt: time.Unix(-5, 0)}, "SET k v PXAT 1"},
		{&backend.Set{Key: "k", Value: v, KeepTTL: true}, "SET k v KEEPTTL"},
		{&backend.Set{Key: "k", Value: v, Cond: backend.IfAbsent, TTL: time.Second}, "SET k v NX PX 1000"},
		{&backend.Set{Key: "k", Value: v, Cond: backend.IfAbsent, KeepTTL: true, TTL: time.Second}, "SET k v NX PX 1000"},
		{&backend.Set{Key: "k", Value: v, Cond: backend.IfPresent, KeepTTL: true}, "SET k v XX KEEPTTL"},
		{&backend.Set{Key: "k", Value: v, Cond: backend.IfPresent, KeepTTL: true, ExpireAt: at}, "SET k v XX KEEPTTL"},
		{&backend.Set{Key: "k", Value: v, ReturnOld: true}, "SET k v GET"},
		{&backend.Set{Key: "k", Value: v, Cond: backend.IfPresent, ReturnOld: true, TTL: time.Second}, "SET k v XX GET PX 1000"},
		{&backend.Set{Key: "k", Value: v, Cond: backend.IfAbsent, ReturnOld: true}, "EVAL script 1 k NX     0 1000  0 0 SET v"},
		{&backend.Set{Key: "k", Value: v, Cond: backend.IfAbsent, ReturnOld: true, TTL: time.Second}, "EVAL script 1 k NX     0 1000  0 0 SET v PX 1000"},
		{&backend.Set{Key: "k", Value: v, KeepTTL: true, TTL: time.Second}, "EVAL script 1 k      0 1000  3 0 NX PX 1000 SET v KEEPTTL"},
		{&backend.Set{Key: "k", Value: v, KeepTTL: true, ExpireAt: at, ReturnOld: true}, "EVAL script 1 k      0 1000  3 0 NX PXAT 1800000000123 SET v KEEPTTL GET"},
		{&backend.Take{Key: "k"}, "GETDEL k"},
		{&backend.Delete{Key: "k"}, "UNLINK k"},
		{&backend.Exists{Key: "k"}, "EXISTS k"},
		{&backend.TTL{Key: "k"}, "PTTL k"},
		{&backend.Expire{Key: "k", TTL: time.Second}, "PEXPIRE k 1000"},
		{&backend.Expire{Key: "k", ExpireAt: at}, "PEXPIREAT k 1800000000123"},
		{&backend.Persist{Key: "k"}, "PERSIST k"},
		{&backend.ExpireTime{Key: "k"}, "PEXPIRETIME k"},
		{&backend.MemoryUsage{Key: "k"}, "MEMORY USAGE k"},
		{&backend.CompareAndSwap{Key: "k", Value: v, Old: []byte("o")}, "EVAL script 1 k = o    0 1000  0 0 SET v"},
		{&backend.CompareAndSwap{Key: "k", Value: v, Old: []byte("o"), TTL: time.Second}, "EVAL script 1 k = o    0 1000  0 0 SET v PX 1000"},
		{&backend.CompareAndSwap{Key: "k", Value: v, Old: []byte("o"), ExpireAt: at}, "EVAL script 1 k = o    0 1000  0 0 SET v PXAT 1800000000123"},
		{&backend.CompareAndSwap{Key: "k", Value: v, Old: []byte("o"), KeepTTL: true, TTL: time.Second}, "EVAL script 1 k = o    0 1000  0 0 SET v KEEPTTL"},
		{&backend.CompareAndSwap{Key: "k", Value: v, Absent: true}, "EVAL script 1 k NX     0 1000  0 0 SET v"},
		{&backend.CompareAndSwap{Key: "k", Value: v, Absent: true, KeepTTL: true, TTL: time.Second}, "EVAL script 1 k NX     0 1000  0 0 SET v PX 1000"},
		{&backend.CompareAndDelete{Key: "k", Old: []byte("o")}, "EVAL script 1 k = o    0 1000  0 0 UNLINK"},
		{&backend.Claim{Key: "k", Leases: "{k}l", Token: []byte("t"), TTL: time.Second}, "EVAL script 2 k {k}l t 1000 "},
		{&backend.Claim{Key: "k", Leases: "{k}l", Kept: "{k}o", Token: []byte("t"), TTL: time.Second, Anew: true}, "EVAL script 3 k {k}l {k}o t 1000 ANEW"},
		{&backend.Fill{Key: "k", Leases: "{k}l", Token: []byte("t"), Value: v}, "EVAL script 2 k {k}l t   0 v 0 0  "},
		{
			&backend.Fill{Key: "k", Leases: "{k}l", Kept: "{k}o", Token: []byte("t"), Seen: backend.Seen{Value: v, Found: true, ExpireAt: 5}, Value: v, TTL: time.Second, KeptTTL: time.Minute},
			"EVAL script 3 k {k}l {k}o t FOUND v 5 v 1000 60000  ",
		},
		{&backend.Do{Key: "k", Command: []string{"OBJECT", "ENCODING"}}, "OBJECT ENCODING k"},
		{&backend.Do{Key: "k", Command: []string{"LRANGE"}, Args: [][]byte{[]byte("0"), []byte("-1")}}, "LRANGE k 0 -1"},
		{
			&backend.Do{Key: "k", Command: []string{"SADD"}, Args: [][]byte{v, v}, TTL: time.Second, Item: 1, Adds: true},
			"EVAL script 1 k   PEXPIRE 1000  0 1 + 0 0 SADD v v",
		},
	} {
		c := backend.Command(row.op)
		if got := line(c.Words); got != row.want {
			t.Errorf("Command(%+v) = %q, want %q", row.op, got, row.want)
		}
		if key := c.Words[c.KeyAt]; key.String() != "k" {
			t.Errorf("%s: KeyAt says that the key is %v", row.want, key)
		}
		c.Free()
	}
}

// line is a command as one reads it.
func line(words []wire.Word) string {
	texts := make([]string, len(words))
	for i, word := range words {
		texts[i] = word.String()
	}
	if texts[0] == "EVAL" {
		texts[1] = "script"
	}
	return strings.Join(texts, " ")
}

// An ACL has to allow what a script calls, too, and no more than that.
func TestCommands(t *testing.T) {
	for _, row := range []struct {
		op   backend.Op
		want string
	}{
		{&backend.Get{Key: "k"}, "get"},
		{&backend.MemoryUsage{Key: "k"}, "memory|usage"},
		{&backend.Set{Key: "k", KeepTTL: true, TTL: time.Second}, "eval set"},
		{&backend.Set{Key: "k", Cond: backend.IfAbsent, ReturnOld: true}, "eval get set"},
		{&backend.CompareAndDelete{Key: "k"}, "eval get unlink"},
		{&backend.Fill{Key: "k", Leases: "l"}, "eval get set time unlink zrem zscore"},
		{&backend.Do{Key: "k", Command: []string{"HSET"}, TTL: time.Second}, "eval hset pexpire"},
	} {
		if got := strings.Join(backend.Commands(row.op), " "); got != row.want {
			t.Errorf("Commands(%T) = %s, want %s", row.op, got, row.want)
		}
	}
}

func TestWord_sharesNothing(t *testing.T) {
	value := []byte("before")
	c := backend.Command(&backend.Set{Key: "k", Value: value})
	defer c.Free()
	text := c.Words[2].String()
	copy(value, "after!")
	if text != "before" {
		t.Errorf("String = %q after its word has changed, want %q", text, "before")
	}
}

// reply and step are replies of a server.
func reply(text string) wire.Reply { return wire.Reply{Text: text} }

var none = wire.Reply{Nil: true}

func step(did string, answer wire.Reply) wire.Reply { return wire.ArrayOf(reply(did), answer) }

func TestAnswer(t *testing.T) {
	for _, row := range []struct {
		op    backend.Op
		reply wire.Reply
		want  backend.Op
	}{
		{&backend.Get{}, reply("v"), &backend.Get{Value: []byte("v"), Found: true}},
		{&backend.Get{}, reply(""), &backend.Get{Value: []byte{}, Found: true}},
		{&backend.Get{}, none, &backend.Get{}},
		{&backend.Set{}, reply("OK"), &backend.Set{Applied: true}},
		{&backend.Set{Cond: backend.IfAbsent}, none, &backend.Set{Cond: backend.IfAbsent}},
		{&backend.Set{KeepTTL: true}, step("1", reply("OK")), &backend.Set{KeepTTL: true, Applied: true}},
		{&backend.Set{KeepTTL: true}, step("2", reply("OK")), &backend.Set{KeepTTL: true, Applied: true}},
		{&backend.TTL{}, reply("1500"), &backend.TTL{Found: true, Remaining: 1500 * time.Millisecond}},
		{&backend.TTL{}, reply("0"), &backend.TTL{Found: true, Remaining: time.Millisecond}},
		{&backend.TTL{}, reply("-1"), &backend.TTL{Found: true}},
		{&backend.TTL{}, reply("-2"), &backend.TTL{}},
		{
			&backend.TTL{}, reply(fmt.Sprint(math.MaxInt64)),
			&backend.TTL{Found: true, Remaining: math.MaxInt64 / time.Millisecond * time.Millisecond},
		},
		{&backend.Delete{}, reply("1"), &backend.Delete{Deleted: true}},
		{&backend.Delete{}, reply("0"), &backend.Delete{}},
		{&backend.ExpireTime{}, reply("1500"), &backend.ExpireTime{Found: true, At: time.UnixMilli(1500)}},
		{&backend.ExpireTime{}, reply("-1"), &backend.ExpireTime{Found: true}},
		{&backend.ExpireTime{}, reply("-2"), &backend.ExpireTime{}},
		{&backend.MemoryUsage{}, reply("72"), &backend.MemoryUsage{Found: true, Bytes: 72}},
		{&backend.MemoryUsage{}, none, &backend.MemoryUsage{}},
		{&backend.CompareAndSwap{}, step("1", reply("OK")), &backend.CompareAndSwap{Applied: true}},
		{&backend.CompareAndSwap{}, step("0", reply("1")), &backend.CompareAndSwap{Found: true, Current: []byte("1")}},
		{&backend.CompareAndSwap{}, step("0", reply("")), &backend.CompareAndSwap{Found: true, Current: []byte{}}},
		{&backend.CompareAndSwap{}, step("0", none), &backend.CompareAndSwap{}},
		{&backend.CompareAndDelete{}, step("1", reply("1")), &backend.CompareAndDelete{Deleted: true}},
		{&backend.CompareAndDelete{}, step("0", reply("x")), &backend.CompareAndDelete{Found: true, Current: []byte("x")}},
		{&backend.CompareAndDelete{}, step("0", none), &backend.CompareAndDelete{}},
		{&backend.Claim{}, wire.ArrayOf(reply("CLAIMED"), none, reply("0"), reply("0"), reply("o")), &backend.Claim{Claimed: true, Old: []byte("o"), OldFound: true}},
		{&backend.Claim{}, wire.ArrayOf(reply("FOUND"), reply("v"), reply("5"), reply("0"), none), &backend.Claim{Value: []byte("v"), Found: true, ExpireAt: 5}},
		{&backend.Claim{}, wire.ArrayOf(reply("NOTHING"), none, reply("0"), reply("0"), none), &backend.Claim{Nothing: true}},
		{&backend.Claim{}, wire.ArrayOf(reply("FAILED"), none, reply("0"), reply("0"), reply("o")), &backend.Claim{Failed: true, Old: []byte("o"), OldFound: true}},
		{&backend.Claim{}, wire.ArrayOf(reply("HELD"), none, reply("0"), reply("7"), none), &backend.Claim{Left: 7 * time.Millisecond}},
		{&backend.Fill{}, reply("1"), &backend.Fill{Applied: true}},
		{&backend.Fill{}, reply("0"), &backend.Fill{}},
		{&backend.Do{}, wire.ArrayOf(none, reply("1")), &backend.Do{Reply: wire.ArrayOf(none, reply("1"))}},
		{&backend.Do{TTL: 1}, step("1", reply("3")), &backend.Do{TTL: 1, Reply: reply("3")}},
	} {
		backend.Answer(row.op, row.reply)
		if diff := cmp.Diff(row.want, row.op, cmp.AllowUnexported(wire.Reply{})); diff != "" {
			t.Errorf("Answer with %v (-want +got):\n%s", row.reply, diff)
		}
	}
}

// With the old value for a reply, only the condition says whether it was
// replaced.
func TestAnswer_returnOld(t *testing.T) {
	for _, row := range []struct {
		cond           backend.Cond
		reply          wire.Reply
		applied, found bool
	}{
		{backend.Always, reply("old"), true, true},
		{backend.Always, none, true, false},
		{backend.IfPresent, reply("old"), true, true},
		{backend.IfPresent, none, false, false},
		{backend.Always, step("1", reply("old")), true, true},
		{backend.Always, step("1", none), true, false},
		{backend.Always, step("2", reply("OK")), true, false},
		{backend.IfAbsent, step("0", reply("old")), false, true},
		{backend.IfAbsent, step("1", reply("OK")), true, false},
	} {
		set := &backend.Set{Cond: row.cond, ReturnOld: true}
		backend.Answer(set, row.reply)
		if set.Applied != row.applied || set.OldFound != row.found || row.found != (string(set.Old) == "old") {
			t.Errorf("Cond %d, reply %v: applied %t, Old %q, %t", row.cond, row.reply, set.Applied, set.Old, set.OldFound)
		}
	}
}

// A reply that no server gives is an error, not an answer.
func TestAnswer_nonsense(t *testing.T) {
	for _, op := range []backend.Op{
		&backend.TTL{}, &backend.ExpireTime{}, &backend.MemoryUsage{}, &backend.CompareAndSwap{},
		&backend.CompareAndDelete{}, &backend.Claim{}, &backend.Fill{}, &backend.Delete{}, &backend.Exists{}, &backend.Expire{}, &backend.Persist{},
	} {
		for _, r := range []wire.Reply{reply(""), reply("OK")} {
			if backend.Answer(op, r); !mentions(backend.Err(op), r.String()) {
				t.Errorf("%s answered %v: %v; want an error that quotes it", backend.Name(op), r, backend.Err(op))
			}
		}
	}
}

// An array, or an error, is no string: least of all an empty one, which is there.
func TestAnswer_ofAnotherForm(t *testing.T) {
	for _, o := range backendtest.Ops() {
		for _, r := range []wire.Reply{wire.ArrayOf(), wire.ArrayOf(none, none, none), failed("ERR no"), step("1", failed("ERR no"))} {
			if o.Protocol && r.Err == nil {
				continue // Every reply is one to a Do.
			}
			op := o.New("k")
			if r.IsArray() && len(r.Elems) == 0 && answersArray(op) {
				continue
			}
			if backend.Answer(op, r); backend.Err(op) == nil {
				t.Errorf("%s takes %v for an answer: %+v", o.Name, r, op)
			}
		}
	}
}

// answersArray says that an array of nothing is an answer to op.
func answersArray(op backend.Op) bool {
	c := backend.Command(op)
	defer c.Free()
	_, fixed := op.(*backend.HMGet) // which has an element for each field
	_, listed := op.(*backend.Leases)
	return c.Nested && (c.Words[0].String() != "EVAL" || listed) && !fixed
}

func mentions(err error, text string) bool {
	return err != nil && strings.Contains(err.Error(), text)
}

func TestRefused(t *testing.T) {
	for _, row := range []struct {
		op    backend.Op
		reply string
		want  error
		text  string
	}{
		{&backend.Get{}, "WRONGTYPE Operation against a key", backend.ErrWrongKind, ""},
		{&backend.CompareAndSwap{}, "WRONGTYPE Operation against a key script: 1f, on @user_script:3.", backend.ErrWrongKind, ""},
		{&backend.Take{}, "ERR unknown command 'GETDEL'", backend.ErrUnsupported, "take needs Redis 6.2 or later"},
		{&backend.ExpireTime{}, "ERR unknown command 'PEXPIRETIME'", backend.ErrUnsupported, "expire time needs Redis 7.0 or later"},
		{&backend.Do{Command: []string{"NOSUCH"}}, "ERR unknown command 'NOSUCH'", backend.ErrUnsupported, "the server does not know it"},
		{&backend.Set{Cond: backend.IfAbsent, ReturnOld: true}, "ERR unknown command 'EVAL'", backend.ErrUnsupported, "set needs EVAL, which the server has renamed or switched off"},
		{&backend.Fill{}, "CROSSSLOT Keys in request don't hash to the same slot", backend.ErrCrossSlot, ""},
	} {
		err := backend.Refused(row.op, errors.New(row.reply))
		if !errors.Is(err, row.want) || !mentions(err, row.text) || !mentions(err, row.reply) {
			t.Errorf("Refused %q = %v, want %v with %q", row.reply, err, row.want, row.text)
		}
	}
}

func TestLost(t *testing.T) {
	broken := errors.New("connection reset")
	past, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()

	write := backend.Lost(past, &backend.Delete{}, broken)
	for _, want := range []error{backend.ErrUnknownOutcome, context.DeadlineExceeded, broken} {
		if !errors.Is(write, want) {
			t.Errorf("Lost write = %v, want %v in it", write, want)
		}
	}
	if read := backend.Lost(t.Context(), &backend.Get{}, broken); read != broken { //nolint:errorlint // it must come back as it is
		t.Errorf("Lost read = %v, want the error as it is", read)
	}
	if unsent := backend.Unsent(past, context.DeadlineExceeded); unsent != context.DeadlineExceeded { //nolint:errorlint // it must come back as it is
		t.Errorf("Unsent = %v, want the context's error said once", unsent)
	}
}

// Every op of a discarded transaction says what was refused.
func TestDiscarded(t *testing.T) {
	abort := func() error { return errors.New("EXECABORT Transaction discarded because of previous errors.") }
	set, take, get := &backend.Set{Err: abort()}, &backend.Take{}, &backend.Get{Err: abort()}
	take.Err = backend.Refused(take, errors.New("ERR unknown command 'GETDEL'"))
	ops := []backend.Op{set, take, get}
	backend.Discarded(ops)
	for _, op := range ops {
		err := backend.Err(op)
		if !errors.Is(err, backend.ErrUnsupported) || !mentions(err, "unknown command 'GETDEL'") {
			t.Errorf("%s: %v, want what was refused", backend.Name(op), err)
		}
	}
	if !mentions(set.Err, "EXECABORT Transaction discarded because of previous errors.: take: ") {
		t.Errorf("Set: %v, want that it was discarded, and which op was refused", set.Err)
	}

	lone := &backend.Set{Err: abort()}
	want := lone.Err
	if backend.Discarded([]backend.Op{lone}); lone.Err != want { //nolint:errorlint // it must come back as it is
		t.Errorf("without another op: %v, want the error as it is", lone.Err)
	}
}
