"""The layout of parts that several reports share: sides, matters, deadlines, messages.

The service's own words come from the catalogues of `w`. Texts of the sides are read in
`language`, which need not be a language of the service.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec import Raw, UnsetType
from msgspec.structs import replace

from dragoman.document.blocks import (
    Block,
    Paragraph,
    Points,
    Quote,
    Table,
    table,
)
from dragoman.domain.acts.deadlines import UNTIMED
from dragoman.domain.acts.families.incidents import NARRATIVE
from dragoman.domain.acts.line_checks import MISSES
from dragoman.i18n.words import Words
from dragoman.members.kind import Say
from dragoman.members.places import PlaceKind
from dragoman.members.runs import (
    Break,
    Cell,
    Mark,
    QuotedText,
    Run,
    Sourced,
    StandingSource,
    filled,
    listed,
    sourced,
)
from dragoman.members.texts import quoted_in
from dragoman.reports.report_facts import seconds_between
from dragoman_schemas.report_shapes import (
    Ahead,
    ChannelStanding,
    Due,
    Lapsed,
    Matter,
    Receipt,
    Report,
    ReportedMatter,
    ReportsStanding,
    Urgent,
)
from dragoman_schemas.state_responses import OpenMatter, Owing
from dragoman_schemas.statistics_figures import Line


def period(report: Report, w: Words) -> dict[str, str]:
    """Return the beginning and the end of a report's period, for sentences."""
    return {"a": w.written(report.from_), "b": w.written(report.to)}


def foot(report: Report, w: Words) -> tuple[str, ...]:
    """Return the sentences that say what a report rests on."""
    return (
        w.say(
            "Generated from the log of %(channel)s, records up to %(n)s; digest of the state "
            "%(digest)s.",
            channel=report.of.name,
            n=w.number(report.position),
            digest=report.digest,
        ),
        w.say("Texts are as each side gave them, without prejudice to the other’s view."),
    )


def again(report: Report, language: str) -> str:
    """Return the path of the same report in the language in which it is laid out."""
    return f"{report.again}&language={language}"


def alarm(report: Report, w: Words) -> str:
    """Return the warning that a report is behind; empty if it is live."""
    if report.live:
        return ""
    return w.say(
        "NOT LIVE: the end of the log had not been seen just then. What came since is not in "
        "this report."
    )


def side(name: str) -> str:
    """Return a side's name for readers."""
    return name.upper()


def party(name: str, w: Words) -> str:
    """Return a side's name, or "a participant" under the Chatham House Rule."""
    return side(name) if name else w.say("a participant")


def sides(names: Iterable[str], w: Words) -> str:
    """Return the names of several sides as a list."""
    return w.listed(map(side, names)) or w.say("none")


def role(name: str, w: Words) -> str:
    """Return the role of an officer; under the Chatham House Rule, "a participant"."""
    return w.say("a participant") if name == "a participant" else w.value(name.replace(" ", "_"))


def places(values: Iterable[Raw], matter: Matter, w: Words) -> Cell:
    """Return places as every page and paper says them; "not said" without any."""
    kind, say = PlaceKind(), Say(words=w)
    runs = listed((kind.runs(msgspec.json.decode(raw), say) for raw in values), Break(" / "))
    return of_matter(runs, matter) if runs else w.say("not said")


def of_matter(cell: Cell, matter: Matter) -> Sourced:
    """Return words of a side with the exchange whose records have them as their source.

    Under the Chatham House Rule words lead to no exchange.
    """
    return sourced(cell, StandingSource("report", matter.exchange if matter.side else ""))


def subject(matter: Matter, w: Words, language: str) -> Run:
    """Return the name of a matter at the moment of its row."""
    is_past = not isinstance(matter.now, UnsetType) or bool(matter.now_titles)
    return _named(matter, _subject(matter, w, language), is_past=is_past)


def _subject(matter: Matter, w: Words, language: str) -> QuotedText:
    """Return the subject of a matter in its side's words, or its format without one.

    A place or a name in it is in the side's words.
    """
    return (
        QuotedText(matter.titles[w.tag], w.tag)
        if matter.titles
        else quoted_in(matter.subject, w, language, matter.original)
    )


