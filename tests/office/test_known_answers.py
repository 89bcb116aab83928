"""Reads whose answer the caller has already: no query is made for them."""

from typing import Any

import pytest

from dragoman.application.http import conditional_requests
from meeting_requests import CALM
from office import Office
from service import Caller

NOTE = {"act": "contact-note", "form": "conversation", "text": {"en": "May our boat pass?"}}


@pytest.mark.parametrize("path", ["/exchanges", "/exchanges?limit=1", "/exchanges/{id}"])
def test_an_answer_that_the_caller_has_costs_no_query(
    own: Office, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(caller: Caller) -> Any:
        opened = await caller.open(NOTE, CALM)
        url = f"/v1/channels/{CALM}{path.format(id=opened.json['id'])}"
        first = await caller.get(url)
        assert first.status == 200

        async def refuse(*_: object) -> None:
            raise AssertionError("a query was made")

        monkeypatch.setattr(conditional_requests, "in_thread", refuse)
        again = await caller.get(url, If_None_Match=first.headers["ETag"])
        monkeypatch.undo()
        await caller.open(NOTE, CALM)
        changed = await caller.get(url, If_None_Match=first.headers["ETag"])
        return again.status, again.headers["ETag"] == first.headers["ETag"], changed.status

    known, same, changed = own.api("nato/head_of_office", ask)
    assert (known, same) == (304, True)
    assert changed == (304 if "{id}" in path else 200)
