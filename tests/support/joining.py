"""The joining of a station to a running host, by the commands that an administrator calls.

join(host, folder, "nato")      then Office(folder, station=True), or up --station
"""

import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

from patience import PATIENCE_S
from world import OFFICERS

CHANNEL: Final = "nato-china"


def join(host: Any, data: Path, side: str, officers: tuple[str, ...] = ("o-1",)) -> None:
    """Let the station of a side join a host, in office there, with keys of officers.

    The host is an `Office` or a `Service` with the demonstration.
    """
    token = data.parent / f"{side}-administrator.token"
    token.touch(mode=0o600)
    token.write_text(host.token(f"{side}/administrator"))
    at_host = ("--server", host.base_url, "--token-file", str(token), "--channel", CHANNEL)
    here = ("--data", str(data))
    invitation = host.run("station", "invite", "--host", host.base_url, *at_host).stdout
    file = data.parent / f"{side}.invitation"
    file.write_text(invitation)
    host.run("station", "join", str(file), "--as", f"{side}/station-1", *here)
    host.run("station", "enter", "--office", "seat", *here, *at_host)
    for officer in officers:
        host.run("station", "keep-key", f"{side}/{officer}", *here, *at_host)


def issue(station: Any, *names: str) -> None:
    """Issue tokens at a station in this process, by `side/role`, once its copy has the officers."""
    tokens = {name: _token(station, name) for name in names}
    (station.data / "demo.json").write_text(json.dumps({"tokens": tokens}))


def _token(station: Any, name: str) -> str:
    side, _, role = name.partition("/")
    headers = {
        "Authorization": f"Bearer {station.operator.strip()}",
        "Content-Type": "application/json",
        "Idempotency-Key": f"the token of {name}",
    }
    body = json.dumps({"actor": f"{side}/{OFFICERS[role]}"}).encode()
    request = urllib.request.Request(f"{station.base_url}/v1/tokens", body, headers)
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
                return str(json.load(response)["token"])
        except urllib.error.HTTPError as error:
            if time.monotonic() > deadline:
                raise AssertionError(error.read()) from None
            time.sleep(0.05)
