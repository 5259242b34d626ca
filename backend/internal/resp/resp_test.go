package resp_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/internal/resp"
)

func TestAppend(t *testing.T) {
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
		{&backend.Set{Key: "k", Value: v, Cond: backend.IfPresent, KeepTTL: true}, "SET k v XX KEEPTTL"},
		{&backend.Set{Key: "k", Value: v, ReturnOld: true}, "SET k v GET"},
		{&backend.Set{Key: "k", Value: v, Cond: backend.IfPresent, ReturnOld: true, TTL: time.Second}, "SET k v XX GET PX 1000"},
		{&backend.Set{Key: "k", Value: v, Cond: backend.IfAbsent, ReturnOld: true}, "EVAL script 1 k v NX GET "},
		{&backend.Set{Key: "k", Value: v, KeepTTL: true, TTL: time.Second}, "EVAL script 1 k v   KEEPTTL PX 1000"},
		{&backend.Set{Key: "k", Value: v, KeepTTL: true, ExpireAt: at, Cond: backend.IfPresent}, "EVAL script 1 k v XX  KEEPTTL PXAT 1800000000123"},
		{&backend.Take{Key: "k"}, "GETDEL k"},
		{&backend.Delete{Key: "k"}, "UNLINK k"},
		{&backend.Exists{Key: "k"}, "EXISTS k"},
		{&backend.TTL{Key: "k"}, "PTTL k"},
		{&backend.Expire{Key: "k", TTL: time.Second}, "PEXPIRE k 1000"},
		{&backend.Expire{Key: "k", ExpireAt: at}, "PEXPIREAT k 1800000000123"},
		{&backend.Persist{Key: "k"}, "PERSIST k"},
		{&backend.ExpireTime{Key: "k"}, "PEXPIRETIME k"},
		{&backend.MemoryUsage{Key: "k"}, "MEMORY USAGE k"},
		{&backend.CompareAndSwap{Key: "k", Value: v, Old: []byte("o")}, "EVAL script 1 k v  o"},
		{&backend.CompareAndSwap{Key: "k", Value: v, Old: []byte("o"), TTL: time.Second}, "EVAL script 1 k v  o PX 1000"},
		{&backend.CompareAndSwap{Key: "k", Value: v, Old: []byte("o"), ExpireAt: at}, "EVAL script 1 k v  o PXAT 1800000000123"},
		{&backend.CompareAndSwap{Key: "k", Value: v, Old: []byte("o"), KeepTTL: true, TTL: time.Second}, "EVAL script 1 k v  o KEEPTTL"},
		{&backend.CompareAndSwap{Key: "k", Value: v, Absent: true}, "EVAL script 1 k v NX "},
		{&backend.CompareAndSwap{Key: "k", Value: v, Absent: true, KeepTTL: true, TTL: time.Second}, "EVAL script 1 k v NX  PX 1000"},
		{&backend.CompareAndDelete{Key: "k", Old: []byte("o")}, "EVAL script 1 k o"},
		{&backend.SetLocked{Key: "k", Value: v, Lock: "{k}l", Token: []byte("t")}, "EVAL script 2 k {k}l v t"},
		{&backend.SetLocked{Key: "k", Value: v, Lock: "{k}l", Token: []byte("t"), TTL: time.Second}, "EVAL script 2 k {k}l v t PX 1000"},
	} {
		words, err := resp.Append(nil, row.op)
		if err != nil {
			t.Errorf("%s: %v", row.want, err)
			continue
		}
		if got := line(words); got != row.want {
			t.Errorf("Append(%+v) = %q, want %q", row.op, got, row.want)
		}
		if key := words[resp.KeyAt(words)]; key.String() != "k" {
			t.Errorf("%s: KeyAt says that the key is %v", row.want, key)
		}
	}
}

// line is a command as one reads it.
func line(words []resp.Word) string {
	texts := make([]string, len(words))
	for i, word := range words {
		texts[i] = word.String()
	}
	if texts[0] == "EVAL" {
		texts[1] = "script"
	}
	return strings.Join(texts, " ")
}

