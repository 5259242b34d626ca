package backend

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/redisimnest/rin/backend/wire"
)

// Scripts has the scripts of ops called by their digests, once they have been sent: that
// spares a server from reading, and the network from carrying, a whole script each time. The
// zero Scripts is ready for use.
type Scripts struct {
	sent  sync.Map    // the digests of what was sent whole
	taken atomic.Bool // a digest has been taken
	off   atomic.Bool // a server takes none
}

// Shorten shortens a command that is sent by itself and whose script was sent before, and
// says whether it has: then [Scripts.Unknown] has to hear the answer.
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

// ShortenNext shortens a command of a batch that goes to one server whole, where one ahead of
// it has sent its script; before are those that have. What a server has lost all the same is
// among those that [Again] picks.
//
// As long as no digest has been taken, it tries with the last, which nothing stands behind that
// would be out of order if this had to be sent again, and says so: then Unknown has to hear the
// answer.
func (s *Scripts) ShortenNext(c *wire.Command, before *[]any, last bool) (tried bool) {
	digest := c.Script()
	switch {
	case digest == nil || s.off.Load():
	case !slices.Contains(*before, digest):
		*before = append(*before, digest)
	case s.taken.Load():
		c.Shorten()
	case last:
		c.Shorten()
		return true
	}
	return false
}

// Unknown says that a server has refused a shortened command only because it was shortened,
// by its answer err. It was not carried out, and is to be sent whole.
func (s *Scripts) Unknown(err error) bool {
	if err == nil {
		if !s.taken.Load() {
			s.taken.Store(true)
		}
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
