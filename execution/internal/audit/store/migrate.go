package store

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

var (
	//go:embed schema.sql
	schemaSQL string
	//go:embed hypertable.sql
	hypertableSQL string
)

// schemaVersion names the schema of this program: it is noted on the schema that was made.
func schemaVersion() string {
	sum := sha256.Sum256([]byte(schemaSQL + hypertableSQL))
	return "dnalyaw audit " + hex.EncodeToString(sum[:8])
}

func schemaMark(ctx context.Context, q interface {
	QueryRow(context.Context, string, ...any) pgx.Row
}) (string, error) {
	var mark *string
	err := q.QueryRow(ctx, `select obj_description(oid, 'pg_namespace') from pg_namespace where nspname = 'audit'`).Scan(&mark)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && mark == nil {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look for the audit schema: %w", err)
	}
	return *mark, nil
}

// Migrated says what Migrate did.
type Migrated struct {
	Version    string `json:"version"`
	Changed    bool   `json:"changed"`    // false: the schema was there
	Hypertable bool   `json:"hypertable"` // TimescaleDB is there and cuts the table
}

// Migrate makes the schema, its roles and grants as the role that owns them, or leaves them where they are this version's.
// It can be run at every start and by several at once.
func Migrate(ctx context.Context, dsn string) (Migrated, error) {
	s, err := Connect(ctx, dsn)
	if err != nil {
		return Migrated{}, err
	}
	m, err := s.migrate(ctx)
	return m, errors.Join(err, s.Close())
}

func (s *Store) migrate(ctx context.Context) (m Migrated, err error) {
	m.Version = schemaVersion()
	err = pgx.BeginFunc(ctx, s.conn, func(tx pgx.Tx) error {
		var encoding string
		if err := tx.QueryRow(ctx, `select current_setting('server_encoding')`).Scan(&encoding); err != nil {
			return err
		}
		if encoding != "UTF8" {
			return fmt.Errorf("the database has the encoding %s and the trail needs UTF8; make one: create database audit encoding 'UTF8' template template0", encoding)
		}
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtext('dnalyaw audit schema'))`); err != nil {
			return err
		}
		mark, err := schemaMark(ctx, tx)
		if err != nil {
			return err
		}
		if m.Changed = mark != m.Version; m.Changed {
			if _, err := tx.Exec(ctx, schemaSQL); err != nil {
				return fmt.Errorf("make the audit schema: %w", err)
			}
			if err := cut(ctx, tx); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, fmt.Sprintf("comment on schema audit is '%s'", m.Version)); err != nil {
				return err
			}
		}
		m.Hypertable, err = isHypertable(ctx, tx)
		return err
	})
	return m, err
}

// cut makes an empty table a hypertable where TimescaleDB is installed in the database.
func cut(ctx context.Context, tx pgx.Tx) error {
	there, err := hasTimescale(ctx, tx)
	if err != nil || !there {
		return err
	}
	is, err := isHypertable(ctx, tx)
	if err != nil || is {
		return err
	}
	var filled bool
	if err := tx.QueryRow(ctx, `select exists (select from audit.events)`).Scan(&filled); err != nil || filled {
		return err // rows are not moved: the plain table goes on
	}
	if _, err := tx.Exec(ctx, hypertableSQL); err != nil {
		return fmt.Errorf("make audit.events a hypertable: %w", err)
	}
	return nil
}

func hasTimescale(ctx context.Context, tx pgx.Tx) (there bool, err error) {
	err = tx.QueryRow(ctx, `select exists (select from pg_extension where extname = 'timescaledb')`).Scan(&there)
	return there, err
}

func isHypertable(ctx context.Context, tx pgx.Tx) (is bool, err error) {
	there, err := hasTimescale(ctx, tx)
	if err != nil || !there {
		return false, err
	}
	err = tx.QueryRow(ctx, `select exists (select from timescaledb_information.hypertables
		where hypertable_schema = 'audit' and hypertable_name = 'events')`).Scan(&is)
	return is, err
}
