package rin_test

import (
	"os/exec"
	"strings"
	"testing"
)

// Whoever imports rin links no client and no library beyond Go's own.
func TestDependencies(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	const self = "github.com/redisimnest/rin"
	deps := strings.Fields(string(out))
	if len(deps) == 0 || deps[len(deps)-1] != self {
		t.Fatalf("go list found %v, want at least the package itself", deps)
	}
	for _, dep := range deps {
		if dep != self && !strings.HasPrefix(dep, self+"/") && !strings.HasPrefix(dep, "golang.org/x/") {
			t.Errorf("the root package links %s", dep)
		}
	}
}
