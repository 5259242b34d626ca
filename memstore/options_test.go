package memstore_test

import (
	"testing"
	"time"

	"github.com/redisimnest/rin/memstore"
)

func noon() time.Time { return time.Date(2000, 1, 1, 12, 0, 0, 0, time.UTC) }

func TestOption_String(t *testing.T) {
	for _, c := range []struct {
		opt    memstore.Option
		want   string
		reason string
	}{
		{memstore.Clock(noon), "memstore.Clock(github.com/redisimnest/rin/memstore_test.noon)", "a clock prints by its function's name"},
		{memstore.Clock(nil), "memstore.Clock(time.Now)", "no clock is the default one"},
	} {
		if got := c.opt.String(); got != c.want {
			t.Errorf("String = %q, want %q: %s", got, c.want, c.reason)
		}
	}
}
