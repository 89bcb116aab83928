"""The pages in the reader's language, whatever the sides wrote: what the service says of its own is
nowhere left in English.
"""

import json
import re
from collections.abc import Callable

import aiohttp
import pytest
from lxml import html

from dragoman.i18n.words import words
from everywhere import FORMS, PAGES, places
from forging import append
from samples import act
from service import Caller, Gateway, Service, at_a_screen

C = "nato-china"
Who = Callable[[str], Caller]

CALLED = {
    "fr": {
        "emergency": "Urgence, déversement d’hydrocarbures",
        "meeting": "Visite\N{NO-BREAK SPACE}: ",
        "note": "Contact, entretien",
    },
    "zh": {"emergency": "紧急情况，溢油", "meeting": "访问", "note": "接触：谈话"},
}
ENGLISH = (
    "Emergency, oil spill",
    "Visit: ",
    "Contact, conversation",
    "Contact, letter",
    "Liaison office of",
    "Point of contact: ",
)


@pytest.mark.parametrize("language", CALLED)
async def test_what_was_given_no_subject_is_called_in_the_readers_language(
    demo: Gateway, session: aiohttp.ClientSession, who: Who, language: str
) -> None:
    nato, head = who("nato/officer"), who("nato/head_of_office")
    note = (
        await nato.open(
            {"act": "contact-note", "form": "conversation", "text": "Met at the reception."}
        )
    ).json
    corrected = (
        await nato.open({"act": "contact-note", "form": "conversation", "text": "Met again."})
    ).json
    emergency = (await who("nato/duty_officer").open(act("emergency-notification"))).json
    visit = (await head.open(act("visit-invitation"))).json
    before = visit["position"]
    change = {"act": "correction", "reason": "It came in writing.", "fields": {"form": "letter"}}
    assert (
        await nato.act(corrected["exchange"], change, If_Match=f'"{corrected["commit"]}"')
    ).status == 201

    headers = await at_a_screen(session, demo, "china/officer", language)

    async def page(path: str) -> str:
        async with session.get(f"{demo.base_url}/c/{C}{path}", headers=headers) as answer:
            text = await answer.text()
            assert answer.status == 200, text
            return text

    shown = {
        "": "emergency",
        "/inbox?family=notification": "emergency",
        "/inbox?family=meeting": "meeting",
        "/meetings?state=asked": "meeting",
        f"/exchanges/{note['exchange']}": "note",
        f"/meetings/{visit['exchange']}": "meeting",
        f"/reports/period?from=2020-01-01&at={before}": "note",
    }
    for path, name in shown.items():
        text = await page(path)
        assert CALLED[language][name] in text, (path, text)
        assert not [each for each in ENGLISH if each in text], path
    for path in ("/inbox?family=contact", f"/inbox?family=contact&at={before}"):
        assert "Met at the reception." in await page(path)  # the first words of its text
    past = await page(f"/exchanges/{corrected['exchange']}?at={before}")
    assert CALLED[language]["note"] in past, "as it was called before it was corrected"
    raw = (await nato.get(f"/v1/channels/{C}/exchanges/{emergency['exchange']}")).json["subject"]
    assert raw.startswith("Emergency, oil spill"), "the answer is the same for everybody"


async def test_why_a_record_is_void_is_said_in_the_readers_language(
    own: Gateway, session: aiohttp.ClientSession
) -> None:
    auditor = Caller(session, own, "china/auditor")
    position = await append(own, b"not a record")
    ask = {"Accept": "application/x-ndjson", "Dragoman-Min-Position": str(position)}
    entry = json.loads(
        (await auditor.get(f"/v1/channels/{C}/records?from={position}", **ask)).body.splitlines()[0]
    )
    assert entry["reason"].startswith(
        "The message is not a valid record: the envelope is not valid: "
    )
    for language in CALLED:
        headers = await at_a_screen(session, own, "china/auditor", language)
        said = (
            words(language)
            .say(
                "The message is not a valid record: %(error)s.",
                error=words(language).say("the envelope is not valid: %(error)s", error="\n"),
            )
            .partition("\n")[0]
        )
        for path in (f"/records/{position}", "/log?void=void"):
            async with session.get(f"{own.base_url}/c/{C}{path}", headers=headers) as answer:
                text = await answer.text()
                assert (
                    answer.status,
                    said in text,
                    "The message is not a valid record: the envelope is not valid" in text,
                ) == (
                    200,
                    True,
                    False,
                ), (path, text)
        paper = await auditor.get(
            f"/v1/channels/{C}/reports/audit?language={language}", Accept="text/markdown"
        )
        assert (paper.status, said in paper.body.decode()) == (200, True), paper.body.decode()


