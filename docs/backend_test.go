package docs_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/memstore"
)

var errReadOnly = errors.New("this replica takes no writes")

func writes(op backend.Op) bool { return backend.EffectOf(op) == backend.Write }

// An interceptor that refuses ops returns an error, and the caller gets it.
func TestIntercept_refuses(t *testing.T) {
	store := memstore.New()
	readOnly := backend.Intercept(store, func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		if slices.ContainsFunc(ops, writes) {
			return errReadOnly
		}
		return next(ctx, ops)
	})
	root, err := rin.Open(Site, readOnly)
	if err != nil {
		t.Fatal(err)
	}
	if err := Hits.At(root).Set(t.Context(), 1); !errors.Is(err, errReadOnly) {
		t.Errorf("Set = %v, want %v", err, errReadOnly)
	}
	if n, err := Hits.At(root).Get(t.Context()); n != 0 || err != nil {
		t.Errorf("Get = %d, %v; want the default", n, err)
	}
}

// Tenant is a backend that shows the keys of one tenant only.
type Tenant struct {
	backend.Backend
	prefix string
}

// Unwrap is where rin finds what else the backend behind can do.
func (t Tenant) Unwrap() backend.Backend { return t.Backend }

// Scan yields no key of another tenant.
func (t Tenant) Scan(ctx context.Context, prefix string) iter.Seq2[[]string, error] {
	return t.ScanPages(ctx, prefix, backend.DefaultPageSize)
}

// ScanPages yields no key of another tenant.
func (t Tenant) ScanPages(ctx context.Context, prefix string, size int) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for page, err := range backend.ScanPages(ctx, t.Backend, prefix, size) {
			page = slices.DeleteFunc(page, func(key string) bool { return !strings.HasPrefix(key, t.prefix) })
			if (err != nil || len(page) > 0) && !yield(page, err) {
				return
			}
		}
	}
}

// A decorator by hand changes what it has a method for, and loses nothing else.
func TestTenant(t *testing.T) {
	store := memstore.New()
	tenant := Tenant{store, "a:"}
	for _, key := range []string{"a:1", "b:1"} {
		if err := tenant.Exec(t.Context(), &backend.Set{Key: key}); err != nil {
			t.Fatal(err)
		}
	}
	for page, err := range backend.ScanPages(t.Context(), tenant, "", 1) {
		if err != nil || !slices.Equal(page, []string{"a:1"}) {
			t.Errorf("a page is %q, %v; want the tenant's key", page, err)
		}
	}
	get := &backend.Get{Key: "a:1"}
	if err := backend.Transact(t.Context(), tenant, get); err != nil || !get.Found {
		t.Errorf("Transact = %v, found %t; want the transaction of the store behind", err, get.Found)
	}
}
