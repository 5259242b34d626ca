package codec_test

import (
	"bytes"
	"compress/flate"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/redisimnest/rin/codec"
)

var update = flag.Bool("update", false, "rewrite the golden files")

type (
	userID  int
	names   []string
	point   struct{ X, Y int }
	tree    []tree
	address struct{ City string }
	user    struct {
		Name    string
		Age     int `json:"age"`
		Address *address
	}
	// inflated is a codec around a codec.
	inflated struct{ codec.Codec }
)

func (c inflated) Name() string { return "flate+" + c.Codec.Name() }

func (c inflated) Append(dst []byte, v any) ([]byte, error) {
	plain, err := c.Codec.Append(nil, v)
	if err != nil {
		return dst, err
	}
	out := bytes.NewBuffer(dst)
	w, err := flate.NewWriter(out, flate.BestSpeed)
	if err != nil {
		return dst, err
	}
	_, err = w.Write(plain)
	return out.Bytes(), errors.Join(err, closeInto(w, out, &dst))
}

// closeInto closes w, whose last bytes move out, and is kept apart for that.
func closeInto(w io.Closer, _ *bytes.Buffer, _ *[]byte) error { return w.Close() }

func (c inflated) Decode(data []byte, v any) error {
	plain, err := io.ReadAll(flate.NewReader(bytes.NewReader(data)))
	if err != nil {
		return err
	}
	return c.Codec.Decode(plain, v)
}