_NOT_SAID = {"title", "svg", "script", "template", "pre", "code", "kbd", "textarea"}


def _texts(page: str) -> set[str]:
    """Return the texts of a page that are the service's own: not marked as said by somebody, nor as
    of another language, nor code.
    """
    found: set[str] = set()
    waiting = [html.document_fromstring(page)]
    for each in waiting:
        if not isinstance(each.tag, str):
            continue  # a comment
        named = (each.get(name) for name in ("aria-label", "title", "placeholder", "alt"))
        found |= {text for text in named if text}
        of_others = (each.tag != "html" and each.get("lang") is not None) or not {
            "said",
            "said-title",
        }.isdisjoint(each.get("class", "").split())
        if not of_others and each.tag not in _NOT_SAID:
            waiting += each
            said = (each.text, *(inner.tail for inner in each))
            found |= {" ".join(text.split()) for text in said if text}
    return found


async def test_no_page_says_a_sentence_in_another_language_than_the_readers(
    own: Gateway, session: aiohttp.ClientSession
) -> None:
    nato = Caller(session, own, "nato/officer")
    at = await places(session, own)
    pages = [(who, path.format(**at)) for who, path in (*PAGES, *FORMS)]
    acts: set[str] = set()
    for row in (await nato.get(f"/v1/channels/{C}/exchanges")).json["exchanges"]:
        of = f"/c/{C}/exchanges/{row['id']}"
        pages += [("nato/officer", f"{of}{form}") for form in ("", "/form")]
        if row["act"] in acts:
            continue
        acts.add(row["act"])
        pages += [("nato/officer", f"{of}{form}") for form in ("/card", f"?at={row['position']}")]
        pages += [
            ("nato/head_of_office", f"{of}/acts/{act}")
            for act in ("correction", "reply", "update", "readout", "counter-proposal")
        ]
        if row["family"] == "meeting":
            pages.append(("china/officer", f"/c/{C}/meetings/{row['id']}"))
    pages += [("china/auditor", f"/c/{C}/records/{position}") for position in range(1, 60, 7)]
    readers: dict[str, dict[str, str]] = {}
    for name, path in pages:
        readers[name] = readers.get(name) or await at_a_screen(session, own, name)
        await _is_said_in_three_languages(session, own.base_url + path, readers[name])


async def _is_said_in_three_languages(
    session: aiohttp.ClientSession, url: str, headers: dict[str, str]
) -> set[str]:
    """Ask for a page in each language: no sentence of the service's own is in two of them. What it
    says in English.
    """
    said: dict[str, set[str]] = {}
    for language in ("en", "fr", "zh"):
        async with session.get(url, headers={**headers, "Accept-Language": language}) as answer:
            said[language] = _texts(await answer.text())
    assert len(said["en"]) > 10, url
    for language in ("fr", "zh"):
        alike = {
            text
            for text in said["en"] & said[language]
            if re.search(r"[a-z]{2,}( [a-z]{2,}){2}", text)
        }
        assert alike <= {"bout de papier"}, (url, language)  # as every chancery calls it
    return said["en"]


@pytest.mark.process
async def test_what_hinders_a_host_is_said_in_three_languages(
    own: Service, session: aiohttp.ClientSession
) -> None:
    own.stop()
    (mark,) = (own.data / "marks").glob(f"*/{C}.json")
    mark.write_text("{")
    own.arguments = ()  # nothing can be demonstrated on it
    own.start()
    operator = await at_a_screen(session, own, "operator")
    broken = "compare the log with another copy"
    for path in ("/host", f"/host/channels/{C}"):
        said = await _is_said_in_three_languages(session, own.base_url + path, operator)
        assert any(broken in text for text in said), (path, said)
    (health,) = [
        each
        for each in (await Caller(session, own).get("/readyz")).json["checks"]
        if not each["ok"]
    ]
    assert "1 of them broken" in health["detail"]
