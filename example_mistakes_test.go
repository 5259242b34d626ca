package rin_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

// A declaration with a mistake in every line.
var (
	Weight  = rin.Key[int]("weight", rin.Default("heavy"))
	Color   = rin.Key[string]("color", rin.TTL(-time.Hour))
	Review  = rin.Key[string]("review:<article_id>")
	Article = rin.Cluster("article:<article_id>", rin.Child(Weight, Color, Review))
	Archive = rin.Key[string]("article:<id>:archive")
	Catalog = rin.Cluster("catalog", rin.Child(Article, Archive))
)

// Open lists every mistake of a declaration at once, each with its file and
// line.
func Example_mistakes() {
	_, err := rin.Open(Catalog, memstore.New())
	fmt.Println(err)

	var schema *rin.SchemaError
	fmt.Println(errors.As(err, &schema), len(schema.Problems))

	// Output:
	// rin: invalid schema:
	// 	example_mistakes_test.go:14: key "weight" holds int, but its default is a string; write rin.Default[int](0)
	// 	example_mistakes_test.go:15: key "color": TTL(-1h0m0s) is not positive; write rin.NoTTL() for values that do not expire
	// 	example_mistakes_test.go:16: key "review:<article_id>": placeholder <article_id> is there twice on the path catalog:article:<article_id>:review:<article_id>; rename one
	// 	example_mistakes_test.go:18: key catalog:article:<id>:archive could lie under the prefix of cluster catalog:article:<article_id> (example_mistakes_test.go:17), so that clearing that would delete it; rename one, or declare the key inside
	// true 4
}
