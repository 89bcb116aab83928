"""The reading of a CAP 1.2 alert (OASIS 2010) as the draft of a notification.

Any system may have written the alert, and nothing of it is lost. An alert of our own
writer has the `code` `dragoman.<act>`. It becomes that act again, with each member from
the parameter of its name. Any other alert becomes the act that the tables below choose;
the officer may change it.

Text for which no member has room is kept line by line, as `CAP identifier: …`. It goes
into the remarks, or, if it is too long for them, to the end of the text. Left out are
the bytes of an embedded file, and attributes and comments. In CAP these have no
meaning.

Our writer does not keep everything apart, so some values of our own alerts are lost:

    a time or window     its form: it comes back in UTC, to the second
    texts                the language of a text that is the same in all of them, or that
                         is in one alone; also that a parameter was a text, if the text
                         is JSON that the member may be as well
    subject, precedence  whether they are defaults: both come back as given
    characters           U+FFFE and U+FFFF
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final
from xml.etree import ElementTree as ET

import msgspec

from dragoman.domain.acts import field_checks
from dragoman.domain.record import codec, strict_json
from dragoman.domain.record.errors import Malformed
from dragoman.interop import NotUnderstood
from dragoman.interop.cap import ALERTS
from dragoman.interop.cap_classification import (
    INCIDENTS,
    NATURES,
    THREATS,
    act_of,
    first_match,
    names_in,
)
from dragoman.interop.cap_values import (
    NAMESPACE,
    Words,
    child_texts,
    figure_of,
    language_of,
    line,
    local,
    moment,
    possible_values,
    shown,
    texts_of,
)
from dragoman.limits import ACT_BYTES
from dragoman.text import sentence
from dragoman_schemas.acts import SHAPES
from dragoman_schemas.fields import OTHER, Json

_DEPTH: Final = 24
"""The limit of nested elements.

CAP has four levels; an XML signature within it has some ten.
"""

_STATUSES: Final = {
    "Actual": "",
    "Exercise": "EXERCISE: this alert is of an exercise, and of nothing that happened.",
    "System": "SYSTEM: this alert is for the systems that pass alerts on, and of nothing that "
    "happened.",
    "Test": "TEST: this alert is a test; disregard it.",
    "Draft": "DRAFT: this alert is a draft, and was not issued.",
}
"""The text that precedes an alert that is not about an actual event, by status."""

_KINDS: Final = {
    "Alert": None,
    "Update": None,
    "Cancel": sentence(
        "the alert takes back an earlier one; post a cancellation in the exchange of that one"
    ),
    "Ack": sentence(
        "the alert acknowledges another; post an acknowledgement in the exchange of that one"
    ),
    "Error": sentence(
        "the alert says that another was not understood; post a correction or a reply in the "
        "exchange of that one"
    ),
}
"""The kinds of alerts that become a notification; for the others, the advice."""


_PAIR: Final = ["valueName", "value"]


_TOO_LONG: Final = sentence(
    "the alert says more than a notification holds; write one with what matters, and attach the "
    "alert to it"
)
_DOCUMENT_TYPE: Final = sentence(
    "the alert has a document type (DOCTYPE), which CAP has not; send it without"
)
_DECLARED: Final = re.compile(rb"""<\?xml[^>]*?\bencoding\s*=\s*["']([^"'>]*)["']""")
_DECLARATIONS: Final = (b"<!DOCTYPE", b"<!ENTITY")
"""The beginnings of declarations that can define entities.