func TestWord_sharesNothing(t *testing.T) {
	value := []byte("before")
	words, err := resp.Append(nil, &backend.Set{Key: "k", Value: value})
	if err != nil {
		t.Fatal(err)
	}
	text := words[2].String()
	copy(value, "after!")
	if text != "before" {
		t.Errorf("String = %q after its word has changed, want %q", text, "before")
	}
}

func TestFill(t *testing.T) {
	for _, row := range []struct {
		op, want backend.Op
		text     string
		ok       bool
	}{
		{op: &backend.Get{}, text: "v", ok: true, want: &backend.Get{Value: []byte("v"), Found: true}},
		{op: &backend.Get{}, text: "", ok: true, want: &backend.Get{Value: []byte{}, Found: true}},
		{op: &backend.Get{}, want: &backend.Get{}},
		{op: &backend.Set{}, text: "OK", ok: true, want: &backend.Set{Applied: true}},
		{op: &backend.Set{Cond: backend.IfAbsent}, want: &backend.Set{Cond: backend.IfAbsent}},
		{op: &backend.TTL{}, text: "1500", ok: true, want: &backend.TTL{Found: true, Remaining: 1500 * time.Millisecond}},
		{op: &backend.TTL{}, text: "0", ok: true, want: &backend.TTL{Found: true, Remaining: time.Millisecond}},
		{op: &backend.TTL{}, text: "-1", ok: true, want: &backend.TTL{Found: true}},
		{op: &backend.TTL{}, text: "-2", ok: true, want: &backend.TTL{}},
		{
			op: &backend.TTL{}, text: fmt.Sprint(math.MaxInt64), ok: true,
			want: &backend.TTL{Found: true, Remaining: math.MaxInt64 / time.Millisecond * time.Millisecond},
		},
		{op: &backend.Delete{}, text: "1", ok: true, want: &backend.Delete{Deleted: true}},
		{op: &backend.Delete{}, text: "0", ok: true, want: &backend.Delete{}},
		{op: &backend.ExpireTime{}, text: "1500", ok: true, want: &backend.ExpireTime{Found: true, At: time.UnixMilli(1500)}},
		{op: &backend.ExpireTime{}, text: "-1", ok: true, want: &backend.ExpireTime{Found: true}},
		{op: &backend.ExpireTime{}, text: "-2", ok: true, want: &backend.ExpireTime{}},
		{op: &backend.MemoryUsage{}, text: "72", ok: true, want: &backend.MemoryUsage{Found: true, Bytes: 72}},
		{op: &backend.MemoryUsage{}, want: &backend.MemoryUsage{}},
		{op: &backend.CompareAndSwap{}, text: "1", ok: true, want: &backend.CompareAndSwap{Applied: true}},
		{op: &backend.CompareAndSwap{}, text: "01", ok: true, want: &backend.CompareAndSwap{Found: true, Current: []byte("1")}},
		{op: &backend.CompareAndSwap{}, text: "0", ok: true, want: &backend.CompareAndSwap{Found: true, Current: []byte{}}},
		{op: &backend.CompareAndSwap{}, want: &backend.CompareAndSwap{}},
		{op: &backend.CompareAndDelete{}, text: "1", ok: true, want: &backend.CompareAndDelete{Deleted: true}},
		{op: &backend.CompareAndDelete{}, text: "0", ok: true, want: &backend.CompareAndDelete{}},
		{op: &backend.SetLocked{}, text: "1", ok: true, want: &backend.SetLocked{Applied: true}},
		{op: &backend.SetLocked{}, text: "0", ok: true, want: &backend.SetLocked{}},
	} {
		resp.Fill(row.op, row.text, row.ok)
		if diff := cmp.Diff(row.want, row.op); diff != "" {
			t.Errorf("Fill with %q, %t (-want +got):\n%s", row.text, row.ok, diff)
		}
	}
}

// A reply that no server gives is an error, not an answer.
func TestFill_nonsense(t *testing.T) {
	for _, op := range []backend.Op{
		&backend.TTL{}, &backend.ExpireTime{}, &backend.MemoryUsage{}, &backend.CompareAndSwap{},
	} {
		for _, reply := range []string{"", "OK"} {
			if resp.Fill(op, reply, true); !mentions(backend.Err(op), strconv.Quote(reply)) {
				t.Errorf("%s answered %q: %v; want an error that quotes it", backend.Name(op), reply, backend.Err(op))
			}
		}
	}
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
		{&backend.SetLocked{}, "CROSSSLOT Keys in request don't hash to the same slot", backend.ErrCrossSlot, ""},
	} {
		err := resp.Refused(row.op, errors.New(row.reply))
		if !errors.Is(err, row.want) || !mentions(err, row.text) || !mentions(err, row.reply) {
			t.Errorf("Refused %q = %v, want %v with %q", row.reply, err, row.want, row.text)
		}
	}
}

