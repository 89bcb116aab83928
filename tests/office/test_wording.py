"""Pages in the words of their readers, read without a browser: the menu of forms, corrections in
place, verbs on buttons, punctuation.
"""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from dragoman.domain.acts.act_registry import FORMATS
from dragoman.i18n import vocabulary
from dragoman.i18n.words import words
from everywhere import CHANNEL, FORMS, PAGES, places
from reader_of_pages import Reader, defaults, text_of
from samples import SAMPLES
from service import INCIDENT, Caller, Gateway, still_to_come


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_the_menu_says_when_to_use_each_form_and_finds_one_by_a_word(
    session: aiohttp.ClientSession, demo: Gateway
) -> None:
    head = await Reader.signed_in(session, demo, "nato/head_of_office")
    page = await head.get(f"/c/{CHANNEL}/compose?all=1")
    forms = page.xpath("//*[@data-form]")
    listed = [form.get("data-form") for form in forms]
    kind = "official"
    assert sorted(listed) == sorted(act for act, form in FORMATS.items() if kind in form.kinds)
    assert listed[0] == "hazardous-incident", "incidents come first"
    for act in listed:
        lead = text_of((await head.get(f"/c/{CHANNEL}/compose/{act}")).xpath("//main//h1/..")[0])
        assert len(lead.split()) > 5, "a sentence on when to use it"
        page = await head.get(f"/c/{CHANNEL}/compose?q={FORMATS[act].code}")
        assert act in [form.get("data-form") for form in page.xpath("//*[@data-form]")], "by code"
        told = text_of(page.xpath(f"//*[@data-form='{act}']")[0])
        assert len(told.split()) > 4, "a short list says it as well"
    page = await head.get(f"/c/{CHANNEL}/compose?q=ExplaIN+activity")
    assert [form.get("data-form") for form in page.xpath("//*[@data-form]")] == [
        "explanation-request"
    ]
    page = await head.get(f"/c/{CHANNEL}/compose?q=zeppelin")
    assert "No form has “zeppelin”" in text_of(page.xpath("//main")[0])
    chinese = await Reader.signed_in(session, demo, "china/head_of_office", "zh-CN")
    page = await chinese.get(f"/c/{CHANNEL}/compose?q=演习")
    assert [form.get("data-form") for form in page.xpath("//*[@data-form]")] == [
        "military-activity"
    ]


async def test_a_correction_that_nobody_touched_changes_nothing(
    session: aiohttp.ClientSession, demo: Gateway
) -> None:
    """Each field of the form holds the present value, so it is sent back; only what differs may
    become part of the act.
    """
    caller = Caller(session, demo, "nato/head_of_office")
    reader = await Reader.signed_in(session, demo, "nato/head_of_office")
    untouched, differing = [], {}
    for act, form in FORMATS.items():
        if "official" not in form.kinds:
            continue
        try:
            opened = await caller.open(still_to_come(SAMPLES[act]), CHANNEL)
        except AssertionError:
            continue  # it takes two officers, or files and people that are not here
        path = f"/c/{CHANNEL}/exchanges/{opened.json['exchange']}/acts/correction"
        page = await reader.get(path)
        sent = defaults(page.get_element_by_id("writing"))
        answer = await reader.post(path, [*sent, ("f.reason.en", "A slip."), ("do", "check")])
        said = text_of(answer.xpath("//main")[0])
        if reader.status == 422 and "Change at least one field." in said:
            untouched.append(act)
        else:
            differing[act] = said[:300]
    assert differing == {}
    assert len(untouched) > 15


async def test_a_correction_sends_only_what_was_edited_and_shows_what_it_was(
    session: aiohttp.ClientSession, demo: Gateway
) -> None:
    opened = await Caller(session, demo, "nato/duty_officer").open(INCIDENT, CHANNEL)
    path = f"/c/{CHANNEL}/exchanges/{opened.json['exchange']}/acts/correction"
    reader = await Reader.signed_in(session, demo, "nato/duty_officer")
    page = await reader.get(path)
    assert page.xpath("//input[@name='fields']") == [], "nothing is chosen before it is edited"
    edit = page.xpath("//details[@data-edit='place']")[0]
    assert "15°07′" in text_of(edit.xpath("./summary")[0]), "the present value is shown"
    assert edit.xpath(".//input[@name='f.fields.place']"), "and its field opens in place"
    sent = [
        (name, "15-08N 116-27E" if name == "f.fields.place" else value)
        for name, value in defaults(page.get_element_by_id("writing"))
    ]
    answer = await reader.post(path, [*sent, ("do", "check")])
    alert = text_of(answer.xpath("//main//*[@role='alert']")[0])
    assert (reader.status, alert) == (422, "There is a problem Reason: this must be filled in.")
    assert [each.get("data-edit") for each in answer.xpath("//details[@data-edit and @open]")] == [
        "place"
    ]
    answer = await reader.post(path, [*sent, ("f.reason.en", "Read off wrongly."), ("do", "check")])
    act = json.loads(answer.xpath("//input[@name='act']/@value")[0])
    assert act["fields"].keys() == {"place"}
    new, former = (answer.xpath(f"//*[@data-{name}='place']")[0] for name in ("value", "was"))
    assert ("15°08′" in text_of(new), "15°07′" in text_of(former)) == (True, True)
    emptied = [(name, "" if name == "f.fields.place" else value) for name, value in sent]
    answer = await reader.post(path, [*emptied, ("f.reason.en", "Unknown."), ("do", "check")])
    assert "This cannot be emptied" in text_of(answer.xpath("//main//*[@role='alert']")[0])


