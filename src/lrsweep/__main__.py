"""`python -m lrsweep` is `lrsweep`."""

from lrsweep.cli import main

main()
