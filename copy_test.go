package rin_test

import (
	"errors"
	"testing"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/codec"
	"github.com/redisimnest/rin/internal/servertest"
	"github.com/redisimnest/rin/memstore"
)

// a tree to copy in: one type of value, kept in two ways.
var (
	copyDraft   = rin.Key[map[string]int]("draft", rin.TTL(time.Minute), rin.Default(map[string]int{"d": 1}))
	copyFinal   = rin.Key[map[string]int]("final", rin.TTL(time.Hour), rin.Codec(codec.Gob))
	copyForever = rin.Key[map[string]int]("forever")
	copySoft    = rin.Key[map[string]int]("soft", rin.OnMismatch(rin.TreatAsMissing))
	copyUser    = rin.Cluster("user:<id>", rin.Child(copyDraft, copyFinal, copyForever, copySoft))
	copyRoot    = rin.Cluster("root", rin.Child(copyUser))
)

type mapEntry = rin.Entry[map[string]int]

// transfers are the two ways to copy.
var transfers = map[string]func(t *testing.T, src, dst mapEntry, opts ...rin.CopyOption) (bool, error){
	"copy": func(t *testing.T, src, dst mapEntry, opts ...rin.CopyOption) (bool, error) {
		return src.CopyTo(t.Context(), dst, opts...)
	},
	"move": func(t *testing.T, src, dst mapEntry, opts ...rin.CopyOption) (bool, error) {
		return src.MoveTo(t.Context(), dst, opts...)
	},
}

const (
	draftBytes = `~json:map[string]int:{"a":1}`
	otherBytes = `~json:map[string]int:{"b":2}`
)

func TestCopy(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root := mustOpen(t, copyRoot, r)
		src := copyDraft.At(root, 1)
		for _, tc := range []struct {
			name         string
			source, dest string // what they hold before; "": nothing
			to           mapEntry
			opts         []rin.CopyOption
			copied       bool
			err          error
			left         time.Duration // of the destination
			reason       string
		}{
			{"to a free key", draftBytes, "", copyForever.At(root, 1), nil, true, nil, 0, "the destination's own TTL is none"},
			{"to another user", draftBytes, "", copyDraft.At(root, 2), nil, true, nil, time.Minute, "the destination's own TTL"},
			{"to another codec", draftBytes, "", copyFinal.At(root, 1), nil, true, nil, time.Hour, "the destination's own TTL and codec"},
			{"to a key that is there", draftBytes, otherBytes, copyFinal.At(root, 1), nil, false, nil, 0, "nothing is replaced unasked"},
			{"Overwrite", draftBytes, otherBytes, copyFinal.At(root, 1), []rin.CopyOption{rin.Overwrite()}, true, nil, time.Hour, "it was asked for"},
			{"Overwrite of nothing", draftBytes, "", copyFinal.At(root, 1), []rin.CopyOption{rin.Overwrite()}, true, nil, time.Hour, "there is nothing to replace"},
			{"missing", "", "", copyFinal.At(root, 1), nil, false, rin.ErrNotFound, 0, "a default is no value to copy"},
			{"missing, Overwrite", "", otherBytes, copyFinal.At(root, 1), []rin.CopyOption{rin.Overwrite()}, false, rin.ErrNotFound, 0, "nothing replaces nothing"},
			{"wrong type", "~text:int:1", "", copyFinal.At(root, 1), nil, false, rin.ErrWrongType, 0, "what can't be read can't be written"},
			{"malformed", "~json:map[string]int:{", "", copyFinal.At(root, 1), nil, false, rin.ErrMalformed, 0, "what can't be read can't be written"},
		} {
			for name, transfer := range transfers {
				t.Run(name+" "+tc.name, func(t *testing.T) {
					hold(t, r, src.Key(), tc.source)
					hold(t, r, tc.to.Key(), tc.dest)
					copied, err := transfer(t, src, tc.to, tc.opts...)
					if copied != tc.copied || !isErr(err, tc.err) {
						t.Errorf("%v, %v, want %v, %v: %s", copied, err, tc.copied, tc.err, tc.reason)
					}
					if op := (*rin.OpError)(nil); err != nil && (!errors.As(err, &op) || op.Op != name || op.Key != src.Key()) {
						t.Errorf("the error is %#v", err)
					}
					if got := look(t, r, src.Key()); got.Found == (tc.source == "" || name == "move" && tc.copied) || got.Found && got.Value != tc.source {
						t.Errorf("the source is %+v", got)
					}
					got := look(t, r, tc.to.Key())
					if !tc.copied {
						if got.Value != tc.dest {
							t.Errorf("the destination is %+v: %s", got, tc.reason)
						}
						return
					}
					if value, err := tc.to.Get(t.Context()); len(value) != 1 || value["a"] != 1 || err != nil || !near(got.Left, tc.left) {
						t.Errorf("the destination is %v, %v, %+v, want it with %v: %s", value, err, got, tc.left, tc.reason)
					}
					if tag, _, err := codec.Decode([]byte(got.Value)); tag != "map[string]int" || err != nil || (got.Value[:5] == "~gob:") != (tc.to == copyFinal.At(root, 1)) {
						t.Errorf("the destination holds %q", got.Value)
					}
				})
			}
		}
	})
}