VERBS = frozenset(
    (
        *(
            "accept",
            "acknowledge",
            "add",
            "adopt",
            "agree",
            "allow",
            "amend",
            "announce",
        ),
        *(
            "answer",
            "arm",
            "ask",
            "assess",
            "back",
            "cancel",
            "change",
            "check",
            "choose",
        ),
        *(
            "close",
            "compare",
            "confirm",
            "consent",
            "copy",
            "correct",
            "declare",
            "decline",
        ),
        *(
            "dispute",
            "drop",
            "echo",
            "edit",
            "end",
            "endorse",
            "enter",
            "erase",
            "explain",
        ),
        *(
            "find",
            "forget",
            "give",
            "go",
            "grant",
            "hand",
            "i",
            "invite",
            "issue",
            "judge",
        ),
        *(
            "keep",
            "make",
            "manage",
            "map",
            "narrow",
            "object",
            "offer",
            "open",
            "pause",
        ),
        *(
            "play",
            "postpone",
            "press",
            "propose",
            "prove",
            "put",
            "react",
            "read",
            "reconfirm",
        ),
        *(
            "record",
            "refuse",
            "release",
            "remove",
            "reply",
            "report",
            "restate",
            "resume",
            "revoke",
        ),
        *(
            "ring",
            "save",
            "say",
            "search",
            "send",
            "set",
            "show",
            "sign",
            "silence",
        ),
        *("suspend", "switch", "take", "translate", "turn", "use", "withdraw", "work", "write"),
    )
)
"""The first words of buttons; "I" is the officer who speaks, "back" goes back."""

NO_ACTION = "../*[@aria-current] | ancestor::*[contains(@class, 'segments') or contains(@class, 'filters') or @data-quick or self::nav]"
"""Buttons that are values: of a filter, of a field; and those of languages and lights by name."""

TRAVEL = {"First record", "Record before", "Record after", "Newest record"}
"""Buttons of the bar for looking at the past, which say where they go."""


PARTED = frozenset(
    {
        *("p", "li", "td", "th", "dt", "dd", "div", "h1", "h2", "h3", "summary", "legend", "label"),
        *("header", "section", "main", "tr", "ul", "ol", "table", "dl", "form", "fieldset", "nav"),
        *("details", "aside", "footer", "article", "blockquote", "body", "br", "thead", "tbody"),
    }
)
"""Elements that begin a line of their own."""

_FOREIGN = frozenset(
    {"code", "pre", "kbd", "script", "template", "svg", "style", "textarea", "time"}
)
LATIN_MARK = re.compile("[\u4e00-\u9fff》”）][,.:;?!](?=\\s|$|[\u4e00-\u9fff])")  # noqa: RUF001
BARE_MARK = re.compile("[^\\s\\d\u00a0\u202f*(]:(?=\\s|$)|[^\\s\u00a0\u202f][;?!](?=\\s|$)")
MARKS = {"fr": BARE_MARK, "zh-CN": LATIN_MARK}


def lines_of(page: Any) -> list[str]:
    """The lines of a page, with an x for words that are not the page's own."""
    parts: list[str] = []

    def walk(element: Any, *, own: bool) -> None:
        if not isinstance(element.tag, str):
            return
        if element.tag in PARTED:
            parts.append("\n")
        own = own and not (
            element.tag in _FOREIGN
            or "said" in element.get("class", "").split()
            or element.get("dir") == "auto"
            or element.get("lang") is not None
        )
        if element.text and element.tag not in ("script", "template", "style", "option"):
            parts.append(element.text if own else "x")
        for child in element:
            walk(child, own=own)
            if child.tail:
                parts.append(child.tail if own else "x")
        if element.tag in PARTED:
            parts.append("\n")

    walk(page.xpath("//body")[0], own=True)
    return [line.strip(" ") for line in "".join(parts).split("\n") if line.strip()]


@pytest.mark.parametrize("language", MARKS)
async def test_the_marks_on_pages_are_those_of_their_language(
    session: aiohttp.ClientSession, demo: Gateway, language: str
) -> None:
    """Marks between parts of a line are in no catalogue: they are looked for where they are shown."""
    readers: dict[str, Reader] = {}
    found = []
    ids = await places(session, demo)
    for who, path in (*PAGES, *FORMS):
        if who not in readers:
            readers[who] = await Reader.signed_in(session, demo, who, language)
        page = await readers[who].get(path.format(**ids))
        found += [
            f"{path}: {line}"
            for line in lines_of(page)
            if MARKS[language].search(line.replace("Authorization: ", ""))
        ]
    assert found == [], "\n".join(found)


async def test_every_button_says_what_it_does(
    session: aiohttp.ClientSession, demo: Gateway
) -> None:
    """Rule 4.4: a verb on every button; links that look like one count as well."""
    readers: dict[str, Reader] = {}
    ids = await places(session, demo)
    nouns: dict[str, str] = {}
    for who, path in (*PAGES, *FORMS):
        if who not in readers:
            readers[who] = await Reader.signed_in(session, demo, who)
        page = await readers[who].get(path.format(**ids))
        for button in page.xpath("//button | //a[contains(concat(' ', @class, ' '), ' button ')]"):
            text = text_of(button)
            is_value = button.get("name") in ("language", "theme") or button.xpath(NO_ACTION)
            if button.get("hidden") is None or text:
                first = re.split(r"[ :,]", text)[0].lower()
                if (
                    not is_value
                    and re.sub(r"\d[\d,.]*$", "", text).strip(" ←→") not in TRAVEL
                    and first not in VERBS
                ):
                    nouns[text] = path
    assert nouns == {}


def test_every_act_in_an_exchange_has_a_button_with_a_verb() -> None:
    english = words("en")
    named = {english.verb(name) for context, name in vocabulary.names() if context == "verb"}
    assert {text for text in named if text.partition(" ")[0].lower() not in VERBS} == set()
