package main

import (
	"context"
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

// newLogins is a service with a store of its own, so that tests can't disturb
// one another.
func newLogins(t *testing.T) *Logins {
	t.Helper()
	root, err := rin.Open(Root, memstore.New())
	if err != nil {
		t.Fatal(err)
	}
	return &Logins{root}
}

func newCode(t *testing.T, logins *Logins) string {
	t.Helper()
	code, err := logins.NewCode(t.Context(), "alice")
	if err != nil {
		t.Fatalf("NewCode: %v", err)
	}
	return code
}

func login(t *testing.T, logins *Logins) (token string) {
	t.Helper()
	token, err := logins.Login(t.Context(), "alice", newCode(t, logins))
	if err != nil {
		t.Fatalf("Login: %v", err)
	}
	return token
}

// In a bubble of testing/synctest, time.Sleep takes no time, and keys of a
// memstore expire all the same.
func TestSession_slides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logins := newLogins(t)
		token := login(t, logins)
		for range 3 {
			time.Sleep(29 * time.Minute)
			if user, err := logins.User(t.Context(), token); user != "alice" || err != nil {
				t.Errorf("29 minutes after the last use: User = %q, %v; want alice", user, err)
			}
		}
		time.Sleep(31 * time.Minute)
		if _, err := logins.User(t.Context(), token); !errors.Is(err, ErrLoggedOut) {
			t.Errorf("31 minutes after the last use: User gave %v, want %v", err, ErrLoggedOut)
		}
	})
}

func TestCode_expires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logins := newLogins(t)
		code := newCode(t, logins)
		time.Sleep(5 * time.Minute)
		if _, err := logins.Login(t.Context(), "alice", code); !errors.Is(err, ErrWrongCode) {
			t.Errorf("Login with a code of five minutes ago gave %v, want %v", err, ErrWrongCode)
		}
	})
}

func TestCode_isGoodForOneAttempt(t *testing.T) {
	logins := newLogins(t)
	code := newCode(t, logins)
	for _, attempt := range []string{"a guess", code} {
		if _, err := logins.Login(t.Context(), "alice", attempt); !errors.Is(err, ErrWrongCode) {
			t.Errorf("Login with %q gave %v, want %v", attempt, err, ErrWrongCode)
		}
	}
}

func TestLogout(t *testing.T) {
	logins := newLogins(t)
	token := login(t, logins)
	for range 2 {
		if err := logins.Logout(t.Context(), token); err != nil {
			t.Errorf("Logout: %v", err)
		}
	}
	if _, err := logins.User(t.Context(), token); !errors.Is(err, ErrLoggedOut) {
		t.Errorf("User after Logout gave %v, want %v", err, ErrLoggedOut)
	}
}

// What is stored can be checked too, by the declaration that wrote it.
func TestLogin_storesSession(t *testing.T) {
	logins := newLogins(t)
	token := login(t, logins)
	entry := Current.At(logins.root, token)

	session, err := entry.Get(t.Context())
	if session.User != "alice" || err != nil {
		t.Errorf("stored session = %+v, %v; want one of alice", session, err)
	}
	left, err := entry.TTL(t.Context())
	if left <= 0 || left > 30*time.Minute || err != nil {
		t.Errorf("TTL = %v, %v; want up to 30 minutes", left, err)
	}
}

func Example() {
	if err := run(context.Background(), os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// a guess: wrong code; ask for a new one
	// the token is that of alice
	// after the logout: not logged in
}
