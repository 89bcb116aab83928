"""A host of a channel whose sides keep their own keys: a service, and the files of both sides and
the operator.
"""

import json
from collections.abc import Callable
from pathlib import Path

import aiohttp

from service import Caller, Gateway, Service


class Host:
    """A service without a demonstration, and the files of both sides and the operator."""

    def __init__(self, folder: Path, service: Callable[[Path], Gateway] = Service) -> None:
        self.folder = folder
        self.service = service(folder / "data")

    def run(self, *arguments: str, check: int = 0) -> tuple[str, str]:
        done = self.service.run(
            *(
                str(self.folder / each) if "." in each and "/" not in each else each
                for each in arguments
            ),
            check=check,
        )
        return done.stdout.strip(), done.stderr

    def key(self, name: str) -> str:
        return self.run("keys", "new", f"{name}.pem")[0].split()[0]

    def drafted(self, **more: object) -> str:
        sides = [{"name": side, "roots": [self.key(f"{side}-root")]} for side in ("nato", "china")]
        (self.folder / "channel.json").write_text(
            json.dumps({"name": "nato-china", "languages": ["en", "zh"], "sides": sides, **more})
        )
        self.run(
            "channel",
            "draft",
            "channel.json",
            "--to",
            "opening.json",
            "--data",
            str(self.service.data),
        )
        return "opening.json"

    def signed(self, side: str) -> str:
        line, _ = self.run("channel", "sign", "opening.json", "--key", f"{side}-root.pem")
        (self.folder / f"{side}.sig").write_text(line + "\n")
        return f"{side}.sig"

    def token(self, actor: str) -> str:
        name = f"{actor.replace('/', '-')}.token"
        (self.folder / name).write_text(
            self.run("token", "issue", actor, "--data", str(self.service.data))[0]
        )
        return name

    def opened(self, **more: object) -> dict[str, object]:
        """The channel open and its offices staffed."""
        self.drafted(**more)
        signatures = [self.signed(side) for side in ("nato", "china")]
        data = str(self.service.data)
        self.run("channel", "open", "opening.json", *signatures, "--data", data)
        told, _ = self.run("channel", "open", "opening.json", *signatures, "--json", "--data", data)
        for side in ("nato", "china"):
            self.key(f"{side}-adm")
            adm = [
                f"{side}/adm-1",
                "--office",
                "hq",
                "--role",
                "administrator",
                "--key",
                f"{side}-adm.pem",
            ]
            self.run(
                "officer",
                "add",
                *adm,
                "--sign",
                f"{side}-root.pem",
                "--token-file",
                self.token(f"{side}/root"),
            )
            administrator = self.token(f"{side}/adm-1")
            for name, role in (("o-1", "officer"), ("a-1", "auditor")):
                entered = [f"{side}/{name}", "--office", "hq", "--role", role]
                self.run(
                    "officer",
                    "add",
                    *entered,
                    "--sign",
                    f"{side}-adm.pem",
                    "--token-file",
                    administrator,
                )
        found: dict[str, object] = json.loads(told)
        return found

    def caller(self, session: aiohttp.ClientSession, actor: str) -> Caller:
        caller = Caller(session, self.service, "")
        caller.headers = {
            "Authorization": f"Bearer {(self.folder / self.token(actor)).read_text().strip()}"
        }
        return caller
