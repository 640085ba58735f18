"""What is raised when an action and the prices it is meant for do not go together."""


class AdjustError(ValueError):
    """Raised when an action cannot be applied to the prices it is meant for."""