def matter_name(matter: Matter, w: Words, language: str) -> tuple[Run, ...]:
    """Return a matter by its subject, number and markings, and by its present name."""
    name = subject(matter, w, language)
    runs: tuple[Run, ...] = (name,)
    if matter.number:
        runs = filled(w.say("%(subject)s (%(number)s)"), subject=name, number=numbered(matter))
    runs = (*runs, *marked(matter))
    if isinstance(matter.now, UnsetType) and not matter.now_titles:
        return runs
    present = replace(
        matter,
        subject=matter.subject if isinstance(matter.now, UnsetType) else matter.now,
        titles=matter.now_titles,
    )
    now = _named(matter, _subject(present, w, language), is_past=False)
    return (*runs, w.semicolon, *filled(w.say("now: %(subject)s"), subject=now))


def _named(matter: Matter, text: QuotedText, *, is_past: bool) -> Run:
    """Return the name of a matter with its exchange as its source.

    Under the Chatham House Rule a name leads to no exchange.
    """
    exchange = matter.exchange if matter.side else ""
    return sourced(text, StandingSource("past title" if is_past else "title", exchange))


def of_an_act(act: str, matter: Matter, w: Words, language: str) -> tuple[Run, ...]:
    """Return an act by its name, and the matter in which it was done."""
    if act != matter.format:  # The name of the matter is in the words of its opening side.
        return filled(
            w.say("%(what)s, in the matter of %(matter)s"),
            what=w.act(act),
            matter=matter_name(matter, w, language),
        )
    name = subject(matter, w, language)
    form = w.say("%(what)s: %(subject)s")
    if matter.number:
        form = w.say("%(what)s: %(subject)s (%(number)s)")
    heading = filled(form, what=w.act(act), subject=name, number=numbered(matter))
    return (*heading, *marked(matter))


def marked(matter: Matter) -> tuple[Run, ...]:
    """Return the markings that the messages of a matter have beside the channel's."""
    return (" [", of_matter(matter.marking, matter), "]") if matter.marking else ()


def numbered(matter: Matter) -> Cell:
    """Return the number of a matter, which leads to its page where there are pages.

    Under the Chatham House Rule it leads nowhere.
    """
    if not matter.side:
        return matter.number
    return Mark("record", matter.number, f"/exchanges/{matter.exchange}")


def left_off(number: int, w: Words) -> Paragraph | None:
    """Return the sentence about rows that a one-page report leaves off."""
    text = w.count(
        "%(n)s more row left off here; the lists of the channel have it.",
        "%(n)s more rows left off here; the lists of the channel have them.",
        number,
    )
    return Paragraph(text) if number else None


# What became of messages, what is owed


def receipt(receipt: Receipt, to: str, since: str, w: Words) -> tuple[Run, ...]:
    """Return the receipt of one addressee for a message, in neutral words.

    It includes the posts to which the side passed it on, and those that it has not
    told. It includes the roles of the side for whom it was to ring.
    """
    sentences: list[Cell] = [_received(receipt, to, since, w), *_passed_on(receipt, w)]
    if receipt.was_to_ring:
        sentences.append(
            w.say("It was to ring for: %(list)s.", list=w.listed(map(w.value, receipt.was_to_ring)))
        )
    return listed(sentences, w.space)


def _passed_on(receipt: Receipt, w: Words) -> Iterator[Cell]:
    """Yield sentences on the posts that the side says it told, and on the others."""
    for post in receipt.passed_on:
        name, t = QuotedText(post.post), w.written(post.at, "minute")
        if post.confirmed_at:
            confirmed = w.written(post.confirmed_at, "minute")
            yield filled(
                w.say("Passed on to %(post)s at %(t)s, confirmed at %(c)s."),
                post=name,
                t=t,
                c=confirmed,
            )
        else:
            yield filled(w.say("Passed on to %(post)s at %(t)s."), post=name, t=t)
    yield from not_passed_on(receipt, w)


def not_passed_on(receipt: Receipt, w: Words) -> Iterator[Cell]:
    """Yield a sentence on the posts that a side has not said it told."""
    if receipt.not_passed_on:
        posts = listed(map(QuotedText, receipt.not_passed_on), w.comma)
        text = w.say("%(side)s has not said that it passed this on to %(posts)s.")
        yield filled(text, side=side(receipt.side), posts=posts)


