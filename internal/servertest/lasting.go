package servertest

import (
	"os"
	"slices"
	"sync"
	"testing"
)

// lasting is a test whose servers outlive it.
type lasting struct{ testing.TB }

// ends are what [Main] does at the end, in the order in which it was asked for.
var ends struct {
	sync.Mutex
	funcs []func()
}

// Lasting is a test for whose sake servers are started that other tests use too.
// They are stopped by [Main].
func Lasting(t testing.TB) testing.TB { return lasting{t} }

// Cleanup has f called by [Main].
func (lasting) Cleanup(f func()) {
	ends.Lock()
	defer ends.Unlock()
	ends.funcs = append(ends.funcs, f)
}

// TempDir makes a directory that Main removes.
func (l lasting) TempDir() string {
	dir, err := os.MkdirTemp("", "servertest")
	if err != nil {
		l.Fatalf("servertest: %v", err)
	}
	l.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Main runs a package's tests, and stops the servers that were [Lasting]:
//
//	func TestMain(m *testing.M) { servertest.Main(m) }
func Main(m *testing.M) {
	code := m.Run()
	for _, f := range slices.Backward(ends.funcs) {
		f()
	}
	os.Exit(code)
}
