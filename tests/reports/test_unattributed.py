"""Under the Chatham House Rule no output outside the members' pages says who spoke: not by a name,
and not by a number.
"""

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

import views
from dragoman.application.operations import report_requests
from dragoman.application.operations.report_requests import Gather
from dragoman.audit import tables
from dragoman.console.matter import print_views
from dragoman.document.markdown import markdown
from dragoman.domain.record.errors import Refusal
from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.i18n.words import LANGUAGES
from dragoman.interop import cap, icalendar, itip, vcard
from dragoman.notifier import mail, selection
from dragoman.office.exchanges import exchange_routes
from dragoman.projection.projection import Projection
from dragoman.projection.queries import duty_watch
from dragoman.projection.queries.snapshot import PeriodQuery, open_snapshot
from dragoman.projection.store import Store
from dragoman.reports import log_findings
from dragoman.stores.endpoints import NotificationEndpoint
from dragoman_schemas.report_shapes import Situation
from samples import SAMPLES
from served import page_of, served
from world import NOTE, REQUEST, World

CHANNEL: Final = "round-table"
SIDES: Final = ("quixotia", "zanzibari", "wolframland")
SPEAKER: Final = "zanzibari"
RULE: Final = {"attribution": "chatham_house"}
ALL: Final = PeriodQuery()


PUBLIC: Final[dict[str, Gather]] = {
    "situation": report_requests.situation_of(ALL),
    "period": report_requests.period_of(ALL),
    "audit": report_requests.audit_of(ALL, [log_findings.of_records(12)]),
    **{f"turn-over of {side}": report_requests.turn_over_of(ALL, side) for side in SIDES},
}


class Told:
    """A channel in which something was said under the rule, and the same channel before that."""

    def __init__(self, folder: Path) -> None:
        """Have one side speak, another answer and a third keep silent."""
        world = World(sides=SIDES, name=CHANNEL, languages=["en", "fr", "zh-Hans"])
        for side in SIDES:
            world.keep(f"{side}/d-1", {"act": "watch-assumption"})
            world.keep(f"{side}/root", {"act": "profile-adoption", "profile": "default"})
        self.before = list(world.raws)
        far = [{"from": f"2027-02-0{n}T08:00Z", "to": f"2027-02-0{n}T10:00Z"} for n in (1, 2)]
        asked = {
            **REQUEST,
            **RULE,
            "windows": far,
            "to": ["wolframland"],
            "info": ["quixotia"],
            "precedence": "flash",
        }
        self.opened = [world.open(f"{SPEAKER}/h-1", {**asked, "acting_for": "d-1"})]
        for act in (
            {"act": "acknowledgement"},
            {"act": "counter-proposal", "windows": far[1:]},
            {"act": "clarification-request", "questions": ["When?"]},
        ):
            self._say(world, "wolframland/h-1", act)
        self._say(world, f"{SPEAKER}/h-1", {"act": "acceptance", "window": 0})
        held = {"act": "meeting-held", "from": "2026-11-24T08:00Z", "to": "2026-11-24T10:00Z"}
        self._say(world, "wolframland/h-1", held)
        self._say(
            world,
            f"{SPEAKER}/h-1",
            {"act": "readout", "kind": "separate", "topics": ["x"], "text": "We said so."},
        )
        note = {
            **NOTE,
            **RULE,
            "to": ["quixotia"],
            "references": [world.exchange(self.opened[0]).number],
            "for_the_record": True,
        }
        self.opened.append(world.open(f"{SPEAKER}/o-1", note))
        self._say(
            world,
            f"{SPEAKER}/h-1",
            {"act": "correction", "fields": {"text": "Met."}, "reason": "Shorter."},
            self.opened[-1],
        )
        frame = {"venue": "At the lake", "acting_for": "h-1"}
        self._say(world, f"{SPEAKER}/h-1", {"act": "update", "fields": frame}, self.opened[-1])
        void = world.unsigned(f"{SPEAKER}/o-1", {**NOTE, **RULE, "to": ["nowhere"]})
        assert not world.take(void).valid
        self.world, self.raws = world, world.raws
        self.stores = {name: Store(folder / f"{name}.sqlite") for name in ("before", "after")}
        self.projections = {
            name: asyncio.run(_kept(self.stores[name], raws))
            for name, raws in (("before", self.before), ("after", self.raws))
        }

    def _say(self, world: World, actor: str, act: dict[str, Any], exchange: str = "") -> None:
        folded = world.keep(
            actor, act, exchange or self.opened[0], seen=act["act"] in ("correction", "acceptance")
        )
        assert not isinstance(folded, Refusal), (act, folded)
        assert folded.valid, (act, folded.refusal)

    def outputs(self, name: str) -> dict[str, str]:
        """Every report of one of the channels in each format and language."""
        found = {}
        for report, gather in PUBLIC.items():
            with open_snapshot(self.stores[name], CHANNEL, ALL, "") as then:
                laid = gather(then, True)
            found[f"{report} JSON"] = msgspec.json.encode(laid.report).decode()
            for language in LANGUAGES:
                paper = laid.paper(language)
                found[f"{report} Markdown {language}"] = markdown(paper)
                found[f"{report} page {language}"] = print_views.page(paper, {}).text or ""
        return found


