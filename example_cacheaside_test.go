package rin_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

// Pages that are slow to make, in a cache. The jitter keeps pages that were made
// together from expiring together.
var (
	Page  = rin.Key[string]("page:<path>", rin.TTL(10*time.Minute), rin.Jitter(0.1))
	Cache = rin.Cluster("cache", rin.Child(Page))
)

// Wiki is where the pages come from.
type Wiki struct {
	mu    sync.Mutex
	texts map[string]string
	made  int
}

// Make makes a page, or says that there is none.
func (w *Wiki) Make(path string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.made++
	text, ok := w.texts[path]
	if !ok {
		return "", rin.Absent
	}
	return "<h1>" + text + "</h1>", nil
}

// Pages serves them.
type Pages struct {
	cache *rin.Scope
	wiki  *Wiki
}

// Get makes a page once, however many want it, in however many processes, and
// remembers for a minute that there is none.
func (p *Pages) Get(ctx context.Context, path string) (string, error) {
	load := func(context.Context) (string, error) { return p.wiki.Make(path) }
	return Page.At(p.cache, path).Fetch(ctx, load,
		rin.Exclusive(10*time.Second), rin.CacheAbsent(time.Minute))
}

// Write changes a page. The cache comes after the wiki: the other way round, the
// old text could be cached in between.
func (p *Pages) Write(ctx context.Context, path, text string) error {
	p.wiki.mu.Lock()
	p.wiki.texts[path] = text
	p.wiki.mu.Unlock()
	_, err := Page.At(p.cache, path).Forget(ctx)
	return err
}

// Cache-aside: a value is read from the store, or else loaded and stored.
func Example_cacheAside() {
	ctx := context.Background()
	wiki := &Wiki{texts: map[string]string{"tea": "Tea"}}

	// Two processes share a store.
	store := memstore.New()
	var fleet []*Pages
	for range 2 {
		cache, err := rin.Open(Cache, store)
		if err != nil {
			log.Fatal(err)
		}
		fleet = append(fleet, &Pages{cache, wiki})
	}

	// A hundred readers want a page that is not there.
	var wg sync.WaitGroup
	for reader := range 100 {
		wg.Go(func() {
			text, err := fleet[reader%2].Get(ctx, "tea")
			if err != nil || text != "<h1>Tea</h1>" {
				log.Fatal(text, err)
			}
		})
	}
	wg.Wait()
	fmt.Println("made", wiki.made, "time")

	// There is no page on coffee, which is asked for once.
	pages := fleet[0]
	for range 3 {
		_, err := pages.Get(ctx, "coffee")
		fmt.Println(errors.Is(err, rin.ErrNotFound), err)
	}
	fmt.Println("made", wiki.made, "times")

	// Now there is one.
	err := pages.Write(ctx, "coffee", "Coffee")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(pages.Get(ctx, "coffee"))

	// Output:
	// made 1 time
	// true rin: fetch cache:page:coffee: not found
	// true rin: fetch cache:page:coffee: not found
	// true rin: fetch cache:page:coffee: not found
	// made 2 times
	// <h1>Coffee</h1> <nil>
}
