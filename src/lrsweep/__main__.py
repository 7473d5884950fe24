"""`python -m lrsweep` is `lrsweep`."""

from lrsweep.cli.entry import main

main()
