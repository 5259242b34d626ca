package main

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/redisimnest/rin"
)

// Session is what is known of a login.
type Session struct {
	User  string    `json:"user"`
	Since time.Time `json:"since"`
}

// A code is sent to a user by mail, and is good for five minutes and one
// attempt. The session that it opens lives for half an hour after its last use.
var (
	Code    = rin.Key[string]("code:<user>", rin.TTL(5*time.Minute))
	Current = rin.Key[Session]("session:<token>", rin.TypeName("session.v1"),
		rin.TTL(30*time.Minute), rin.Renew(rin.OnAccess))
	Root = rin.Cluster("auth", rin.Child(Code, Current))
)

// The errors of [Logins].
var (
	ErrWrongCode = errors.New("wrong code; ask for a new one")
	ErrLoggedOut = errors.New("not logged in")
)

// Logins keeps sessions. It knows no backend: whoever opens the declaration
// chooses one.
type Logins struct{ root *rin.Scope }

// NewCode returns a code to send to the user. It replaces an earlier one.
func (l *Logins) NewCode(ctx context.Context, user string) (string, error) {
	code := rand.Text()
	return code, Code.At(l.root, user).Set(ctx, code)
}

// Login starts a session and returns its token. Take reads the code and deletes
// it in one step, so that two attempts can't both use it.
func (l *Logins) Login(ctx context.Context, user, code string) (token string, err error) {
	sent, found, err := Code.At(l.root, user).Take(ctx)
	if err != nil {
		return "", err
	}
	if !found || sent != code {
		return "", ErrWrongCode
	}
	token = rand.Text()
	return token, Current.At(l.root, token).Set(ctx, Session{User: user, Since: time.Now()})
}

// User returns who a token belongs to, and makes its session last longer.
func (l *Logins) User(ctx context.Context, token string) (string, error) {
	session, err := Current.At(l.root, token).Get(ctx)
	if errors.Is(err, rin.ErrNotFound) {
		return "", ErrLoggedOut
	}
	return session.User, err
}

// Logout ends a session. It is no error if there is none.
func (l *Logins) Logout(ctx context.Context, token string) error {
	_, err := Current.At(l.root, token).Delete(ctx)
	return err
}
