package rin_test

import (
	"context"
	"fmt"
	"log"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

// Job is what a worker is to do.
type Job struct {
	ID   int
	Mail string
}

// A queue, and for each worker a list of what it has begun. The hash tag keeps them in one
// slot of a cluster.
var (
	Waiting = rin.List[Job]("waiting")
	Begun   = rin.List[Job]("begun:<worker>")
	Mails   = rin.Cluster("{mails}", rin.OneSlot(), rin.Child(Waiting, Begun))
	Post    = rin.Cluster("post", rin.Child(Mails))
)

// A queue that survives a crashed worker: a job is moved into the worker's own list in one
// step, and removed from there when it is done. What a worker had begun, it finds again.
func ExampleListEntry_MoveWait() {
	ctx := context.Background()
	post, err := rin.Open(Post, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	waiting, begun := Waiting.At(post), Begun.At(post, "worker-1")
	if _, err := waiting.Push(ctx, Job{1, "ann@example.com"}, Job{2, "bob@example.com"}); err != nil {
		log.Fatal(err)
	}

	job, err := waiting.MoveWait(ctx, begun) // waits for one, if there is none
	fmt.Println(job, err)
	// Here the worker crashes. It comes back, and begins with what it had begun.
	left, err := begun.All(ctx)
	fmt.Println(left, err)
	for _, job := range left {
		fmt.Println("send to", job.Mail)
		if _, err := begun.Remove(ctx, job, 1); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(waiting.Len(ctx))
	// Output:
	// {1 ann@example.com} <nil>
	// [{1 ann@example.com}] <nil>
	// send to ann@example.com
	// 1 <nil>
}
