package rin_test

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/codec"
	"github.com/redisimnest/rin/memstore"
)

// deflate compresses, up to a mebibyte.
type deflate struct{}

func (deflate) Name() string { return "flate" }

func (deflate) Encode(dst, data []byte, _ string) ([]byte, error) {
	out := bytes.NewBuffer(dst)
	w, err := flate.NewWriter(out, flate.BestSpeed)
	if err != nil {
		return dst, err
	}
	if _, err := w.Write(data); err != nil {
		return dst, err
	}
	err = w.Close()
	return out.Bytes(), err
}

func (deflate) Decode(dst, data []byte, _ string) ([]byte, error) {
	const limit = 1 << 20
	out := bytes.NewBuffer(dst)
	n, err := io.Copy(out, io.LimitReader(flate.NewReader(bytes.NewReader(data)), limit+1))
	if n > limit {
		err = errors.New("too long")
	}
	return out.Bytes(), err
}

// bound puts the key, and a number that is never the same, before the data: an
// encryption does so with a nonce and the key as additional data.
type bound struct{ n *int }

func (bound) Name() string { return "bound" }

func (b bound) Encode(dst, data []byte, key string) ([]byte, error) {
	*b.n++
	return append(fmt.Appendf(dst, "%s %d ", key, *b.n), data...), nil
}

func (bound) Decode(dst, data []byte, key string) ([]byte, error) {
	rest, ok := bytes.CutPrefix(data, []byte(key+" "))
	if !ok {
		return dst, errors.New("the value is of another key")
	}
	_, rest, ok = bytes.Cut(rest, []byte(" "))
	if !ok {
		return dst, errors.New("the number is not there")
	}
	return append(dst, rest...), nil
}

var (
	sealedText   = rin.Key[string]("text")
	sealedAny    = rin.Key[any]("any")
	sealedTags   = rin.Key[map[string]int]("tags")
	sealedPlain  = rin.Key[string]("plain", rin.Plain())
	sealedBare   = rin.Key[string]("bare", rin.Transforms())
	sealedCount  = new(int)
	sealedValues = []rin.ClusterOption{
		rin.TTL(time.Hour), rin.Transforms(bound{sealedCount}, deflate{}),
		rin.Child(sealedText, sealedAny, sealedTags, sealedPlain, sealedBare),
	}
	sealedRoot = rin.Cluster("root", sealedValues...)
	openText   = rin.Key[string]("text")
	openRoot   = rin.Cluster("root", rin.Child(openText))
)

// Transforms reach every value, strings too; what reads and changes values by
// what they hold works with them, also where a value never has the same bytes.
func TestTransforms(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, sealedRoot, r), t.Context()
		text := sealedText.At(root)
		long := strings.Repeat("secret ", 100)
		check(t, text.Set(ctx, long))
		if got := look(t, r, text.Key()); !strings.HasPrefix(got.Value, "~text+bound+flate:string:") || len(got.Value) > 100 || !near(got.Left, time.Hour) {
			t.Errorf("stored %q for %v, want the chain in the header, and it compressed", got.Value, got.Left)
		}
		check(t, text.Set(ctx, "secret"))
		if got, err := text.Get(ctx); got != "secret" || err != nil {
			t.Errorf("get: %q, %v", got, err)
		}
		if tag, err := text.Type(ctx); tag != "string" || err != nil {
			t.Errorf("type: %q, %v", tag, err)
		}
		if did, err := text.CompareAndSwap(ctx, "secret", "other"); !did || err != nil {
			t.Errorf("compare and swap: %v, %v", did, err)
		}
		if got, err := text.Update(ctx, func(old string, _ bool) (string, error) { return old + "!", nil }); got != "other!" || err != nil {
			t.Errorf("update: %q, %v", got, err)
		}
		if did, err := text.CompareAndDelete(ctx, "another"); did || err != nil {
			t.Errorf("compare and delete of another value: %v, %v", did, err)
		}

		dynamic := sealedAny.At(root)
		check(t, dynamic.Set(ctx, 42))
		if got, err := dynamic.Get(ctx); got != 42 || err != nil {
			t.Errorf("any: %v, %v", got, err)
		}
		tags := sealedTags.At(root)
		check(t, tags.Set(ctx, map[string]int{"a": 1}))
		if got := look(t, r, tags.Key()).Value; !strings.HasPrefix(got, "~json+bound+flate:map[string]int:") {
			t.Errorf("a map is stored as %q", got)
		}
		if did, err := tags.CompareAndDelete(ctx, map[string]int{"a": 1}); !did || err != nil {
			t.Errorf("compare and delete: %v, %v", did, err)
		}
		plain := sealedPlain.At(root)
		check(t, plain.Set(ctx, "secret"))
		if got, err := plain.Get(ctx); got != "secret" || err != nil || strings.HasPrefix(look(t, r, plain.Key()).Value, "~") {
			t.Errorf("plain: %q, %v", got, err)
		}
		bare := sealedBare.At(root)
		check(t, bare.Set(ctx, "open"))
		if got := look(t, r, bare.Key()).Value; got != "~text:string:open" {
			t.Errorf("without transforms: %q", got)
		}
	})
}

