package goredis_test

import (
	"context"
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/goredis"
)

// hooks is a redis.Hook of functions that may be nil.
type hooks struct {
	process func(first redis.Cmder, next func() error) error
}

func processHook(f func(first redis.Cmder, next func() error) error) redis.Hook {
	return hooks{process: f}
}

func (hooks) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h hooks) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	if h.process == nil {
		return next
	}
	return func(ctx context.Context, cmd redis.Cmder) error {
		return h.process(cmd, func() error { return next(ctx, cmd) })
	}
}

func (h hooks) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	if h.process == nil {
		return next
	}
	return func(ctx context.Context, cmds []redis.Cmder) error {
		return h.process(cmds[0], func() error { return next(ctx, cmds) })
	}
}

// A hook that refuses a command, such as a rate limiter, is believed, also of a
// pipeline, whose commands go-redis does not tell.
func TestHookRefuses(t *testing.T) {
	refused := errors.New("not today")
	client := newClient(t, &redis.Options{Addr: deadAddr(t)})
	client.AddHook(processHook(func(redis.Cmder, func() error) error { return refused }))
	b := goredis.New(client)
	for _, ops := range [][]backend.Op{
		{&backend.Delete{Key: "k"}},
		{&backend.Delete{Key: "k"}, &backend.Set{Key: "k"}},
	} {
		b.Exec(t.Context(), ops...)
		for _, op := range ops {
			if err := backend.Err(op); !errors.Is(err, refused) || errors.Is(err, backend.ErrUnknownOutcome) {
				t.Errorf("%s in a batch of %d = %v, want %v and no doubt", backend.Name(op), len(ops), err, refused)
			}
		}
	}
}
