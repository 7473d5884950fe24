"""The report: one self-contained page from the study's tables and values, its answer first. Pure: values in, HTML out.

`page` holds what it shows, `rows` makes its tables and warnings, `plots` its interactive parts, `formats` its numbers. The page
loads nothing, and its content security policy allows no scripts except its own two.
"""

from lrsweep.report.page import Embedded, Final, Page, inline, render, telling

__all__ = ["Embedded", "Final", "Page", "inline", "render", "telling"]
