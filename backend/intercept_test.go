package backend_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redisimnest/rin/backend"
)

// calls are the two ways in for ops.
var calls = map[string]func(ctx context.Context, b backend.Backend, ops ...backend.Op) error{
	"Exec":     func(ctx context.Context, b backend.Backend, ops ...backend.Op) error { return b.Exec(ctx, ops...) },
	"Transact": backend.Transact,
}

// through passes calls on.
func through(ctx context.Context, ops []backend.Op, next backend.Next) error {
	return next(ctx, ops)
}

// finds answers each Get with its key, and knows no other op.
func finds(_ context.Context, ops []backend.Op, _ backend.Next) error {
	for _, op := range ops {
		if get, ok := op.(*backend.Get); ok {
			get.Value, get.Found = []byte(get.Key), true
		} else {
			backend.Fail(op, backend.ErrUnsupported)
		}
	}
	return nil
}

func TestIntercept(t *testing.T) {
	for name, call := range calls {
		store := backend.Intercept(pager{}, finds)
		for _, row := range []struct {
			reason    string
			intercept backend.Interceptor
			ops       []backend.Op
			want      []error // of each op; the call's is the first
		}{
			{
				"what is passed on comes back as it is", through,
				[]backend.Op{&backend.Get{}, &backend.Set{}, &backend.Take{}},
				[]error{nil, backend.ErrUnsupported, backend.ErrUnsupported},
			},
			{
				"an error without one of an op is every op's: else a refused Get would say that nothing is there",
				func(context.Context, []backend.Op, backend.Next) error { return errFull },
				[]backend.Op{&backend.Get{}, &backend.Get{}},
				[]error{errFull, errFull},
			},
			{
				"an op's error is the call's, also where the interceptor returns none",
				func(ctx context.Context, ops []backend.Op, next backend.Next) error {
					_ = next(ctx, ops)
					return nil
				},
				[]backend.Op{&backend.Get{}, &backend.Set{}},
				[]error{nil, backend.ErrUnsupported},
			},
			{
				"ops may be kept back",
				func(ctx context.Context, ops []backend.Op, next backend.Next) error {
					backend.Fail(ops[0], errSlow)
					return next(ctx, ops[1:])
				},
				[]backend.Op{&backend.Set{}, &backend.Get{}},
				[]error{errSlow, nil},
			},
		} {
			err := call(t.Context(), backend.Intercept(store, row.intercept), row.ops...)
			if want := first(row.want); !errors.Is(err, want) {
				t.Errorf("%s = %v, want %v: %s", name, err, want, row.reason)
			}
			for i, op := range row.ops {
				if err := backend.Err(op); !errors.Is(err, row.want[i]) {
					t.Errorf("%s: op %d has %v, want %v: %s", name, i, err, row.want[i], row.reason)
				}
			}
		}
	}
}

func first(errs []error) error {
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return errs[i]
	}
	return nil
}

// Of interceptors around each other the outermost sees a call first, and what
// one puts into the context comes to the next.
func TestIntercept_nested(t *testing.T) {
	type order struct{}
	note := func(name string) backend.Interceptor {
		return func(ctx context.Context, ops []backend.Op, next backend.Next) error {
			before, _ := ctx.Value(order{}).(string)
			return next(context.WithValue(ctx, order{}, before+name), ops)
		}
	}
	for name, call := range calls {
		var saw string
		store := backend.Intercept(pager{}, func(ctx context.Context, _ []backend.Op, _ backend.Next) error {
			saw, _ = ctx.Value(order{}).(string)
			return nil
		})
		b := backend.Intercept(backend.Intercept(store, note("inner")), note("outer "))
		if err := call(t.Context(), b, &backend.Get{}); err != nil || saw != "outer inner" {
			t.Errorf("%s: %v after %q, want it to come by way of outer and inner", name, err, saw)
		}
	}
}

// A store without transactions has none through an interceptor either, and the
// interceptor sees that.
func TestIntercept_noTransactor(t *testing.T) {
	var saw error
	b := backend.Intercept(plain{}, func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		saw = next(ctx, ops)
		return saw
	})
	if err := backend.Transact(t.Context(), b, &backend.Get{}); !errors.Is(err, backend.ErrUnsupported) || !errors.Is(saw, backend.ErrUnsupported) {
		t.Errorf("Transact = %v, the interceptor saw %v; want ErrUnsupported of both", err, saw)
	}
}

// What is nothing stays nothing, so that whoever is given it can say so.
func TestIntercept_nil(t *testing.T) {
	if b := backend.Intercept(nil, through); b != nil {
		t.Errorf("Intercept of nil = %v, want nil", b)
	}
	if b := backend.Intercept(plain{}, nil); b != (plain{}) {
		t.Errorf("Intercept with nil = %v, want the backend itself", b)
	}
}

// abilities checks each thing that only some backends can do, on one that can.
var abilities = map[string]func(t *testing.T, b backend.Backend) bool{
	"Pager": func(t *testing.T, b backend.Backend) (its bool) {
		for page := range backend.ScanPages(t.Context(), b, "k", 7) {
			its = page[0] == "7"
		}
		return its
	},
	"Transactor": func(t *testing.T, b backend.Backend) bool {
		return errors.Is(backend.Transact(t.Context(), b, &backend.Get{}), errSlow)
	},
	"Waiter": func(t *testing.T, b backend.Backend) bool {
		return errors.Is(backend.Wait(t.Context(), b, "k"), errFull)
	},
	"Clock": func(_ *testing.T, b backend.Backend) bool {
		return backend.Now(b).Equal(time.Unix(1, 0))
	},
}

// A decorator passes on what the backend behind can do besides: one made by
// Intercept, one around that, and one by hand with a method Unwrap.
func TestIntercept_passesOn(t *testing.T) {
	around := backend.Intercept(pager{}, through)
	for name, b := range map[string]backend.Backend{
		"Intercept": around,
		"twice":     backend.Intercept(around, through),
		"by hand":   wrapper{pager{}},
	} {
		for ability, kept := range abilities {
			if !kept(t, b) {
				t.Errorf("%s: the %s behind is lost", name, ability)
			}
		}
		for page := range b.Scan(t.Context(), "k") {
			if page[0] != "its own" {
				t.Errorf("%s: Scan is that of %s", name, page[0])
			}
		}
	}
}

// wrapper is a decorator by hand.
type wrapper struct{ backend.Backend }

func (w wrapper) Unwrap() backend.Backend { return w.Backend }

// Whatever a backend may come to be able to do is passed on too: the table above
// has every such interface of the package.
func TestIntercept_passesOnAll(t *testing.T) {
	var declared []string
	for _, spec := range typesOf(t) {
		if in, ok := spec.Type.(*ast.InterfaceType); ok && spec.Name.IsExported() && in.Methods.NumFields() == 1 {
			declared = append(declared, spec.Name.Name)
		}
	}
	slices.Sort(declared)
	if tested := slices.Sorted(maps.Keys(abilities)); !slices.Equal(declared, tested) {
		t.Errorf("the package's interfaces of one method are %v, those that are seen to be passed on %v", declared, tested)
	}
}

// typesOf are the types that the package declares.
func typesOf(t *testing.T) (specs []*ast.TypeSpec) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				specs = append(specs, spec)
			}
			return true
		})
	}
	return specs
}
