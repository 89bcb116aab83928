"""Two versions of a text, with deletions and insertions marked word by word.

/exchanges/{exchange}/versions?from=12&to=40    the text after record 12, and after 40
/exchanges/{exchange}/versions?to=proposed      the amendment that waits

marked("before the 5th of May", "before the 9th of May")
    ("before the ", TextChange(("5th",), "out"), TextChange(("9th",), "in"), " of May")
"""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from math import isqrt
from typing import Any, Final, Literal, NamedTuple

import msgspec
from msgspec import Raw, Struct, field

from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.console.page_words import PageWords
from dragoman.document.blocks import (
    Block,
    Empty,
    Form,
    FormField,
    PageDocument,
    Paragraph,
    Section,
    choice,
    section,
)
from dragoman.domain.acts import consent, developments
from dragoman.i18n.words import Words
from dragoman.members import shapes
from dragoman.members.kind import Member, Say
from dragoman.members.runs import MarkedText, Runs, StandingSource, TextChange, sourced
from dragoman.members.texts import LineKind, TextKind, TextsKind, language
from dragoman.projection.view import View
from dragoman.text import sentence
from dragoman_schemas.state import Exchange

PROPOSED: Final = "proposed"
"""The version that an amendment proposes and that not every side has accepted."""

_HAN: Final = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKENS: Final = re.compile(rf"[{_HAN}]|\s+|\d+|[^\W\d_{_HAN}]+|.", re.DOTALL)
"""Words and numbers; of Chinese each character, since no space divides its words."""


_MOST: Final = 1_000
"""The greatest number of changed words that are compared one by one.

That takes some 0.1 s at the worst.
"""


class Version(Struct, frozen=True, kw_only=True):
    """A version of a text: its value in an address, its time, author and members."""

    value: str
    time: str
    by: str
    kind: str
    content: dict[str, Raw]


class VersionsQuery(Struct, frozen=True, kw_only=True):
    """The two versions of the text to compare."""

    from_: str = field(name="from", default="")
    to: str = ""


def changes(state: Exchange) -> list[int]:
    """Return the positions of the records that changed an exchange's text, in order."""
    return sorted(
        {developments.stamp_of(change).position for change in developments.changes(state)}
    )


async def _versions(context: PageContext, state: Exchange) -> list[Version]:
    """Return the versions of a text up to the page's moment, and the proposed one."""
    versions = [
        await _version(context, state, position)
        for position in (state.opened.position, *changes(state))
    ]
    amendment = consent.open_amendment(state)
    if amendment is not None:
        content = {**state.content, **consent.fields_of(amendment)}
        versions.append(
            Version(
                value=PROPOSED,
                time=amendment.said.time,
                by=amendment.said.by,
                kind="amendment",
                content=content,
            )
        )
    return versions


async def _version(context: PageContext, state: Exchange, position: int) -> Version:
    stood = await context.ask(lambda view: view.at(position).known(state.id))
    record = context.projection.record_at(position)
    act, by = ("", "") if record is None else (record.name, record.envelope.actor)
    return Version(
        value=str(position), time=stood.updated.time, by=by, kind=act, content=stood.content
    )


def marked(before: str, after: str, most: int = _MOST) -> tuple[str | TextChange, ...]:
    """Return a text with its deletions and insertions.

    Of the part between the first and the last change, at most `most` words of each text
    are compared with each other. Larger parts are shown as deleted and inserted whole,
    since the time that it takes grows with their product.
    """
    old, new = _TOKENS.findall(before), _TOKENS.findall(after)
    first = _common(old, new)
    last = _common(old[first:][::-1], new[first:][::-1])
    out, put = old[first : len(old) - last], new[first : len(new) - last]
    parts: list[str | TextChange] = ["".join(old[:first])]
    if max(len(out), len(put)) > most:
        parts += _changed(out, put)
    else:
        for what, i, j, k, m in SequenceMatcher(None, out, put, autojunk=False).get_opcodes():
            parts += ["".join(out[i:j])] if what == "equal" else _changed(out[i:j], put[k:m])
    return tuple(part for part in (*parts, "".join(old[len(old) - last :])) if part)


def _common(one: list[str], other: list[str]) -> int:
    """Return the number of items with which two lists begin alike."""
    return next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )


def _changed(out: list[str], put: list[str]) -> list[TextChange]:
    pairs: tuple[tuple[list[str], Literal["out", "in"]], ...] = ((out, "out"), (put, "in"))
    return [TextChange(("".join(words),), how) for words, how in pairs if words]


def _texts(value: Any) -> dict[str, str] | None:
    """Return a text by language tag; None for a value that is not a text.

    A text without a language has the empty tag.
    """
    if isinstance(value, str):
        return {"": value}
    return (
        value
        if isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
        else None
    )


class _Texts(NamedTuple):
    """A text that differs between two versions."""

    before: str
    after: str


