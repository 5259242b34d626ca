package rin_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

// A street and a city, wherever an address stands.
var (
	Street  = rin.Key[string]("street")
	City    = rin.Key[string]("city", rin.Default("Unknown"))
	Address = rin.Cluster("address", rin.Child(Street, City))
)

// Customers and companies both have an address.
var (
	Visits   = rin.Key[int]("visits:<day>", rin.Default(0), rin.TTL(48*time.Hour))
	Customer = rin.Cluster("customer:<customer_id>", rin.Child(Visits, Address))

	Staff   = rin.Key[[]string]("staff", rin.Default([]string{}))
	Company = rin.Cluster("company:<company_id>", rin.Protected(), rin.Child(Staff, Address))

	Shop = rin.Cluster("shop", rin.Child(Customer, Company))
)

// A keyspace is a tree of clusters and keys, declared once. It prints as one.
func Example_declaring() {
	ctx := context.Background()
	fmt.Println(Shop)

	shop, err := rin.Open(Shop, memstore.New())
	if err != nil {
		log.Fatal(err)
	}

	// At takes the parameters on the way, in their order.
	err = Visits.At(shop, 42, "2026-03-01").Set(ctx, 3)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(Visits.At(shop, 42, "2026-03-01").Key())

	// An address has two places, so it is reached from one of them.
	customer := Customer.At(shop, 42)
	company := Company.At(shop, "acme")
	fmt.Println(City.At(customer).Key())
	fmt.Println(City.At(company).Key())
	fmt.Println(City.At(shop, 42).Err())

	// Output:
	// shop
	// ├── customer:<customer_id>
	// │   ├── visits:<day>  int  Default(0)  TTL(48h0m0s)
	// │   └── address
	// │       ├── street  string
	// │       └── city  string  Default("Unknown")
	// └── company:<company_id>  Protected()
	//     ├── staff  []string  Default([]string{})
	//     └── address
	//         ├── street  string
	//         └── city  string  Default("Unknown")
	// shop:customer:42:visits:2026-03-01
	// shop:customer:42:address:city
	// shop:company:acme:address:city
	// rin: at city: declared more than once under this scope: shop:customer:<customer_id>:address:city and shop:company:<company_id>:address:city; start from a scope nearer to it
}
