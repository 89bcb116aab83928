"""The pace of a backup: posts use the same broker and the same disk, and go first."""

import asyncio
import time
from typing import Final

_SHARE: Final = 2.0
"""The pause after a piece of work, as a share of the time that the work took.

A GiB then takes half a minute or more, and posts take little longer meanwhile.
"""


class BackupPace:
    """Pauses between pieces of work."""

    def __init__(self) -> None:
        """Begin to work."""
        self._began = time.monotonic()

    async def rest(self) -> None:
        """Pause in proportion to the work since the last pause."""
        await asyncio.sleep((time.monotonic() - self._began) * _SHARE)
        self._began = time.monotonic()