// hold makes a key hold a value, or nothing.
func hold(t *testing.T, b backend.Backend, key, value string) {
	t.Helper()
	check(t, b.Exec(t.Context(), &backend.Delete{Key: key}))
	if value != "" {
		put(t, b, key, value)
	}
}

func TestCopy_refuses(t *testing.T) {
	s := &spy{Backend: memstore.New()}
	root := mustOpen(t, copyRoot, s)
	src := copyDraft.At(root, 1)
	for name, transfer := range transfers {
		for _, tc := range []struct {
			dst  mapEntry
			opts []rin.CopyOption
			is   error
			text string
		}{
			{src, nil, nil, "the destination is the entry itself"},
			{src, []rin.CopyOption{rin.Overwrite()}, nil, "the destination is the entry itself"},
			{copyFinal.At(root), nil, rin.ErrMissingParam, "the destination: missing parameter: <id>"},
			{mapEntry{}, nil, nil, "the destination: the entry is not bound to a store: make it with the At method of its key"},
			{copyFinal.At(root, 1), []rin.CopyOption{nil}, nil, "an option of the copy is nil; leave it out"},
		} {
			copied, err := transfer(t, src, tc.dst, tc.opts...)
			if want := "rin: " + name + " root:user:1:draft: " + tc.text; copied || err == nil || err.Error() != want || tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("%s: %v, %v, want %s", name, copied, err, want)
			}
		}
	}
	if sent := s.taken(); len(sent) > 0 {
		t.Errorf("sent %v", sent)
	}
	if got := rin.Overwrite().String(); got != "Overwrite()" {
		t.Errorf("the option prints as %s", got)
	}
}

// What counts as missing is not there to be copied.
func TestCopy_mismatchAsMissing(t *testing.T) {
	b := memstore.New()
	root := mustOpen(t, copyRoot, b)
	src, dst := copySoft.At(root, 1), copyForever.At(root, 1)
	put(t, b, src.Key(), "~text:int:1")
	for name, transfer := range transfers {
		if copied, err := transfer(t, src, dst); copied || !errors.Is(err, rin.ErrNotFound) {
			t.Errorf("%s: %v, %v, want ErrNotFound", name, copied, err)
		}
	}
	if got := keys(t, b); len(got) != 1 || !got[src.Key()] {
		t.Errorf("the store holds %v", got)
	}
}

func TestCopy_toAnotherStore(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		other := memstore.New()
		src, dst := copyDraft.At(mustOpen(t, copyRoot, r), 1), copyDraft.At(mustOpen(t, copyRoot, other), 1)
		for name, transfer := range transfers {
			hold(t, r, src.Key(), draftBytes)
			hold(t, other, dst.Key(), "")
			if copied, err := transfer(t, src, dst); copied != (name == "copy") || (err == nil) != copied {
				t.Errorf("%s: %v, %v, want a copy, and no move", name, copied, err)
			}
			if a, b := look(t, r, src.Key()), look(t, other, dst.Key()); !a.Found || b.Found != (name == "copy") {
				t.Errorf("%s leaves %+v and %+v", name, a, b)
			}
		}
		far := copyDraft.At(mustOpen(t, copyRoot, other), 2)
		if moved, err := src.MoveTo(t.Context(), far); !moved || err != nil {
			t.Errorf("to another key of another store: %v, %v", moved, err)
		}
	})
}

// One database that is opened twice looks like two stores. A move onto itself
// would then delete the only copy.
func TestMove_ontoItself(t *testing.T) {
	b := memstore.New()
	src, dst := copyDraft.At(mustOpen(t, copyRoot, b), 1), copyDraft.At(mustOpen(t, copyRoot, b), 1)
	put(t, b, src.Key(), draftBytes)
	if moved, err := src.MoveTo(t.Context(), dst, rin.Overwrite()); moved || err == nil {
		t.Errorf("moved onto itself: %v, %v, want a refusal", moved, err)
	}
	if got := look(t, b, src.Key()).Value; got != draftBytes {
		t.Errorf("the key holds %q, want what it held", got)
	}
}

// A source that changes after it was read stays, beside the copy of what it was.
func TestMove_conflict(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		s := &spy{Backend: r}
		root := mustOpen(t, copyRoot, s)
		src, dst := copyDraft.At(root, 1), copyForever.At(root, 1)
		put(t, r, src.Key(), draftBytes)
		s.fail = func(op backend.Op) error {
			if is[*backend.CompareAndDelete](op) {
				put(t, r, src.Key(), otherBytes)
			}
			return nil
		}
		moved, err := src.MoveTo(t.Context(), dst)
		const text = "rin: move root:user:1:draft: another writer changed the key meanwhile: root:user:1:forever holds what was read before, and nothing was deleted here"
		if moved || !errors.Is(err, rin.ErrConflict) || err.Error() != text {
			t.Errorf("move: %v, %v, want %s", moved, err, text)
		}
		if a, b := look(t, r, src.Key()).Value, look(t, r, dst.Key()).Value; a != otherBytes || b != draftBytes {
			t.Errorf("the source holds %q, the destination %q, want both kept", a, b)
		}
	})
}

