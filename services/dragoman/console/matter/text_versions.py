"""Two versions of a text, with deletions and insertions marked word by word.

/exchanges/{exchange}/versions?from=12&to=40    the text after record 12, and after 40
/exchanges/{exchange}/versions?to=proposed      the amendment that waits

marked("before the 5th of May", "before the 9th of May")
                                    before the <del>5th</del><ins>9th</ins> of May
"""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from math import isqrt
from typing import Any, Final, NamedTuple

import msgspec
from markupsafe import Markup, escape
from msgspec import Raw, Struct, field

from dragoman.console.display.act_display import Display
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.domain.acts import consent, developments
from dragoman.members import shapes
from dragoman.members.kind import Member
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


class VersionComparison(Struct, frozen=True, kw_only=True):
    """Two versions of a text, and the members that differ."""

    exchange: str
    from_: str
    to: str
    fields: tuple[str, ...]


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


def marked(before: str, after: str, most: int = _MOST) -> Markup:
    """Return a text with its deletions and insertions.

    Of the part between the first and the last change, at most `most` words of each text
    are compared with each other. Larger parts are shown as deleted and inserted whole,
    since the time that it takes grows with their product.
    """
    old, new = _TOKENS.findall(before), _TOKENS.findall(after)
    first = _common(old, new)
    last = _common(old[first:][::-1], new[first:][::-1])
    out, put = old[first : len(old) - last], new[first : len(new) - last]
    parts = [escape("".join(old[:first]))]
    if max(len(out), len(put)) > most:
        parts += _changed(out, put)
    else:
        for what, i, j, k, m in SequenceMatcher(None, out, put, autojunk=False).get_opcodes():
            parts += (
                [escape("".join(out[i:j]))] if what == "equal" else _changed(out[i:j], put[k:m])
            )
    return Markup("").join([*parts, escape("".join(old[len(old) - last :]))])


def _common(one: list[str], other: list[str]) -> int:
    """Return the number of items with which two lists begin alike."""
    return next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )


def _changed(out: list[str], put: list[str]) -> list[Markup]:
    deletions = [Markup("<del>{}</del>").format("".join(out))] if out else []
    return [*deletions, Markup("<ins>{}</ins>").format("".join(put))] if put else deletions


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
    display: Display, member: Member, before: Raw | None, after: Raw | None
) -> Iterator[tuple[str, Markup | _Texts]]:
    """Yield the parts of a member that differ between two versions.

    Each has its label, and either its two texts or its marked difference.
    """
    one = None if before is None else msgspec.json.decode(bytes(before))
    other = None if after is None else msgspec.json.decode(bytes(after))
    label = display.words.field(member.name, member.act)
    if isinstance(member.kind, TextsKind):
        old, new = one or [], other or []
        for index in range(max(len(old), len(new))):
            numbered_label = display.words.say(
                "%(what)s %(n)s", what=label, n=display.words.number(index + 1)
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
        out = (
            Markup("")
            if one is None
            else Markup("<del>{}</del>").format(display.shown(member.kind, one))
        )
        new = (
            Markup("")
            if other is None
            else Markup("<ins>{}</ins>").format(display.shown(member.kind, other))
        )
        yield label, Markup(" ").join(filter(None, (out, new)))


def _of_text(label: str, before: Any, after: Any) -> Iterator[tuple[str, _Texts]]:
    old, new = _texts(before) or {}, _texts(after) or {}
    for tag in dict.fromkeys((*old, *new)):
        if old.get(tag, "") != new.get(tag, ""):
            yield (
                f"{label}, {language(tag)}" if tag else label,
                _Texts(old.get(tag, ""), new.get(tag, "")),
            )


def _differing(
    display: Display, act: str, one: Version, other: Version
) -> list[tuple[str, Markup]]:
    """Return the differences between two versions, each with its label.

    A page of many parts takes no longer than a page of one.
    """
    parts = [
        part
        for member in shapes.members(act)
        for part in _compared(
            display, member, one.content.get(member.name), other.content.get(member.name)
        )
    ]
    most = isqrt(_MOST**2 // max(1, sum(isinstance(value, _Texts) for _, value in parts)))
    return [
        (label, _own_words(marked(*value, most)) if isinstance(value, _Texts) else value)
        for label, value in parts
    ]


def _own_words(shown: Markup) -> Markup:
    """Return the marked words of a side as such, apart from values in ours."""
    return Markup('<span class="said marked break" dir="auto">{}</span>').format(shown)


class VersionsQuery(Struct, frozen=True, kw_only=True):
    """The two versions of the text to compare."""

    from_: str = field(name="from", default="")
    to: str = ""


async def versions(context: PageContext) -> Page:
    """Return the page with two versions of a text, marked."""
    state = await context.ask(View.state, context.request.match_info["exchange"])
    if state is None:
        raise refused("not-found", sentence("There is no exchange of that id here."))
    query, every = context.asked(VersionsQuery), await _versions(context, state)
    chosen = [
        _chosen(every, query.from_, every[max(0, len(every) - 2)]),
        _chosen(every, query.to, every[-1]),
    ]
    display = Display(context.words, (), {}, context.link)
    one, other = chosen
    differing = await context.in_thread(_differing, display, state.act, one, other)
    names = tuple(
        name
        for name in {**one.content, **other.content}
        if one.content.get(name) != other.content.get(name)
    )
    return Page(
        template="versions.html",
        view=VersionComparison(exchange=state.id, from_=one.value, to=other.value, fields=names),
        values={"state": state, "every": every, "one": one, "other": other, "differing": differing},
    )


def _chosen(every: list[Version], text: str, default: Version) -> Version:
    version = next((item for item in every if item.value == text), None)
    if text and version is None:
        raise refused(
            "not-found",
            sentence("There is no such version of this text; choose one of those that are listed."),
        )
    return version or default


ROUTES: Final = (PageRoute(path="/exchanges/{exchange:[0-9a-f-]{36}}/versions", handler=versions),)
