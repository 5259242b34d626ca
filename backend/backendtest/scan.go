package backendtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/redisimnest/rin/backend"
)

var scanCases = []testCase{
	{
		name: "literal prefix",
		rule: "Scan yields the keys that begin with prefix, which is taken literally: no byte of it is a wildcard, a tag or a separator.",
		run: func(t *testing.T, s *suite) {
			var keys []string
			for _, name := range oddNames {
				keys = append(keys, "u:"+name, "u:"+name+":age", "u:"+name+"0")
			}
			for _, key := range keys {
				s.put(t, key, "v")
			}
			for _, name := range oddNames {
				s.scans(t, "u:"+name, withPrefix(keys, "u:"+name)...)
				s.scans(t, "u:"+name+":", withPrefix(keys, "u:"+name+":")...)
			}
		},
	},
	{
		name: "odd first byte",
		rule: "A prefix is taken literally from its first byte on.",
		run: func(t *testing.T, s *suite) {
			for _, name := range oddNames {
				s.put(t, name, "v")
			}
			for _, name := range oddNames {
				s.scans(t, name, withPrefix(oddNames, name)...)
			}
		},
	},
	{
		name: "empty prefix",
		rule: "An empty prefix is every key.",
		run: func(t *testing.T, s *suite) {
			s.scans(t, "")
			want := append(s.putMany(t, "a:", 30), s.putMany(t, "\xff", 30)...)
			s.scans(t, "", want...)
		},
	},
	{
		name: "a key that is the prefix",
		rule: "A key that equals the prefix begins with it.",
		run: func(t *testing.T, s *suite) {
			s.put(t, "a", "v")
			s.put(t, "a:", "v")
			s.put(t, "b", "v")
			s.scans(t, "a", "a", "a:")
			s.scans(t, "a:", "a:")
		},
	},
	{
		name: "no match",
		rule: "Pages are never empty: where no key has the prefix, there are none.",
		run: func(t *testing.T, s *suite) {
			s.putMany(t, "other:", 100)
			s.scans(t, "k")
			s.scans(t, "other:100")
			s.scans(t, strings.Repeat("other:", 1000))
		},
	},
	{
		name: "more than a page",
		rule: "Every key that is there from the first page to the last comes at least once.",
		run: func(t *testing.T, s *suite) {
			s.putMany(t, "j", 100)
			want := s.putMany(t, "k", 2*backend.DefaultPageSize+1)
			s.putMany(t, "l", 100)
			s.scans(t, "k", want...)
		},
	},
	{
		name: "page sizes",
		rule: "The size of a page changes nothing in what a scan yields altogether.",
		run: func(t *testing.T, s *suite) {
			s.putMany(t, "j", 50)
			want := s.putMany(t, "k", 60)
			for _, size := range []int{1, 2, 7, 59, 60, 61, 10_000} {
				seen := s.collect(t, "k", size, func([]string) {})
				checkKeys(t, fmt.Sprintf("k in pages of %d", size), seen, want)
			}
		},
	},
	{
		name: "break",
		rule: "A scan may be left early, and begun anew.",
		run: func(t *testing.T, s *suite) {
			want := s.putMany(t, "k", 100)
			for page, err := range backend.ScanPages(t.Context(), s.Backend, "k", 10) {
				if err != nil || len(page) == 0 {
					t.Fatalf("Scan yields %q, %v", page, err)
				}
				break
			}
			s.scans(t, "k", want...)
		},
	},
	{
		name: "twice",
		rule: "A scan's sequence begins anew each time it is ranged over.",
		run: func(t *testing.T, s *suite) {
			want := s.putMany(t, "k", 100)
			scan := s.Scan(t.Context(), "k")
			for range 2 {
				var seen []string
				for page, err := range scan {
					if err != nil {
						t.Fatalf("Scan: %v", err)
					}
					seen = append(seen, page...)
				}
				checkKeys(t, "k", seen, want)
			}
		},
	},
	{
		name: "delete while scanning",
		rule: "Keys may be deleted while the sequence is being consumed; the others come nevertheless.",
		run: func(t *testing.T, s *suite) {
			want := s.putMany(t, "k", 500)
			s.put(t, "other", "v")
			seen := s.collect(t, "k", 10, func(page []string) {
				for _, key := range page {
					do(t, s, &backend.Delete{Key: key})
				}
			})
			checkKeys(t, "k", seen, want)
			s.scans(t, "", "other")
		},
	},
	{
		name: "write while scanning",
		rule: "A scan ends, and yields every key that was there all along, while others are written.",
		run: func(t *testing.T, s *suite) {
			want := s.putMany(t, "k", 100)
			pages := 0
			seen := s.collect(t, "k", 10, func([]string) {
				if pages++; pages <= 100 {
					s.put(t, fmt.Sprintf("k-new-%d", pages), "v")
				}
			})
			old := slices.DeleteFunc(seen, func(key string) bool { return strings.HasPrefix(key, "k-new-") })
			checkKeys(t, "k", old, want)
		},
	},
	{
		name: "deleted keys",
		rule: "A key that was deleted or taken before the scan does not come.",
		run: func(t *testing.T, s *suite) {
			s.putMany(t, "k", 3)
			s.all(t, &backend.Delete{Key: "k0"}, &backend.Take{Key: "k1"})
			s.scans(t, "k", "k2")
		},
	},
	{
		name: "expired keys",
		rule: "A key that has expired does not come, and makes no page empty.",
		run: func(t *testing.T, s *suite) {
			for i := range 50 {
				s.putFor(t, fmt.Sprintf("k%d", i), "v", moment)
			}
			s.putFor(t, "k-hour", "v", hour)
			s.put(t, "k-forever", "v")
			s.Elapse(t, 2*moment)
			s.scans(t, "k", "k-hour", "k-forever")
			seen := s.collect(t, "k", 5, func([]string) {})
			checkKeys(t, "k in pages of 5", seen, []string{"k-hour", "k-forever"})
			s.scans(t, "k1")
		},
	},
}

