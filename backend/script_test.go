package backend_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/internal/servertest"
)

// counting is an op with a script.
func counting() *backend.IncrBy {
	return &backend.IncrBy{Key: "n", By: 1, Expiry: backend.Expiry{TTL: time.Hour}}
}

// wantCount adds once more, and wants the number that there is then.
func wantCount(t *testing.T, b store, want int64) {
	t.Helper()
	op := counting()
	if err := b.Exec(t.Context(), op); err != nil || op.Now != want {
		t.Errorf("IncrBy = %d, %v; want %d", op.Now, err, want)
	}
}

// sentAs is how often the server was sent a script, whole and by its digest. It begins anew
// with each call.
func sentAs(t *testing.T, addr string) string {
	t.Helper()
	stats := fmt.Sprint(servertest.Do(t, addr, "INFO", "commandstats"))
	servertest.Do(t, addr, "CONFIG", "RESETSTAT")
	count := func(name string) (n int) {
		_, line, _ := strings.Cut(stats, "cmdstat_"+name+":calls=")
		_, _ = fmt.Sscanf(line, "%d,", &n)
		return n
	}
	return fmt.Sprintf("%d whole, %d by digest", count("eval"), count("evalsha"))
}

func wantSentAs(t *testing.T, addr, want string) {
	t.Helper()
	if got := sentAs(t, addr); got != want {
		t.Errorf("the script was sent %s; want %s", got, want)
	}
}

func TestScripts(t *testing.T) {
	onPrograms(t, func(t *testing.T, addr string, b store) {
		servertest.Do(t, addr, "DEL", "n")
		servertest.Do(t, addr, "SCRIPT", "FLUSH")
		sentAs(t, addr)
		for n := range int64(3) {
			wantCount(t, b, n+1)
		}
		wantSentAs(t, addr, "1 whole, 2 by digest")

		servertest.Do(t, addr, "SCRIPT", "FLUSH") // As a restart does, or a failover.
		wantCount(t, b, 4)
		wantSentAs(t, addr, "1 whole, 1 by digest")
		wantCount(t, b, 5)
		wantSentAs(t, addr, "0 whole, 1 by digest")

		servertest.Do(t, addr, "SCRIPT", "FLUSH")
		last := counting()
		if err := b.Exec(t.Context(), counting(), counting(), last); err != nil || last.Now != 8 {
			t.Errorf("a batch counted to %d, %v; want 8", last.Now, err)
		}
		wantSentAs(t, addr, "1 whole, 2 by digest")
		if err := b.Transact(t.Context(), counting(), last); err != nil || last.Now != 10 {
			t.Errorf("a transaction counted to %d, %v; want 10", last.Now, err)
		}
		wantSentAs(t, addr, "2 whole, 0 by digest")
	})
}

// Who sends nothing but batches finds out by the last of one whether the server takes digests.
func TestScripts_batches(t *testing.T) {
	onPrograms(t, func(t *testing.T, addr string, b store) {
		servertest.Do(t, addr, "DEL", "n")
		sentAs(t, addr)
		for i, want := range []string{"2 whole, 1 by digest", "1 whole, 2 by digest"} {
			last := counting()
			if err := b.Exec(t.Context(), counting(), counting(), last); err != nil || last.Now != int64(3*i+3) {
				t.Errorf("a batch counted to %d, %v", last.Now, err)
			}
			wantSentAs(t, addr, want)
		}
	})
	onPrograms(t, func(t *testing.T, addr string, b store) {
		servertest.Do(t, addr, "DEL", "n")
		for _, n := range []int64{3, 6} {
			last := counting()
			if err := b.Exec(t.Context(), counting(), counting(), last); err != nil || last.Now != n {
				t.Errorf("a batch counted to %d, %v; want %d", last.Now, err, n)
			}
			wantSentAs(t, addr, "3 whole, 0 by digest")
		}
	}, "--rename-command", "EVALSHA", "")
}

// A user may not call by digest, or nobody may: the script is sent whole, from then on.
func TestScripts_refused(t *testing.T) {
	onPrograms(t, func(t *testing.T, addr string, b store) {
		servertest.Do(t, addr, "DEL", "n")
		servertest.Do(t, addr, "ACL", "SETUSER", "default", "-evalsha")
		defer servertest.Do(t, addr, "ACL", "SETUSER", "default", "+evalsha")
		for n := range int64(3) {
			wantCount(t, b, n+1)
		}
		if err := b.Exec(t.Context(), counting(), counting()); err != nil {
			t.Error("a batch:", err)
		}
	})
	onPrograms(t, func(t *testing.T, addr string, b store) {
		servertest.Do(t, addr, "DEL", "n")
		sentAs(t, addr)
		for n := range int64(3) {
			wantCount(t, b, n+1)
		}
		wantSentAs(t, addr, "3 whole, 0 by digest")
	}, "--rename-command", "EVALSHA", "")
}
