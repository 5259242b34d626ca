// Package docs_test keeps the guides true: what they show is code that runs,
// and what they say it prints is what it prints.
package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pages are the guides, and the README.
func pages(t *testing.T) []string { return glob(t, "../README.md", "*.md") }

// programs are the examples and tests that the guides quote, and the parts of the
// library that the guide to backends does. All of them run with the tests; the
// adapter, a module of its own, with its own.
func programs(t *testing.T) []string {
	return glob(t, "../example*_test.go", "../examples/*/*.go", "../examples/*/testdata/*.golden", "*_test.go",
		"adapter/*.go", "../backend/*.go", "../backend/backendtest/catalogue.go")
}

// Every block of Go in a guide is copied from a program. It may leave lines out,
// such as those that only handle an error.
func TestGoBlocks(t *testing.T) {
	programs := readAll(t, programs(t))
	for _, page := range pages(t) {
		for _, block := range fenced(read(t, page), "go") {
			if !quotes(block, programs, codeLine) {
				t.Errorf("%s: no example or test has this code:\n%s", page, block)
			}
		}
	}
}

// Every block of text in a guide is what a program prints, lines left out.
func TestTextBlocks(t *testing.T) {
	programs := readAll(t, programs(t))
	for _, page := range pages(t) {
		for _, block := range fenced(read(t, page), "text") {
			if !quotes(block, programs, outputLine) {
				t.Errorf("%s: no example or test prints this:\n%s", page, block)
			}
		}
	}
}

// The code in the tour of package rin runs too.
func TestPackageTour(t *testing.T) {
	programs := readAll(t, programs(t))
	blocks := commentBlocks(read(t, "../rin.go"))
	if len(blocks) < 4 {
		t.Fatalf("the tour has %d blocks of code; did its form change?", len(blocks))
	}
	for _, block := range blocks {
		if !quotes(block, programs, codeLine) {
			t.Errorf("rin.go: no example has this code:\n%s", block)
		}
	}
}

// Links to files of the repository lead somewhere.
func TestLinks(t *testing.T) {
	code := regexp.MustCompile("(?ms)^```.*?^```$|`[^`]*`")
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(read(t, page), ""), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: link to %s: %v", page, m[1], err)
			}
		}
	}
}

func TestQuotes(t *testing.T) {
	program := []string{"a := 1 // one\n\tif err != nil {\n\t\treturn\n\t}\n\tb   := 2\n"}
	for _, test := range []struct {
		name, block string
		want        bool
	}{
		{"lines left out, another comment", "a := 1\nb := 2 // two", true},
		{"body left out", "if err != nil { … }", true},
		{"another order", "b := 2\na := 1", false},
		{"a line that is nowhere", "a := 1\nc := 3", false},
		{"nothing but a comment", "// a := 1", false},
	} {
		if got := quotes(test.block, program, codeLine); got != test.want {
			t.Errorf("%s: quotes = %t, want %t", test.name, got, test.want)
		}
	}
}

// quotes reports whether the lines of block occur, in their order, in one of the
// sources. clean takes off a line what does not count; lines that it leaves
// empty are skipped.
func quotes(block string, sources []string, clean func(string) string) bool {
	var want []string
	for line := range strings.Lines(block) {
		if line := clean(line); line != "" {
			want = append(want, line)
		}
	}
	for _, source := range sources {
		left := want
		for line := range strings.Lines(source) {
			if len(left) > 0 && clean(line) == left[0] {
				left = left[1:]
			}
		}
		if len(left) == 0 {
			return len(want) > 0
		}
	}
	return false
}

var (
	comment = regexp.MustCompile(`(^|\s)//.*`)
	output  = regexp.MustCompile(`^//( Output:)?`)
	elision = regexp.MustCompile(`\{ … \}$`)
)

// codeLine is a line of Go without its comment and its indentation. A body that
// is left out counts as one that is open.
func codeLine(line string) string {
	line = strings.Join(strings.Fields(comment.ReplaceAllString(line, "")), " ")
	return elision.ReplaceAllString(line, "{")
}

// outputLine is a printed line, also where it stands in an Output comment.
func outputLine(line string) string {
	return strings.TrimSpace(output.ReplaceAllString(strings.TrimSpace(line), ""))
}

// fenced returns the blocks of a page that are marked as lang.
func fenced(page, lang string) []string {
	fence := regexp.MustCompile("(?ms)^```" + lang + "\n(.*?)^```$")
	var blocks []string
	for _, m := range fence.FindAllStringSubmatch(page, -1) {
		blocks = append(blocks, m[1])
	}
	return blocks
}

// commentBlocks returns the indented blocks of a file's comments.
func commentBlocks(file string) []string {
	blocks := regexp.MustCompile(`(?m)(^//\t.*\n)+`).FindAllString(file, -1)
	for i, block := range blocks {
		blocks[i] = strings.ReplaceAll(block, "//\t", "\t")
	}
	return blocks
}

func glob(t *testing.T, patterns ...string) (files []string) {
	t.Helper()
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no file is named like %s (%v)", pattern, err)
		}
		files = append(files, found...)
	}
	return files
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func readAll(t *testing.T, files []string) (texts []string) {
	t.Helper()
	for _, file := range files {
		texts = append(texts, read(t, file))
	}
	return texts
}
