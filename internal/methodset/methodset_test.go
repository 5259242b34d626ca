package methodset_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/redisimnest/rin/internal/methodset"
)

type (
	only   struct{ time.Time }
	beside struct {
		time.Time
		Page string
	}
	within  struct{ beside }
	pointer struct{ *only }
	iface   struct{ fmt.Stringer }
	own     struct {
		time.Time
		Page string
	}
)

func (o own) String() string { return o.Time.String() + o.Page }

func TestPromoted(t *testing.T) {
	for _, tc := range []struct {
		of             reflect.Type
		promoted       string
		throughPointer string
		reason         string
	}{
		{reflect.TypeFor[int](), "", "", "no struct"},
		{reflect.TypeFor[time.Time](), "", "", "it embeds nothing"},
		{reflect.TypeFor[only](), "", "", "there is nothing beside it"},
		{reflect.TypeFor[beside](), "Time", "", "the page is left out"},
		{reflect.TypeFor[*beside](), "Time", "", "a pointer has the methods too"},
		{reflect.TypeFor[within](), "Time", "", "at whatever depth"},
		{reflect.TypeFor[pointer](), "", "only", "nil when it is new"},
		{reflect.TypeFor[iface](), "", "Stringer", "nil when it is new"},
		{reflect.TypeFor[own](), "", "", "its own method knows of the page"},
	} {
		if got, _ := methodset.Promoted(tc.of, "String"); got != tc.promoted {
			t.Errorf("Promoted(%v) = %q, want %q: %s", tc.of, got, tc.promoted, tc.reason)
		}
		if got, _ := methodset.ThroughPointer(tc.of, "String"); got != tc.throughPointer {
			t.Errorf("ThroughPointer(%v) = %q, want %q: %s", tc.of, got, tc.throughPointer, tc.reason)
		}
	}
}