// With the old value for a reply, only the condition says whether it was
// replaced.
func TestFill_returnOld(t *testing.T) {
	for _, row := range []struct {
		cond        backend.Cond
		found, want bool
	}{
		{backend.Always, true, true},
		{backend.Always, false, true},
		{backend.IfAbsent, true, false},
		{backend.IfAbsent, false, true},
		{backend.IfPresent, true, true},
		{backend.IfPresent, false, false},
	} {
		set := &backend.Set{Cond: row.cond, ReturnOld: true}
		resp.Fill(set, "", row.found)
		if set.Applied != row.want || set.OldFound != row.found {
			t.Errorf("Cond %d, old value found %t: applied %t, OldFound %t", row.cond, row.found, set.Applied, set.OldFound)
		}
	}
}

func TestLost(t *testing.T) {
	broken := errors.New("connection reset")
	past, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()

	write := resp.Lost(past, &backend.Delete{}, broken)
	for _, want := range []error{backend.ErrUnknownOutcome, context.DeadlineExceeded, broken} {
		if !errors.Is(write, want) {
			t.Errorf("Lost write = %v, want %v in it", write, want)
		}
	}
	if read := resp.Lost(t.Context(), &backend.Get{}, broken); read != broken { //nolint:errorlint // it must come back as it is
		t.Errorf("Lost read = %v, want the error as it is", read)
	}
	if unsent := resp.Unsent(past, context.DeadlineExceeded); unsent != context.DeadlineExceeded { //nolint:errorlint // it must come back as it is
		t.Errorf("Unsent = %v, want the context's error said once", unsent)
	}
}

// Every op of a discarded transaction says what was refused.
func TestDiscarded(t *testing.T) {
	abort := func() error { return errors.New("EXECABORT Transaction discarded because of previous errors.") }
	set, take, get := &backend.Set{Err: abort()}, &backend.Take{}, &backend.Get{Err: abort()}
	take.Err = resp.Refused(take, errors.New("ERR unknown command 'GETDEL'"))
	ops := []backend.Op{set, take, get}
	resp.Discarded(ops)
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
	if resp.Discarded([]backend.Op{lone}); lone.Err != want { //nolint:errorlint // it must come back as it is
		t.Errorf("without another op: %v, want the error as it is", lone.Err)
	}
}

func TestMatch(t *testing.T) {
	for prefix, want := range map[string]string{
		"":             "*",
		"user:1:":      "user:1:*",
		"user:{1}:":    "user:{1}:*",
		"a*b?c[d]e^-":  `a\*b\?c\[d\]e^-*`,
		`back\slash`:   `back\\slash*`,
		"käse:":        "käse:*",
		"raw\xff\x00:": "raw*",
	} {
		if got := resp.Match(prefix); got != want {
			t.Errorf("Match(%q) = %q, want %q", prefix, got, want)
		}
	}
}

// Whatever the prefix is, the keys that begin with it match its pattern.
func FuzzMatch(f *testing.F) {
	f.Add("user:*", "1")
	f.Add(`[\^a-]`, "")
	f.Fuzz(func(t *testing.T, prefix, rest string) {
		if strings.Contains(prefix+rest, "/") { // path.Match stops at it; SCAN doesn't.
			t.Skip()
		}
		if ok, err := path.Match(resp.Match(prefix), prefix+rest); err != nil || !ok {
			t.Errorf("Match(%q) = %q doesn't match %q: %v", prefix, resp.Match(prefix), prefix+rest, err)
		}
	})
}

func TestWithin(t *testing.T) {
	got := resp.Within("a*", []string{"a*b", "axb", "a*", "a"})
	if want := []string{"a*b", "a*"}; !slices.Equal(got, want) {
		t.Errorf("Within = %q, want %q", got, want)
	}
}
