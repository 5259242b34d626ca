package docs_test

import (
	"context"
	"errors"
	"testing"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/memstore"
)

// Faults is a backend that fails where next says so.
type Faults struct {
	backend.Backend
	next func(ops []backend.Op) error
}

func (f *Faults) Exec(ctx context.Context, ops ...backend.Op) error {
	if err := f.next(ops); err != nil {
		return backend.FailAll(ops, err)
	}
	return f.Backend.Exec(ctx, ops...)
}

func TestFaults(t *testing.T) {
	full := errors.New("out of memory")
	faults := &Faults{memstore.New(), func(ops []backend.Op) error {
		if backend.EffectOf(ops[0]) != backend.Read {
			return full
		}
		return nil
	}}
	root, err := rin.Open(Site, faults)
	if err != nil {
		t.Fatal(err)
	}
	if err := Hits.At(root).Set(t.Context(), 1); !errors.Is(err, full) {
		t.Errorf("Set = %v, want %v", err, full)
	}
	if n, err := Hits.At(root).Get(t.Context()); n != 0 || err != nil {
		t.Errorf("Get = %d, %v; want the default", n, err)
	}
}
