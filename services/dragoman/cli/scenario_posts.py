"""The entries of a scenario, posted through the HTTP API.

An entry has the channel, the side, the role, the path and the act. `as` names the
exchange that it opens, and `record_as` its record. Later entries use these names in
paths and references. `two_key` has an officer draft it and the named role release it. A
`file` is put beside the log first, and attached. A `person` is entered in the register
of people first, and named. Every post has a key, so that posting it a second time
changes nothing.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any, Final

from dragoman.application.clock import utc_now
from dragoman.client import Client, ProblemResponse
from dragoman.domain.acts import two_keys
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.record import ids
from dragoman_schemas.responses import DraftView

ROLES: Final = {
    "officer": "o-1",
    "duty_officer": "d-1",
    "head_of_office": "h-1",
    "auditor": "a-1",
    "administrator": "adm-1",
}
"""The officer of each role, in every side of a scenario."""

_AHEAD: Final = timedelta(days=3)
"""The time by which the windows of an old case are moved into the future."""

_REFERRING: Final = frozenset(
    {"about", "references", "trigger", "of", "under", "records", "matter", "mechanism"}
)
"""Members that name an exchange or a record of the scenario."""

Scenario = dict[str, Any]
Entry = dict[str, Any]


def scenario(name: str) -> Scenario:
    """Return a scenario of the package."""
    file = resources.files("dragoman.cli").joinpath(f"scenarios/{name}.json")
    content: Scenario = json.loads(file.read_text())
    return content


def compact(act: Mapping[str, Any]) -> bytes:
    """Return an act as compact JSON."""
    return json.dumps(act, ensure_ascii=False, separators=(",", ":")).encode()


def with_times(value: Any, began: datetime) -> Any:
    """Return a body with each `start+Ns` replaced by a time."""
    if isinstance(value, dict):
        return {name: with_times(inner, began) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_times(inner, began) for inner in value]
    if isinstance(value, str) and value.startswith("start+") and value.endswith("s"):
        moment = began + timedelta(seconds=int(value[6:-1]))
        return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return value


class ScenarioPosts:
    """The posts of one scenario, with the exchanges and records that it has named."""

    def __init__(
        self,
        cast: Mapping[str, Client],
        name: str,
        began: datetime,
        *,
        now: Callable[[], datetime] = utc_now,
        exchanges: dict[str, str] | None = None,
    ) -> None:
        """Post as the people of `cast`, by `side/role`.

        `began` is the start to which relative times refer. `exchanges` are those that
        an earlier scenario has named.
        """
        self.exchanges = {} if exchanges is None else exchanges
        self._cast = cast
        self._name = name
        self._began = began
        self._now = now
        self._records: dict[str, dict[str, str]] = {}

    async def post(self, number: int, entry: Entry) -> None:
        """Post one entry, which is the one of that number in its scenario."""
        body = _with_ids(with_times(entry["body"], self._began), self.exchanges)
        body = _with_future_windows(body, self._now())
        if body["act"] == "release":
            body["records"] = [self._records[record] for record in body["records"]]
        key = f"demonstration-{self._name}-{number:04d}"
        caller = self._cast[f"{entry['side']}/{entry['role']}"]
        if "file" in entry:
            body |= {entry["file"]["member"]: await _file(caller, entry["channel"], entry["file"])}
        if "person" in entry:
            member, person = _person_of(entry)
            body |= {member: await _person(caller, entry["channel"], person)}
        act = compact(body)
        label = entry["post"].partition("exchanges/")[2].removesuffix("/acts")
        exchange = self.exchanges[label] if label else ""
        if entry.get("two_key"):
            drafter = self._cast[f"{entry['side']}/officer"]
            self._name_exchange(
                entry, await draft_and_release(drafter, caller, entry, act, key), ""
            )
            return
        if_match = (
            await _read_etag(caller, entry["channel"], exchange)
            if RULES[body["act"]].consenting
            else ""
        )
        if exchange:
            act = await caller.with_terms(entry["channel"], exchange, act)
        if body["act"] in two_keys.CONSENTS | {"amendment"}:
            colleague = self._cast[
                f"{entry['side']}/{'officer' if entry['role'] != 'officer' else 'duty_officer'}"
            ]
            drafted = caller.draft(
                entry["channel"], act, key=key, exchange=exchange, if_match=if_match
            )
            id = await _release_by_colleague(drafted, colleague, entry, key)
            self._name_exchange(entry, "", id)
            return
        recorded = (
            await caller.post(entry["channel"], act, key=key, exchange=exchange, if_match=if_match)
        ).recorded
        self._records[recorded.id] = {
            "record": recorded.id,
            "exchange": recorded.exchange,
            "commit": recorded.commit,
        }
        self._name_exchange(entry, recorded.exchange, recorded.id)

    def _name_exchange(self, entry: Entry, exchange: str, record: str) -> None:
        """Remember an exchange and a record by the names that the entry gives them."""
        if "as" in entry:
            self.exchanges[entry["as"]] = exchange
        if "record_as" in entry:
            self.exchanges[entry["record_as"]] = record


async def _file(caller: Client, channel: str, file: Mapping[str, str]) -> dict[str, Any]:
    """Put a text beside the log, and return its attachment."""
    content = file["content"].encode()
    digest = hashlib.sha256(content).hexdigest()
    await caller.call(
        "PUT",
        f"/v1/channels/{channel}/files/{digest}",
        content,
        {"Content-Type": "text/plain"},
    )
    return {
        "sha256": digest,
        "media_type": "text/plain",
        "bytes": len(content),
        "title": file["title"],
    }


def _person_of(entry: Entry) -> tuple[str, dict[str, Any]]:
    """Return the member that names the person of an entry, and the person."""
    person = dict(entry["person"])
    return person.pop("member"), person


async def _person(caller: Client, channel: str, person: Mapping[str, Any]) -> dict[str, str]:
    """Enter a person in the register, and return the name that acts have for the entry.

    The same person is entered only once, whatever the number of entries.
    """
    content = compact(person)
    key = {"Idempotency-Key": f"person-{hashlib.sha256(content).hexdigest()[:32]}"}
    path = f"/v1/channels/{channel}/people"
    entered = (await caller.call("POST", path, content, key)).json()
    return {name: entered[name] for name in ("id", "commitment")}


async def draft_and_release(
    drafter: Client, releaser: Client, entry: Entry, act: bytes, key: str
) -> str:
    """Let an officer draft an act and the releaser release it; return its exchange.

    This is done only once, whatever the number of seedings.
    """
    channel, exchange = (
        entry["channel"],
        ids.from_key(entry["channel"], f"{entry['side']}/{ROLES['officer']}", key),
    )
    try:
        await releaser.call("GET", f"/v1/channels/{channel}/exchanges/{exchange}")
    except ProblemResponse:
        recorded = (
            await releaser.release(channel, await drafter.draft(channel, act, key=key))
        ).recorded
        return recorded.exchange
    return exchange


async def _release_by_colleague(
    drafted: Awaitable[DraftView], colleague: Client, entry: Entry, key: str
) -> str:
    """Let a colleague release the draft of an officer, and return the id of its record.

    This is done only once, whatever the number of seedings.
    """
    try:
        await colleague.release(entry["channel"], await drafted)
    except ProblemResponse as error:
        if error.problem.type != "/problems/key-reused":
            raise
    return ids.from_key(entry["channel"], f"{entry['side']}/{ROLES[entry['role']]}", key)


async def _read_etag(caller: Client, channel: str, exchange: str) -> str:
    """Return the ETag of an exchange, which a consenting act must name."""
    return (await caller.call("GET", f"/v1/channels/{channel}/exchanges/{exchange}")).headers[
        "ETag"
    ]


def _with_ids(value: Any, exchanges: Mapping[str, str]) -> Any:
    """Return a body with the names of the scenario replaced by ids."""
    if isinstance(value, dict):
        return {
            name: _with_ids(inner, exchanges) if name in _REFERRING else inner
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_with_ids(inner, exchanges) for inner in value]
    return exchanges.get(value, value) if isinstance(value, str) else value


def _with_future_windows(body: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return a body whose windows are in the future.

    The windows of an old case are moved by whole days, because no gateway accepts past
    ones.
    """
    windows = body.get("windows", ())
    if not windows or body.get("for_the_record"):
        return body
    ahead = now + _AHEAD - min(datetime.fromisoformat(window["from"]) for window in windows)
    if min(datetime.fromisoformat(window["to"]) for window in windows) > now:
        return body
    moved = timedelta(days=ahead.days + 1)
    return body | {
        "windows": [
            {
                end: f"{datetime.fromisoformat(window[end]) + moved:%Y-%m-%dT%H:%M:%SZ}"
                for end in ("from", "to")
            }
            for window in windows
        ]
    }
