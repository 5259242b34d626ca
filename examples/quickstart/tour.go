package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/redisimnest/rin"
)

// The whole keyspace, declared once. A name in angle brackets is a parameter;
// children take the TTL of their cluster.
var (
	Tokens = rin.Key[[]string]("tokens", rin.Default([]string{}))
	App    = rin.Cluster("app", rin.TTL(80*time.Second), rin.Child(Tokens))

	Age  = rin.Key[int]("age", rin.Default(0))
	Name = rin.Key[string]("name", rin.Default("Unknown"))
	User = rin.Cluster("user:<user_id>", rin.TTL(120*time.Second), rin.Child(Age, Name))

	Project = rin.Key[string]("project_name")
	Visits  = rin.Counter[int]("visits", rin.TTL(24*time.Hour), rin.Renew(rin.Never))
	Scores  = rin.SortedSet[string]("scores")
	Root    = rin.Cluster("rin-quickstart", rin.Child(App, User, Project, Visits, Scores))
)

// tour does the steps in their order.
func tour(ctx context.Context, root *rin.Scope, out io.Writer) error {
	steps := []struct {
		title string
		do    func(context.Context, *rin.Scope, io.Writer) error
	}{
		{"The declaration, as rin prints it:", printTree},
		{"Write values, each of the type that its key was declared with:", write},
		{"Read them back:", read},
		{"A key that is not there has its default:", readDefaults},
		{"A value says what it is, and expires as its cluster says:", inspect},
		{"Count, and rank:", count},
		{"A forgotten parameter is an error, not a wrong key:", forgetParameter},
		{"Walk what is below one user, or every user there is:", walk},
		{"Clear one user. User 10 is not below user 1:", clearUser},
		{"Clear the rest:", clearAll},
	}
	for i, step := range steps {
		fmt.Fprintf(out, "%d. %s\n", i+1, step.title)
		if err := step.do(ctx, root, out); err != nil {
			return err
		}
		fmt.Fprintln(out)
	}
	return nil
}

func printTree(_ context.Context, _ *rin.Scope, out io.Writer) error {
	_, err := fmt.Fprintln(out, Root)
	return err
}

func write(ctx context.Context, root *rin.Scope, out io.Writer) error {
	// From the root, At takes the parameters on the way; from User.At(root, 1),
	// the scope of one user, there are none left.
	if err := Project.At(root).Set(ctx, "Rin"); err != nil {
		return err
	}
	if err := Tokens.At(root).Set(ctx, []string{"a", "b"}); err != nil {
		return err
	}
	alice, bob := User.At(root, 1), User.At(root, 10)
	if err := Name.At(alice).Set(ctx, "Alice"); err != nil {
		return err
	}
	if err := Age.At(alice).Set(ctx, 30); err != nil {
		return err
	}
	if err := Age.At(bob).Set(ctx, 25); err != nil {
		return err
	}
	fmt.Fprintln(out, "   written: the project, its tokens, a name and two ages")
	return nil
}

func read(ctx context.Context, root *rin.Scope, out io.Writer) error {
	project, err := Project.At(root).Get(ctx) // a string
	if err != nil {
		return err
	}
	tokens, err := Tokens.At(root).Get(ctx) // a []string
	if err != nil {
		return err
	}
	age, err := Age.At(root, 1).Get(ctx) // an int, and the same key as Age.At(alice)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "   %s = %q\n", Project.At(root).Key(), project)
	fmt.Fprintf(out, "   %s = %q\n", Tokens.At(root).Key(), tokens)
	fmt.Fprintf(out, "   %s = %d\n", Age.At(root, 1).Key(), age)
	return nil
}

func readDefaults(ctx context.Context, root *rin.Scope, out io.Writer) error {
	name, err := Name.At(root, 10).Get(ctx)
	if err != nil {
		return err
	}
	_, found, err := Name.At(root, 10).Lookup(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "   Get: %q; Lookup: found is %t\n", name, found)
	return nil
}

func inspect(ctx context.Context, root *rin.Scope, out io.Writer) error {
	age := Age.At(root, 1)
	stored, _, err := age.Raw(ctx)
	if err != nil {
		return err
	}
	tag, err := age.Type(ctx)
	if err != nil {
		return err
	}
	left, err := age.TTL(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "   stored: %s; type: %s; expires in about %v\n", stored, tag, left.Round(time.Minute))
	return nil
}

func count(ctx context.Context, root *rin.Scope, out io.Writer) error {
	visits, err := Visits.At(root).Inc(ctx) // the first one sets the TTL, in the same step
	if err != nil {
		return err
	}
	scores := Scores.At(root)
	if _, err := scores.AddMany(ctx, rin.Scored[string]{Member: "Alice", Score: 120}, rin.Scored[string]{Member: "Bob", Score: 90}); err != nil {
		return err
	}
	if _, err := scores.Increment(ctx, "Bob", 50); err != nil {
		return err
	}
	top, err := scores.Top(ctx, 2)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "   visits: %d; the best: %v\n", visits, top)
	return nil
}

func forgetParameter(ctx context.Context, root *rin.Scope, out io.Writer) error {
	_, err := Age.At(root).Get(ctx)
	if !errors.Is(err, rin.ErrMissingParam) {
		return errors.Join(errors.New("a missing parameter was not noticed"), err)
	}
	fmt.Fprintf(out, "   %v\n", err)
	return nil
}

func walk(ctx context.Context, root *rin.Scope, out io.Writer) error {
	var lines []string // the order is the store's; sorted they print the same everywhere
	for key, err := range User.At(root, 1).Subkeys(ctx) {
		if err != nil {
			return err
		}
		lines = append(lines, "key "+key)
	}
	for user, err := range User.Each(ctx, root) {
		if err != nil {
			return err
		}
		lines = append(lines, "user "+user.Prefix())
	}
	for _, line := range slices.Sorted(slices.Values(lines)) {
		fmt.Fprintf(out, "   %s\n", line)
	}
	return nil
}

func clearUser(ctx context.Context, root *rin.Scope, out io.Writer) error {
	alice := User.At(root, 1)
	deleted, err := alice.Clear(ctx)
	if err != nil {
		return err
	}
	age, err := Age.At(root, 10).Get(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "   %d keys deleted below %s; user 10 is still %d\n", deleted, alice, age)
	return nil
}

func clearAll(ctx context.Context, root *rin.Scope, out io.Writer) error {
	deleted, err := root.Clear(ctx)
	if err != nil {
		return err
	}
	left, err := root.Count(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "   %d keys deleted, %d left\n", deleted, left)
	return nil
}
