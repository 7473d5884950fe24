"""The errors that a user sees: one line each that names what was found, what was expected and what to do."""

import errno
import sys
from collections.abc import Callable

from lrsweep.terminal import complain

# What to do about a disk or a network file system that fails
DISKS = {
    errno.ESTALE: "mount the network file system again",
    **dict.fromkeys((errno.EIO, errno.EREMOTEIO), "see what the system says of that disk"),
}
# What to expect in the place of a file that the system does not give, and what to do
_FILES = {
    **dict.fromkeys(
        (errno.EACCES, errno.EPERM, errno.EROFS), "one that may be read and written; correct its rights, or name another"
    ),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "room to write; free some and run the same command again"),
    **dict.fromkeys((errno.EISDIR, errno.ENOTDIR, errno.ENXIO), "a plain file, in folders; correct the path, or move that away"),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), "a file that can be opened; raise the limit of open files (ulimit -n)"),
    **dict.fromkeys((errno.ENAMETOOLONG, errno.ELOOP), "a path that the system takes; correct it"),
    **{number: f"a disk that answers; {remedy} and run the same command again" for number, remedy in DISKS.items()},
}


class UserError(Exception):
    """Bad input. The command line prints it as one line, without a traceback, and exits with code 2."""


class Mismatch(Exception):
    """Evidence that does not hold: what is found differs from what was recorded. Printed as one line, with exit code 1."""


def exit_code(command: Callable[[], object]) -> int:
    """Run a command and give its exit code. Print a line for what a user can mend, and a traceback for what is our fault."""
    try:
        command()
    except KeyboardInterrupt:
        return 130
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except UserError as error:
        complain(str(error))
        return 2
    except Mismatch as error:
        complain(str(error))
        return 1
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _FILES:
            found = (error.strerror or "an error").lower()
            complain(f"{error.filename or 'a file'}: found {found}, expected {_FILES[error.errno]}")
            return 2
        if not _out_of_memory(error):
            sys.excepthook(*sys.exc_info())
            return 1
        remedy = "use fewer --cores or execution.workers, or lower optimizer.batch_size"
        complain(f"{' '.join(sys.argv[1:])}: memory ran out; {remedy}, and run again")
        return 1
    return 0


def _out_of_memory(error: Exception) -> bool:
    """Recognize the error by its words: torch has a type for the GPU's memory alone, and oneDNN does not say why it failed."""
    said = ("allocate memory", "of memory", "create a primitive")
    known = isinstance(error, RuntimeError | OSError) and any(words in str(error) for words in said)
    return isinstance(error, MemoryError) or known
