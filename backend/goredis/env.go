package goredis

import (
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/redisimnest/rin/backend/internal/env"
)

// FromEnv returns a Backend with a client of its own, for the server that the
// environment names: REDIS_URL, or else REDIS_HOST (default localhost),
// REDIS_PORT (6379), REDIS_USERNAME, REDIS_PASS and REDIS_DB (0). An empty
// variable counts as unset. Close it after use.
//
// The error names the variable whose value is wrong. Nothing is sent yet, so a
// server that can't be reached shows at the first operation.
func FromEnv() (*Backend, error) {
	url, err := env.URL()
	if err != nil {
		return nil, fmt.Errorf("goredis: %w", err)
	}
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("goredis: REDIS_URL: %w", err)
	}
	options.ContextTimeoutEnabled = true
	b := New(redis.NewClient(options))
	b.owned = true
	return b, nil
}

// Close closes the client that [FromEnv] made. A client that was given to [New]
// stays open: Close does nothing then.
func (b *Backend) Close() error {
	if !b.owned {
		return nil
	}
	return b.client.Close()
}