// Old values without a transform stay readable, and a value of another key, or a
// damaged one, is an error.
func TestTransforms_otherValues(t *testing.T) {
	b := memstore.New()
	root, ctx := mustOpen(t, sealedRoot, b), t.Context()
	text := sealedText.At(root)
	put(t, b, text.Key(), "~text:string:old")
	if got, err := text.Get(ctx); got != "old" || err != nil {
		t.Errorf("an old value: %q, %v", got, err)
	}
	check(t, sealedBare.At(root).Set(ctx, "x"))
	check(t, text.Set(ctx, "secret"))
	stolen := look(t, b, text.Key()).Value
	put(t, b, sealedBare.At(root).Key(), stolen)
	if got, err := sealedBare.At(root).Get(ctx); got != "" || err == nil {
		t.Errorf("a value of another key: %q, %v, want an error", got, err)
	}
	put(t, b, text.Key(), "~text+bound+flate:string:junk")
	if got, err := text.Get(ctx); got != "" || !errors.Is(err, rin.ErrMalformed) {
		t.Errorf("a damaged value: %q, %v, want ErrMalformed", got, err)
	}

	reg := codec.Standard()
	reg.AddTransforms(bound{sealedCount}, deflate{})
	check(t, text.Set(ctx, "secret"))
	if got, err := openText.At(mustOpen(t, openRoot, b, rin.Registry(reg))).Get(ctx); got != "secret" || err != nil {
		t.Errorf("read without declaring the transforms: %q, %v", got, err)
	}
	if _, err := openText.At(mustOpen(t, openRoot, b)).Get(ctx); !errors.Is(err, rin.ErrUnknownCodec) {
		t.Errorf("read without knowing them: %v, want ErrUnknownCodec", err)
	}
}

// A codec that would write nothing is a mistake.
func TestOpen_codecWithoutEffect(t *testing.T) {
	key := rin.Key[string]("password", rin.Codec(codec.Gob))
	_, err := rin.Open(rin.Cluster("root", rin.Child(key)), memstore.New())
	if err == nil || !errors.Is(err, codec.ErrNoEffect) && !strings.Contains(err.Error(), "no effect") {
		t.Errorf("open: %v, want that the codec has no effect", err)
	}
	mustOpen(t, rin.Cluster("root", rin.Codec(codec.Gob), rin.Child(rin.Key[string]("name"))), memstore.New())
	if _, err := rin.Open(rin.Cluster("root", rin.Transforms(nil)), memstore.New()); err == nil || !strings.Contains(err.Error(), "a transform is nil") {
		t.Errorf("a nil transform: %v", err)
	}
}
