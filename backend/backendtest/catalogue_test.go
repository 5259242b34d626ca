package backendtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/redisimnest/rin/backend"
)

// Every op of package backend is in the catalogue: the ops are the types with a
// method answer, which the interface Op asks for.
func TestOps_areAll(t *testing.T) {
	listed := map[string]bool{}
	for _, o := range Ops() {
		listed[reflect.TypeOf(o.New("k")).Elem().Name()] = true
	}
	declared := receivers(t, "answer")
	if len(declared) == 0 {
		t.Fatal("package backend has no type with a method answer; how are its ops known now?")
	}
	for _, name := range declared {
		if !listed[name] {
			t.Errorf("backend.%s is not in the catalogue: see Ops", name)
		}
	}
}

// receivers are the types of package backend that have a method.
func receivers(t *testing.T, method string) (names []string) {
	t.Helper()
	files, err := filepath.Glob("../*.go")
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
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv == nil || f.Name.Name != method {
				continue
			}
			if star, ok := f.Recv.List[0].Type.(*ast.StarExpr); ok {
				names = append(names, star.X.(*ast.Ident).Name)
			}
		}
	}
	return names
}

// The forms of one op are told apart, by their names and by what they are: else
// a mutant of the one is one of the other.
func TestOps_areDistinct(t *testing.T) {
	for i, a := range Ops() {
		for _, b := range Ops()[i+1:] {
			if a.Name == b.Name || a.is(b.New("k")) {
				t.Errorf("%q and %q are the same", a.Name, b.Name)
			}
		}
	}
}

// Each call of New gives an op of its own, so that nothing of one try is left in
// the next.
func TestOps_areFresh(t *testing.T) {
	for _, o := range Ops() {
		one, other := o.New("k"), o.New("k")
		backend.Fail(one, backend.ErrUnsupported)
		for _, value := range bytesOf(one) {
			scribble(value)
		}
		if !o.is(other) || backend.Err(other) != nil {
			t.Errorf("%s shares memory with the one made before it", o.Name)
		}
	}
}
