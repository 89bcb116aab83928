"""To be written."""

from typing import Final

from dragoman.gateway.console.page import Sheet

SHEETS: Final[tuple[Sheet, ...]] = ()
