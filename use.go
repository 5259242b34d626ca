package rin

import "errors"

// Use calls f with the entry's key, for what rin has no method for: a command of
// the raw client, or a script. With a bad entry it does not call f and returns
// what is wrong, so that nothing is read or written at another place. What f
// returns comes back in an [*OpError]. Use itself sends nothing.
//
//	err := Age.At(alice).Use(func(key string) error {
//		return client.ObjectFreq(ctx, key).Err()
//	})
func (h handle) Use(f func(key string) error) error {
	if err := use(h.key, h.check(), f); err != nil {
		return h.fail("use", err)
	}
	return nil
}

// Use calls f with the scope's prefix, which is "" only for a root whose pattern
// is empty. With a bad scope it does not call f and returns what is wrong. What
// f returns comes back in an [*OpError]. Use itself sends nothing.
func (s *Scope) Use(f func(prefix string) error) error {
	if err := use(s.Prefix(), s.check(), f); err != nil {
		return s.fail("use", err)
	}
	return nil
}

var errNilFunc = errors.New("the function is nil")

func use(text string, bad error, f func(string) error) error {
	switch {
	case bad != nil:
		return bad
	case f == nil:
		return errNilFunc
	}
	return f(text)
}

// String returns the key, or what is wrong with the entry.
func (h handle) String() string {
	if err := h.Err(); err != nil {
		return err.Error()
	}
	return h.key
}
