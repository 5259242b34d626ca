// Package env reads from the environment where Redis is, for both adapters.
package env

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// URL is where Redis is, as a redis:// URL. It is the value of REDIS_URL, or
// made of REDIS_HOST (default localhost), REDIS_PORT (6379), REDIS_USERNAME,
// REDIS_PASS and REDIS_DB (0). An empty variable counts as unset.
//
// An error names the variable that is wrong, and no password.
func URL() (string, error) {
	if text := os.Getenv("REDIS_URL"); text != "" {
		return text, checkURL(text)
	}
	port, err := number("REDIS_PORT", 6379, 1, 65535)
	if err != nil {
		return "", err
	}
	db, err := number("REDIS_DB", 0, 0, maxDB)
	if err != nil {
		return "", err
	}
	host, err := host()
	if err != nil {
		return "", err
	}
	u := url.URL{
		Scheme: "redis",
		Host:   net.JoinHostPort(host, strconv.Itoa(port)),
		Path:   strconv.Itoa(db),
		User:   user(),
	}
	return u.String(), nil
}

// maxDB bounds REDIS_DB. How many databases there are, the server knows.
const maxDB = 1<<31 - 1

// host is a name or an address; only an address of IPv6 has colons.
func host() (string, error) {
	text := os.Getenv("REDIS_HOST")
	switch {
	case text == "":
		return "localhost", nil
	case strings.ContainsAny(text, "/?#@[] "), strings.Contains(text, ":") && net.ParseIP(text) == nil:
		return "", fmt.Errorf("REDIS_HOST is %q; want a host name or an address", text)
	}
	return text, nil
}

func user() *url.Userinfo {
	name, pass := os.Getenv("REDIS_USERNAME"), os.Getenv("REDIS_PASS")
	switch {
	case pass != "":
		return url.UserPassword(name, pass)
	case name != "":
		return url.User(name)
	}
	return nil
}

func number(name string, unset, least, most int) (int, error) {
	text := os.Getenv(name)
	if text == "" {
		return unset, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%s is %q; want a number from %d to %d", name, text, least, most)
	}
	return n, nil
}

// checkURL finds what is wrong with the form of a URL. The parser's own error
// would quote it, password and all.
func checkURL(text string) error {
	u, err := url.Parse(text)
	var parse *url.Error
	switch {
	case errors.As(err, &parse):
		return errors.New("REDIS_URL is no URL; want redis://user:password@host:port/db")
	case u.Scheme != "redis" && u.Scheme != "rediss" && u.Scheme != "unix":
		return fmt.Errorf("REDIS_URL has the scheme %q; want redis, rediss or unix", u.Scheme)
	}
	return nil
}
