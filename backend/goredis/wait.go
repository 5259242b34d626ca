package goredis

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/redisimnest/rin/backend"
)

// Wait waits on a connection of its own, beyond the client's PoolSize, which it makes and
// closes: one for each caller that waits. See [backend.Waiter].
func (b *Backend) Wait(ctx context.Context, key string) error {
	if b.err != nil {
		return b.err
	}
	apart, err := b.apart(ctx, key)
	if err != nil {
		return backend.WaitLost(ctx, err)
	}
	defer apart.Close()
	for {
		words, _ := backend.WaitCommand(ctx, key)
		args := make([]any, len(words))
		for i := range words {
			args[i] = words[i]
		}
		answered := make(chan error, 1)
		go func() { answered <- apart.Do(context.WithoutCancel(ctx), args...).Err() }()
		select {
		case <-ctx.Done():
			apart.Close()
			<-answered
			return ctx.Err()
		case err = <-answered:
		}
		var reply redis.Error
		switch {
		case err == nil:
			return nil
		case errors.Is(err, redis.Nil): // It has waited long enough.
			if err := backend.ContextErr(ctx); err != nil {
				return err
			}
		case errors.As(err, &reply):
			return backend.Waited(ctx, reply)
		default:
			return backend.WaitLost(ctx, err)
		}
	}
}

// patience is how long the answer of a server may take that has waited long enough.
const patience = 3 * time.Second

// apart is a client of one connection to the server that has the key.
func (b *Backend) apart(ctx context.Context, key string) (*redis.Client, error) {
	var of interface{ Options() *redis.Options }
	switch client := b.client.(type) {
	case cluster:
		node, err := client.MasterForKey(ctx, key)
		if err != nil {
			return nil, err
		}
		of = node
	case interface{ Options() *redis.Options }:
		of = client
	default:
		return nil, errors.New("goredis: the client does not say its options, which a connection to wait on needs")
	}
	options := *of.Options()
	_, limit := backend.WaitCommand(context.Background(), key)
	options.PoolSize, options.MinIdleConns, options.MaxRetries = 1, 0, -1
	options.ReadTimeout = limit + patience
	// A client that lives as long as a wait has no use for these, which it can't share.
	options.PushNotificationProcessor = nil
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewClient(&options), nil
}
