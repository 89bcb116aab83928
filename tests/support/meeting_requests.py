"""Requests for meetings in the demonstration's calm channel."""

from datetime import UTC, datetime, timedelta
from typing import Any

from office import Office

CALM = "nato-china"


def asked(demo: Office, windows: int) -> tuple[str, Any]:
    """NATO asks for a meeting with so many windows; return the exchange and its windows."""
    begins = [
        datetime.now(UTC).replace(hour=8, minute=10 * each) + timedelta(days=60 + each)
        for each in range(windows)
    ]
    offered = [
        {"from": f"{each:%Y-%m-%dT%H:%MZ}", "to": f"{each + timedelta(hours=2):%Y-%m-%dT%H:%MZ}"}
        for each in begins
    ]
    body = {"act": "meeting-request", "purpose": "Talks on safe conduct at sea", "windows": offered}
    answer = demo.api("nato/officer", lambda nato: nato.open(body, CALM))
    return str(answer.json["exchange"]), offered
