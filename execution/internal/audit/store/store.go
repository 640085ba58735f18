// Package store is the audit trail's table in PostgreSQL: its schema, and how rows get in and out.
//
// The schema (schema.sql) refuses changes by trigger and by grants, and takes rows only where they go on a writer's chain.
// What is written here is therefore either all of a batch behind the head, or nothing.
package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"dnalyaw/execution/internal/audit"
)

var (
	// ErrConflict is wrapped when rows do not go on where the table's chain ends: somebody else wrote meanwhile, or an
	// earlier try got through after all. Reading the head again tells which.
	ErrConflict = errors.New("the rows do not go on where the table ends")
	// ErrRights is wrapped when a login that is to write could also change what is there.
	ErrRights = errors.New("the login may do more than insert")
	// ErrSchema is wrapped when the audit schema is not there, or is another version's.
	ErrSchema = errors.New("the audit schema is not the one of this version")
)

// SQLSTATEs of the schema's own refusals, and of a key that is there already.
const (
	codeChain  = "AU001"
	codeUnique = "23505"
)

// dialTimeout is how long a connection may take to come about.
const dialTimeout = 5 * time.Second

// Store is one connection. It is not safe for concurrent use.
type Store struct {
	conn *pgx.Conn
	buf  []byte
}

// Connect opens a connection for reading.
func Connect(ctx context.Context, dsn string) (*Store, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("read the DSN: %w", withoutSecret(err))
	}
	cfg.ConnectTimeout = dialTimeout
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "dnalyaw-audit"
	}
	// An acknowledged row must outlive the server, whatever its settings say.
	cfg.RuntimeParams["synchronous_commit"] = "on"
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	return &Store{conn: conn}, nil
}

// withoutSecret drops the cause of a DSN's fault, which quotes the DSN.
func withoutSecret(err error) error {
	var parse *pgconn.ParseConfigError
	if errors.As(err, &parse) {
		return errors.New("it is not a connection string such as postgresql://audit_writer@host/audit")
	}
	return err
}

// ConnectWriter opens a connection for inserting, and refuses a login that could do more, or a schema of another version.
func ConnectWriter(ctx context.Context, dsn string) (*Store, error) {
	s, err := Connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(s.checkSchema(ctx), s.checkRights(ctx)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) checkSchema(ctx context.Context) error {
	mark, err := schemaMark(ctx, s.conn)
	if err != nil {
		return err
	}
	if mark != schemaVersion() {
		return fmt.Errorf("%w (found %q, want %q); run auditd migrate with the owner's DSN", ErrSchema, mark, schemaVersion())
	}
	return nil
}

func (s *Store) checkRights(ctx context.Context) error {
	var user string
	var more []string
	err := s.conn.QueryRow(ctx, `
		select current_user, array_remove(array[
			case when has_table_privilege('audit.events', 'update') then 'update' end,
			case when has_table_privilege('audit.events', 'delete') then 'delete' end,
			case when has_table_privilege('audit.events', 'truncate') then 'truncate' end,
			case when has_table_privilege('audit.heads', 'insert, update, delete, truncate') then 'change heads' end,
			case when pg_has_role((select relowner from pg_class where oid = 'audit.events'::regclass), 'member') then 'own it' end
		], null)`).Scan(&user, &more)
	if err != nil {
		return fmt.Errorf("ask for the rights on audit.events: %w", err)
	}
	if len(more) > 0 {
		return fmt.Errorf("%w: %s can %s; connect as audit_writer", ErrRights, user, strings.Join(more, ", "))
	}
	return nil
}

// Close ends the connection.
func (s *Store) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	return s.conn.Close(ctx)
}

// Heads says where a writer's rows end, and where the trigger noted that they do, at one moment: the two are the same unless
// rows were taken away or put in behind the trigger's back.
func (s *Store) Heads(ctx context.Context, writer string) (table, noted audit.Head, err error) {
	var tableHash, notedHash []byte
	err = s.conn.QueryRow(ctx, `
		select coalesce(e.seq, 0), e.hash, coalesce(h.seq, 0), h.hash
		from (select $1::text as writer) w
		left join lateral (select seq, hash from audit.events e where e.writer = w.writer order by seq desc limit 1) e on true
		left join audit.heads h using (writer)`, writer).Scan(&table.Seq, &tableHash, &noted.Seq, &notedHash)
	if err != nil {
		return audit.Head{}, audit.Head{}, fmt.Errorf("read the head of %s: %w", writer, err)
	}
	copy(table.Hash[:], tableHash)
	copy(noted.Hash[:], notedHash)
	return table, noted, nil
}

// WriterHead is what the table has of one writer.
type WriterHead struct {
	Writer     string     `json:"writer"`
	Seq        uint64     `json:"seq"`
	Hash       string     `json:"hash"`
	TsNs       int64      `json:"ts_ns"`                 // of the last row
	InsertedAt *time.Time `json:"inserted_at,omitempty"` // nil when the last row is gone
}

// Writers lists the writers that the table has rows of.
func (s *Store) Writers(ctx context.Context) ([]WriterHead, error) {
	rows, err := s.conn.Query(ctx, `select writer, seq, hash, coalesce(ts_ns, 0), inserted_at from audit.writers order by writer`)
	if err != nil {
		return nil, fmt.Errorf("list the writers: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (h WriterHead, err error) {
		var seq int64
		err = row.Scan(&h.Writer, &seq, &h.Hash, &h.TsNs, &h.InsertedAt)
		h.Seq = uint64(seq)
		return h, err
	})
}
