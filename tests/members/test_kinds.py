"""A value is one thing: what was read is what was typed, and pages and papers say the same of it.

Every member of every sample act is typed into a form, read from there, and said to a page and to a
paper.
"""

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dragoman.document.blocks import Points
from dragoman.document.html import markup
from dragoman.document.markdown import block_lines
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.act_rules import OFFICERS
from dragoman.i18n.words import words
from dragoman.members import shapes
from dragoman.members.choices import ReleasedKind
from dragoman.members.groups import OtherKind
from dragoman.members.kind import EMPTY, UNKNOWN, Member, Say, TypedForm, form_fields
from dragoman.members.places import QuantityKind
from dragoman.members.runs import QuotedText, Run, plain
from dragoman.members.sides import SideKind
from dragoman.members.times import SpanKind, SpansKind, TimeKind
from dragoman_schemas.acts import SHAPES
from samples import SAMPLES

EN = words("en")
LANGUAGES = ("en", "zh")
SIDES = ("nato", "china")
_NOW = datetime(2028, 11, 24, 12, tzinfo=UTC)


def _members(act: str) -> Iterator[tuple[Member, Any]]:
    sample = SAMPLES[act]
    for member in shapes.members(act) if act in SHAPES else ():
        if member.name in sample:
            yield member, sample[member.name]


def _read(member: Member, value: Any) -> Any:
    form = TypedForm(
        form=form_fields(LANGUAGES, [member], {member.name: value}),
        words=EN,
        languages=LANGUAGES,
        sides=SIDES,
        now=_NOW,
        zone=ZoneInfo("Europe/Brussels"),
    )
    content = form.read([member])
    assert form.faults == []
    return content.get(member.name, EMPTY)


def _as_typed(value: Any) -> Any:
    """The value as forms give it: each time in UTC, each text with its language."""
    match value:
        case {"en": str(text)} | {"text": str(text)} if len(value) == 1:
            return text.strip()
        case dict():
            return {name: _as_typed(item) for name, item in value.items()}
        case list() | tuple():
            return [_as_typed(item) for item in value]
        case str() if re.fullmatch(r"\d{4}-\d\d-\d\dT\S+", value):
            moment = datetime.fromisoformat(value).astimezone(UTC)
            return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
        case str():
            return value.strip()
        case _:
            return value


def _same(one: Any, other: Any) -> bool:
    return bool(_as_typed(_as_typed(one)) == _as_typed(_as_typed(other)))


_COMPLETED = (shapes.FieldsKind, OtherKind, ReleasedKind)
"""Kinds of values that no form asks for, or that the gateway completes."""


@pytest.mark.parametrize("act", SAMPLES)
def test_what_is_typed_for_a_value_is_read_as_the_value(act: str) -> None:
    for member, value in _members(act):
        if not member.kind.holds(*_COMPLETED) and _is_of_officers(act):
            assert _same(_read(member, value), value)


@pytest.mark.parametrize("act", SAMPLES)
def test_page_and_paper_say_the_same_words_of_a_value(act: str) -> None:
    for member, value in _members(act):
        for language in ("en", "fr", "zh"):
            runs = member.runs(value, Say(words=words(language), opening="contact-note"))
            page = html.unescape(re.sub(r"<[^>]+>", " ", str(markup(runs)).replace("<wbr>", "")))
            (paper,) = block_lines(Points((runs,)), words(language))
            assert _words(page) == _words(html.unescape(paper.replace("\\", "")))
            assert _words(page) == _words(plain(runs))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def _said(member: Member, value: Any, **say: Any) -> str:
    return plain(member.runs(value, Say(words=EN, **say))).replace("\N{NO-BREAK SPACE}", " ")


def _is_of_officers(act: str) -> bool:
    rule = RULES[act]
    return bool(rule.roles & OFFICERS) and not rule.who.wording.startswith("the ")


def _of(act: str, name: str) -> Member:
    member = shapes.member(act, name)
    assert member is not None
    return member


