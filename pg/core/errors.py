"""Errors that a user can fix."""


class UserError(Exception):
    """An error that a user can fix: its message says what is wrong and what to do. Printed without a traceback."""
