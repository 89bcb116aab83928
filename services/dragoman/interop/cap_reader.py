"""An alert in the Common Alerting Protocol, CAP 1.2 (OASIS 2010), as the draft of a notification: whoever's system warned, and with nothing lost.

An alert of our own writer, whose `code` is `dragoman.<act>`, becomes that act again,
each member from the parameter of its name. Any other becomes the act that the tables
below choose, which the officer may change. What no member has room for is kept line by
line, as `CAP identifier: …`, in the remarks, or where it is too long for them at the
end of the text. Left out are the bytes of an embedded file, attributes and comments, of
which CAP has none that say anything.

What an alert of our own cannot bring back, since the writer does not keep it apart:

    a time or window     as it was written: it comes back in UTC, to the second
    texts                in what language a text is that says the same in all of them, or that there is in one alone;
                         that a parameter was a text, where the text is JSON which the member may be as well
    subject, precedence  whether they were given or are defaults: both come back as given
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
from dragoman.interop.cap import EVENTS
from dragoman.interop.cap_values import (
    NAMESPACE,
    Words,
    _figure,
    _language,
    _texts,
    all,
    line,
    local,
    meant,
    moment,
    shown,
)
from dragoman.limits import ACT_BYTES
from dragoman.text import sentence
from dragoman_schemas.acts import SHAPES
from dragoman_schemas.fields import Json

_DEPTH: Final = 24
"""CAP has four levels; an XML signature within it some ten."""

_STATUSES: Final = {
    "Actual": "",
    "Exercise": "EXERCISE: this alert is of an exercise, and of nothing that happened.",
    "System": "SYSTEM: this alert is for the systems that pass alerts on, and of nothing that happened.",
    "Test": "TEST: this alert is a test; disregard it.",
    "Draft": "DRAFT: this alert is a draft, and was not issued.",
}
"""What stands before the text of an alert that is not of something actual."""

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
        "the alert says that another was not understood; post a correction or a reply in the exchange of that one"
    ),
}
"""Of what kinds an alert becomes a notification; of the others, what to post."""

_EMERGENCIES: Final = frozenset({"Geo", "Met", "Fire", "Health", "Env", "CBRNE"})
"""Categories of which an alert is an `emergency-notification`; one of the words below
makes it one too, unless it is of Security alone.

