"""The one error that a user sees: a line that names what was found, what was expected and what to do."""


class UserError(Exception):
    """Bad input. The command line prints it as one line, without a traceback, and exits with code 2."""
