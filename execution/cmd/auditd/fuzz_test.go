package main

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// A name of a database with a password in it, as the driver reads it, is never taken from the command line.
func FuzzPasswordInDSN(f *testing.F) {
	for _, dsn := range []string{
		"postgres://u:secret@h/db", "postgres://h/db?password=secret", "host=h password=secret", "host=h PASSWORD = 'secret'", "host=h user=u dbname=password",
		"postgres://h/db?pass%77ord=secret", "host=h passfile=/x", "postgres:///db?host=/tmp&user=u", `postgres://u:"@h/db`, "postgres://u:a b^@h?x", "postgres://h:5432,g:5433/db",
	} {
		f.Add(dsn)
	}
	f.Fuzz(func(t *testing.T, dsn string) {
		for _, name := range []string{"PGPASSWORD", "PGPASSFILE", "PGSERVICE", "PGSERVICEFILE", "PGSSLMODE", "HOME"} {
			t.Setenv(name, "")
		}
		// What it reads out of files is not on the command line.
		if strings.Contains(dsn, "passfile") || strings.Contains(dsn, "service") {
			return
		}
		c, err := pgconn.ParseConfig(dsn)
		if err == nil && c.Password != "" && !hasSecret(dsn) {
			t.Fatalf("%q holds the password %q", dsn, c.Password)
		}
	})
}
