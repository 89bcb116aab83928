"""Kinds of times: a moment, a span, days, hours of the week."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from dragoman.i18n.words import NBSP, Words, as_moment, city, stamp
from dragoman.members import unread_input
from dragoman.members.input import times
from dragoman.members.input.not_understood import NotUnderstoodInput
from dragoman.members.kind import EMPTY, UNKNOWN, Kind, Member, Say, TypedForm
from dragoman.members.phonetic_alphabet import spelt_time
from dragoman.members.runs import Aside, Break, Mark, Run, Runs, joined, listed
from dragoman_schemas.fields import UNTIL_FURTHER_NOTICE

End = Literal["", "from", "to"]
"""The end of a span that a time is; empty for a time that is no end."""


@dataclass(frozen=True)
class TimeKind(Kind):
    """A moment; or `unknown`; or an approximate time, with `about`.

    `ahead` is true for times to come: a time without a day then means the next such
    time. With `days`, a day or a month alone means its first or its last second.
    `begins` is the member that is the beginning of the span that the time ends.
    """

    control = "time"
    is_wide = True

    unknown: bool = False
    about: bool = False
    ahead: bool = False
    days: End = ""
    begins: str = ""

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the moment in UTC, `unknown`, or an approximate time."""
        text = form.one(name)
        if not text:
            return UNKNOWN if form.one(f"{name}.unknown") else EMPTY
        if self.unknown and text.lower() in (UNKNOWN, form.words.value(UNKNOWN).lower()):
            return UNKNOWN
        beside = form.one(f"{name.rpartition('.')[0]}.{self.begins}") if self.begins else ""
        begun = _begun(form, beside, ahead=self.ahead)
        try:
            moment = read_moment(
                text,
                form.now,
                form.zone,
                ahead=self.ahead,
                days=self.days,
                begins=begun,
                beside=beside,
            )
        except NotUnderstoodInput as error:
            sentence = unread_input.explanation(form.words, error, days=self.days != "")
            return form.fault(member, name, sentence)
        written = zulu(moment)
        return {"about": written} if self.about and form.one(f"{name}.about") else written

    def typed(self, name: str, value: Any, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the time, and the marks *unknown* and *about*."""
        if value == UNKNOWN:
            yield f"{name}.unknown", "yes"
            return
        yield name, _typed_moment(value["about"] if isinstance(value, dict) else value)
        if isinstance(value, dict):
            yield f"{name}.about", "yes"

    def _runs(self, value: Any, say: Say) -> Runs:
        words, about = say.words, isinstance(value, dict)
        text = value["about"] if about else value
        moment = as_moment(text)
        beside = [
            f"{name}{NBSP}{words.local(moment, ZoneInfo(zone))}" for zone, name in say.zones.items()
        ]
        offset = text[-6:] if text[-6:-5] in ("+", "-") else ""
        if offset and offset not in ("+00:00", "-00:00"):
            entered = datetime.fromisoformat(text)
            beside.append(words.say("entered %(t)s", t=f"{entered:%H:%M}{NBSP}{offset}"))
        return joined(
            (
                f"{words.say('about')} " if about else "",
                time_run(moment, words.at_moment(moment)),
                (" ", Aside(words.listed(beside))) if beside else (),
            )
        )

    def spelt(self, value: Any) -> Iterator[str]:
        """Yield the time digit by digit."""
        if value != UNKNOWN:
            yield spelt_time(as_moment(value["about"] if isinstance(value, dict) else value))


@dataclass(frozen=True)
class SpanKind(Kind):
    """A span between two moments; or the word `instead` of it, like `ongoing`.

    One that is `open_ended` may be until further notice. `ahead` is as for a time. With
    `days`, days alone are accepted for both ends.
    """

    control = "span"
    is_wide = True

    instead: str = ""
    open_ended: bool = False
    ahead: bool = False
    days: bool = False

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the span, with both ends in UTC."""
        if self.instead and form.one(f"{name}.instead"):
            return self.instead
        texts = {end: form.one(f"{name}.{end}") for end in ("from", "to")}
        if not any(texts.values()):
            return EMPTY
        is_open = self.open_ended and form.one(f"{name}.open") and not texts["to"]
        missing = next((end for end, text in texts.items() if not text), "")
        if missing and not (is_open and texts["from"]):
            sentence = form.words.say("Both ends of the time are needed.")
            return form.fault(member, f"{name}.{missing}", sentence, end=missing)
        begins = self._end(form, member, f"{name}.from", "from")
        if is_open:
            return EMPTY if begins is EMPTY else {"from": begins, "to": UNTIL_FURTHER_NOTICE}
        begun = "" if begins is EMPTY else begins
        ends = self._end(form, member, f"{name}.to", "to", begun, texts["from"])
        if EMPTY in (begins, ends):
            return EMPTY
        if ends < begins:
            sentence = form.words.say("This ends before it begins. Check the end date.")
            return form.fault(member, f"{name}.to", sentence, end="to")
        return {"from": begins, "to": ends}

    def _end(
        self,
        form: TypedForm,
        member: Member,
        name: str,
        end: Literal["from", "to"],
        begins: str = "",
        beside: str = "",
    ) -> Any:
        try:
            days: End = end if self.days else ""
            return zulu(
                read_moment(
                    form.one(name),
                    form.now,
                    form.zone,
                    ahead=self.ahead,
                    days=days,
                    begins=begins,
                    beside=beside,
                )
            )
        except NotUnderstoodInput as error:
            sentence = unread_input.explanation(form.words, error, days=self.days)
            return form.fault(member, name, sentence, end=end)

    def typed(self, name: str, value: Any, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield both ends, or the mark that stands instead of them."""
        if not isinstance(value, dict):
            yield f"{name}.instead", "yes"
            return
        for end in ("from", "to"):
            if end in value and value[end] != UNTIL_FURTHER_NOTICE:
                yield f"{name}.{end}", _typed_moment(value[end])
        if value.get("to") == UNTIL_FURTHER_NOTICE:
            yield f"{name}.open", "yes"

    def _runs(self, value: Any, say: Say) -> Runs:
        words = say.words
        if isinstance(value, str):
            return (words.value(value),)
        begins = as_moment(value["from"])
        begun = time_run(begins, words.written(begins, "minute"))
        if value["to"] == UNTIL_FURTHER_NOTICE:
            return (begun, f" – {words.say('until further notice')}")
        ends = as_moment(value["to"])
        if is_whole_days(begins, ends):
            days = [time_run(begins, words.day(begins))]
            if ends.date() != begins.date():
                days += [" – ", time_run(ends, words.day(ends))]
            return (*days, words.comma, words.say("all day"))
        form = "hour" if begins.date() == ends.date() else "minute"
        local = span_by_clocks(begins, ends, say.zones, words)
        beside = (" ", Aside(local)) if local else ()
        return (begun, " – ", time_run(ends, words.written(ends, form)), *beside)

    def spelt(self, value: Any) -> Iterator[str]:
        """Yield both ends digit by digit."""
        for end in ("from", "to"):
            if isinstance(value, dict) and value[end] != UNTIL_FURTHER_NOTICE:
                yield spelt_time(as_moment(value[end]))

    def _code_word(self, code: str, words: Words) -> str:
        return words.value(code) if code == self.instead else super()._code_word(code, words)

    def field_at(self, name: str, path: Sequence[str], languages: Sequence[str]) -> tuple[str, str]:
        """Return the end of the span at a path, or its beginning."""
        if path and path[0] in ("from", "to"):
            return (f"{name}.{path[0]}",) * 2
        return name, f"{name}.from"


@dataclass(frozen=True)
class SpansKind(Kind):
    """Several spans of one kind."""

    control = "spans"
    is_wide = True
    at_least = True

    span: SpanKind = SpanKind()

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the spans that are filled in."""
        spans = [self.span.read(form, member, f"{name}.{index}") for index in form.indexes(name)]
        return [span for span in spans if span is not EMPTY] or EMPTY

    def typed(self, name: str, value: Any, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the ends of each span."""
        for index, item in enumerate(value):
            yield from self.span.typed(f"{name}.{index}", item, languages)

    def _runs(self, value: Any, say: Say) -> Runs:
        return listed((self.span.runs(item, say) for item in value), Break(say.words.semicolon))

    def spelt(self, value: Any) -> Iterator[str]:
        """Yield the ends of each span digit by digit."""
        for item in value:
            yield from self.span.spelt(item)

    def field_at(self, name: str, path: Sequence[str], languages: Sequence[str]) -> tuple[str, str]:
        """Return the end of the span at a path, or the beginning of the first span."""
        index = path[0] if path and path[0].isdigit() else "0"
        end = path[1] if len(path) > 1 and path[1] in ("from", "to") else ""
        return (f"{name}.{index}.{end}",) * 2 if end else (name, f"{name}.{index}.from")


@dataclass(frozen=True)
class DateKind(Kind):
    """A day."""

    def _runs(self, value: Any, say: Say) -> Runs:
        return (_said_day(value, say),)


@dataclass(frozen=True)
class DatesKind(Kind):
    """Days."""

    control = "dates"

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the days, one from each line."""
        dates = []
        for line in form.lines(name):
            try:
                dates.append(date.fromisoformat(line).isoformat())
            except ValueError:
                sentence = form.words.say(
                    "%(day)s is not a day. Write days like 2026-12-25, one a line.",
                    day=line[:40],
                )
                return form.fault(member, name, sentence)
        return dates or EMPTY

    def typed(self, name: str, value: Any, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the days in one box, one a line."""
        yield name, "\n".join(map(str, value)) if isinstance(value, list) else str(value)

    def _runs(self, value: Any, say: Say) -> Runs:
        return listed((_said_day(item, say) for item in value), Break(say.words.semicolon))

    def codes(self, value: Any, path: str, words: Words) -> Iterator[tuple[str, str, str]]:
        """Yield nothing: days are no codes."""
        return iter(())


_CLOCK: Final = re.compile(r"([01]?[0-9]|2[0-3])[:.h]([0-5][0-9])")


@dataclass(frozen=True)
class ClockKind(Kind):
    """An hour and a minute of the day; or several, which are typed in one line."""

    many: bool = False

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the time, or the times in their order, each once."""
        words = form.one(name).replace(",", " ").replace("、", " ").split()
        matches = [_CLOCK.fullmatch(word) for word in words]
        times = sorted({f"{int(item[1]):02}:{item[2]}" for item in matches if item is not None})
        if not all(matches) or (len(times) > 1 and not self.many):
            sentence = form.words.say(
                "Give times of the day with blanks between, like 06:00 18:00."
            )
            return form.fault(member, name, sentence)
        if not times:
            return EMPTY
        return times if self.many else times[0]

    def typed(self, name: str, value: Any, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the times in one line."""
        yield name, " ".join(value) if self.many else str(value)

    def _runs(self, value: Any, say: Say) -> Runs:
        return listed(value if isinstance(value, list) else [value], say.words.comma)


@dataclass(frozen=True)
class HoursKind(Kind):
    """Working hours, or always."""

    control = "hours"
    is_wide = True

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the days, the beginning, the end and the zone; or `24x7`."""
        if form.one(f"{name}.always"):
            return "24x7"
        if not self.is_filled(form.form, name):
            return EMPTY
        days = form.many(f"{name}.days")
        hours = {part: form.one(f"{name}.{part}") for part in ("from", "to", "zone")}
        if not days or not all(hours.values()):
            sentence = form.words.say(
                "Give the days, the beginning, the end and the time zone of the hours."
            )
            return form.fault(member, name, sentence)
        return {"days": days, **hours}

    def typed(self, name: str, value: Any, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the days and the hours, or the mark *at all hours*."""
        if not isinstance(value, dict):
            yield f"{name}.always", "yes"
            return
        yield from ((f"{name}.days", day) for day in value["days"])
        yield from ((f"{name}.{part}", value[part]) for part in ("from", "to", "zone"))

    def _runs(self, value: Any, say: Say) -> Runs:
        words = say.words
        if isinstance(value, str):
            return (words.say("at all hours"),)
        days = words.listed(words.value(item) for item in value["days"])
        where = say.zones.get(value["zone"]) or city(value["zone"], words.language)
        return (f"{days}{words.pause}{value['from']}–{value['to']} {where}",)

    def codes(self, value: Any, path: str, words: Words) -> Iterator[tuple[str, str, str]]:
        """Yield the days with their words."""
        if isinstance(value, str):
            yield path, value, words.say("at all hours")
        else:
            for day in value.get("days", ()):
                yield f"{path}/days", day, words.value(day)


def _said_day(value: str, say: Say) -> str:
    """Return a day in words; as it is written if the calendar has no such day."""
    try:
        return say.words.day(date.fromisoformat(value))
    except ValueError:
        return value


def time_run(moment: datetime, text: str) -> Run:
    """Return a time as a run."""
    return Mark("time", text, stamp(moment))


def is_whole_days(begins: datetime, ends: datetime) -> bool:
    """Return whether a window is of whole days of UTC, as days alone are read."""
    return begins.time() == time() and (ends.hour, ends.minute) == (23, 59)


def span_by_clocks(begins: datetime, ends: datetime, zones: Mapping[str, str], words: Words) -> str:
    """Return a span by the clocks of zones, which have names; empty for whole days."""
    if is_whole_days(begins, ends):
        return ""
    return words.listed(
        f"{name}{NBSP}{words.local(begins, ZoneInfo(zone))}"
        f"\N{EN DASH}{words.local(ends, ZoneInfo(zone))}"
        for zone, name in zones.items()
    )


def zulu(moment: datetime) -> str:
    """Return a moment as acts have it: in UTC, to the second, with a Z."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def read_moment(
    text: str,
    now: datetime,
    zone: ZoneInfo,
    *,
    ahead: bool,
    begins: str = "",
    days: End = "",
    beside: str = "",
) -> datetime:
    """Return a time as it was typed.

    `zone` is the officer's own. `ahead` is true for times to come. `begins` is the
    beginning of the span that the time ends, and `beside` is the text that was typed
    for that beginning. `days` names the end of a span of days: a day alone then means
    its first or its last second in UTC. Raises `NotUnderstoodInput`.
    """
    if days:
        first = as_moment(begins) if begins else now - times.BEGUN
        result = times.read_days(text, first.date())
        if result is not None:
            of_day = time(23, 59, 59) if days == "to" else time()
            return datetime.combine(result[days == "to"], of_day, UTC)
    if begins:
        unsaid = times.zone_of(beside, zone)
        return times.read_end(text, now, zone, as_moment(begins), ahead=ahead, unsaid=unsaid)
    read = times.read_moment if ahead else times.read_time
    return read(text, now, zone)


def _begun(form: TypedForm, beside: str, *, ahead: bool) -> str:
    """Return the typed beginning of a span; empty if it cannot be read."""
    try:
        return zulu(read_moment(beside, form.now, form.zone, ahead=ahead)) if beside else ""
    except NotUnderstoodInput:
        return ""


def _typed_moment(text: str) -> str:
    try:
        moment = as_moment(text)
    except ValueError:
        return text
    return f"{moment:%Y-%m-%d %H:%M:%S}Z" if moment.second else f"{moment:%Y-%m-%d %H:%M}Z"
