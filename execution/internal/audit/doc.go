// Package audit is what an audit row is: one record of a journal, its canonical bytes and its place in a chain of hashes.
//
// A writer (one process of one region, such as omsd-US) has one chain. Its rows are the records of its journal, numbered
// from 1 without a gap, so a row can be made again from the journal at any time and compared. The table in PostgreSQL is
// thus a copy that others can query and nobody can change unseen: [dnalyaw/execution/internal/audit/source] reads the
// journals, store is the table, ship brings the rows there, verify compares.
//
// Nothing in this package does I/O.
package audit
