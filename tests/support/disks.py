"""Disks of a test's own: ext4 images on loop devices, which can be filled, and copied as they are
at the moment of a power cut.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Final, Self

import pytest

from patience import PATIENCE_S

_MIB: Final = 1024 * 1024
_BUSY_SECONDS: Final = PATIENCE_S


def require() -> None:
    """Skip where no image can be mounted."""
    if os.geteuid() != 0:
        pytest.skip("mounting a disk image needs root")
    if not all(map(shutil.which, ("mkfs.ext4", "mount", "umount"))):
        pytest.skip("mounting a disk image needs mkfs.ext4, mount and umount")
    if not Path("/dev/loop-control").exists():
        pytest.skip("mounting a disk image needs loop devices")


class Disk:
    """A small ext4 file system in a file, mounted while it is used."""

    def __init__(self, image: Path, size: int) -> None:
        """Make it, of so many bytes, and mount it beside its image."""
        self.image = image
        with image.open("wb") as file:
            file.truncate(size)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", image], check=True)
        self._mount()

    @classmethod
    def cut(cls, disk: "Disk", image: Path) -> "Disk":
        """Return the disk that is left if the power fails now. It is a copy of the bytes that had
        reached the disk, mounted, with its journal replayed.

        What the kernel has not yet written is not in the copy. Stop whoever writes first, so that
        it does not change meanwhile.
        """
        subprocess.run(["cp", "--sparse=always", disk.image, image], check=True)
        copy = cls.__new__(cls)
        copy.image = image
        copy._mount()
        return copy

    def _mount(self) -> None:
        self.path = self.image.with_suffix(".mounted")
        self.path.mkdir(exist_ok=True)
        subprocess.run(["mount", "-o", "loop", self.image, self.path], check=True)

    def fill(self, left: int = 0) -> None:
        """Fill it but for so many bytes."""
        with (self.path / "ballast").open("ab", buffering=0) as ballast:
            while (free := shutil.disk_usage(self.path).free - left) > 0:
                try:
                    if not ballast.write(bytes(min(free, _MIB))):
                        return
                except OSError:
                    return

    def free(self) -> None:
        """Free what was filled."""
        (self.path / "ballast").unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Unmount it, and forget it. A killed gateway's writer holds it until it has seen that its
        pipe has ended.
        """
        deadline = time.monotonic() + _BUSY_SECONDS
        while subprocess.run(["umount", self.path], check=False, capture_output=True).returncode:
            assert time.monotonic() < deadline, (
                f"{self.path} is busy: something that should have ended still runs"
            )
            time.sleep(0.05)
        self.image.unlink()
