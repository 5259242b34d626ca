// Package minitest starts miniredis for tests.
package minitest

import (
	"strings"
	"testing"
	"time"

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

// Clock lets time pass for a miniredis: for what expires, and for its TIME, which stands
// still from then on.
type Clock struct {
	mini   *miniredis.Miniredis
	passed time.Duration
}

// NewClock is the clock of a miniredis.
func NewClock(m *miniredis.Miniredis) *Clock { return &Clock{mini: m} }

// Pass lets d pass.
func (c *Clock) Pass(d time.Duration) {
	c.passed += d
	c.mini.FastForward(d)
	c.mini.SetTime(time.Now().Add(c.passed))
}

// Reset makes the time that of this machine again.
func (c *Clock) Reset() {
	c.passed = 0
	c.mini.SetTime(time.Time{})
}
