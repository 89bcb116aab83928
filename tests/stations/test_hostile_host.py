"""Hostile hosts in front of a station at work: each trick of `tests/attacks`, over HTTP.

row of the attacks               trick here                noticed by       evidence that stays
1, 2, 4 another past             rewritten, dropped, …     the station      contradiction-N.note
5    the end is cut off          truncated                 the station      contradiction-N.note
5    … and grown again           regrown                   the station      contradiction-N.note
6    a fork, in mid-connection   test_a_fork_…             the station      contradiction, taken-back
6    seen of another branch      test_an_answer_…          the station      answer-ID.json
7, 15 another channel            another channel           the station      contradiction-N.note
8    a frozen view               test_a_frozen_…           see there        answer-ID.json
9-18, 23, 24, 26 void records    test_what_is_void_…       the fold, audit  the record
9    a stolen key                test_a_record_in_…        the station      the record
11, 28 an act is held back       test_an_act_that_is_…     the outbox       the record
16   dated back, dated ahead     test_what_is_dated_…      only by audit    `cosign-times`
19, 20 stolen keys of the log    as 1 to 6                 the station      contradiction-N.note
21   other bytes, withheld       swaps, withholds          the station      convicts nobody
22   tiles                       test_copy_that_settles    the station      none: convicts nobody
24   signatures of another kind  test_a_head_with_a_…      the station      NAME.foreign-head
25   a size far ahead            test_a_head_that_leaps_…  the station      none: convicts nobody
–    endless and unreadable      test_what_cannot_be_…     the station      none
–    heads are held back         test_records_that_no_…    the station      none: convicts nobody
–    one side is refused         test_a_host_that_…        the station      none
"""

import json
import shutil
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from dragoman.application.clock import utc_now
from dragoman.application.station_port import HostLine
from dragoman.domain.acts.log_policy import log_of
from dragoman.domain.fold import Folded
from dragoman.domain.record import codec as records
from dragoman.domain.record.codec import parse
from dragoman.eventlog import settled_copy
from dragoman.limits import LINE_BYTES
from dragoman.station import command_handler, follower, joined_channels, submitter
from dragoman.station import station as stations
from dragoman.station.copy_log import LineEnd
from dragoman.tlog import leaf, note
from heads import ORIGIN, head_over
from lying_host import C, LyingHost, message, outcome_at, station_of, world_of_stations
from office import Office
from patience import PATIENCE_S
from person import Person
from world import NOTE, World, seed_of

