package goredis

import (
	"context"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"weak"

	"github.com/redis/go-redis/v9"
)

// A handover gives commands the deadlines of their contexts on a client that was
// made without them, which can't be switched on later.
//
// A twin of the client can have them, and share its connections. But it lacks the
// client's hooks, such as those that trace. So a command goes through the client,
// and the hook behind all others hands it over to the twin.
type handover struct {
	twin *redis.Client
	// client is the code that stands behind the last hook: of one command, of a
	// pipeline, and of a transaction.
	client []uintptr
	// overtaken says that a hook has been added behind this one. It would not see
	// what is handed over, so nothing is any more.
	overtaken atomic.Bool
}

var _ redis.Hook = (*handover)(nil)

// handovers are those of the clients in use, so that a client gets one, on
// however many backends it is.
var handovers struct {
	sync.Mutex
	of map[weak.Pointer[redis.Client]]weak.Pointer[handover] // a client holds its own
}

// handoverOf is the client's handover, nil for a client that waits for ever, whose
// twin would do so too where a context is cancelled.
func handoverOf(client *redis.Client) *handover {
	if options := client.Options(); options.ReadTimeout <= 0 || options.WriteTimeout <= 0 {
		return nil
	}
	handovers.Lock()
	defer handovers.Unlock()
	key := weak.Make(client)
	if h := handovers.of[key].Value(); h != nil {
		return h
	}
	h := &handover{twin: twinOf(client)}
	client.AddHook(h)
	if handovers.of == nil {
		handovers.of = map[weak.Pointer[redis.Client]]weak.Pointer[handover]{}
	}
	handovers.of[key] = weak.Make(h)
	runtime.AddCleanup(client, forget, key)
	return h
}

func forget(client weak.Pointer[redis.Client]) {
	handovers.Lock()
	defer handovers.Unlock()
	delete(handovers.of, client)
}

// twinOf is a client on the connections of another, with its options, that heeds
// the deadlines of contexts.
func twinOf(client *redis.Client) *redis.Client {
	options := client.Options()
	twin := client.WithTimeout(options.ReadTimeout)
	own := twin.Options() // no more shared
	own.WriteTimeout = options.WriteTimeout
	own.ContextTimeoutEnabled = true
	return twin
}

// takes says that commands can be handed over.
func (h *handover) takes() bool { return h != nil && !h.overtaken.Load() }

// isLast says that what stands behind the hook is the client. The client asks its
// hooks for each way of sending, in this order, whenever it is given another one.
func (h *handover) isLast(next any) bool {
	behind := reflect.ValueOf(next).Pointer()
	if len(h.client) < 3 {
		h.client = append(h.client, behind)
	}
	last := slices.Contains(h.client, behind)
	if !last {
		h.overtaken.Store(true)
	}
	return last
}

// ProcessHook hands over a command.
func (h *handover) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	if !h.isLast(next) {
		return next
	}
	return func(ctx context.Context, cmd redis.Cmder) error {
		if handedOver(cmd) {
			return h.twin.Process(ctx, cmd)
		}
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook hands over a pipeline, of which all commands are rin's or
// none.
func (h *handover) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	if !h.isLast(next) {
		return next
	}
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if !handedOver(cmds[0]) {
			return next(ctx, cmds)
		}
		pipe := h.twin.Pipeline()
		for _, cmd := range cmds {
			pipe.Process(ctx, cmd) // Only queues it.
		}
		_, err := pipe.Exec(ctx)
		return err
	}
}

// DialHook changes nothing: the client connects for both.
func (h *handover) DialHook(next redis.DialHook) redis.DialHook { return next }

// handedOver says that cmd is one of those of rin that are to be handed over.
func handedOver(cmd redis.Cmder) bool {
	c, ok := cmd.(*command)
	return ok && c.handedOver
}
