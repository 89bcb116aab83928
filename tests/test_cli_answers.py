"""Commands that read a gateway: what they print, and that no answer ends them in a traceback."""

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.cli import common, show, token
from dragoman.cli.common import Target
from dragoman.client import ApiResponse, Garbled

TARGET = Target(channel="c", server="http://gateway.example")
SUBJECT = {"en": "Ship aground", "fr": "Navire échoué", "zh": "船只搁浅"}
ROW = {
    "id": "0192f0c1-2f3a-7c4d-8e5f-112233445566",
    "number": "C/NORTH/26/0001/N03/O",
    "act": "contact-note",
    "family": "contact",
    "side": "north",
    "to": ["south"],
    "precedence": "flash",
    "status": "open",
    "subject": SUBJECT,
    "opened": "2026-11-30T22:00:00Z",
    "area": "",
    "updated": "2026-11-30T22:00:00Z",
    "position": 1,
    "unacknowledged_by": ["south"],
}
STATE = {
    "channel": "c",
    "cid": "c",
    "kind": "trial",
    "custody": "host",
    "position": 1,
    "time": "2026-11-30T22:00:00Z",
    "as_of": "2026-11-30T22:00:00Z",
    "live": True,
    "digest": "00",
    "registry": {},
    "counts": [{"family": "contact", "status": "open", "exchanges": 1}],
    "owed": [{"side": "south", "unacknowledged": 1, "unanswered": 0}],
    "unacknowledged": [ROW],
    "open_matters": [],
}
WINDOW = {
    "exchange": ROW["id"],
    "number": ROW["number"],
    "act": "danger-area",
    "status": "open",
    "stage": "open",
    "subject": SUBJECT,
    "opens": "2026-11-30T22:00:00Z",
    "named_by": ROW["id"],
    "not_passed_on": {"south": ["harbour"]},
}
IN_FORCE = {
    "channel": "c",
    "marking": "",
    "position": 1,
    "moment": "2026-11-30T22:00:00Z",
    "notice": {"en": "This list replaces no warning."},
    "windows": [WINDOW],
    "not_read": 1,
}
TOKEN = {
    "id": "5e",
    "actor": "north/o-1",
    "channels": ["c"],
    "issued": "2026-11-30T22:00:00Z",
    "token": "secret",
    "subject": "someone",
}

STAMP = {"position": 1, "time": "2026-11-30T22:00:00Z", "by": "north/o-1"}
EXCHANGE = {
    "position": 1,
    "as_of": "2026-11-30T22:00:00Z",
    "subject": SUBJECT,
    "state": {
        **{name: ROW[name] for name in ("id", "act", "family", "number", "status", "side", "to")},
        "opened": STAMP,
        "updated": STAMP,
        "precedence": "flash",
        "area": "maritime-security",
        "content": {"description": "A ship.", "pos": [1, 2]},
        "messages": [{"id": ROW["id"], "act": "contact-note", "said": STAMP, "to": ["south"]}],
        "accounts": {"south": [{"given": STAMP, "content": {"facts": SUBJECT}}]},
        "revision": "",
        "etag": "",
    },
    "facts": [{"message": ROW["id"], "side": "south", "owes": True}],
    "timeline": [],
    "blame": {},
    "allowed": [],
}

Command = Callable[[], Awaitable[int]]
COMMANDS: dict[str, tuple[Command, Any]] = {
    "show": (lambda: show.show("C/NORTH/26/0001/N03/O", target=TARGET), EXCHANGE),
    "state": (lambda: show.state(target=TARGET), STATE),
    "in-force": (lambda: show.in_force(target=TARGET), IN_FORCE),
    "token list": (lambda: token.token_list(target=TARGET), {"tokens": [TOKEN]}),
    "token issue": (lambda: token.issue("north/o-1", target=TARGET), TOKEN),
    "subject list": (lambda: token.subject_list(target=TARGET), {"subjects": [TOKEN]}),
    "subject add": (lambda: token.subject_add("someone", "north/o-1", target=TARGET), TOKEN),
}


class Gateway:
    """A gateway that gives one answer to everything."""

    base_url = "http://gateway.example"
    body = b""

    async def exchange_of(self, _channel: str, name: str) -> str:
        return name

    async def call(self, *_: object) -> ApiResponse:
        return ApiResponse(200, {}, self.body)


@pytest.fixture(scope="module")
def gateway() -> Any:
    gateway = Gateway()

    @asynccontextmanager
    async def connected(*_: object, **__: object) -> AsyncIterator[Gateway]:
        yield gateway

    with pytest.MonkeyPatch.context() as patch:
        for module in (show, token):
            patch.setattr(module, "connected", connected)
        yield gateway


def _run(command: str) -> int:
    async def run() -> int:
        return await COMMANDS[command][0]()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("fr_FR.UTF-8", "Navire échoué"),
        ("zh_CN", "船只搁浅"),
        ("en_GB.UTF-8", "Ship aground"),
        ("ru_RU.UTF-8", "Ship aground"),
        ("C.UTF-8", "Ship aground"),
        ("", "Ship aground"),
    ],
)
@pytest.mark.parametrize("command", ["show", "state", "in-force"])
def test_a_subject_is_shown_in_the_language_of_the_locale(
    command: str,
    locale: str,
    text: str,
    gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    monkeypatch.delenv("LANG", raising=False)
    gateway.body = json.dumps(COMMANDS[command][1]).encode()
    assert _run(command) == 0
    printed = capsys.readouterr().out
    assert text in printed
    assert "{" not in printed


def test_a_text_in_one_language_and_a_tag_with_a_script_are_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    for value, text in (
        ("aground", "aground"),
        ({"en": "aground", "zh-Hans": "搁浅"}, "搁浅"),
        ({}, ""),
    ):
        assert common.in_one_language(msgspec.Raw(json.dumps(value).encode())) == text


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@st.composite
def _changed(draw: st.DrawFn, answer: Any) -> Any:
    """An answer of which one member is another one, or is missing."""
    value = copy.deepcopy(answer)
    place: Any = value
    while True:
        key = draw(st.sampled_from([*(range(len(place)) if isinstance(place, list) else place)]))
        if not isinstance(place[key], dict | list) or not place[key] or draw(st.booleans()):
            break
        place = place[key]
    if draw(st.booleans()):
        del place[key]
    else:
        place[key] = draw(_JSON)
    return value


@pytest.mark.parametrize("command", COMMANDS)
@given(data=st.data())
def test_no_answer_of_a_gateway_ends_a_command_in_a_traceback(
    command: str, gateway: Gateway, data: st.DataObject
) -> None:
    answer = data.draw(_changed(COMMANDS[command][1]) | _JSON)
    gateway.body = json.dumps(answer).encode()
    with suppress(Garbled):
        assert _run(command) == 0
