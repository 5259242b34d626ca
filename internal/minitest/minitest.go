// Package minitest starts miniredis for tests.
package minitest

import (
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/backendtest"
)

// Lacks says that miniredis does not know an op: it has no HPEXPIRE, but HPTTL.
func Lacks(o backendtest.Op) bool { return o.FieldExpiry && o.Effect == backend.Write }

// Start starts a miniredis whose GETEX, like a server's, leaves a key of
// another kind the expiry it has.
func Start(t testing.TB) *miniredis.Miniredis {
	t.Helper()
	m := miniredis.RunT(t)
	m.Server().SetPreHook(func(c *server.Peer, cmd string, args ...string) bool {
		if !strings.EqualFold(cmd, "GETEX") {
			return false
		}
		kind := m.Type(args[0])
		foreign := kind != "" && kind != "string"
		if foreign {
			c.WriteError("WRONGTYPE Operation against a key holding the wrong kind of value")
		}
		return foreign
	})
	return m
}