def _received(receipt: Receipt, to: str, since: str, w: Words) -> str:
    name = side(receipt.side)
    if receipt.acknowledged:
        who = role(receipt.acknowledged_by, w)
        if receipt.acknowledged_after_s is None:
            return w.say("%(side)s: acknowledged by %(who)s.", side=name, who=who)
        return w.say(
            "%(side)s: acknowledged by %(who)s, %(d)s.",
            side=name,
            who=who,
            d=w.span(receipt.acknowledged_after_s),
        )
    t = w.written(receipt.delivered) if receipt.delivered else ""
    if not receipt.owes:
        return (
            w.say("%(side)s: for information, delivered %(t)s.", side=name, t=t)
            if t
            else w.say("%(side)s: for information, not delivered yet.", side=name)
        )
    d = w.span(seconds_between(since, to))
    return (
        w.say(
            "%(side)s: no acknowledgement yet, %(d)s passed, delivered %(t)s.", side=name, d=d, t=t
        )
        if t
        else w.say(
            "%(side)s: no acknowledgement yet, %(d)s passed, not delivered yet.", side=name, d=d
        )
    )


def urgent_table(urgents: Sequence[Urgent], to: str, w: Words, language: str) -> Table | None:
    """Return the table of messages and of their acknowledgements."""
    return table(
        (
            w.say("Sent"),
            w.say("Precedence"),
            w.say("Sender"),
            w.say("What"),
            w.say("Acknowledgement"),
        ),
        [
            (
                w.written(urgent.time),
                w.value(urgent.matter.precedence).upper(),
                party(urgent.side, w),
                of_an_act(urgent.act, urgent.matter, w, language),
                of_matter(
                    listed((receipt(one, to, urgent.time, w) for one in urgent.receipts), w.space),
                    urgent.matter,
                )
                if urgent.side
                else w.say("Not attributed, by the Chatham House Rule."),
            )
            for urgent in urgents
        ],
    )


def due_table(dues: Sequence[Due], to: str, w: Words, language: str) -> Table | None:
    """Return the table of open deadlines, with the same words for every side."""
    return table(
        (w.say("Owed by"), w.say("What"), w.say("Limit"), w.say("Now"), w.say("Matter")),
        [
            (
                party(due.side, w),
                w.clock(due.clock),
                w.written(due.due),
                _state(due, to, w),
                matter_name(due.matter, w, language),
            )
            for due in dues
        ],
    )


def _state(due: Due, to: str, w: Words) -> str:
    d = w.span(abs(seconds_between(to, due.due)))
    if due.courtesy:
        return (
            w.say("not yet, %(d)s past the limit (courtesy)", d=d)
            if due.overdue
            else w.say("%(d)s left (courtesy)", d=d)
        )
    return w.say("not yet, %(d)s past the limit", d=d) if due.overdue else w.say("%(d)s left", d=d)


def lapse_table(lapses: Sequence[Lapsed], w: Words, language: str) -> Table | None:
    """Return the table of deadlines that passed, and of what came when."""
    return table(
        (w.say("Owed by"), w.say("What"), w.say("Limit"), w.say("When it came"), w.say("Matter")),
        [
            (
                party(lapse.side, w),
                w.say("%(what)s (courtesy)", what=w.clock(lapse.clock))
                if lapse.courtesy
                else w.clock(lapse.clock),
                w.written(lapse.due),
                w.say(
                    "%(t)s, %(d)s after the limit",
                    t=w.written(lapse.came),
                    d=w.span(seconds_between(lapse.due, lapse.came)),
                )
                if lapse.came
                else w.say("not yet"),
                matter_name(lapse.matter, w, language),
            )
            for lapse in lapses
        ],
    )


def matter_table(matters: Sequence[Matter], w: Words, language: str) -> Table | None:
    """Return the table of matters and their status."""
    return table(
        (w.say("Opened"), w.say("Side"), w.say("Subject"), w.say("Status")),
        [
            (
                w.written(matter.opened),
                party(matter.side, w),
                matter_name(matter, w, language),
                w.status(matter.status),
            )
            for matter in matters
        ],
    )


def open_table(
    reported_matters: Sequence[ReportedMatter], to: str, w: Words, language: str
) -> Table | None:
    """Return the table of open matters, with who has each and what is due next."""
    head = (
        w.say("Opened"),
        w.say("Side"),
        w.say("Subject"),
        w.say("Where"),
        w.say("Status"),
        w.say("Who has it"),
        w.say("Accounts"),
    )
    return table(
        (*head, w.say("Due next")),
        [
            (
                *(
                    w.written(reported_matter.opened),
                    party(reported_matter.side, w),
                    matter_name(reported_matter, w, language),
                ),
                places(reported_matter.places, reported_matter, w),
                w.status(reported_matter.status),
                w.listed(who_has(reported_matter, w)) or w.say("nobody must acknowledge"),
                _accounts(reported_matter, w),
                _due_next(reported_matter.owed, to, w),
            )
            for reported_matter in reported_matters
        ],
    )


