"""`python -m lrsweep` is `lrsweep`."""

from lrsweep.entry import main

main()
