"""The pages in the reader's language, whatever the sides wrote: what the service says of its own is nowhere left in English."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser

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


class _Texts(HTMLParser):
    """The texts of a page that are the service's own: not marked as said by somebody, nor as of another language, nor code."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[tuple[str, bool]] = []
        self.found: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        attributes = dict(given)
        others = (tag != "html" and "lang" in attributes) or "said" in (attributes.get("class") or "").split()
        if not any(of_others for _, of_others in self.open):
            self.found |= {text for name in ("aria-label", "title", "placeholder", "alt") if (text := attributes.get(name))}
        if tag not in ("area", "base", "br", "col", "hr", "img", "input", "link", "meta", "wbr"):
            self.open.append((tag, others or tag in ("title", "svg", "script", "template", "pre", "code", "kbd", "textarea")))

    def handle_endtag(self, tag: str) -> None:
        at = next((place for place in reversed(range(len(self.open))) if self.open[place][0] == tag), None)
        if at is not None:
            del self.open[at:]

    def handle_data(self, text: str) -> None:
        if not any(of_others for _, of_others in self.open):
            self.found.add(" ".join(text.split()))


EVERYWHERE = (
    *(("nato/duty_officer", f"/c/{C}{path}") for path in ("", "/inbox", "/compose", "/compose/hazardous-incident", "/drafts", "/meetings")),
    *(("nato/officer", f"/c/{C}{path}") for path in ("/meetings/calendar", "/people", "/people/register", "/dialogue", "/statistics")),
    *(("nato/officer", f"/c/{C}{path}") for path in ("/reports", "/reports/situation", "/reports/period", "/key")),
    *(("china/auditor", f"/c/{C}{path}") for path in ("/audit", "/log", "/records/9", "/compose/contact-note", "/no-such-page")),
    *(("nato/administrator", f"/c/{C}/admin{path}") for path in ("", "/officers", "/keys", "/endpoints", "/profiles", "/policy")),
    *(("operator", path) for path in ("/host", "/host/tokens", "/host/subjects", "/host/open", "/host/terms", "/docs", "/help")),
)


async def test_no_page_says_a_sentence_in_another_language_than_the_readers(own: Service, session: aiohttp.ClientSession) -> None:
    nato = Caller(session, own, "nato/officer")
    pages = [*EVERYWHERE]
    for row in (await nato.get(f"/v1/channels/{C}/exchanges")).json["exchanges"]:
        pages += [("nato/officer", f"/c/{C}/exchanges/{row['id']}{form}") for form in ("", "/form", "/card")]
    cookies: dict[str, str] = {}
    for name, path in pages:
        if name not in cookies:
            token = own.operator.strip() if name == "operator" else own.token(name)
            async with session.post(f"{own.base_url}/sign-in", data={"token": token}, allow_redirects=False) as answer:
                cookies[name] = answer.headers["Set-Cookie"].partition(";")[0]
        said: dict[str, set[str]] = {}
        for language in ("en", "fr", "zh"):
            headers = {"Cookie": cookies[name], "Accept": "text/html", "Accept-Language": language}
            async with session.get(own.base_url + path, headers=headers) as answer:
                said[language] = _Texts(await answer.text()).found
        assert len(said["en"]) > 10, path
        for language in ("fr", "zh"):
            alike = {text for text in said["en"] & said[language] if re.search(r"[a-z]{2,}( [a-z]{2,}){2}", text)}
            assert not alike, (path, language)
