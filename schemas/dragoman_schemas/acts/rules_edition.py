"""The edition of rules 1, while it is not frozen: a digest of its tables and shapes.

Written by `make schemas`. Data that were made by another edition are refused at a start
(decision 0054).
"""

from typing import Final

EDITION: Final = "4049fcbb61145894"
