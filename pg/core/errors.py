"""Errors that a user can fix."""


class UserError(Exception):
    """An error whose message says what is wrong and what to do; it is printed without a traceback."""
