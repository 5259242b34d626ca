package rin

import "context"

// PopWait takes the last element, and waits for one where there is none, until the context
// ends. Who waits, takes nothing: an element is taken by Pop once there is one, so that no
// cancelled wait and no lost connection loses one. Of several that wait, any may get it.
//
// It is RPOP, and where there is nothing BLMOVE from the list to itself, on a connection
// that nothing else uses meanwhile: with go-redis one that is made for it, beyond PoolSize,
// with valkey-go one of BlockingPoolSize. A lost connection is an error at once.
func (e ListEntry[T]) PopWait(ctx context.Context) (T, error) {
	return waiting(ctx, e, "pop wait", e.pop)
}

// PopFrontWait takes the first element, and waits for one where there is none, as PopWait
// does. It is LPOP.
func (e ListEntry[T]) PopFrontWait(ctx context.Context) (T, error) {
	return waiting(ctx, e, "pop front wait", e.popFront)
}

// MoveWait takes the first element and puts it behind another list, as Move does, in one
// atomic step, and waits for one where there is none, as PopWait does. It is LMOVE.
//
// A worker that moves what it works on into a list of its own, and removes it from there
// when it is done, loses nothing when it crashes.
func (e ListEntry[T]) MoveWait(ctx context.Context, dst ListEntry[T]) (T, error) {
	return waiting(ctx, e, "move wait", func() operation[Maybe[T]] { return e.move(dst) })
}

// waiting takes an element, and waits for one as long as there is none.
func waiting[T any](ctx context.Context, e ListEntry[T], name string, take func() operation[Maybe[T]]) (T, error) {
	w := e.watch(ctx)
	v, err := takeOrWait(ctx, e, take)
	return v, e.done(ctx, name, w, didOrNot(err == nil), err)
}

func takeOrWait[T any](ctx context.Context, e ListEntry[T], take func() operation[Maybe[T]]) (v T, err error) {
	for {
		o := take()
		if err := o.check(); err != nil {
			return v, err
		}
		if err := o.send(ctx); err != nil {
			return v, err
		}
		if found, err := o.result(o.handle, o.op); found.Found || err != nil {
			return found.Value, err
		}
		if err := e.place.store.wait(ctx, e.key); err != nil {
			return v, err
		}
	}
}
