"""The audit trail: the embedded PostgreSQL that holds it, and what `auditd` says of it. No SQL is spoken here."""

from dnalyaw.audit._auditd import Verdict, WriterHead, migrate, tail, verify, writers
from dnalyaw.audit._dsn import DSN_VARIABLE, dsn, reading, release, serving
from dnalyaw.audit._errors import AuditError
from dnalyaw.audit._programs import programs as postgres
from dnalyaw.audit._server import Server, server
from dnalyaw.audit._trails import Trail, trails

__all__ = [
    "DSN_VARIABLE",
    "AuditError",
    "Server",
    "Trail",
    "Verdict",
    "WriterHead",
    "dsn",
    "migrate",
    "postgres",
    "reading",
    "release",
    "server",
    "serving",
    "tail",
    "trails",
    "verify",
    "writers",
]
