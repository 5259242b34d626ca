package rin_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

// Settings of one user. The last one has no default.
var (
	Theme    = rin.Key[string]("theme", rin.Default("light"))
	Tabs     = rin.Key[[]string]("tabs", rin.Default([]string{"home"}))
	Timezone = rin.Key[string]("timezone")
	Settings = rin.Cluster("settings", rin.Child(rin.Cluster("<user_id>", rin.Child(Theme, Tabs, Timezone))))
)

// Get answers a key that is not there with its default, or with ErrNotFound
// where it has none. Nothing is stored.
func Example_defaults() {
	ctx := context.Background()
	settings, err := rin.Open(Settings, memstore.New())
	if err != nil {
		log.Fatal(err)
	}

	theme, err := Theme.At(settings, "alice").Get(ctx)
	fmt.Println(theme, err)

	_, err = Timezone.At(settings, "alice").Get(ctx)
	fmt.Println(errors.Is(err, rin.ErrNotFound), err)

	// Lookup says whether the key is there, whatever its default.
	_, found, err := Theme.At(settings, "alice").Lookup(ctx)
	fmt.Println(found, err)

	// A default that holds a slice is a fresh copy each time.
	tabs, err := Tabs.At(settings, "alice").Get(ctx)
	if err != nil {
		log.Fatal(err)
	}
	tabs[0] = "changed"
	tabs, err = Tabs.At(settings, "bob").Get(ctx)
	fmt.Println(tabs, err)

	// Output:
	// light <nil>
	// true rin: get settings:alice:timezone: not found
	// false <nil>
	// [home] <nil>
}
