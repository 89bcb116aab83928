"""The pages in the reader's language, whatever the sides wrote: what the service says of its own is nowhere left in English."""

import json
from collections.abc import Callable

import aiohttp
import pytest

from dragoman.language.words import words
from forging import append
from samples import act
from service import Caller, Service

C = "nato-china"
Who = Callable[[str], Caller]

PAGES = {
    "fr": {"emergency": "Urgence, déversement d’hydrocarbures", "meeting": "Visite\N{NO-BREAK SPACE}: ", "note": "Contact, entretien"},
    "zh": {"emergency": "紧急情况，溢油", "meeting": "访问", "note": "接触：谈话"},
}
ENGLISH = ("Emergency, oil spill", "Visit: ", "Contact, conversation", "Contact, letter", "Liaison office of", "Point of contact: ")


@pytest.mark.parametrize("language", PAGES)
async def test_what_was_given_no_subject_is_called_in_the_readers_language(
    demo: Service, session: aiohttp.ClientSession, who: Who, language: str
) -> None:
    nato, head = who("nato/officer"), who("nato/head_of_office")
    note = (await nato.open({"act": "contact-note", "form": "conversation", "text": "Met at the reception."})).json
    corrected = (await nato.open({"act": "contact-note", "form": "conversation", "text": "Met again."})).json
    emergency = (await who("nato/duty_officer").open(act("emergency-notification"))).json
    visit = (await head.open(act("visit-invitation"))).json
    before = visit["position"]
    change = {"act": "correction", "reason": "It came in writing.", "fields": {"form": "letter"}}
    assert (await nato.act(corrected["exchange"], change, If_Match=f'"{corrected["commit"]}"')).status == 201

    async with session.post(f"{demo.base_url}/sign-in", data={"token": demo.token("china/officer")}, allow_redirects=False) as answer:
        headers = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0], "Accept": "text/html", "Accept-Language": language}

    async def page(path: str) -> str:
        async with session.get(f"{demo.base_url}/c/{C}{path}", headers=headers) as answer:
            text = await answer.text()
            assert answer.status == 200, text
            return text

    shown = {
        "": "emergency",
        "/inbox?family=notification": "emergency",
        "/inbox?family=contact": "note",
        "/inbox?family=meeting": "meeting",
        "/meetings?state=asked": "meeting",
        f"/exchanges/{note['exchange']}": "note",
        f"/meetings/{visit['exchange']}": "meeting",
        f"/reports/period?from=2020-01-01&at={before}": "note",
        f"/inbox?family=contact&at={before}": "note",
    }
    for path, name in shown.items():
        text = await page(path)
        assert PAGES[language][name] in text, (path, text)
        assert not [each for each in ENGLISH if each in text], path
    past = await page(f"/exchanges/{corrected['exchange']}?at={before}")
    assert PAGES[language]["note"] in past, "as it was called before it was corrected"
    raw = (await nato.get(f"/v1/channels/{C}/exchanges/{emergency['exchange']}")).json["state"]["subject"]
    assert raw.startswith("Emergency, oil spill"), "the state is the same for everybody"


async def test_why_a_record_is_void_is_said_in_the_readers_language(own: Service, session: aiohttp.ClientSession) -> None:
    auditor = Caller(session, own, "china/auditor")
    position = await append(own, b"no record")
    async with session.post(f"{own.base_url}/sign-in", data={"token": own.token("china/auditor")}, allow_redirects=False) as answer:
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
    ask = {"Accept": "application/x-ndjson", "Dragoman-Position": str(position)}
    entry = json.loads((await auditor.get(f"/v1/channels/{C}/records?from={position}", **ask)).body.splitlines()[0])
    assert entry["reason"].startswith("No record: no envelope: ")
    for language in PAGES:
        headers = {"Cookie": cookie, "Accept": "text/html", "Accept-Language": language}
        said = (
            words(language).say("No record: %(error)s.", error=words(language).say("no envelope: %(error)s", error="\n")).partition("\n")[0]
        )
        for path in (f"/records/{position}", "/log?void=void"):
            async with session.get(f"{own.base_url}/c/{C}{path}", headers=headers) as answer:
                text = await answer.text()
                assert (answer.status, said in text, "No record: no envelope" in text) == (200, True, False), (path, text)
        paper = await auditor.get(f"/v1/channels/{C}/reports/audit?language={language}", Accept="text/markdown")
        assert (paper.status, said in paper.body.decode()) == (200, True), paper.body.decode()
