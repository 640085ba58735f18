"""Errors of the point-in-time room."""


class LakeError(Exception):
    """A file of the lake is missing, damaged or not what was pinned."""


class NotPublishedError(LakeError):
    """A partition that a reader needs has no green published version."""


class StoreError(Exception):
    """The bitemporal store cannot do what was asked; the message names the table, the place and the way out."""


class StoreConflictError(StoreError):
    """Other writers were faster at every try; nothing was written, and the same append may be tried again."""


class StoreSchemaError(StoreError):
    """Rows do not fit the table: a column is missing or of another type, a time is null, two rows contradict."""
