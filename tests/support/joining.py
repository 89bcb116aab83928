"""The joining of a station to a running host, by the commands that an administrator calls.

join(host, folder, "nato")      then Office(folder, station=True), or up --station
"""

from pathlib import Path
from typing import Any, Final

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