// Bytes that are moved are compared as they were read, whoever changes the value.
func TestMove_bytes(t *testing.T) {
	a, b := rin.Key[[]byte]("a", rin.Plain()), rin.Key[[]byte]("b", rin.Plain())
	onEveryBackend(t, func(t *testing.T, r rig) {
		root := mustOpen(t, rin.Cluster("root", rin.Child(a, b)), r)
		check(t, a.At(root).Set(t.Context(), []byte("x")))
		if moved, err := a.At(root).MoveTo(t.Context(), b.At(root)); !moved || err != nil {
			t.Errorf("move: %v, %v", moved, err)
		}
		if got := keys(t, r); len(got) != 1 || look(t, r, "root:b").Value != "x" {
			t.Errorf("the store holds %v", got)
		}
	})
}

// A failure at each step says so, and nothing is lost.
func TestCopy_storeFails(t *testing.T) {
	broken := errors.New("broken")
	for _, tc := range []struct {
		step   func(backend.Op) bool
		opts   []rin.CopyOption
		text   string
		copied bool
	}{
		{is[*backend.Get], nil, "rin: move root:user:1:draft: broken", false},
		{is[*backend.Set], nil, "rin: move root:user:1:draft: writing to root:user:1:forever: broken", false},
		{is[*backend.Set], []rin.CopyOption{rin.Overwrite()}, "rin: move root:user:1:draft: writing to root:user:1:forever: broken", false},
		{is[*backend.CompareAndDelete], nil, "rin: move root:user:1:draft: the value was copied to root:user:1:forever, but not deleted here: broken", true},
	} {
		s := &spy{Backend: memstore.New()}
		root := mustOpen(t, copyRoot, s)
		src, dst := copyDraft.At(root, 1), copyForever.At(root, 1)
		put(t, s, src.Key(), draftBytes)
		s.fail = func(op backend.Op) error {
			if tc.step(op) {
				return broken
			}
			return nil
		}
		if moved, err := src.MoveTo(t.Context(), dst, tc.opts...); moved || !errors.Is(err, broken) || err.Error() != tc.text {
			t.Errorf("move: %v, %v, want %s", moved, err, tc.text)
		}
		s.fail = nil
		if a, b := look(t, s, src.Key()), look(t, s, dst.Key()); a.Value != draftBytes || b.Found != tc.copied {
			t.Errorf("after %s the source is %+v, the destination %+v", tc.text, a, b)
		}
	}
}

func TestCopy_wrongKind(t *testing.T) {
	onServers(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, copyRoot, r), t.Context()
		src, dst := copySoft.At(root, 1), copyForever.At(root, 1)
		r.list(src.Key())
		for name, transfer := range transfers {
			if copied, err := transfer(t, src, dst); copied || !errors.Is(err, rin.ErrWrongKind) {
				t.Errorf("%s of a list: %v, %v, want ErrWrongKind", name, copied, err)
			}
		}
		if copied, err := copyDraft.At(root, 1).CopyTo(ctx, src); copied || !errors.Is(err, rin.ErrNotFound) {
			t.Errorf("copy of nothing to a list: %v, %v", copied, err)
		}
		put(t, r, copyDraft.At(root, 1).Key(), draftBytes)
		if copied, err := copyDraft.At(root, 1).CopyTo(ctx, src); copied || err != nil {
			t.Errorf("copy to a list: %v, %v, want it refused", copied, err)
		}
		if copied, err := copyDraft.At(root, 1).CopyTo(ctx, src, rin.Overwrite()); !copied || err != nil {
			t.Errorf("copy over a list: %v, %v, want it done", copied, err)
		}
	})
}

// Where the reply to the delete is lost, the error says that both may be there.
func TestMove_unknownOutcome(t *testing.T) {
	behindProxy(t, func(t *testing.T, root *rin.Scope, direct backend.Backend, proxy *servertest.Proxy) {
		src, dst := faultAge.At(root, 1), faultAge.At(root, 2)
		check(t, src.Set(t.Context(), 30))
		proxy.Swallow("EVAL")
		if moved, err := src.MoveTo(t.Context(), dst); moved || !errors.Is(err, rin.ErrUnknownOutcome) {
			t.Errorf("move: %v, %v, want ErrUnknownOutcome", moved, err)
		}
		if got := look(t, direct, dst.Key()).Value; got != "~text:int:30" || proxy.Count("EVAL") != 1 {
			t.Errorf("the destination holds %q; the delete was sent %d times", got, proxy.Count("EVAL"))
		}
	})
}
