package rin_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/memstore"
)

// One declaration serves many stores and many goroutines at once. The race
// detector is the judge of most of it.
func TestConcurrentUse(t *testing.T) {
	t.Run("16 stores", func(t *testing.T) {
		var stores []backend.Backend
		for range 16 {
			stores = append(stores, memstore.New())
		}
		useAtOnce(t, stores)
	})
	onServers(t, func(t *testing.T, r rig) { useAtOnce(t, []backend.Backend{r}) })
}

// useAtOnce works on the stores from 64 goroutines, each of which opens the
// declaration for itself and keeps to a user of its own.
func useAtOnce(t *testing.T, stores []backend.Backend) {
	const goroutines = 64
	want := fmt.Sprint(walkRoot)
	var group sync.WaitGroup
	for g := range goroutines {
		group.Go(func() {
			root, err := rin.Open(walkRoot, stores[g%len(stores)], rin.PageSize(10))
			if err != nil {
				t.Error(err)
				return
			}
			if err := useAlone(t, root, g); err != nil {
				t.Errorf("goroutine %d: %v", g, err)
			}
			if got := fmt.Sprint(walkRoot); got != want {
				t.Errorf("goroutine %d: the declaration prints as\n%s", g, got)
			}
		})
	}
	group.Wait()
	for i, store := range stores {
		if left := keys(t, store); len(left) > 0 {
			t.Errorf("store %d is left with %v", i, left)
		}
	}
}

// useAlone does a bit of everything with one user, and clears it at last.
func useAlone(t *testing.T, root *rin.Scope, user int) error {
	ctx, scope := t.Context(), walkUser.At(root, user)
	age, name := walkAge.At(scope), walkName.At(root, user)
	for i := range 5 {
		text := fmt.Sprintf("user %d, round %d", user, i)
		if err := name.Set(ctx, text); err != nil {
			return err
		}
		if got, err := name.Get(ctx); got != text || err != nil {
			return fmt.Errorf("name is %q, want %q: %w", got, text, err)
		}
		if old, existed, err := age.Swap(ctx, user+i); existed != (i > 0) || existed && old != user+i-1 || err != nil {
			return fmt.Errorf("swap: %d, %v: %w", old, existed, err)
		}
		if found, err := root.Parse(age.Key()); err != nil || found.Params[0].Value != fmt.Sprint(user) {
			return fmt.Errorf("parse: %v: %w", found, err)
		}
	}
	if n, err := scope.Clear(ctx); n != 2 || err != nil {
		return fmt.Errorf("clear: %d, want 2: %w", n, err)
	}
	return nil
}
