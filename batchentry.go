package rin

import (
	"time"

	"github.com/redisimnest/rin/backend"
)

// In queues operations on the entry in a batch: the methods are the entry's own,
// without a context, and return futures. Operations that need more than one
// round trip, such as [Entry.Update] and [Entry.Fetch], are not among them.
func (e Entry[T]) In(b *Batch) BatchEntry[T] { return BatchEntry[T]{batchHandle{e.handle, b}, e} }

// BatchEntry queues operations on an entry in a batch. [Entry.In] makes it.
type BatchEntry[T any] struct {
	batchHandle
	entry Entry[T]
}

// Get queues [Entry.Get].
func (e BatchEntry[T]) Get() *Future[T] {
	var p pendingRead[T]
	p.operation = e.entry.getting(&p.get)
	return p.queueIn(e.batch)
}

// Lookup queues [Entry.Lookup].
func (e BatchEntry[T]) Lookup() *Future[Maybe[T]] {
	var p pendingRead[Maybe[T]]
	p.operation = e.entry.lookingUp(&p.get)
	return p.queueIn(e.batch)
}

// Set queues [Entry.Set]. Its result is always true where there is no error.
func (e BatchEntry[T]) Set(value T, opts ...WriteOption) *Future[bool] {
	return later(e.batch, e.entry.setting(new(backend.Set), "set", value, backend.Always, opts))
}

// SetIfAbsent queues [Entry.SetIfAbsent].
func (e BatchEntry[T]) SetIfAbsent(value T, opts ...WriteOption) *Future[bool] {
	return later(e.batch, e.entry.setting(new(backend.Set), "set if absent", value, backend.IfAbsent, opts))
}

// SetIfPresent queues [Entry.SetIfPresent].
func (e BatchEntry[T]) SetIfPresent(value T, opts ...WriteOption) *Future[bool] {
	return later(e.batch, e.entry.setting(new(backend.Set), "set if present", value, backend.IfPresent, opts))
}

// Swap queues [Entry.Swap].
func (e BatchEntry[T]) Swap(value T, opts ...WriteOption) *Future[Maybe[T]] {
	return later(e.batch, e.entry.swapping(value, opts))
}

// Take queues [Entry.Take].
func (e BatchEntry[T]) Take() *Future[Maybe[T]] { return later(e.batch, e.entry.taking()) }

// Type queues [Entry.Type].
func (e BatchEntry[T]) Type() *Future[string] { return later(e.batch, e.entry.typing()) }

// batchHandle queues the operations that do not depend on what a key holds.
type batchHandle struct {
	handle handle
	batch  *Batch
}

// Delete queues [Entry.Delete].
func (h batchHandle) Delete() *Future[bool] { return later(h.batch, h.handle.deletion("delete")) }

// Forget queues [Entry.Forget].
func (h batchHandle) Forget() *Future[bool] { return later(h.batch, h.handle.forgetting()) }

// Exists queues [Entry.Exists].
func (h batchHandle) Exists() *Future[bool] { return later(h.batch, h.handle.existence("exists")) }

// TTL queues [Entry.TTL].
func (h batchHandle) TTL() *Future[time.Duration] { return later(h.batch, h.handle.remaining()) }

// ExpireTime queues [Entry.ExpireTime].
func (h batchHandle) ExpireTime() *Future[time.Time] { return later(h.batch, h.handle.expireTime()) }

// MemoryUsage queues [Entry.MemoryUsage].
func (h batchHandle) MemoryUsage() *Future[int64] { return later(h.batch, h.handle.memoryUsage()) }

// Expire queues [Entry.Expire].
func (h batchHandle) Expire(d time.Duration) *Future[bool] {
	return later(h.batch, h.handle.expiring(d))
}

// ExpireAt queues [Entry.ExpireAt].
func (h batchHandle) ExpireAt(t time.Time) *Future[bool] {
	return later(h.batch, h.handle.expiringAt(t))
}

// Persist queues [Entry.Persist].
func (h batchHandle) Persist() *Future[bool] { return later(h.batch, h.handle.persisting()) }

// Touch queues [Entry.Touch].
func (h batchHandle) Touch() *Future[bool] {
	if ttl := h.handle.declaredTTL(); ttl > 0 {
		return later(h.batch, h.handle.touching(ttl))
	}
	return later(h.batch, h.handle.untouching())
}

// Raw queues [Entry.Raw].
func (h batchHandle) Raw() *Future[Maybe[[]byte]] { return later(h.batch, h.handle.raw()) }