def _compared(
    say: Say, member: Member, before: Raw | None, after: Raw | None
) -> Iterator[tuple[str, Runs | _Texts]]:
    """Yield the parts of a member that differ between two versions.

    Each has its label, and either its two texts or its marked difference.
    """
    one = None if before is None else msgspec.json.decode(bytes(before))
    other = None if after is None else msgspec.json.decode(bytes(after))
    label = say.words.field(member.name, member.act)
    if isinstance(member.kind, TextsKind):
        old, new = one or [], other or []
        for index in range(max(len(old), len(new))):
            numbered_label = say.words.say(
                "%(what)s %(n)s", what=label, n=say.words.number(index + 1)
            )
            yield from _of_text(
                numbered_label,
                old[index] if index < len(old) else "",
                new[index] if index < len(new) else "",
            )
    elif isinstance(member.kind, TextKind | LineKind) and (
        _texts(one or "") is not None and _texts(other or "") is not None
    ):
        yield from _of_text(label, one or "", other or "")
    elif one != other:
        out = () if one is None else (TextChange(member.kind.runs(one, say), "out"),)
        put = () if other is None else (TextChange(member.kind.runs(other, say), "in"),)
        yield label, (*out, *((" ",) if out and put else ()), *put)


def _of_text(label: str, before: Any, after: Any) -> Iterator[tuple[str, _Texts]]:
    old, new = _texts(before) or {}, _texts(after) or {}
    for tag in dict.fromkeys((*old, *new)):
        if old.get(tag, "") != new.get(tag, ""):
            yield (
                f"{label}, {language(tag)}" if tag else label,
                _Texts(old.get(tag, ""), new.get(tag, "")),
            )


def _differing(say: Say, act: str, one: Version, other: Version) -> list[tuple[str, Runs]]:
    """Return the differences between two versions, each with its label.

    A page of many parts takes no longer than a page of one.
    """
    parts = [
        part
        for member in shapes.members(act)
        for part in _compared(
            say, member, one.content.get(member.name), other.content.get(member.name)
        )
    ]
    most = isqrt(_MOST**2 // max(1, sum(isinstance(value, _Texts) for _, value in parts)))
    return [
        (label, (MarkedText(marked(*value, most)),) if isinstance(value, _Texts) else value)
        for label, value in parts
    ]


async def versions(context: PageContext) -> Page:
    """Return the page with two versions of a text, marked."""
    state = await context.ask(View.state, context.request.match_info["exchange"])
    if state is None:
        raise refused("not-found", sentence("There is no exchange of that id here."))
    query, every = context.asked(VersionsQuery), await _versions(context, state)
    one = _chosen(every, query.from_, every[max(0, len(every) - 2)])
    other = _chosen(every, query.to, every[-1])
    words = PageWords(context)
    differing = await context.in_thread(_differing, Say(words=context.words), state.act, one, other)
    names = tuple((version.value, _called(context.words, version)) for version in every)
    say, source = context.words.say, StandingSource("versions", state.id)
    document = PageDocument(
        title=say("Versions of the text"),
        area="inbox",
        crumbs=(words.exchange(state.id, state.number),),
        sections=(
            section(
                "",
                chooser(context, f"/exchanges/{state.id}/versions", one.value, other.value, names),
            ),
            what_differs(
                context, Empty(say("Nothing: they say the same.")) if not differing else None
            ),
            *(
                section(label, Paragraph((sourced(shown, source),)), level=3)
                for label, shown in differing
            ),
        ),
    )
    return Page(view=document)


def chooser(
    context: PageContext,
    page: str,
    one: str,
    other: str,
    names: tuple[tuple[str, str], ...],
    *parts: FormField,
) -> Form:
    """Return the form that chooses two texts to compare."""
    say = context.words.say
    return Form(
        to=page,
        gets=True,
        parts=(
            *parts,
            choice("from", say("From"), one, names),
            choice("to", say("To"), other, names),
        ),
        button=say("Compare"),
    )


def what_differs(context: PageContext, *blocks: Block | None) -> Section:
    """Return the section of differences, which says how they are marked."""
    say = context.words.say
    return section(
        say("What differs"), *blocks, aside=say("struck out: taken out; underlined: put in")
    )


def _called(words: Words, version: Version) -> str:
    who, t = version.by.partition("/")[0].upper(), words.written(version.time, "minute")
    if version.value == PROPOSED:
        return words.say("proposed by %(who)s, %(t)s", who=who, t=t)
    n, act = words.number(int(version.value)), words.act(version.kind)
    return words.say("record %(n)s: %(act)s of %(who)s, %(t)s", n=n, act=act, who=who, t=t)


def _chosen(every: list[Version], text: str, default: Version) -> Version:
    version = next((item for item in every if item.value == text), None)
    if text and version is None:
        raise refused(
            "not-found",
            sentence("There is no such version of this text; choose one of those that are listed."),
        )
    return version or default


ROUTES: Final = (PageRoute(path="/exchanges/{exchange:[0-9a-f-]{36}}/versions", handler=versions),)
