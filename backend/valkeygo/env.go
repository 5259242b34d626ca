package valkeygo

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/valkey-io/valkey-go"

	"github.com/redisimnest/rin/backend/internal/env"
)

// FromEnv returns a backend over a client of its own, made of these environment
// variables, of which an empty one counts as unset:
//
//   - REDIS_URL: redis://user:password@host:port/db, rediss:// for TLS, or
//     unix:///path?db=1, with the parameters that valkey.ParseURL knows, such as
//     addr for more nodes and master_set for Sentinel. It makes the others
//     count for nothing.
//   - REDIS_HOST (default localhost), REDIS_PORT (6379), REDIS_USERNAME,
//     REDIS_PASS and REDIS_DB (0).
//
// It connects before it returns, so a server that can't be reached is an error
// here. The client has no client-side cache, which not every service allows.
// Close the backend to close the client.
func FromEnv(opts ...Option) (*Backend, error) {
	option, err := clientOption()
	if err != nil {
		return nil, fmt.Errorf("valkeygo: %w", err)
	}
	client, err := valkey.NewClient(option)
	if err != nil {
		return nil, fmt.Errorf("valkeygo: connecting to %s: %w", strings.Join(option.InitAddress, ", "), err)
	}
	b := New(client, opts...)
	b.owned = true
	return b, nil
}

func clientOption() (valkey.ClientOption, error) {
	text, err := env.URL()
	if err != nil {
		return valkey.ClientOption{}, err
	}
	option, err := valkey.ParseURL(bare(text))
	if err != nil {
		// The client's own error may quote a part of the password.
		return valkey.ClientOption{}, errors.New("REDIS_URL has a part that valkey.ParseURL refuses; want redis://user:password@host:port/db")
	}
	option.DisableCache = true
	return option, nil
}

// bare removes a path that is only a slash, which valkey.ParseURL takes for an
// empty database number.
func bare(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Path != "/" {
		return text
	}
	u.Path = ""
	return u.String()
}