They are searched for in the bytes. A handler that refuses a document type does not stop
expat, which continues to expand entities within the document type itself. The search
finds them in UTF-8 alone, so a zero byte is refused before: expat recognizes UTF-16 by
its zero bytes, whatever encoding it is given. An alert of ASCII characters in UTF-16 is
valid UTF-8 as well.
"""


class Alerted(msgspec.Struct, frozen=True, kw_only=True):
    """The draft from an alert, and the alert's own envelope.

    `act` is JSON of one of the six formats. It fits its shape if no required member is
    `missing`. `status` is CAP's: an alert that is not `Actual` does not belong in a
    live channel. `kind` is Alert or Update. `references` are CAP's, each
    `sender,identifier,sent`. `ours` says that our writer wrote the alert.
    """

    act: Json
    identifier: str
    sender: str
    sent: str
    status: str
    kind: str
    references: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    ours: bool = False


def read(raw: bytes) -> Alerted:
    """Return the draft that an alert becomes.

    Raises `NotUnderstood`, and no other exception, for any bytes.
    """
    root = _parsed(raw)
    identifier, sender, sent, status, kind = (
        _only_text(root, name) for name in ("identifier", "sender", "sent", "status", "msgType")
    )
    if status not in _STATUSES:
        raise NotUnderstood(
            sentence(
                "CAP has no %(name)s %(value)s; write one of %(known)s",
                name="status",
                value=repr(status[:40]),
                known=tuple(_STATUSES),
            )
        )
    if kind not in _KINDS:
        raise NotUnderstood(
            sentence(
                "CAP has no %(name)s %(value)s; write one of %(known)s",
                name="msgType",
                value=repr(kind[:40]),
                known=tuple(_KINDS),
            )
        )
    if (why := _KINDS[kind]) is not None:
        raise NotUnderstood(why)
    codes = child_texts(root, "code")
    acts = [act for act in ALERTS if f"dragoman.{act}" in codes]
    infos = root.findall(f"{NAMESPACE}info")
    ours = len(acts) == 1
    draft = _Draft(acts[0] if ours else act_of(infos), infos, ours=ours)
    if ours:
        draft.take_back()
    else:
        draft.take_over(sent)
    draft.keep(_STATUSES[status], root)
    return Alerted(
        act=draft.done(),
        identifier=identifier,
        sender=sender,
        sent=sent,
        status=status,
        kind=kind,
        references=tuple(" ".join(child_texts(root, "references")).split()),
        missing=draft.missing,
        ours=ours,
    )


class _Tree(ET.TreeBuilder):
    """A tree builder that refuses a tree that is too deep."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def start(self, tag: Any, attrs: Any, /) -> ET.Element:
        self._depth += 1
        if self._depth > _DEPTH:
            raise NotUnderstood(
                sentence(
                    "the alert has elements over %(n)s deep; send it as CAP 1.2 has it", n=_DEPTH
                )
            )
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> ET.Element:
        self._depth -= 1
        return super().end(tag)

    def doctype(self, name: str, public_id: str | None, system: str | None, /) -> None:
        """Refuse a document type that the search in the bytes did not find."""
        raise NotUnderstood(_DOCUMENT_TYPE)


def _parsed(raw: bytes) -> ET.Element:
    if len(raw) > ACT_BYTES:
        raise NotUnderstood(
            sentence(
                "the alert has %(n)s bytes; at most %(most)s are read: send it without "
                "embedded files",
                n=len(raw),
                most=ACT_BYTES,
            )
        )
    declared = _DECLARED.match(raw.removeprefix(b"\xef\xbb\xbf"))
    if declared is not None and declared.group(1).lower() not in (b"utf-8", b"us-ascii"):
        raise NotUnderstood(
            sentence(
                "the alert is written in %(encoding)s; send it in UTF-8",
                encoding=ascii(declared.group(1)[:40])[2:-1],
            )
        )
    if (zero := raw.find(b"\0")) >= 0:
        raise NotUnderstood(
            sentence("byte %(n)s is zero, which no XML in UTF-8 has; send it in UTF-8", n=zero)
        )
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        raise NotUnderstood(
            sentence("byte %(n)s is not valid UTF-8; send the alert in UTF-8", n=error.start)
        ) from None
    if any(data in raw for data in _DECLARATIONS):
        raise NotUnderstood(_DOCUMENT_TYPE)
    parser = ET.XMLParser(target=_Tree(), encoding="utf-8")  # noqa: S314
    try:
        parser.feed(raw)
        root: ET.Element = parser.close()
    except (ET.ParseError, ValueError, LookupError) as error:
        raise NotUnderstood(
            sentence(
                "this is not well-formed XML (%(error)s); send one CAP 1.2 alert", error=str(error)
            )
        ) from None
    if root.tag != f"{NAMESPACE}alert":
        raise NotUnderstood(
            sentence(
                "the document is %(tag)s; send an alert by itself, of %(wanted)s",
                tag=ascii(root.tag[:80]),
                wanted=NAMESPACE[1:-1],
            )
        )
    return root