// putMany writes n keys with the prefix and is their names.
func (s *suite) putMany(t *testing.T, prefix string, n int) (keys []string) {
	t.Helper()
	ops := make([]backend.Op, n)
	for i := range ops {
		keys = append(keys, fmt.Sprintf("%s%d", prefix, i))
		ops[i] = &backend.Set{Key: keys[i], Value: []byte("v")}
	}
	s.all(t, ops...)
	return keys
}

// scans checks that a scan, in the store's own pages, yields exactly the keys.
func (s *suite) scans(t *testing.T, prefix string, want ...string) {
	t.Helper()
	checkKeys(t, prefix, s.collect(t, prefix, backend.DefaultPageSize, func([]string) {}), want)
}

// collect is all keys of a scan in pages of about size, each of which visit
// sees when it comes.
func (s *suite) collect(t *testing.T, prefix string, size int, visit func(page []string)) (keys []string) {
	t.Helper()
	for page, err := range backend.ScanPages(t.Context(), s.Backend, prefix, size) {
		if err != nil {
			t.Fatalf("Scan %q: %v", prefix, err)
		}
		if len(page) == 0 {
			t.Fatalf("Scan %q yields an empty page", prefix)
		}
		keys = append(keys, page...)
		visit(page)
	}
	return keys
}

// checkKeys checks that got and want are the same keys, in any order; a key of
// got may come twice.
func checkKeys(t *testing.T, prefix string, got, want []string) {
	t.Helper()
	got, want = slices.Compact(slices.Sorted(slices.Values(got))), slices.Sorted(slices.Values(want))
	for _, key := range got {
		if _, ok := slices.BinarySearch(want, key); !ok {
			t.Errorf("Scan %q yields %q, which it should not", prefix, key)
		}
	}
	for _, key := range want {
		if _, ok := slices.BinarySearch(got, key); !ok {
			t.Errorf("Scan %q does not yield %q", prefix, key)
		}
	}
}

func withPrefix(keys []string, prefix string) (matching []string) {
	for _, key := range keys {
		if strings.HasPrefix(key, prefix) {
			matching = append(matching, key)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(matching)))
}
