package main

import (
	"os"
	"testing"
)

// What is committed is what the generator makes of the source.
func TestGenerate_isFresh(t *testing.T) {
	const root = "../.."
	want, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(root + "/" + target)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s is not what its source makes of it; run go generate in the root", target)
	}
}