@pytest.mark.parametrize(
    ("act", "name", "value", "text"),
    [
        (
            "hazardous-incident",
            "time",
            "2026-11-24T03:05:00+08:00",
            "23 Nov 2026 19:05Z (entered 03:05 +08:00)",
        ),
        (
            "hazardous-incident",
            "time",
            {"about": "2026-11-24T03:05:00Z"},
            "about 24 Nov 2026 03:05Z",
        ),
        (
            "hazardous-incident",
            "place",
            {"lat": 15.12, "lon": 116.44, "names": {"nato": "Area", "china": "海域"}},
            "15°07′12″ N 116°26′24″ E (+15.12, +116.44); NATO: Area; CHINA: 海域",
        ),
        ("hazardous-incident", "whose", ["usa", "uk"], "USA, UK"),
        ("hazardous-incident", "kind", "near_miss", "near miss"),
        ("hazardous-incident", "casualties", UNKNOWN, "not known yet"),
        (
            "call-record",
            "posts",
            {"nato": "Admiral A", "china": "Captain B"},
            "NATO: Admiral A; CHINA: Captain B",
        ),
    ],
)
def test_a_value_is_said_in_one_way(act: str, name: str, value: Any, text: str) -> None:
    assert _said(_of(act, name), value) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.5, "nm", "0.5 nm (926 m)"), (12.25, "m", "12.25 m"), (10_000, "ft", "10,000 ft (3,048 m)")],
)
def test_a_quantity_keeps_its_digits_and_has_si_beside_it(
    value: float, unit: str, text: str
) -> None:
    kind = QuantityKind(("m", "nm", "ft"))
    said = plain(kind.runs({"value": value, "unit": unit}, Say(words=EN)))
    assert said.replace("\N{NO-BREAK SPACE}", " ") == text


def test_a_choice_is_the_services_word_and_a_text_is_its_sides() -> None:
    fr = Say(words=words("fr"))
    assert _of("hazardous-incident", "kind").runs("near_miss", fr) == ("quasi-collision",)
    assert _of("hazardous-incident", "facts").runs("collision", fr) == (QuotedText("collision"),)


def test_the_words_of_a_side_are_never_joined_with_ours() -> None:
    for member, value in (pair for act in SAMPLES for pair in _members(act)):
        runs = member.runs(value, Say(words=EN))
        ours: list[Run] = [run for run in runs if isinstance(run, str)]
        for text in _texts(value) if member.kind.is_prose else ():
            assert not any(text in run for run in ours if isinstance(run, str))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value.values()
    else:
        for item in value:
            yield from _texts(item)


def test_the_schema_names_the_kind_of_a_time_that_is_to_come() -> None:
    due = _of("contact-note", "reply_wanted_by").kind
    assert due == TimeKind(ahead=True, days="to")
    assert _of("point-of-contact", "valid_to").kind == TimeKind(
        ahead=True, days="to", begins="valid_from"
    )
    assert _of("roadmap-item", "period").kind == SpanKind(ahead=True, days=True)
    assert _of("contact-note", "to").kind == SideKind(many=True)


def test_a_members_name_decides_nothing() -> None:
    """Two members of one name may be of two kinds: the schema says which."""
    assert _of("reply", "of").kind != _of("undertaking", "of").kind
    assert _of("people-status", "groups").kind.holds(SideKind)


def test_a_day_alone_ends_with_its_last_second() -> None:
    member = _of("contact-note", "reply_wanted_by")
    form = TypedForm(
        form={"f.reply_wanted_by": "30 Nov 2028"},
        words=EN,
        languages=LANGUAGES,
        sides=SIDES,
        now=_NOW,
        zone=ZoneInfo("UTC"),
    )
    assert form.read([member]) == {"reply_wanted_by": "2028-11-30T23:59:59Z"}


@pytest.mark.parametrize(
    ("begins", "ends", "said"),
    [
        ("2024-03-13T00:00:00Z", "2024-03-13T23:59:59Z", "13 Mar 2024, all day"),
        ("2024-03-13T00:00:00Z", "2024-03-15T23:59:00Z", "13 Mar 2024 – 15 Mar 2024, all day"),
        ("2024-03-13T00:00:00Z", "2024-03-13T12:00:00Z", "13 Mar 2024 00:00Z – 12:00Z"),
    ],
)
def test_whole_days_are_days(begins: str, ends: str, said: str) -> None:
    say = Say(words=EN)
    runs = SpanKind().runs({"from": begins, "to": ends}, say)
    assert plain(runs).replace("\N{NO-BREAK SPACE}", " ") == said


def test_each_span_has_the_clocks_of_the_offices_beside_it_and_whole_days_have_none() -> None:
    say = Say(words=EN, zones={"Europe/Brussels": "Brussels", "Asia/Shanghai": "Beijing"})
    spans = [
        {"from": "2027-01-31T22:00:00Z", "to": "2027-01-31T23:30:00Z"},
        {"from": "2027-02-01T00:00:00Z", "to": "2027-02-01T23:59:59Z"},
        {"from": "2027-07-01T09:00:00Z", "to": "2027-07-01T11:00:00Z"},
    ]
    said = plain(tuple(SpansKind().runs(spans, say))).replace("\N{NO-BREAK SPACE}", " ")
    assert said.split("; ") == [
        "31 Jan 2027 22:00Z – 23:30Z (Brussels 23:00–00:30 +1, Beijing 06:00 +1–07:30 +1)",
        "1 Feb 2027, all day",
        "1 Jul 2027 09:00Z – 11:00Z (Brussels 11:00–13:00, Beijing 17:00–19:00)",
    ]