def _only_text(root: ET.Element, name: str) -> str:
    names = [text for text in child_texts(root, name) if text]
    if len(names) != 1:
        raise NotUnderstood(
            sentence(
                "the alert needs one %(name)s, and has %(n)s; ask its sender for an alert that "
                "holds to CAP 1.2",
                name=name,
                n=len(names),
            )
        )
    return names[0]


class _Draft:
    """An act in the making: its members so far.

    It also has the parts of the alert that they took up, by label and text.
    """

    def __init__(self, name: str, infos: list[ET.Element], *, ours: bool) -> None:
        self._name = name
        self._types = {
            field.encode_name: field.type for field in msgspec.structs.fields(SHAPES[name])
        }
        self._members: Json = {}
        self._used: set[tuple[str, str]] = set()
        self._infos = infos
        self._ours = ours
        self._by_info_language: dict[str, ET.Element] = {}
        for info in infos:
            self._by_info_language.setdefault(language_of(info), info)

    @property
    def missing(self) -> tuple[str, ...]:
        """The required members that the draft lacks."""
        required = [
            field.encode_name
            for field in msgspec.structs.fields(SHAPES[self._name])
            if field.required
        ]
        return tuple(name for name in required if name not in self._members)

    def done(self) -> Json:
        """Return the act.

        Raises `NotUnderstood` if the act is longer than the record allows.
        """
        act = {"act": self._name, **self._members}
        try:
            raw = strict_json.read(msgspec.json.encode(act), cut=False)
            if not self.missing:
                codec.decode_act(raw)
        except Malformed as error:
            raise NotUnderstood(
                sentence(
                    "the alert makes no act: %(pointer)s: %(detail)s",
                    pointer=error.fault.pointer or "/",
                    detail=error.fault.detail,
                )
            ) from None
        return act

    def take_back(self) -> None:
        """Set the members of an alert of our own.

        They come from the parameters of their names, and from the writer's other
        elements.
        """
        alert_format = ALERTS[self._name]
        self._used |= {
            ("code", f"dragoman.{self._name}"),
            ("event", alert_format.event),
            *(("category", category) for category in alert_format.categories),
        }
        self._used |= {(text, "Unknown") for text in ("urgency", "severity", "certainty")}
        for pair in (
            pair for info in self._infos for pair in info.iterfind(f"{NAMESPACE}parameter")
        ):
            name, value = (shown(pair.findtext(f"{NAMESPACE}{part}", "")) for part in _PAIR)
            if any(self._put(name, item) for item in possible_values(value)):
                self._used.add((f"parameter {name}", value))
        self._put_words("subject", "headline")
        if not self._put_words("threat", "description"):  # A warning may have no text.
            self._put_words(alert_format.description, "description")
        self._put_words(alert_format.instruction, "instruction")
        self._put_words(alert_format.contact, "contact")
        if not self._put_window(self._leaf("onset")):
            self._put_time(self._leaf("onset"), "onset")
            self._put("window", "" if self._leaf("onset") or self._leaf("expires") else "ongoing")
        self._put_place()

    def take_over(self, sent: str) -> None:
        """Set the members of any other alert.

        They are the alert's values, and `unknown` if the format has that value.
        """
        text = names_in(self._infos)
        match self._name:
            case "terrorism-warning":
                threat = first_match(THREATS, text)
                has_words = bool(threat) or self._put_in_words("threat_text")
                self._put("threat", threat or (OTHER if has_words else ""))
                self._put("target", field_checks.UNKNOWN)
                self._put_window(self._leaf("onset") or self._leaf("effective") or sent)
            case "emergency-notification":
                fire = any("Fire" in child_texts(info, "category") for info in self._infos)
                self._put("nature", first_match(NATURES, text) or ("fire" if fire else ""))
            case _:
                self._put("kind", first_match(INCIDENTS, text) or field_checks.UNKNOWN)
        self._put_words("subject", "headline")
        self._put_words("subject", "event")
        self._put_words(ALERTS[self._name].description, "description")
        self._put_words(ALERTS[self._name].instruction, "instruction")
        for name in ("headline", "event"):
            self._put("facts", self._by_language(name))
        self._put_time(self._leaf("onset"), "onset")
        # The time of the alert, or of its effect, is only near the time of the event.
        self._put_time(self._leaf("effective"), "effective", about=True)
        self._put_time(sent, "", about=True)
        self._put_place()
        self._put("place", field_checks.UNKNOWN)

    def keep(self, notice: str, root: ET.Element) -> None:
        """Add the parts that no member took up, line by line.

        The notice on the status comes first. Raises `NotUnderstood` if the parts are
        too long.
        """
        described = ALERTS[self._name].description
        if notice and not self._change(
            described if described in self._members else "text",
            lambda text: f"{notice}\n\n{text}".strip(),
        ):
            raise NotUnderstood(_TOO_LONG)
        lines = "\n".join(self._lines(root))
        if not any(
            self._change(name, lambda text: f"{text}\n\n{lines}".strip("\n"), "en")
            for name in ("remarks", "text")
        ):
            raise NotUnderstood(_TOO_LONG)

    def _put(self, name: str, value: Any) -> bool:
        """Set a member that is not set yet, if the value fits it.

        Return whether it was set.
        """
        fits = name not in self._members and self._fits(name, value)
        if fits:
            self._members[name] = value
        return fits

    def _change(self, name: str, change: Callable[[str], str], only: str = "") -> bool:
        """Change a text in all its languages, or `only` in one, if the result fits."""
        words = self._members.get(name, "")
        if isinstance(words, dict):
            chosen = next((key for key in words if key.partition("-")[0] == only), only)
            words = {
                key: change(words.get(key, "")) if chosen in ("", key) else words[key]
                for key in dict.fromkeys((*words, chosen))
                if key
            }
        else:
            words = change(words)
        fits = self._fits(name, words)
        if fits:
            self._members[name] = words
        return fits

    def _fits(self, name: str, value: Any) -> bool:
        if name not in self._types or name == "signed" or value in ("", {}):
            return False
        try:
            msgspec.convert(value, type=self._types[name])
            strict_json.read(msgspec.json.encode({name: value}), cut=False)
        except (msgspec.ValidationError, Malformed):
            return False
        return True

    def _text_of(self, element: ET.Element | None) -> str:
        """Return the text of an element; in our own alerts, with its white space."""
        words = "" if element is None else shown(element.text or "")
        return words if self._ours else words.strip()

    def _leaf(self, name: str) -> str:
        """Return a text of the first info, for an element without languages."""
        return self._text_of(self._infos[0].find(f"{NAMESPACE}{name}")) if self._infos else ""

    def _by_language(self, name: str) -> Words:
        """Return a text in its languages, or alone if it is the same in all of them."""
        result = {
            language: self._text_of(info.find(f"{NAMESPACE}{name}"))
            for language, info in self._by_info_language.items()
        }
        if len({*result.values()}) <= 1:
            return next(iter(result.values()), "")
        return {language: text for language, text in result.items() if text}

    def _put_words(self, member: str, name: str) -> bool:
        words = self._by_language(name)
        put = self._put(member, words)
        if put:
            self._use_words(name, words)
        return put

    def _use_words(self, name: str, words: Words) -> None:
        self._used |= {(name, text) for text in texts_of(words)}
        self._used |= {("language", language) for language in words if isinstance(words, dict)}

    def _put_in_words(self, name: str) -> bool:
        """Set a member to the name of the event, or else to the headline."""
        return any(self._put(name, self._by_language(part)) for part in ("event", "headline"))

    def _put_window(self, begins: str) -> bool:
        ends = self._leaf("expires")
        first, last = moment(begins), moment(ends)
        put = (
            first is not None
            and last is not None
            and first <= last
            and self._put("window", {"from": begins, "to": ends})
        )
        if put:
            self._used |= {("onset", begins), ("effective", begins), ("expires", ends)}
        return put

    def _put_time(self, time: str, name: str, *, about: bool = False) -> None:
        if moment(time) is not None and self._put("time", {"about": time} if about else time):
            self._used.add((name, time))

    def _put_place(self) -> None:
        """Set the place by its name, and by its figure if it has only one.

        Further areas are further places where the format has these. Otherwise only the
        names of several areas are taken, because one area is not the whole place.
        """
        areas = self._infos[0].findall(f"{NAMESPACE}area") if self._infos else []
        area_names = [
            name for area in areas if (name := self._text_of(area.find(f"{NAMESPACE}areaDesc")))
        ]
        if len(areas) > 1 and self._put_places(areas):
            return
        if len(areas) > 1 and area_names:
            self._put("place", {"text": "; ".join(area_names)})
            self._put("place", {"text": f"{area_names[0]}; and {len(areas) - 1} more areas"})
        if len(areas) != 1:
            return
        for place in self._possible_places(areas[0]):
            if self._put("place", place):
                self._mark_area(areas[0], place)

    def _put_places(self, areas: list[ET.Element]) -> bool:
        """Set the place and the further places.

        Return whether every area is one of them.
        """
        possible = [[*self._possible_places(area)] for area in areas]
        chosen = [
            next((place for place in places if self._fits("place", place)), None)
            for places in possible
        ]
        if None in chosen or "place" in self._members or not self._put("places", chosen[1:]):
            return False
        self._put("place", chosen[0])
        for area, place in zip(areas, chosen, strict=True):
            assert place is not None
            self._mark_area(area, place)
        return True

    def _possible_places(self, area: ET.Element) -> Iterator[dict[str, Any]]:
        """Yield an area as a place: with its name and figure, then with one of them."""
        name = self._text_of(area.find(f"{NAMESPACE}areaDesc"))
        figures = [*_figures(area)]
        name_member = {"text": name} if name else {}
        drawn = figure_of(figures[0]) if len(figures) == 1 else {}
        yield from (name_member | drawn, drawn, name_member)

    def _mark_area(self, area: ET.Element, place: dict[str, Any]) -> None:
        """Mark the parts of an area that a place has taken up."""
        if "text" in place:
            self._used.add(("areaDesc", place["text"]))
        if place.keys() - {"text"}:
            self._used |= {(local(figure), self._text_of(figure)) for figure in _figures(area)}

    def _lines(self, root: ET.Element) -> Iterator[str]:
        """Yield the lines for the parts that are left of the alert and of each info.

        A line has its language, unless all infos say the same.
        """
        yield from (line(label, value) for label, value in self._leftover(root))
        languages = {id(info): language for language, info in self._by_info_language.items()}
        texts: dict[tuple[str, str], list[str]] = {}
        for number, info in enumerate(self._infos, 1):
            for entry in dict.fromkeys(self._leftover(info)):
                texts.setdefault(entry, []).append(languages.get(id(info), f"info {number}"))
        for (label, value), where in texts.items():
            yield line(
                label if len(where) == len(self._infos) else f"{label} ({', '.join(where)})", value
            )

    def _leftover(self, parent: ET.Element) -> Iterator[tuple[str, str]]:
        """Yield the parts of an element that no member took up, each with its label."""
        for text in (parent.text or "", *(child.tail or "" for child in parent)):
            if text.strip():
                yield local(parent), shown(text.strip())
        for child in parent:
            label, value = self._labelled(child)
            if (
                value.strip()
                and (label, value) not in self._used
                and child.tag != f"{NAMESPACE}info"
            ):
                yield label, value

    def _labelled(self, element: ET.Element) -> tuple[str, str]:
        name = local(element)
        if not element.tag.startswith(NAMESPACE):
            return name, shown(ET.tostring(element, encoding="unicode").strip())
        if name == "derefUri":
            return name, f"({len(element.text or '')} characters, not kept)"
        if not len(element):
            return name, self._text_of(element)
        parts = [*self._leftover(element)]
        if [label for label, _ in parts] == _PAIR:
            return f"{name} {parts[0][1]}", parts[1][1]
        return name, "; ".join(f"{label} {value}" for label, value in parts)


def _figures(area: ET.Element) -> Iterator[ET.Element]:
    """Yield the figures of an area."""
    for kind in ("polygon", "circle"):
        yield from area.iterfind(f"{NAMESPACE}{kind}")