async def _kept(store: Store, raws: list[bytes]) -> Projection:
    projection = Projection(MemoryLog(CHANNEL), store)
    projection.take(
        [StoredMessage(position=n, subject=f"s.{n}", raw=raw) for n, raw in enumerate(raws, 1)]
    )
    await projection.in_file()
    return projection


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return Told(tmp_path_factory.mktemp("unattributed"))


def named(text: str) -> Counter[str]:
    """Return the number of times that a text names each side."""
    folded = text.casefold().replace("\r\n ", "")
    return Counter({side: folded.count(side) for side in SIDES if side in folded})


def test_no_report_names_a_side_more_often_than_before_anybody_spoke(told: Told) -> None:
    before, after = told.outputs("before"), told.outputs("after")
    assert "We said so." in after["period JSON"]
    told_more = {
        name: named(text) - named(before[name])
        for name, text in after.items()
        if named(text) - named(before[name])
    }
    assert not told_more
    assert not [
        name for name, text in after.items() if "/26/0001/" in text or "/26/0002/" in text
    ], "a number names its side"


def test_nothing_tells_for_whom_somebody_acted_also_where_an_update_said_so(told: Told) -> None:
    period = told.outputs("after")["period JSON"]
    assert "At the lake" in period
    assert '"acting_for"' not in period


def test_no_calendar_names_a_side(told: Told) -> None:
    meeting = told.world.exchange(told.opened[0])
    feed = icalendar.feed(told.world.registry, [meeting], datetime(2026, 1, 1, tzinfo=UTC)).decode()
    message = itip.message(told.world.registry, meeting)
    assert message is not None
    for text in (feed, message.decode()):
        assert "BEGIN:VEVENT" in text
        assert not named(text)
        assert "/26/" not in text


def test_no_card_names_a_side(told: Told, tmp_path: Path) -> None:
    world = World(sides=SIDES, name=CHANNEL)
    point = world.open(f"{SPEAKER}/h-1", {**SAMPLES["point-of-contact"], **RULE})
    store = Store(tmp_path / "points.sqlite")
    asyncio.run(_kept(store, world.raws))
    query = duty_watch.points_of_contact
    found = views.found(store, CHANNEL, query, members=False, now=world.clock).points
    store.close()
    assert [each.exchange for each in found] == [point]
    raw = vcard.cards(world.registry, found, {}, source="/points")
    assert raw
    assert not named(raw.decode())


@pytest.mark.parametrize("language", LANGUAGES)
async def test_no_webhook_and_no_mail_names_a_side(told: Told, language: Any) -> None:
    endpoint = NotificationEndpoint(
        id="e",
        cid=told.world.registry.cid,
        side="quixotia",
        means="e-mail",
        target="duty@example.org",
        language=language,
        own=True,
    )
    items, _ = await selection.RecordReader(told.projections["after"]).following(
        endpoint, len(told.before), 100
    )
    assert len(items) >= 9
    for item in items:
        assert msgspec.json.decode(item.raw)["data"]["position"] == item.position
        assert not named(item.raw.decode())
        text = mail.message(endpoint, item, "host@example.org", "https://host.example").as_string()
        assert not named(text)
        assert not named(mail.message(endpoint, item, "host@example.org", "").get_content())
        assert "/26/" not in text


def test_no_table_names_a_side(told: Told, tmp_path: Path) -> None:
    from dragoman.audit.replay import replayed

    replay = replayed(told.raws)
    tables.write_sqlite(tmp_path / "log.sqlite", tables.rows(replay, told.raws))
    with closing(sqlite3.connect(tmp_path / "log.sqlite")) as connection, connection:
        rows = connection.execute(
            "SELECT * FROM records WHERE position > ?", (len(told.before),)
        ).fetchall()
        rows += (
            connection.execute("SELECT * FROM exchanges").fetchall()
            + connection.execute("SELECT * FROM receipts").fetchall()
        )
    connection.close()
    assert len(rows) >= 12
    assert not [row for row in rows if named(repr(row)) or "/26/" in repr(row)]


def test_what_was_said_is_still_there(told: Told) -> None:
    with open_snapshot(told.stores["after"], CHANNEL, ALL, "") as then:
        found = PUBLIC["situation"](then, True).report
        assert isinstance(found, Situation)
        period = markdown(PUBLIC["period"](then, True).paper("en"))
    assert found.unnamed.messages > 0
    assert not found.quiet
    assert all(text in period for text in ("We said so.", "Met.", "Chatham House"))


def test_a_printed_form_and_a_card_have_no_speaker(told: Told) -> None:
    state = told.world.exchange(told.opened[0])
    _, printed = print_views.unattributed(_view(), state, SIDES)
    assert (printed.side, printed.to, printed.info, printed.number) == ("", (), (), "")
    assert not named(repr({name: bytes(value) for name, value in printed.content.items()}))