def _accounts(reported_matter: ReportedMatter, w: Words) -> str:
    joined = list(joined_with(reported_matter, w))
    if not reported_matter.accounts:
        alone = w.say("one account") if reported_matter.format in NARRATIVE else "–"
        return w.listed(joined) or alone
    stands = list(how_accounts_stand(reported_matter, w)) or [w.say("own accounts given")]
    return w.listed([*stands, *joined])


def _due_next(owed: Sequence[Owing], to: str, w: Words) -> str:
    if not owed:
        return w.say("nothing is owed")
    first, further = owed[0], len(owed) - 1
    what = w.say("%(what)s, owed by %(side)s", what=w.clock(first.clock), side=party(first.side, w))
    more = [w.count("and %(n)s more", "and %(n)s more", further)] if further else []
    return w.listed([what, limit(first.due, to, w), *more])


def limit(due: str, to: str, w: Words) -> str:
    """Return the time until a limit, or since it."""
    if not due:
        return w.say("no limit")
    d = w.span(abs(seconds_between(to, due)))
    return w.say("late by %(d)s", d=d) if due < to else w.say("in %(d)s", d=d)


def who_has(matter: OpenMatter | ReportedMatter, w: Words) -> Iterator[str]:
    """Yield the sides that must still acknowledge a matter, and those that have."""
    for name in matter.unacknowledged_by:
        yield w.say("%(side)s must acknowledge", side=side(name))
    for name, time in matter.acknowledged.items():
        yield w.say("%(side)s acknowledged %(t)s", side=side(name), t=w.written(time, "minute"))


def joined_with(matter: OpenMatter | ReportedMatter, w: Words) -> Iterator[str]:
    """Yield the reports of other sides that are one matter with a matter."""
    for report in matter.joined:
        yield w.say(
            "one matter with %(number)s of %(side)s", number=report.number, side=side(report.side)
        )


def how_accounts_stand(matter: OpenMatter | ReportedMatter, w: Words) -> Iterator[str]:
    """Yield the agreement of the accounts of a matter; nothing for a single account."""
    match matter.accounts:
        case "agreed":
            yield w.say("facts agreed")
        case "differ":
            yield w.say(
                "accounts differ: %(fields)s",
                fields=w.listed(w.field(name) for name in matter.differing),
            )
        case "beside" if matter.accounts_by:
            yield w.say(
                "%(side)s has given its own account", side=w.listed(map(side, matter.accounts_by))
            )
        case _:
            pass


def ahead_table(rows: Sequence[Ahead], w: Words, language: str) -> Table | None:
    """Return the table of what is to come or in force.

    It says of which posts a side has not said that it told them of a window.
    """
    return table(
        (w.say("From"), w.say("To"), w.say("Side"), w.say("What"), w.say("Where"), w.say("Status")),
        [
            (
                *(w.written(ahead.from_), w.written(ahead.to), party(ahead.matter.side, w)),
                of_an_act(ahead.matter.format, ahead.matter, w, language),
                places(ahead.places, ahead.matter, w),
                of_matter(_status_of_window(ahead, w), ahead.matter),
            )
            for ahead in rows
        ],
    )


def _status_of_window(ahead: Ahead, w: Words) -> tuple[Run, ...]:
    """Return the status of a matter, the stage of its window, and the posts not named.

    These are the posts of which a side has not said that it told them.
    """
    status = w.status(ahead.matter.status)
    stage = {
        "near": w.say("the window opens soon"),
        "open": w.say("the window is open"),
        "holding": "",
        "not_ended": w.say("the window is over, and nobody has said that it ended"),
    }.get(ahead.stage, "")
    cells: list[Cell] = [status, *([stage] if stage else [])]
    cells += [
        filled(
            w.say("%(side)s has not said that it passed this on to %(posts)s"),
            side=side(name),
            posts=listed(map(QuotedText, posts), w.comma),
        )
        for name, posts in ahead.not_passed_on.items()
    ]
    return listed(cells, w.semicolon)


