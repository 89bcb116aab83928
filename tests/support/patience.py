"""The limit of every wait for something that must come.

A machine may be busy, and a wait that ends early fails a test for that alone. So the limit is far
beyond what a quiet machine needs: it only ends a test whose condition never comes. A promise of
speed is measured, and has a limit of its own.
"""

from typing import Final

PATIENCE_S: Final = 120.0

PATIENCE_MS: Final = 60_000
"""The same for one step of a browser test, of which there are many."""