Of Security with a word for terror it is a `terrorism-warning`, and anything else a
`hazardous-incident`.
"""

_TERROR: Final = re.compile(r"terror|恐怖|恐袭")
_NATURES: Final = {
    "radiological": r"radiolog|radiation|radioactiv|放射|辐射",
    "nuclear": r"nuclear|reactor|核",
    "oil_spill": r"oil (spill|slick)|溢油|漏油",
    "earthquake": r"earthquake|seismic|aftershock|地震",
    "flood": r"flood|tsunami|dam (break|failure)|洪|海啸",
    "epidemic": r"epidemic|pandemic|outbreak|疫",
    "industrial": r"industrial|chemical|hazmat|hazardous material|toxic|gas leak|explosion|化学|危险品|泄漏|爆炸",
    "fire": r"\b(wild)?fires?\b(?! control)|火灾|山火",
    "storm": r"storm|hurricane|typhoon|cyclone|tornado|blizzard|high wind|台风|暴雨|暴雪|龙卷风",
}
_INCIDENTS: Final = {
    "near_miss": r"near miss|险些相撞",
    "collision": r"collision|collided|相撞|碰撞",
    "grounding": r"aground|grounding|搁浅",
    "crash": r"crash|坠毁|坠机",
    "persons_in_distress_or_held": r"distress|missing|abduct|kidnap|hostage|search and rescue|遇险|失踪|绑架",
    "fire_control_radar": r"fire control radar|火控雷达",
    "laser": r"\blaser|激光",
    "jamming": r"jamming|电子干扰",
    "fire_or_explosion": r"\bfire\b|explosion|爆炸|火灾",
}
_THREATS: Final = {
    "hijacking": r"hijack|劫持",
    "hostage_taking": r"hostage|人质",
    "smuggling": r"smuggl|走私",
    "cyber": r"cyber|网络",
    "attack": r"attack|bomb|shooting|袭|炸",
}
"""What an event is called, in its own name or its headline, and what it is then; the
first that fits.
"""

_DESCRIPTIONS: Final = {"hazardous-incident": "facts"}
"""The member that a description becomes, where it is not `text`."""

_INSTRUCTIONS: Final = {
    "hazardous-incident": "request",
    "emergency-notification": "protective_measures",
    "terrorism-warning": "action_wanted",
    "ict-inquiry": "request",
}
_CONTACTS: Final = {"hazardous-incident": "on_scene_frequency", "danger-area": "on_scene_contact"}
_PAIR: Final = ["valueName", "value"]


_TOO_LONG: Final = sentence(
    "the alert says more than a notification holds; write one with what matters, and attach the alert to it"
)
_DECLARED: Final = re.compile(rb"""<\?xml[^>]*?\bencoding\s*=\s*["']([^"'>]*)["']""")
_DECLARATIONS: Final = (b"<!DOCTYPE", b"<!ENTITY")
"""The beginnings of what can define entities. They are looked for in the bytes: a handler
that refuses a document type does not stop expat, which goes on to expand entities
within the document type itself.
"""


class Alerted(msgspec.Struct, frozen=True, kw_only=True):
    """What an alert says: the draft, and what the alert says of itself.

    `act` is JSON of one of the six formats, and fits its shape where no required member
    is `missing`. `status` is CAP's: whatever is not `Actual` is no matter for a live
    channel. `kind` is Alert or Update, and `references` are CAP's, each
    `sender,identifier,sent`. `ours` is what our writer wrote.
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
    """Return the draft that an alert becomes. Raises `NotUnderstood`, and nothing else, whatever the bytes are."""
    root = _parsed(raw)
    identifier, sender, sent, status, kind = (
        _once(root, name) for name in ("identifier", "sender", "sent", "status", "msgType")
    )
    if status not in _STATUSES:
        raise NotUnderstood(
            sentence(
                "the status %(status)s is none of CAP's; write one of %(known)s",
                status=repr(status[:40]),
                known=tuple(_STATUSES),
            )
        )
    if kind not in _KINDS:
        raise NotUnderstood(
            sentence(
                "the msgType %(kind)s is none of CAP's; write one of %(known)s",
                kind=repr(kind[:40]),
                known=tuple(_KINDS),
            )
        )
    if (why := _KINDS[kind]) is not None:
        raise NotUnderstood(why)
    codes = all(root, "code")
    acts = [act for act in EVENTS if f"dragoman.{act}" in codes]
    infos = root.findall(f"{NAMESPACE}info")
    ours = len(acts) == 1
    draft = _Draft(acts[0] if ours else _chosen(infos), infos, ours=ours)
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
        references=tuple(" ".join(all(root, "references")).split()),
        missing=draft.missing,
        ours=ours,
    )


class _Tree(ET.TreeBuilder):
    """A tree that is not too deep."""

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


