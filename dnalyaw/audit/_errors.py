"""What goes wrong with the audit trail, as one line."""

from __future__ import annotations


class AuditError(Exception):
    """PostgreSQL or auditd is missing or failed; the message says what to do."""
