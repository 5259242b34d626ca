// Quickstart does rin's main job step by step, and prints each step: it
// declares a keyspace, opens it, writes, reads, walks and clears.
//
//	go run ./examples/quickstart
//	go run ./examples/quickstart -backend redis -addr 127.0.0.1:6379
//	go run ./examples/quickstart -backend valkey -addr 127.0.0.1:6379
//
// All its keys begin with rin-quickstart: and it deletes them at the end, so it
// can run against a database that is in use.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// timeout bounds the whole run, also where a server takes a connection and then
// keeps silent.
const timeout = 30 * time.Second

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run returns the exit code: 0, 1 where a step failed, 2 for wrong arguments.
func run(args []string, stdout, stderr io.Writer) int {
	backend, addr, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "quickstart: %v; see -help\n", err)
		return 2
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := quickstart(ctx, backend, addr, stdout); err != nil {
		fmt.Fprintf(stderr, "quickstart: with -backend %s -addr %s: %v\n", backend, addr, err)
		return 1
	}
	return 0
}

func parse(args []string, stderr io.Writer) (backend, addr string, err error) {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.StringVar(&backend, "backend", "memory", "where the keys live: memory, redis or valkey")
	flags.StringVar(&addr, "addr", "127.0.0.1:6379", "`host:port` of the server; memory needs none")
	// What is wrong is said once, by run.
	flags.SetOutput(io.Discard)
	err = flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(stderr)
		flags.PrintDefaults()
	}
	if err != nil {
		return "", "", err
	}
	if flags.NArg() > 0 {
		return "", "", fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if _, ok := backends[backend]; !ok {
		return "", "", fmt.Errorf("-backend is %q; want memory, redis or valkey", backend)
	}
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return "", "", fmt.Errorf("-addr is %q; want host:port", addr)
	}
	return backend, addr, nil
}