def _parsed(raw: bytes) -> ET.Element:
    if len(raw) > ACT_BYTES:
        raise NotUnderstood(
            sentence(
                "the alert has %(n)s bytes; at most %(most)s are read: send it without embedded files",
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
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        raise NotUnderstood(
            sentence("byte %(n)s is not valid UTF-8; send the alert in UTF-8", n=error.start)
        ) from None
    if any(data in raw for data in _DECLARATIONS):
        raise NotUnderstood(
            sentence("the alert has a document type (DOCTYPE), which CAP has not; send it without")
        )
    parser = ET.XMLParser(target=_Tree(), encoding="utf-8")  # noqa: S314
    try:
        parser.feed(raw)
        root: ET.Element = parser.close()
    except (ET.ParseError, ValueError, LookupError) as error:
        raise NotUnderstood(
            sentence(
                "this is no well-formed XML (%(error)s); send one CAP 1.2 alert", error=str(error)
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


def _once(root: ET.Element, name: str) -> str:
    names = [text for text in all(root, name) if text]
    if len(names) != 1:
        raise NotUnderstood(
            sentence(
                "the alert needs one %(name)s, and has %(n)s; ask its sender for an alert that holds to CAP 1.2",
                name=name,
                n=len(names),
            )
        )
    return names[0]


def _chosen(infos: list[ET.Element]) -> str:
    """Return the format of an alert that is not our own."""
    categories = {item for info in infos for item in all(info, "category")}
    text = _called(infos)
    if "Security" in categories and _TERROR.search(text):
        return "terrorism-warning"
    if categories & _EMERGENCIES or (categories - {"Security"} and _first(_NATURES, text)):
        return "emergency-notification"
    return "hazardous-incident"


def _called(infos: list[ET.Element]) -> str:
    return "\n".join(
        text for info in infos for name in ("event", "headline") for text in all(info, name)
    ).lower()


def _first(table: dict[str, str], text: str) -> str:
    return next((name for name, pattern in table.items() if re.search(pattern, text)), "")


class _Draft:
    """An act in the making: its members so far, and what of the alert they have taken up, by label and text."""

    def __init__(self, name: str, infos: list[ET.Element], *, ours: bool) -> None:
        self._name = name
        self._types = {
            field.encode_name: field.type for field in msgspec.structs.fields(SHAPES[name])
        }
        self._members: Json = {}
        self._used: set[tuple[str, str]] = set()
        self._infos = infos
        self._ours = ours
        self._spoken: dict[str, ET.Element] = {}
        for info in infos:
            self._spoken.setdefault(_language(info), info)

    @property
    def missing(self) -> tuple[str, ...]:
        """The required members that are not there."""
        required = [
            field.encode_name
            for field in msgspec.structs.fields(SHAPES[self._name])
            if field.required
        ]
        return tuple(name for name in required if name not in self._members)

    def done(self) -> Json:
        """Return the act. Raises `NotUnderstood` where it is longer than the record takes."""
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
        """The members of an alert of our own: from the parameters of their names, and from where else the writer puts them."""
        event, categories = EVENTS[self._name]
        self._used |= {
            ("code", f"dragoman.{self._name}"),
            ("event", event),
            *(("category", category) for category in categories),
        }
        self._used |= {(text, "Unknown") for text in ("urgency", "severity", "certainty")}
        for pair in (
            pair for info in self._infos for pair in info.iterfind(f"{NAMESPACE}parameter")
        ):
            name, value = (shown(pair.findtext(f"{NAMESPACE}{part}", "")) for part in _PAIR)
            if any(self._put(name, item) for item in meant(value)):
                self._used.add((f"parameter {name}", value))
        self._put_words("subject", "headline")
        if not self._put_words("threat", "description"):  # of a warning without a text
            self._put_words(_DESCRIPTIONS.get(self._name, "text"), "description")
        self._put_words(_INSTRUCTIONS.get(self._name, ""), "instruction")
        self._put_words(_CONTACTS.get(self._name, ""), "contact")
        if not self._put_window(self._leaf("onset")):
            self._put_time(self._leaf("onset"), "onset")
            self._put("window", "" if self._leaf("onset") or self._leaf("expires") else "ongoing")
        self._put_place()

    def take_over(self, sent: str) -> None:
        """The members of anybody's alert: what it says, and `unknown` where the format has that."""
        text = _called(self._infos)
        match self._name:
            case "terrorism-warning":
                self._put("threat", _first(_THREATS, text) or "other")
                self._put("target", field_checks.UNKNOWN)
                self._put_window(self._leaf("onset") or self._leaf("effective") or sent)
            case "emergency-notification":
                fire = any("Fire" in all(info, "category") for info in self._infos)
                self._put("nature", _first(_NATURES, text) or ("fire" if fire else ""))
            case _:
                self._put("kind", _first(_INCIDENTS, text) or "other")
        self._put_words("subject", "headline")
        self._put_words("subject", "event")
        self._put_words(_DESCRIPTIONS.get(self._name, "text"), "description")
        self._put_words(_INSTRUCTIONS[self._name], "instruction")
        for name in ("headline", "event"):
            self._put("facts", self._by_language(name))
        self._put_time(self._leaf("onset"), "onset")
        # When it was said, or holds from, is only about when it happened.
        self._put_time(self._leaf("effective"), "effective", about=True)
        self._put_time(sent, "", about=True)
        self._put_place()
        self._put("place", field_checks.UNKNOWN)

    def keep(self, notice: str, root: ET.Element) -> None:
        """What no member has taken up, line by line; first of all what the status is. Raises `NotUnderstood` where it is too long."""
        described = _DESCRIPTIONS.get(self._name, "text")
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
        """Set a member that is not set yet, if the value fits it."""
        fits = name not in self._members and self._fits(name, value)
        if fits:
            self._members[name] = value
        return fits

    def _change(self, name: str, change: Callable[[str], str], only: str = "") -> bool:
        """Change a text in all of its languages, or `only` in one, if it fits then."""
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

    def _said(self, element: ET.Element | None) -> str:
        """Return a text; of our own to the letter."""
        words = "" if element is None else shown(element.text or "")
        return words if self._ours else words.strip()

    def _leaf(self, name: str) -> str:
        """Return a text of the first info, which says whatever is the same in all languages."""
        return self._said(self._infos[0].find(f"{NAMESPACE}{name}")) if self._infos else ""

    def _by_language(self, name: str) -> Words:
        """Return a text in the languages that it is given in; by itself where it is the same in all of them."""
        result = {
            language: self._said(info.find(f"{NAMESPACE}{name}"))
            for language, info in self._spoken.items()
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
        self._used |= {(name, text) for text in _texts(words)}
        self._used |= {("language", language) for language in words if isinstance(words, dict)}

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
        """Where it is, as it is named, and as it is measured where that is one figure; of several areas the names, as one is not the whole."""
        areas = self._infos[0].findall(f"{NAMESPACE}area") if self._infos else []
        names = [name for area in areas if (name := self._said(area.find(f"{NAMESPACE}areaDesc")))]
        if len(areas) > 1 and names:
            self._put("place", {"text": "; ".join(names)})
            self._put("place", {"text": f"{names[0]}; and {len(areas) - 1} more areas"})
        if len(areas) != 1:
            return
        figures = [
            element
            for kind in ("polygon", "circle")
            for element in areas[0].iterfind(f"{NAMESPACE}{kind}")
        ]
        named = {"text": names[0]} if names else {}
        drawn = _figure(figures[0]) if len(figures) == 1 else {}
        for place in (named | drawn, drawn, named):
            if self._put("place", place):
                self._used |= {("areaDesc", place["text"])} if "text" in place else set()
                self._used |= {
                    (local(figure), self._said(figure))
                    for figure in figures
                    if drawn and place != named
                }

    def _lines(self, root: ET.Element) -> Iterator[str]:
        """Yield what is left of the alert, and of each info what is left of it, with its language where the others do not say the same."""
        yield from (line(label, value) for label, value in self._left(root))
        languages = {id(info): language for language, info in self._spoken.items()}
        texts: dict[tuple[str, str], list[str]] = {}
        for number, info in enumerate(self._infos, 1):
            for entry in dict.fromkeys(self._left(info)):
                texts.setdefault(entry, []).append(languages.get(id(info), f"info {number}"))
        for (label, value), where in texts.items():
            yield line(
                label if len(where) == len(self._infos) else f"{label} ({', '.join(where)})", value
            )

    def _left(self, parent: ET.Element) -> Iterator[tuple[str, str]]:
        """Yield what an element says and no member has taken up, part by part, by its label."""
        for text in (parent.text or "", *(child.tail or "" for child in parent)):
            if text.strip():
                yield local(parent), shown(text.strip())
        for child in parent:
            label, value = self._entry(child)
            if (
                value.strip()
                and (label, value) not in self._used
                and child.tag != f"{NAMESPACE}info"
            ):
                yield label, value

    def _entry(self, element: ET.Element) -> tuple[str, str]:
        name = local(element)
        if not element.tag.startswith(NAMESPACE):
            return name, shown(ET.tostring(element, encoding="unicode").strip())
        if name == "derefUri":
            return name, f"({len(element.text or '')} characters, not kept)"
        if not len(element):
            return name, self._said(element)
        parts = [*self._left(element)]
        if [label for label, _ in parts] == _PAIR:
            return f"{name} {parts[0][1]}", parts[1][1]
        return name, "; ".join(f"{label} {value}" for label, value in parts)
