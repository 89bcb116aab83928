"""Sides' witnesses as processes of their own, beside their mirrors."""

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import commands
from patience import PATIENCE_S
from ports import free_port
from service import DRAGOMAN, Gateway


def run(*arguments: str) -> str:
    done = commands.run(arguments, environment=os.environ)
    done.check_returncode()
    return done.stdout.strip()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await holds():
            await asyncio.sleep(0.1)


class Running:
    """A side's witness as a process of its own, beside its mirror."""

    def __init__(self, folder: Path, side: str) -> None:
        """Make its key."""
        self.side, self.port, self.mirror = side, free_port(), folder / f"mirror-{side}"
        self._key = str(folder / f"{side}.pem")
        self._token = folder / f"token-{side}"
        self._name = f"{side}.example/witness"
        self.told = folder / f"{side}-witness.log"
        run("keys", "new", self._key)
        self.verifier = run("witness", "key", self._key, "--name", self._name)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, service: Gateway, about: dict[str, str]) -> None:
        """Run it on the demonstration's channel."""
        self._token.write_text(service.token(f"{self.side}/auditor"))
        pins = [
            "--cid",
            about["cid"],
            "--log",
            about["log"],
            "--channel",
            "nato-china",
            "--token-file",
            str(self._token),
        ]
        command: list[str] = [
            str(DRAGOMAN),
            "serve",
            "witness",
            str(self.mirror),
            "--key",
            self._key,
            "--name",
            self._name,
            "--port",
            str(self.port),
            *pins,
        ]
        env = {**os.environ, "DRAGOMAN_DATA": str(service.data)}
        with self.told.open("ab") as told:
            self.process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=told, env=env
            )

    def restart(self, service: Gateway, about: dict[str, str]) -> None:
        """Run it on a service that listens elsewhere now."""
        self.stop()
        self.start(service, about)

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
