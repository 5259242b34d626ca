package servertest_test

import (
	"fmt"
	"testing"

	"github.com/redisimnest/rin/internal/servertest"
)

var programs = []servertest.Program{servertest.Redis, servertest.Valkey}

// When a primary dies its replica has its keys, and when it comes back it is the
// replica. Slots move with their keys.
func TestStartReplicated(t *testing.T) {
	for _, program := range programs {
		t.Run(program.String(), func(t *testing.T) {
			c := servertest.StartReplicated(t, program)
			for i := range 100 {
				servertest.Do(t, c.Nodes[0].Addr, "SET", fmt.Sprint("k", i), "v")
			}
			added := c.AddPrimary(t)
			c.MoveSlots(t, c.Nodes[0], added, 0, 1, 2, 3)
			if n := len(c.Primaries()); n != 4 {
				t.Errorf("%d primaries, want 4", n)
			}
			c.AwaitReplicas(t)
			c.Nodes[1].Kill(t)
			c.AwaitPrimary(t, c.Nodes[4])
			c.Nodes[1].Restart(t)
			c.AwaitReplicas(t)
			if c.Nodes[1].IsPrimary() {
				t.Error("the node that died came back as a primary")
			}
			var keys int64
			for _, n := range c.Primaries() {
				keys += servertest.Do(t, n.Addr, "DBSIZE").(int64)
			}
			if keys != 100 {
				t.Errorf("the primaries hold %d keys, want 100", keys)
			}
		})
	}
}

func TestStartSentinel(t *testing.T) {
	for _, program := range programs {
		t.Run(program.String(), func(t *testing.T) {
			s := servertest.StartSentinel(t, program)
			servertest.Do(t, s.Nodes[0].Addr, "SET", "k", "v")
			s.AwaitReplica(t)
			s.Nodes[0].Kill(t)
			s.AwaitPrimary(t, s.Nodes[1])
			if got := servertest.Do(t, s.Nodes[1].Addr, "GET", "k"); got != "v" {
				t.Errorf("GET of the new primary = %v, want v", got)
			}
		})
	}
}