CHANNEL: Final = "nato-china"
N: Final = "nato/o-1"
_PAUSE_S: Final = 0.1


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten what only ends a wait."""
    monkeypatch.setattr(follower, "_LONGEST_PAUSE", 0.05)
    monkeypatch.setattr(follower, "_SHORTEST_PAUSE", 0.02)
    monkeypatch.setattr(follower, "_AWAITED_SECONDS", 0.3)
    monkeypatch.setattr(follower, "_UNSIGNED_SECONDS", 0.5)
    monkeypatch.setattr(settled_copy, "_BACK_SECONDS", 0.3)
    monkeypatch.setattr(submitter, "_SHOWN_SECONDS", 0.3)
    monkeypatch.setattr(submitter, "_PAUSE_SECONDS", _PAUSE_S)
    monkeypatch.setattr(submitter, "_LOOK_SECONDS", _PAUSE_S / 2)
    monkeypatch.setattr(command_handler, "_WAIT_SECONDS", 0.5)
    monkeypatch.setattr(command_handler, "_URGENT_WAIT_SECONDS", 0.5)
    monkeypatch.setattr(stations, "_UNSHOWN_SECONDS", 0.5)
    monkeypatch.setattr(LineEnd, "lasts", 1.0)


class Side:
    """Nato's station, joined to a host that a test has lie."""

    def __init__(self, host: LyingHost, data: Path, *, witness: bool = False) -> None:
        self.host, self.data = host, data
        self.office = station_of(host, data, witness=witness)
        self.until(lambda: self.settled == self.folded == len(host.world.raws))
        self.office.do(self._channel.in_file(self.folded))
        self.true = [*host.world.raws]
        self.token = str(self.call("POST", "/v1/tokens", {"actor": N})[1]["token"])

    def stop(self) -> None:
        self.office.stop()

    def start_again(self) -> None:
        """Start the station on the same data again, with a token of its officer."""
        self.office = Office(self.data, station=True)
        self.until(lambda: self.settled == self.folded == len(self.true))
        self.token = str(self.call("POST", "/v1/tokens", {"actor": N})[1]["token"])

    def until(self, is_so: Callable[[], Any]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < deadline, (self.line, self.settled, self.size)
            time.sleep(0.02)

    def call(self, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
        headers = {
            "Authorization": f"Bearer {token or self.office.operator.strip()}",
            "Content-Type": "application/json",
            "Idempotency-Key": uuid.uuid4().hex,
        }
        raw = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.office.base_url + path, raw, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def post(self, text: str = "Met.", **more: str) -> tuple[int, Any]:
        """Post as its officer."""
        return self.call("POST", f"{C}/contacts", {**NOTE, "text": text, **more}, self.token)

    def leaves_unanswered(self) -> None:
        """Have an act on its way, which the host answers never, so that it is tried on and on."""
        self.host.answer = lambda line: None
        status, kept = self.post("Is on its way.")
        assert (status, kept["state"]) == (202, "unanswered"), kept

    def record(self, position: int) -> tuple[int, Any]:
        return self.call("GET", f"{C}/records/{position}", token=self.token)

    @property
    def outbox(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.call("GET", f"{C}/outbox", token=self.token)[1][
            "entries"
        ]
        return entries

    @property
    def _channel(self) -> Any:
        return self.office.running.service.channels[CHANNEL]

    @property
    def line(self) -> HostLine:
        """The line as its pages know it."""

        async def read() -> HostLine:
            station = self.office.running.service.station
            assert station is not None
            line = station.line(CHANNEL)
            assert line is not None
            return line

        return self.office.do(read())

    @property
    def doubt(self) -> str:
        return str(self.line.hindrance or "")

    @property
    def folded(self) -> int:
        return int(self._channel.state.position)

    @property
    def size(self) -> int:
        return int(self._channel.log.size)

    @property
    def settled(self) -> int:
        return int(self._channel.log.settled_size)

    def messages(self) -> list[bytes]:
        """The log as the station has it."""
        return [message.raw for message in self.office.do(self._channel.log.read(1, 10_000))]

    def board(self) -> str:
        """The board of the channel, as its officer reads it."""
        return Person(self.office.base_url, self.token).open(f"/c/{CHANNEL}").text

    @property
    def copies(self) -> Path:
        return self.data / "copies"

    def evidence(self) -> list[Path]:
        return sorted((self.copies / CHANNEL).glob("contradiction-*.note"))

    def compared(self, check: int) -> str:
        """Compare its copy with the head that it kept as evidence, and return what is told."""
        log, (evidence,) = str(log_of(self.host.world.registry)), self.evidence()
        to = ("--log", log, "--to", str(self.data.parent / "fork.json"))
        told = self.office.run("audit", "compare", self._copied(), str(evidence), *to, check=check)
        return told.stdout + told.stderr

    def _copied(self) -> str:
        """Return a copy of its copy, which it has open itself."""
        folder = self.data.parent / "copied"
        shutil.copytree(self.copies / CHANNEL, folder)
        return str(folder)

    def audited(self, check: int) -> str:
        """Verify its copy by what it has pinned, and return what is told."""
        joined = joined_channels.read(self.data).channels()[CHANNEL]
        facts = ("--cid", joined.cid, "--log", joined.log)
        told = self.office.run("audit", "verify", self._copied(), *facts, check=check)
        return told.stdout + told.stderr

    def is_convicted(self, size: int) -> None:
        """The board says of the host within which records it lied, and nothing goes on."""
        text = f"the host contradicts itself within the first {size} records of {CHANNEL}"
        assert text in self.doubt
        self.until(lambda: f"{CHANNEL}: the host is in doubt." in self.board())
        assert "tell the other sides" in self.board()
        (evidence,) = self.evidence()
        assert evidence.name == f"contradiction-{size}.note" and str(evidence) in self.doubt
        self.sends_nothing(503)
        self.believes_nothing()

    def sends_nothing(self, status: int) -> None:
        """Check that a new act stays here, and that no act on its way is tried again."""
        before = self.host.asked("POST", "/")
        assert self.post("Is not sent.")[0] == status
        time.sleep(5 * _PAUSE_S)
        assert self.host.asked("POST", "/") == before

    def believes_nothing(self) -> None:
        """Its log and its fold are of the true records alone."""
        assert self.messages() == self.true
        assert (self.folded, self.settled) == (len(self.true), len(self.true))


def world() -> World:
    world = world_of_stations()
    for number in range(4):
        world.open("china/o-1", {**NOTE, "text": f"Note {number}, as it was written."})
    return world


@pytest.fixture
def host() -> Iterator[LyingHost]:
    with LyingHost(world()) as host:
        yield host


@pytest.fixture
def side(host: LyingHost, tmp_path: Path) -> Iterator[Side]:
    side = Side(host, tmp_path / "nato")
    yield side
    side.stop()


# The past is another one


def rewritten(raws: Sequence[bytes]) -> list[bytes]:
    return [raw.replace(b"Note 1, as it was written.", b"Note 1, as it is not so.") for raw in raws]


def dropped(raws: Sequence[bytes]) -> list[bytes]:
    return [*(raw for raw in raws if b"Note 1," not in raw), raws[-1]]


def reordered(raws: Sequence[bytes]) -> list[bytes]:
    return [*raws[:-2], raws[-1], raws[-2]]


def regrown(raws: Sequence[bytes]) -> list[bytes]:
    other = world()
    other.open("china/o-1", {**NOTE, "text": "Of another branch."})
    return [*raws[:-2], *other.raws[-4:]]


def another_channel(raws: Sequence[bytes]) -> list[bytes]:
    return [raw.replace(b"nato-china", b"nato-chinb") for raw in raws]


@pytest.mark.parametrize("forge", [rewritten, dropped, reordered, regrown, another_channel])
def test_another_past_under_the_logs_key_is_said_with_its_place_and_the_proof_is_kept(
    forge: Callable[[Sequence[bytes]], list[bytes]], host: LyingHost, side: Side
) -> None:
    side.leaves_unanswered()
    host.shown = shown = forge(side.true)
    host.hang_up()
    side.until(lambda: side.line.hindrance)
    side.is_convicted(len(shown))
    assert side.evidence()[0].read_bytes() == head_over(shown)
    told = side.compared(7)
    if len(shown) == len(side.true):
        assert "convicts the owner of the log's key" in told
    else:
        assert told.startswith("shorter:"), "the head alone is no proof of a longer branch"


def test_a_log_that_was_cut_off_is_said_at_once_and_convicts_if_it_stays_so(
    host: LyingHost, side: Side
) -> None:
    side.leaves_unanswered()
    host.shown = side.true[:-2]
    host.hang_up()
    side.until(lambda: side.line.hindrance)
    size = len(side.true)
    assert f"the host shows {size - 2} records, and {size} of them are settled here" in side.doubt
    side.until(side.evidence)
    side.until(lambda: "contradicts itself" in side.doubt)
    side.is_convicted(size - 2)
    assert side.compared(0).startswith("extends"), "a truncation is no fork"


def test_a_fork_in_mid_connection_takes_back_what_had_rung_and_keeps_it(
    host: LyingHost, side: Side
) -> None:
    side.leaves_unanswered()
    settled, branch = head_over(side.true), world()
    branch.open("china/o-1", {**NOTE, "text": "Rang, and is denied."})
    host.covered = lambda size: settled
    host.shown = [*side.true, branch.raws[-1]]
    side.until(lambda: side.folded == len(side.true) + 1)
    branch = world()
    branch.open("china/o-1", {**NOTE, "text": "Under the head."})
    signed = head_over([*side.true, branch.raws[-1]])
    host.covered = lambda size: signed
    side.until(lambda: "contradicts itself" in side.doubt)
    side.is_convicted(len(side.true) + 1)
    (taken_back,) = side.copies.glob(f"{CHANNEL}.taken-back-*")
    assert b"Rang, and is denied." in taken_back.read_bytes()
    assert side.evidence()[0].read_bytes() == signed


# What is not the log


def withheld(raws: Sequence[bytes]) -> list[bytes]:
    return [*raws[:-1], leaf.entry(len(raws) - 1, leaf.commit(raws[-1]))]


def swapped(raws: Sequence[bytes]) -> list[bytes]:
    return [*raws[:-1], raws[-1].replace(b"as it was written", b"as it was swapped")]


@pytest.mark.parametrize("forge", [swapped, withheld])
def test_other_bytes_under_the_right_head_are_not_taken_and_convict_nobody(
    forge: Callable[[Sequence[bytes]], list[bytes]], host: LyingHost, side: Side
) -> None:
    side.leaves_unanswered()
    host.world.open("china/o-1", {**NOTE, "text": "Note 5, as it was written."})
    true = [*host.world.raws]
    host.covered = lambda size: head_over(true)
    host.shown = forge(true)
    side.until(lambda: "contradicts itself" in side.doubt)
    side.is_convicted(len(true))
    assert "convicts" not in side.compared(7), "its key has signed the right bytes"


def other_key(raws: Sequence[bytes]) -> bytes:
    return head_over([*raws], owner="nato/root")


def as_an_act(raws: Sequence[bytes]) -> bytes:
    """A head that the log's key has signed as acts are signed."""
    text = note.read(head_over([*raws])).text
    return note.encode(text, [note.sign(ORIGIN, seed_of("log"), f"DSSEv1 {text}")])


@pytest.mark.parametrize("sign", [other_key, as_an_act])
def test_a_head_with_a_signature_of_another_kind_is_kept_and_convicts_nobody(
    sign: Callable[[Sequence[bytes]], bytes], host: LyingHost, side: Side
) -> None:
    true = len(host.world.raws)
    host.world.open("china/o-1", NOTE)
    host.covered = lambda size: sign(host.world.raws)
    side.until(lambda: "not signed by this log" in side.doubt)
    assert f"{CHANNEL}: the host is in doubt." in side.board()
    assert side.evidence() == [] and side.settled == true
    kept = side.copies / f"{CHANNEL}.foreign-head"
    assert kept.read_bytes() == sign(host.world.raws) and str(kept) in side.doubt
    host.covered = None
    side.until(lambda: not side.doubt and side.settled == len(host.world.raws))


def test_a_head_that_leaps_ahead_is_said_with_its_size(host: LyingHost, side: Side) -> None:
    far = head_over([*side.true, *side.true])
    host.covered = lambda size: far
    side.until(lambda: side.line.hindrance)
    size = len(side.true)
    assert f"a head of {2 * size} records is signed, and the host gives {size}" in side.doubt
    assert f"{CHANNEL}: the host is in doubt." in side.board()
    side.believes_nothing()
    assert side.evidence() == []
    host.covered = None
    side.until(lambda: not side.line.hindrance)


def left_out(position: int, raw: bytes) -> bytes:
    return b"" if b"Left out." in raw else message(position, raw)


def without_end(position: int, raw: bytes) -> bytes:
    return b"event: message\nid: %d\ndata: " % position + b"x" * (2 * LINE_BYTES)


def too_deep(position: int, raw: bytes) -> bytes:
    return b"event: message\nid: %d\ndata: %b\n\n" % (position, b"[" * 1_000)


def no_event(position: int, raw: bytes) -> bytes:
    return b"event: junk\nid: %d\ndata: not hexadecimal\n\n" % position


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (left_out, "position {at} is missing: {next} comes in its place"),
        (without_end, "the line is longer"),
        (too_deep, "nested too deep"),
        (no_event, "the gateway gave no event"),
    ],
)
def test_what_cannot_be_taken_is_said_and_the_line_goes_on_once_it_can(
    event: Callable[[int, bytes], bytes], says: str, host: LyingHost, side: Side
) -> None:
    host.event = event
    for text in ("Left out.", "Comes in its place."):
        host.world.open("china/o-1", {**NOTE, "text": text})
    at = len(side.true) + 1
    side.until(lambda: side.line.hindrance)
    assert "the host sends what cannot be taken: " in side.doubt
    assert says.format(at=at, next=at + 1) in side.doubt
    assert f"{CHANNEL}: the host is in doubt." in side.board()
    side.believes_nothing()
    host.event = message
    side.until(lambda: side.settled == len(host.world.raws) and not side.line.hindrance)


def test_records_that_no_head_ever_covers_are_said(host: LyingHost, side: Side) -> None:
    settled = head_over(side.true)
    host.covered = lambda size: settled
    host.world.open("china/o-1", NOTE)
    side.until(lambda: side.line.hindrance)
    assert "1 records came, and no signed head covers them" in side.doubt
    assert f"{CHANNEL}: the host is in doubt." in side.board()
    assert side.settled == len(side.true)
    host.covered = None
    side.until(lambda: not side.line.hindrance and side.settled == len(host.world.raws))


def test_a_host_that_refuses_one_side_is_said_with_its_reason(host: LyingHost, side: Side) -> None:
    host.refusal = "This side is not wanted here."
    host.hang_up()
    side.until(lambda: side.line.hindrance)
    assert side.doubt == "the host answers 403: This side is not wanted here."
    assert "This side is not wanted here." in side.board()
    status, kept = side.post("Waits.")
    assert (status, kept["state"]) == (202, "unanswered")
    host.refusal = ""
    side.until(lambda: side.outbox == [] or side.outbox[0]["state"] == "recorded")
    side.until(lambda: not side.doubt)


# A frozen view


def test_a_frozen_view_is_noticed_by_the_own_act_that_it_does_not_show(
    host: LyingHost, side: Side
) -> None:
    host.shown = side.true
    status, kept = side.post("Is recorded, and not shown.")
    assert (status, kept["state"]) == (202, "unanswered"), "no officer is told that it is recorded"
    at = len(side.true) + 1
    side.until(lambda: side.line.hindrance)
    assert (
        f"recorded an act of this side at position {at}, and shows {at - 1} records" in side.doubt
    )
    board = side.board()
    assert "it keeps records back. Telephone what cannot wait" in board
    side.believes_nothing()
    host.shown = None
    side.until(lambda: not side.line.hindrance)
    assert side.record(at)[0] == 200


def test_a_frozen_view_that_takes_no_act_leaves_a_flash_in_the_outbox_and_the_board_says_so(
    host: LyingHost, side: Side
) -> None:
    host.shown, host.answer = side.true, lambda line: None
    host.world.open("china/o-1", NOTE)
    status, _ = side.post("Is not answered.", precedence="flash")
    assert status == 202
    assert "An urgent message is not recorded: telephone." in side.board()
    assert side.outbox[0]["state"] == "unanswered"
    side.believes_nothing()


# What the host says and records


def test_an_answer_that_the_log_contradicts_is_said_and_kept_and_sending_stops(
    host: LyingHost, side: Side
) -> None:
    host.answer = lambda line: outcome_at(len(side.true), side.true[-1])
    status, kept = side.post("Is said to be recorded.")
    assert status == 202
    side.until(lambda: side.line.hindrance)
    assert f"the host said that it recorded the act {kept['id']}" in side.doubt
    assert f"{CHANNEL}: the host is in doubt." in side.board()
    (evidence,) = side.copies.glob(f"{CHANNEL}.answer-*.json")
    assert evidence.name in side.doubt and evidence.name == f"{CHANNEL}.answer-{kept['id']}.json"
    assert json.loads(evidence.read_bytes())["recorded"]["position"] == len(side.true)
    side.sends_nothing(202)
    side.believes_nothing()


@pytest.mark.parametrize("lie", ["an answer", "another past"])
def test_a_lie_outlives_a_restart_until_its_evidence_is_put_away(
    lie: str, host: LyingHost, side: Side
) -> None:
    if lie == "an answer":
        host.answer = lambda line: outcome_at(len(side.true), side.true[-1])
    else:
        side.leaves_unanswered()
        host.shown = rewritten(side.true)
    assert side.post("Is not recorded.")[0] == 202
    side.until(lambda: "tell the other sides" in side.doubt)
    said = side.doubt
    side.stop()
    host.answer, host.shown = None, None

    side.start_again()
    side.until(lambda: side.doubt)
    assert side.doubt == said and f"{CHANNEL}: the host is in doubt." in side.board()
    side.sends_nothing(202 if lie == "an answer" else 503)
    side.believes_nothing()
    side.stop()

    put_away = side.data.parent / "evidence"
    put_away.mkdir()
    kept = [*side.copies.glob(f"{CHANNEL}.answer-*"), *side.copies.glob("*/contradiction-*")]
    assert kept
    for path in kept:
        path.rename(put_away / path.name)
    side.start_again()
    side.post("Is recorded at last.")
    side.until(lambda: any(b"Is recorded at last." in raw for raw in host.world.raws))
    side.until(lambda: not side.doubt)


def test_a_record_in_the_sides_name_that_it_did_not_send_rings_with_its_position(
    host: LyingHost, side: Side
) -> None:
    """Whoever has stolen an officer's key, and the host, can do this."""
    assert isinstance(host.world.hand_in(N, NOTE), Folded)
    position = len(host.world.raws)
    side.until(lambda: side.line.voices)
    assert side.line.voices == (position,)
    board = side.board()
    assert "A record in your side's name was not sent from this station." in board
    assert f"Record {position}" in board


@pytest.mark.parametrize("void", ["a changed act", "no signature"])
def test_what_is_void_is_shown_as_void_and_rings_nowhere(
    void: str, host: LyingHost, side: Side
) -> None:
    """The fold judges what the host takes: an audit names each, and the board need not."""
    other = world()
    other.hand_in(N, NOTE)
    legal = parse(other.raws[-1])
    act = legal.act.replace(b"Met the", b"Hit the") if void == "a changed act" else legal.act
    envelope = replace(legal.envelope, signatures="") if void == "no signature" else legal.envelope
    assert not host.world.take(records.build(envelope, act)).valid
    position = len(host.world.raws)
    side.until(lambda: side.settled == side.folded == position)
    status, _ = side.call("GET", f"{C}/exchanges/{legal.envelope.id}", token=side.token)
    assert status == 404, "it opened nothing"
    assert (side.line.hindrance, side.line.voices) == (None, ())
    assert "Hit the" not in side.board()
    assert f"void at {position}" in side.audited(0)


def test_an_act_that_is_held_back_is_unanswered_until_it_is_recorded(
    host: LyingHost, side: Side
) -> None:
    host.answer = lambda line: None
    status, kept = side.post("Is held back.")
    assert (status, kept["state"]) == (202, "unanswered")
    status, problem = side.call("DELETE", f"{C}/outbox/{kept['id']}", token=side.token)
    assert status == 403 and "may be recorded" in problem["detail"]
    host.record(host.handed_in[0])
    side.until(lambda: side.outbox == [] or side.outbox[0]["state"] == "recorded")
    assert side.line.voices == (), "it was sent here"
    handed_in = {bytes(line.act) for line in host.handed_in}
    assert len(handed_in) == 1, "each try was the same signed act"


@pytest.mark.parametrize("hours", [0, -1, 1])
def test_what_is_dated_otherwise_than_it_came_is_left_to_an_audit_of_the_copy(
    hours: int, tmp_path: Path
) -> None:
    """The station accuses nobody of dates; its witness's times convict in an audit."""
    dated = world_of_stations(policy=True)
    with LyingHost(dated) as host:
        side = Side(host, tmp_path / "nato", witness=True)
        try:
            side.until(lambda: host.pushed)
            dated.clock = utc_now() + timedelta(hours=hours)
            dated.open("china/o-1", NOTE)
            side.until(lambda: len(host.pushed) > 1 and side.folded == len(dated.raws))
            assert side.line.hindrance is None
            told = side.audited(7 if hours else 0)
            assert ("times at position" in told) == bool(hours), told
        finally:
            side.stop()
