"""Errors of the point-in-time room."""


class LakeError(Exception):
    """A file of the lake is missing, damaged or not what was pinned."""


class NotPublishedError(LakeError):
    """A partition that a reader needs has no green published version."""
