package backend

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/redisimnest/rin/backend/wire"
)

// Scripts has the scripts of ops called by their digests, once they have been sent: that
// spares a server from reading, and the network from carrying, a whole script each time. It
// is for an op that is sent by itself, since a script that a server has lost has to be sent
// after all: in a batch, what stands behind it would have been done by then. The zero
// Scripts is ready for use.
type Scripts struct {
	sent sync.Map    // the digests of what was sent whole
	off  atomic.Bool // a server takes no digests
}

// Shorten shortens a command whose script was sent before, and says whether it has.
func (s *Scripts) Shorten(c *wire.Command) bool {
	digest := c.Script()
	if digest == nil || s.off.Load() {
		return false
	}
	if _, sent := s.sent.LoadOrStore(digest, nil); !sent {
		return false
	}
	c.Shorten()
	return true
}

// Unknown says that a server has refused a shortened command only because it was shortened,
// by its answer err. It was not carried out, and is to be sent whole.
func (s *Scripts) Unknown(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	switch {
	case strings.HasPrefix(text, "NOSCRIPT"):
		return true
	case strings.HasPrefix(text, "NOPERM"), strings.Contains(text, "unknown command"):
		if strings.Contains(strings.ToLower(text), "evalsha") {
			s.off.Store(true)
			return true
		}
	}
	return false
}
