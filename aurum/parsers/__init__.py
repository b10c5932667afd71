"""Bytes to curves: pure functions without database, network or clock."""

from aurum.parsers.archive import DEFAULT_LIMITS as DEFAULT_LIMITS
from aurum.parsers.archive import WorkbookLimits as WorkbookLimits
from aurum.parsers.reader import parse as parse

PARSER_VERSION = "3"
"""Counts up whenever the same bytes may give other curves: then a file that was loaded may be loaded again."""