def _view() -> Any:
    from dragoman_schemas.responses import ExchangeView

    return ExchangeView(
        position=1,
        as_of="",
        state=msgspec.Raw(b"{}"),
        subject=msgspec.Raw(b"null"),
        facts=(),
        timeline=(),
        blame={},
        allowed=(),
    )


# An attributed exchange that refers to one under the rule


class Referring(Told):
    """A channel in which an attributed note, its correction and a notification name the numbers of
    what was said under the rule.
    """

    def __init__(self, folder: Path) -> None:
        """Have the side that answered refer to what the speaker said."""
        super().__init__(folder)
        world = self.world
        hidden = [world.exchange(id) for id in self.opened]
        self.numbers = [
            hidden[0].number,
            hidden[1].number,
            hidden[1].corrections[0].number,
        ]
        assert all(self.numbers)
        note = {
            **NOTE,
            "to": ["wolframland"],
            "attribution": "attributable",
            "references": [*self.numbers, self.opened[0]],
        }
        self.note = world.open("quixotia/o-1", note)
        for act in (
            {
                "act": "correction",
                "fields": {"references": self.numbers[:2], "text": "Said again."},
                "reason": "More of them.",
            },
        ):
            self._say(world, "quixotia/h-1", act, self.note)
        incident = {
            **SAMPLES["hazardous-incident"],
            "whose": ["quixotia"],
            "to": ["wolframland"],
            "references": self.numbers,
        }
        self.incident = world.open("quixotia/h-1", incident)
        self.stores["referring"] = Store(folder / "referring.sqlite")
        self.projections["referring"] = asyncio.run(_kept(self.stores["referring"], world.raws))

    def tells(self, text: str) -> list[str]:
        """Return the hidden numbers in a text, also where breaks are between their parts."""
        plain = text.replace("<wbr>", "").casefold()
        return [number for number in self.numbers if number.casefold() in plain]


@pytest.fixture(scope="module")
def referring(tmp_path_factory: pytest.TempPathFactory) -> Referring:
    return Referring(tmp_path_factory.mktemp("referring"))


def test_no_report_prints_a_number_to_which_an_attributed_exchange_refers(
    referring: Referring,
) -> None:
    found = referring.outputs("referring")
    assert "Said again." in found["period JSON"]
    assert "a matter under the Chatham House Rule" in found["period Markdown en"]
    assert "règle de Chatham House" in found["period Markdown fr"]
    assert not {name: told for name, text in found.items() if (told := referring.tells(text))}
    assert not [name for name, text in found.items() if SPEAKER in text.casefold().split("/")]


def test_no_table_prints_a_number_to_which_an_attributed_exchange_refers(
    referring: Referring, tmp_path: Path
) -> None:
    from dragoman.audit.replay import replayed

    raws = referring.world.raws
    tables.write_sqlite(tmp_path / "log.sqlite", tables.rows(replayed(raws), raws))
    with closing(sqlite3.connect(tmp_path / "log.sqlite")) as connection, connection:
        rows = [
            row
            for table in tables.COLUMNS
            for row in connection.execute(f"SELECT * FROM {table}").fetchall()  # fixed words
        ]
    connection.close()
    assert "Said again." in repr(rows)
    assert not referring.tells(repr(rows))


async def test_no_webhook_and_no_alert_sends_a_number_to_which_an_attributed_exchange_refers(
    referring: Referring,
) -> None:
    endpoint = NotificationEndpoint(
        id="e",
        cid=referring.world.registry.cid,
        side="wolframland",
        means="webhook",
        target="https://example.org/",
    )
    projection = referring.projections["referring"]
    items, _ = await selection.RecordReader(projection).following(
        endpoint, len(referring.before), 100
    )
    of_note = [item for item in items if item.exchange in (referring.note, referring.incident)]
    assert len(of_note) >= 3
    for item in items:
        assert not referring.tells(item.raw.decode())
        assert item.exchange not in (referring.note, referring.incident) or item.number
    incident = projection.exchange(referring.incident)
    assert incident is not None
    given = exchange_routes._as_tool_format(projection, incident, cap.MEDIA, {}, "")
    assert isinstance(given.body, bytes)
    assert b"<alert" in given.body
    assert not referring.tells(given.body.decode())


@pytest.mark.parametrize("handler", [print_views.form, print_views.card], ids=["form", "card"])
async def test_a_whole_printed_page_has_neither_the_side_nor_the_number(
    referring: Referring, tmp_path: Path, handler: Any
) -> None:
    store = Store(tmp_path / "printed.sqlite")
    async with served(referring.world, store, tmp_path) as (app, service, projection):
        for id in (*referring.opened, referring.note, referring.incident):
            _, whole = await page_of(
                app, service, projection, "wolframland/h-1", handler=handler, found={"exchange": id}
            )
            sheet = whole[whole.index("<main") : whole.index("</main>")]  # the bars are not printed
            assert not referring.tells(sheet)
            if id in referring.opened:
                assert not named(sheet.replace(CHANNEL, ""))
                assert "/26/" not in sheet.replace("<wbr>", "")
            else:
                assert "QUIXOTIA" in sheet.upper()
                assert SPEAKER not in sheet.casefold()
                assert "a matter under the Chatham House Rule" in sheet
    store.close()