# Watches, the line, the channel


def watch_points(standing: Sequence[ReportsStanding], w: Words) -> Points:
    """Return the list of each side's watch and stations, without names of officers."""
    return Points(
        tuple(
            (w.sentences((_watch(reports_standing, w), _reached(reports_standing, w))),)
            for reports_standing in standing
        )
    )


def _watch(reports_standing: ReportsStanding, w: Words) -> str:
    if not reports_standing.manned_since:
        return w.say("%(side)s: nobody has the watch on record.", side=side(reports_standing.side))
    return w.say(
        "%(side)s: watch manned since %(t)s.",
        side=side(reports_standing.side),
        t=w.written(reports_standing.manned_since),
    )


def _reached(reports_standing: ReportsStanding, w: Words) -> str:
    if not reports_standing.delivered_upto:
        return w.say("Nothing has reached it yet.")
    return w.say(
        "Everything up to record %(n)s has reached it, at %(t)s.",
        n=w.number(reports_standing.delivered_upto),
        t=w.written(reports_standing.delivered_at),
    )


def line_points(line: Sequence[Line], w: Words) -> Points:
    """Return the list of the state of the line to each side."""
    return Points(tuple((w.sentences(_line(item, w)),) for item in line))


def _line(line: Line, w: Words) -> list[str]:
    name = side(line.side)
    if not line.last_checked:
        return [w.say("Line to %(side)s: no check on record.", side=name)]
    t = w.written(line.last_checked)
    sentences = [
        {
            "echoed": w.say("Line to %(side)s: last checked %(t)s, it came back.", side=name, t=t),
            "echoed_with_errors": w.say(
                "Line to %(side)s: last checked %(t)s, it came back with errors.", side=name, t=t
            ),
            "missed": w.say("Line to %(side)s: last checked %(t)s, missed.", side=name, t=t),
            "awaited": w.say(
                "Line to %(side)s: last checked %(t)s, its echo is awaited.", side=name, t=t
            ),
        }[line.last_result],
        w.say(
            "In the period %(a)s of %(n)s checks came back exactly.",
            a=w.number(line.echoed),
            n=w.number(line.checks),
        )
        if line.checks
        else w.say("It was not checked in the period."),
        w.say("%(n)s missed in a row.", n=w.number(line.missed_run))
        if line.missed_run
        else w.say("%(n)s in a row came back.", n=w.number(line.run)),
    ]
    return [*sentences, w.say("The line is degraded.")] if line.missed_run >= MISSES else sentences


def limits_sentence(kind: str, profile: str, w: Words, *, binding: bool) -> str:
    """Return the sentence on the limits of a channel, and whether they bind."""
    if kind in UNTIMED:
        return w.say("No clock runs in this channel, and no time is owed.")
    if binding:
        return w.say("Limits of the profile %(name)s: they bind.", name=w.value(profile))
    return w.say(
        "Limits of the profile %(name)s: a courtesy until every side has adopted it.",
        name=w.value(profile),
    )


def channel_blocks(
    kind: str, channel_standing: ChannelStanding, w: Words, language: str
) -> list[Block]:
    """Return the status of the channel and its reason, and whose limits are shown."""
    status = w.value(channel_standing.status)
    stands = (
        w.say(
            "The channel has been %(status)s since %(t)s.",
            status=status,
            t=w.written(channel_standing.since),
        )
        if channel_standing.since
        else w.say("The channel is %(status)s.", status=status)
    )
    status_paragraph = Paragraph(
        w.sentences(
            (
                stands,
                limits_sentence(
                    kind, channel_standing.profile, w, binding=channel_standing.binding
                ),
            )
        )
    )
    return [
        status_paragraph,
        *(
            [
                Quote(
                    w.say("Reason"),
                    quoted_in(channel_standing.reason, w, language),
                    StandingSource("registry"),
                )
            ]
            if channel_standing.reason
            else []
        ),
    ]


# Dialogue


def beside(
    names: Mapping[str, str], rows: Sequence[tuple[str, Mapping[str, Cell]]], w: Words
) -> Table:
    """Return a table of the sides' statements, side by side.

    An empty place says that the side made no statement.
    """
    return Table(
        ("", *names.values()),
        tuple(
            (label, *(cells.get(name, w.say("no statement")) for name in names))
            for label, cells in rows
            if cells
        ),
    )
