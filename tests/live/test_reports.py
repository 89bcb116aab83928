"""Statistics and reports over real events, with a clock that the test sets; and what is asked for
again comes out the same.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import aiohttp
import msgspec
import pytest

from dragoman.audit.accountability import difference
from dragoman.audit.replay import Replay
from dragoman.audit.replay_view import ReplayedChannel
from dragoman.reports.audit_answers import answers
from dragoman_schemas.responses import Entry
from scenario import Play, Timed, moment
from service import Answer, Caller, TimedGateway, new_key

MARKDOWN, HTML, JSON = "text/markdown", "text/html", "application/json"
SPACE = "\N{NO-BREAK SPACE}"
NASTY = '<script>alert("x")</script> | `a` & *b*\n# c'


def row(rows: list[Any], **wanted: str) -> Any:
    (found,) = (each for each in rows if all(each[name] == value for name, value in wanted.items()))
    return found


class Reader:
    """Reads reports of a channel as somebody."""

    def __init__(self, play: Play, channel: str, who: str) -> None:
        self.play, self.channel, self.who = play, channel, who

    async def get(self, what: str, accept: str = JSON) -> Answer:
        return await self.play.call(
            self.who, "GET", f"/v1/channels/{self.channel}/{what}", Accept=accept
        )

    async def text(self, what: str) -> str:
        """A report as Markdown, with its spaces all alike."""
        return (await self.get(what, MARKDOWN)).body.decode().replace(SPACE, " ")

    async def again(self, report: Any, accept: str) -> bytes:
        return (await self.play.call(self.who, "GET", report["again"], Accept=accept)).body


async def same_by_replay(reader: Reader) -> Any:
    """The five answers of a gateway, which must be those of an auditor who replays the records."""
    lines = (await reader.get("records", "application/x-ndjson")).body.splitlines()
    raws = [msgspec.json.encode(msgspec.json.decode(line, type=Entry).record) for line in lines]
    (replay := Replay()).take(raws)
    past = ReplayedChannel(replay, raws)
    by_replay = msgspec.json.decode(msgspec.json.encode(answers(past, past.period(), 1, ()).report))
    by_gateway = (await reader.get(f"reports/audit?at={past.position}")).json
    assert {**by_gateway, "whole": []} == by_replay
    assert (await reader.get(f"reports/audit?at={past.position}", HTML)).status == 200
    for first in (0, past.position // 2, past.position - 1):
        by_records = msgspec.json.decode(
            msgspec.json.encode(difference(raws, first, past.position))
        )
        assert (await reader.get(f"diff?from={first}&to={past.position}")).json == by_records
        assert by_records["exchanges"] or by_records["channel"]
    return by_gateway


async def test_the_statistics_of_february_2022(
    timed: Timed, session: aiohttp.ClientSession
) -> None:
    play = Play("vienna-2022", timed, session)
    await play.open(moment("2022-02-09T08:00Z"))
    await play.until(moment("2022-02-12T12:00:30Z"))
    baltic, ukraine = (
        Reader(play, "baltic-belarus", "estonia/officer"),
        Reader(play, "ukraine-russia", "russia/officer"),
    )
    early = (await ukraine.get("reports/situation")).json
    await play.until(moment("2022-02-19T12:00Z"))

    found = (await baltic.get("statistics?format=explanation-request")).json
    acknowledged = row(found["clocks"], side="belarus", clock="acknowledgement")
    assert acknowledged["took"]["measured"] == 1 and 539.5 < acknowledged["took"]["median_s"] < 542
    assert 0 < acknowledged["share_in_time"] < 1, "the assessment stays unacknowledged"
    answered = row(found["clocks"], side="belarus", clock="explanation_answer")
    assert (answered["share_in_time"], answered["late"], answered["courtesy"]) == (1.0, 0, 0)
    assert 86_399 < answered["took"]["worst_s"] < 86_402
    assert "took" not in row(found["clocks"], side="latvia", clock="explanation_answer")
    assert [each["side"] for each in found["clocks"] if each["clock"] == "explanation_answer"] == [
        "lithuania",
        "latvia",
        "estonia",
        "belarus",
    ]

    found = (await ukraine.get("statistics")).json
    answered = row(found["clocks"], side="russia", clock="explanation_answer")
    assert (answered["share_in_time"], answered["late"], answered["open"], answered["overdue"]) == (
        0.0,
        1,
        1,
        1,
    )
    meetings = {
        each["side"]: (each["asked"], each["held"], each["not_attended"])
        for each in found["meetings"]
    }
    assert meetings == {"ukraine": (1, 0, 0), "russia": (0, 0, 1)}
    assert row(found["areas"], area="counter-terrorism") == {"area": "counter-terrorism"}, (
        "no statement, which is not zero"
    )
    assert all(
        each["broker_down_s"] == 0.0 and each["watch_nobody_s"] > 10 * 86_400
        for each in found["blindness"]
    )
    first_week = (await ukraine.get("statistics?to=2022-02-13T11:00:00Z")).json
    assert row(first_week["clocks"], side="russia", clock="explanation_answer")["late"] == 0

    period = (await ukraine.get("reports/period")).json
    assert [(each["clock"], each["side"]) for each in period["lapses"]][:2] == [
        ("acknowledgement", "russia"),
        ("explanation_answer", "russia"),
    ]
    text = await ukraine.text("reports/period")
    assert "Did not attend: RUSSIA." in text and "joint report" not in text
    year = (await baltic.get("reports/year?year=2022")).json  # leads to the record of the year
    assert (year["from"], year["annual"]) == ("2022-01-01T00:00:00.000Z", [])
    assert {each["side"] for each in period["questions"]} == {"russia"}

    for accept in (JSON, MARKDOWN, HTML):
        once, again = await ukraine.again(early, accept), await ukraine.again(early, accept)
        assert once == again, "a past report comes out the same"
    assert json.loads(await ukraine.again(early, JSON)) == early

    found = await same_by_replay(ukraine)
    assert {(each["clock"], each["side"]) for each in found["lapses"]} >= {
        ("acknowledgement", "russia"),
        ("explanation_answer", "russia"),
    }
    assert {each["side"]: each["not_yet"] > 0 for each in found["receiving"]} == {
        "ukraine": False,
        "russia": True,
    }
    assert [each["check"] for each in found["whole"]] == ["records", "head", "witnesses"]
    await same_by_replay(baltic)


async def test_a_busy_report_and_a_quiet_one(
    timed: TimedGateway, session: aiohttp.ClientSession
) -> None:
    live = Play("nato-china", timed, session)
    start = live.start = moment("2026-06-01T05:30Z")
    live.scenario["entries"] = []
    await live.open(start)
    play = Play("drill", timed, session, tokens=live.tokens, start=start, besides=("nato-china",))
    for entry in play.scenario["entries"]:
        entry.get("body", {}).pop(
            "line_check", None
        )  # no checks by schedule: the test sends its own
    await play.open(start)
    await play.until(start + timedelta(seconds=5_500))
    nato, china = (
        Reader(play, "nato-china-exercise", f"{side}/duty_officer") for side in ("nato", "china")
    )
    busy = (await nato.get("reports/situation")).json
    assert not busy["quiet"]
    flash = next(
        each for each in busy["urgent"] if each["matter"]["format"] == "hazardous-incident"
    )
    receipt = flash["receipts"][0]
    assert (receipt["side"], receipt["acknowledged_by"]) == ("china", "duty officer")
    assert 40.5 < receipt["acknowledged_after_s"] < 43
    text = await nato.text("reports/situation")
    assert "CHINA: acknowledged by duty officer, 4" in text
    assert text.startswith("**EXERCISE EXERCISE EXERCISE**\n") and text.endswith(
        "**EXERCISE EXERCISE EXERCISE**\n"
    )
    assert "Trial: this host keeps the keys of all sides." in text and "**SIDES ONLY**" in text
    assert "d-1" not in text, "nobody is named"
    assert {(each["side"], each["clock"]) for each in busy["owed"]} >= {
        ("nato", "final_report"),
        ("nato", "acknowledgement"),
    }
    assert [each["side"] for each in busy["standing"] if each["manned_since"]] == ["nato", "china"]
    same = (await china.get(busy["again"].partition("nato-china-exercise/")[2])).json
    assert busy == same, "both sides read the same"

    found = await same_by_replay(china)
    assert set(found["on_watch"]) == {"nato", "china"}
    assert (await nato.get("reports/audit?from=2026-06-01T06:00:00Z")).json["position"] >= found[
        "position"
    ]

    note = (await china.get("reports/turn-over")).json
    assert (note["side"], note["owed"]) == ("china", [])
    assert {each["side"] for each in note["awaited"]} == {"nato"}

    await _settle(play)
    await play.until(moment("2026-06-02T05:00Z"))
    check = {
        "act": "line-check",
        "sequence": 2,
        "challenge": "Grey heron 42 苍鹭",
        "circuit": "primary",
    }
    sent = await _post(play, "nato/duty_officer", "contacts", check)
    await _post(
        play,
        "china/duty_officer",
        f"exchanges/{sent.json['exchange']}/acts",
        {"act": "echo", "text": check["challenge"]},
    )
    await play.until(moment("2026-06-03T06:00:05Z"))
    quiet = (await nato.get("reports/situation?from=2026-06-02T04:00:00Z")).json
    assert quiet["quiet"], quiet
    text = await nato.text("reports/situation?from=2026-06-02T04:00:00Z")
    assert "Quiet: nothing was sent from 2 Jun 2026 04:00:00Z to 3 Jun 2026 06:00:0" in text
    assert (
        "Everything is acknowledged, no matter is open, and no limit has passed. The line was checked at 2 Jun 2026 05:00:0"
        in text
    )
    unchecked = await nato.text("reports/situation")
    assert "Quiet" not in unchecked and "silence does not say that it is there" in unchecked
    statistics = (await nato.get("statistics")).json
    line = row(statistics["line"], side="china")
    assert (line["checks"], line["echoed"], line["share_echoed"], line["run"]) == (2, 2, 1.0, 2)
    assert busy == json.loads(await nato.again(busy, JSON))


async def test_a_line_that_is_missed_is_not_quiet(
    timed: TimedGateway, session: aiohttp.ClientSession
) -> None:
    live = Play("nato-china", timed, session)
    start = live.start = moment("2026-06-01T05:30Z")
    live.scenario["entries"] = []
    await live.open(start)
    play = Play("drill", timed, session, tokens=live.tokens, start=start, besides=("nato-china",))
    await play.open(start)
    await play.until(start + timedelta(seconds=44_000))
    await play.until(moment("2026-06-01T18:00:01Z"))
    await play.until(moment("2026-06-02T05:59:59Z"))
    await play.until(moment("2026-06-02T06:00:01Z"))
    await play.until(moment("2026-06-02T06:10:30Z"))
    nato = Reader(play, "nato-china-exercise", "nato/auditor")
    found = (await nato.get("statistics")).json
    line = row(found["line"], side="china")
    assert (
        line["checks"],
        line["echoed"],
        line["missed"],
        line["missed_run"],
        line["last_result"],
    ) == (3, 1, 2, 2, "missed")
    assert line["share_echoed"] == 0.3333
    (down,) = (each for each in found["blind"] if each["what"] == "line")
    assert (
        down["sides"] == ["china", "nato"]
        and down["from"].startswith("2026-06-01T18:00:0")
        and down["to"] == found["to"]
    )
    assert [each["line_down_s"] for each in found["blindness"]] == [
        found["blindness"][0]["line_down_s"]
    ] * 2
    echo = row(found["clocks"], side="china", format="line-check", clock="echo")
    assert (echo["in_time"], echo["late"], echo["open"]) == (1, 2, 0)
    text = await nato.text("reports/situation")
    assert (
        "Quiet" not in text
        and "The line check of 2 Jun 2026 06:00:0" in text
        and "2 missed in a row. The line is degraded." in text
    )


async def _post(play: Play, who: str, where: str, body: Any, **headers: str) -> Answer:
    return await play.call(
        who,
        "POST",
        f"/v1/channels/nato-china-exercise/{where}",
        body,
        Idempotency_Key=new_key(),
        **headers,
    )


async def _settle(play: Play) -> None:
    """Report what is still owed, acknowledge everything, and close what stands."""
    rows = (
        await play.call("nato/officer", "GET", "/v1/channels/nato-china-exercise/exchanges")
    ).json["exchanges"]
    for one in rows:
        where = f"exchanges/{one['id']}"
        if one["act"] == "hazardous-incident":
            await _post(
                play,
                "nato/duty_officer",
                f"{where}/acts",
                {"act": "final-report", "facts": "Passed."},
            )
        if one["act"] == "immediate-notification":
            await _post(
                play,
                "nato/duty_officer",
                f"{where}/acts",
                {"act": "amplification", "text": "Firing has stopped."},
            )
        for side in ("nato", "china"):
            view = (
                await play.call("nato/officer", "GET", f"/v1/channels/nato-china-exercise/{where}")
            ).json
            if any(
                fact["side"] == side and fact["owes"] and "acknowledged" not in fact
                for fact in view["facts"]
            ):
                await _post(
                    play, f"{side}/duty_officer", f"{where}/acts", {"act": "acknowledgement"}
                )
        for side in ("china", "nato"):
            etag = (
                await play.call("nato/officer", "GET", f"/v1/channels/nato-china-exercise/{where}")
            ).headers["ETag"]
            await _post(
                play, f"{side}/duty_officer", f"{where}/acts", {"act": "closure"}, If_Match=etag
            )


# Over the demonstration

Who = Callable[[str], Caller]


@pytest.mark.writes
async def test_whatever_was_written_stands_in_every_form_as_text(who: Who) -> None:
    nato = who("nato/duty_officer")
    note = {
        "act": "contact-note",
        "form": "letter",
        "subject": NASTY.replace("\n", " "),
        "text": {"en": NASTY, "zh": "来信"},
        "original": "zh",
    }
    answer = await nato.open(note)
    page = await nato.get(
        "/v1/channels/nato-china/reports/period",
        Accept=HTML,
        Dragoman_Min_Position=str(answer.json["position"]),
    )
    body = page.body.decode()
    assert "<script" not in body and "&lt;script&gt;" in body
    assert (
        "script-src" not in page.headers["Content-Security-Policy"]
        and "default-src 'none'" in page.headers["Content-Security-Policy"]
    )
    assert page.headers["Content-Type"].startswith("text/html")
    text = await nato.get("/v1/channels/nato-china/reports/period", Accept=MARKDOWN)
    assert text.headers["Content-Type"].startswith(MARKDOWN)
    assert (
        '> &lt;script&gt;alert("x")&lt;/script&gt; \\| \\`a\\` &amp; \\*b\\*\\\n> \\# c\n'
        in text.body.decode()
    )
    assert "the original is in zh" in text.body.decode()
    chinese = (
        await nato.get("/v1/channels/nato-china/reports/period?language=zh", Accept=MARKDOWN)
    ).body.decode()
    assert "> 来信" in chinese and "正文（zh，原文）：" in chinese  # noqa: RUF001


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("statistics?side=nobody", 400, "bad-request"),
        ("statistics?format=nothing", 400, "bad-request"),
        ("statistics?from=2026-02-30T00:00Z", 400, "bad-request"),
        ("statistics?from=yesterday", 400, "bad-request"),
        ("statistics?from=0001-01-01T00:00:00%2B14:00", 400, "bad-request"),
        ("statistics?to=9999-12-31T23:59:59-14:00", 400, "bad-request"),
        ("reports/situation?at=99999999", 400, "bad-request"),
        ("reports/situation?to=2999-01-01T00:00Z", 400, "bad-request"),
        ("reports/situation?to=1999-01-01T00:00Z", 404, "not-found"),
        ("reports/year?year=1989", 404, "not-found"),
        ("reports/year?year=9999", 400, "bad-request"),
        ("reports/year?year=twenty", 400, "bad-request"),
        ("reports/period?language=%3Cb%3E", 400, "bad-request"),
        ("reports/joint", 404, "not-found"),
    ],
)
async def test_what_cannot_be_reported_is_refused(
    who: Who, path: str, status: int, kind: str
) -> None:
    (await who("china/auditor").get(f"/v1/channels/nato-china/{path}")).problem(status, kind)


async def test_a_report_is_given_in_three_forms_and_no_other(who: Who) -> None:
    china = who("china/auditor")
    (await china.get("/v1/channels/nato-china/reports/period", Accept="application/pdf")).problem(
        406, "not-acceptable"
    )
    for name in ("situation", "turn-over", "period"):
        for accept in (JSON, MARKDOWN, HTML):
            answer = await china.get(f"/v1/channels/nato-china/reports/{name}", Accept=accept)
            assert answer.status == 200 and answer.headers["Content-Type"].startswith(accept), (
                answer.body
            )
            assert b"SIDES ONLY" in answer.body


async def test_a_track_2_channel_has_no_times(who: Who) -> None:
    found = (await who("group-a/officer").get("/v1/channels/nato-china-track2/statistics")).json
    assert (found["clocks"], found["notices"], found["binding"]) == ([], [], False)
    assert all("watch_nobody_s" not in each for each in found["blindness"])
    text = (
        await who("group-a/officer").get(
            "/v1/channels/nato-china-track2/reports/situation", Accept=MARKDOWN
        )
    ).body.decode()
    assert "No clock runs in this channel" in text and "watch" not in text


def test_reports_and_statistics_on_the_command_line(demo: TimedGateway) -> None:
    token = demo.data / "reader-token"
    token.write_text(demo.token("nato/officer"))
    here = ("--channel", "nato-china", "--token-file", str(token))
    assert demo.run("report", "situation", *here).stdout.startswith(
        "**SIDES ONLY**\n\n# Situation report, nato-china"
    )
    assert "# Turn-over of the watch of NATO" in demo.run("report", "turn-over", *here).stdout
    assert "This record is generated from the log" in demo.run("report", "period", *here).stdout
    period = demo.run("report", "period", "--json", *here).stdout
    assert json.loads(period)["of"]["name"] == "nato-china"
    assert "NOT ATTENDED" in demo.run("statistics", *here).stdout
    assert demo.run("statistics", "--from", "2999-01-01T00:00Z", *here, check=None).returncode == 1
