package rin_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/codec"
	"github.com/redisimnest/rin/memstore"
)

type Order struct {
	Article string
	Pieces  int
}

// How values are stored: by default, by another codec, under a name, and plain.
var (
	Note   = rin.Key[string]("note")
	Orders = rin.Key[[]Order]("orders")
	Latest = rin.Key[Order]("latest", rin.TypeName("order.v1"))
	Backup = rin.Key[[]Order]("backup", rin.Codec(codec.Gob))
	Total  = rin.Key[int]("total", rin.Plain())
	Desk   = rin.Cluster("desk", rin.Child(Note, Orders, Latest, Backup, Total))
)

// The same latest order, declared later on: its type has changed.
var (
	LatestV2 = rin.Key[int]("latest", rin.OnMismatch(rin.TreatAsMissing), rin.Default(0))
	DeskV2   = rin.Cluster("desk", rin.Child(LatestV2))
)

// A stored value says which codec wrote it and what type it has, so that it
// reads well in a terminal and is never read as another type.
func Example_codecs() {
	ctx := context.Background()
	store := memstore.New()
	desk, err := rin.Open(Desk, store)
	if err != nil {
		log.Fatal(err)
	}
	tea := Order{"tea", 2}
	err = errors.Join(
		Note.At(desk).Set(ctx, "call back"),
		Orders.At(desk).Set(ctx, []Order{tea}),
		Latest.At(desk).Set(ctx, tea),
		Backup.At(desk).Set(ctx, []Order{tea}),
		Total.At(desk).Set(ctx, 2),
	)
	if err != nil {
		log.Fatal(err)
	}

	note, _, err := Note.At(desk).Raw(ctx)
	fmt.Printf("%s %v\n", note, err)
	orders, _, err := Orders.At(desk).Raw(ctx)
	fmt.Printf("%s %v\n", orders, err)
	latest, _, err := Latest.At(desk).Raw(ctx)
	fmt.Printf("%s %v\n", latest, err)
	backup, _, err := Backup.At(desk).Raw(ctx)
	fmt.Printf("%.14s… %v\n", backup, err)
	total, _, err := Total.At(desk).Raw(ctx)
	fmt.Printf("%s %v\n", total, err)

	fmt.Println(Latest.At(desk).Type(ctx))
	fmt.Println(Backup.At(desk).Get(ctx))

	// A later version of the program takes what it can't read for missing.
	later, err := rin.Open(DeskV2, store)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(LatestV2.At(later).Get(ctx))

	// Output:
	// ~text:string:call back <nil>
	// ~json:[]struct:[{"Article":"tea","Pieces":2}] <nil>
	// ~json:order.v1:{"Article":"tea","Pieces":2} <nil>
	// ~gob:[]struct:… <nil>
	// 2 <nil>
	// order.v1 <nil>
	// [{tea 2}] <nil>
	// 0 <nil>
}
