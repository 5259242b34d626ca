package codec

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The layout of a stored value is
//
//	~<codec>:<type>:<payload>
//
// where <codec> is a codec's name, and after it those of the transforms that the
// payload went through: text+flate+aesgcm. Its first byte is its version. Values
// written with it stay stored for years: what is here may be added to under
// another first byte, never changed.
const (
	version   = '~'
	separator = ':'
	plus      = '+'

	// maxHeader is the length of the longest header, from the first byte to the
	// second separator.
	maxHeader = 255
)

// header is a parsed header; its fields are parts of the data it was parsed from.
type header struct {
	codec, tag, payload []byte
}

// parseHeader splits data without allocating.
func parseHeader(data []byte) (header, error) {
	if len(data) == 0 || data[0] != version {
		return header{}, ErrForeign
	}
	codec, rest, ok := bytes.Cut(data[1:min(len(data), maxHeader)], []byte{separator})
	tag, _, ok2 := bytes.Cut(rest, []byte{separator})
	if !ok || !ok2 {
		return header{}, fmt.Errorf("%w: its header has no end", ErrMalformed)
	}
	if !validName(codec) || !validName(tag) {
		return header{}, fmt.Errorf("%w: its header names no codec or no type", ErrMalformed)
	}
	return header{codec, tag, data[len(codec)+len(tag)+3:]}, nil
}

// makeHeader is the header of values of one codec and one type.
func makeHeader(codec, tag string) (string, error) {
	h := string(version) + codec + string(separator) + tag + string(separator)
	if len(h) > maxHeader {
		return "", fmt.Errorf("type tag %.40s… makes a header of %d bytes, and %d is the limit; give the type a shorter name with rin.TypeName or codec.Name",
			tag, len(h), maxHeader)
	}
	return h, nil
}

// validName is true for what may stand in a header as a codec's name or a tag.
func validName[S string | []byte](name S) bool {
	for i := range len(name) {
		if c := name[i]; c < ' ' || c == 0x7f || c == version || c == separator {
			return false
		}
	}
	return len(name) > 0 && utf8.ValidString(string(name))
}

// validTypeName is true for what may be given as a type's name: square brackets
// are left to the tags of slices, arrays and maps.
func validTypeName(name string) bool {
	return validName(name) && !strings.ContainsAny(name, "[]")
}
