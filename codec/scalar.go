package codec

import (
	"errors"
	"reflect"
	"strconv"
	"unsafe"
)

// scalar is the text codec for one built-in scalar type, without reflection and
// without boxing. The zero scalar is that of every other type.
type scalar[T any] struct {
	append func([]byte, T) []byte
	parse  func([]byte) (T, error)
	own    func([]byte) T // parse that keeps the data; nil where nothing would be saved, or T could change it
}

// scalarOf finds T's scalar once, so that no call has to.
func scalarOf[T any]() scalar[T] {
	var found any
	switch any(*new(T)).(type) {
	case string:
		found = scalar[string]{appendString, parseString, ownString}
	case []byte:
		found = scalar[[]byte]{append: appendBytes, parse: parseBytes}
	case bool:
		found = scalar[bool]{append: strconv.AppendBool, parse: parseBool}
	case int:
		found = signed[int]()
	case int8:
		found = signed[int8]()
	case int16:
		found = signed[int16]()
	case int32:
		found = signed[int32]()
	case int64:
		found = signed[int64]()
	case uint:
		found = unsigned[uint]()
	case uint8:
		found = unsigned[uint8]()
	case uint16:
		found = unsigned[uint16]()
	case uint32:
		found = unsigned[uint32]()
	case uint64:
		found = unsigned[uint64]()
	case float32:
		found = float[float32]()
	case float64:
		found = float[float64]()
	}
	s, _ := found.(scalar[T])
	return s
}

// withoutSignedZero writes both zeros of a float alike: to Go, they are equal.
func (s *scalar[T]) withoutSignedZero() {
	switch write := any(&s.append).(type) {
	case *func([]byte, float64) []byte:
		*write = plusZero(*write)
	case *func([]byte, float32) []byte:
		*write = plusZero(*write)
	}
}

func plusZero[F float32 | float64](write func([]byte, F) []byte) func([]byte, F) []byte {
	return func(dst []byte, f F) []byte { return write(dst, f+0) } // -0 + 0 is 0
}

func signed[N int | int8 | int16 | int32 | int64]() scalar[N] {
	bits := reflect.TypeFor[N]().Bits()
	return scalar[N]{
		append: func(dst []byte, n N) []byte { return strconv.AppendInt(dst, int64(n), 10) },
		parse: func(data []byte) (N, error) {
			n, err := parseInt(data, bits)
			return N(n), err
		},
	}
}

func unsigned[N uint | uint8 | uint16 | uint32 | uint64]() scalar[N] {
	bits := reflect.TypeFor[N]().Bits()
	return scalar[N]{
		append: func(dst []byte, n N) []byte { return strconv.AppendUint(dst, uint64(n), 10) },
		parse: func(data []byte) (N, error) {
			n, err := parseUint(data, bits)
			return N(n), err
		},
	}
}

func float[N float32 | float64]() scalar[N] {
	bits := reflect.TypeFor[N]().Bits()
	return scalar[N]{
		append: func(dst []byte, f N) []byte { return appendFloat(dst, float64(f), bits) },
		parse: func(data []byte) (N, error) {
			f, err := parseFloat(data, bits)
			return N(f), err
		},
	}
}

func appendString(dst []byte, s string) []byte { return append(dst, s...) }
func appendBytes(dst, b []byte) []byte         { return append(dst, b...) }

// appendFloat writes the fewest digits that are read back as the same number.
func appendFloat(dst []byte, f float64, bits int) []byte {
	return strconv.AppendFloat(dst, f, 'g', -1, bits)
}

func parseString(data []byte) (string, error) { return string(data), nil }
func parseBytes(data []byte) ([]byte, error)  { return cloneBytes(data), nil }
func ownString(data []byte) string            { return unsafe.String(unsafe.SliceData(data), len(data)) }

func parseBool(data []byte) (bool, error) {
	b, err := strconv.ParseBool(string(data))
	return b, numberError(err)
}

func parseInt(data []byte, bits int) (int64, error) {
	if n, ok := parseDigits(data); ok && n>>(bits-1) == 0 {
		return int64(n), nil
	}
	n, err := strconv.ParseInt(string(data), 10, bits)
	return n, numberError(err)
}

func parseUint(data []byte, bits int) (uint64, error) {
	if n, ok := parseDigits(data); ok && n>>bits == 0 {
		return n, nil
	}
	n, err := strconv.ParseUint(string(data), 10, bits)
	if err != nil && len(data) > 0 && data[0] == '-' {
		// To strconv a minus is no syntax here; to us it is a number too small.
		if _, signed := parseInt(data, 64); !errors.Is(signed, errSyntax) {
			err = strconv.ErrRange
		}
	}
	return n, numberError(err)
}

// parseDigits parses what most integers are, at half the cost of strconv: up to
// 18 digits, which can't overflow. The rest, and all errors, are strconv's.
func parseDigits(data []byte) (n uint64, ok bool) {
	if len(data) == 0 || len(data) > 18 {
		return 0, false
	}
	for _, c := range data {
		if c -= '0'; c > 9 {
			return 0, false
		}
		n = n*10 + uint64(c)
	}
	return n, true
}

func parseFloat(data []byte, bits int) (float64, error) {
	f, err := strconv.ParseFloat(string(data), bits)
	return f, numberError(err)
}

// numberError keeps the value out of strconv's errors, which quote it.
func numberError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, strconv.ErrRange):
		return errRange
	}
	return errSyntax
}

// cloneBytes never returns nil: a stored empty value is there.
func cloneBytes(b []byte) []byte { return append(make([]byte, 0, len(b)), b...) }
