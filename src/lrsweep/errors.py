"""The errors that a user sees: one line each that names what was found, what was expected and what to do."""


class UserError(Exception):
    """Bad input. The command line prints it as one line, without a traceback, and exits with code 2."""


class Mismatch(Exception):
    """Evidence that does not hold: what is recorded is not what is found. Printed as one line, exit code 1."""


def lines(error: Exception) -> str:
    """The error as the user sees it; several problems found at once have a line each."""
    return "\n".join(f"lrsweep: {line}" for line in str(error).splitlines())
