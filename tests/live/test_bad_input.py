"""Bad input against the running service: a clear problem that says what to do, and nothing is lost
or written.
"""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from dragoman.domain.acts.act_registry import FORMATS, PATHS, RULES
from dragoman.domain.acts.act_rules import Who as Who_
from dragoman_schemas.acts import SHAPES
from misfits import misfits
from samples import SAMPLES, act
from service import INCIDENT, NOTE, Caller, new_key

Who = Callable[[str], Caller]
NOTES = "/v1/channels/nato-china/contacts"
INCIDENTS = "/v1/channels/nato-china/notifications"
VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "record.json").read_text()
)


@pytest.fixture(autouse=True)
async def nothing_is_written(who: Who, request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """No bad post of these tests leaves a record; those that need a good one first say so."""
    writes = request.node.get_closest_marker("writes")
    if writes is not None:
        yield
        return
    officer = who("nato/officer")
    before = (await officer.get("/v1/channels/nato-china")).json["position"]
    yield
    assert await officer.said_after(before) == []


@pytest.mark.parametrize(
    "vector", VECTORS["acts_to_refuse"], ids=lambda vector: vector["why"].replace(" ", "_")
)
async def test_every_act_to_refuse_is_refused(who: Who, vector: dict[str, str]) -> None:
    answer = await who("nato/officer").post(NOTES, bytes.fromhex(vector["act_hex"]))
    assert answer.problem(422, "invalid-act")["errors"][0]["detail"]


@pytest.mark.parametrize(
    "body", [b"", b"hello", b"{", b"[]", b'"x"', b'{"act":"contact-note"', b"\xff\xfe{}"]
)
async def test_a_body_that_is_no_json_object(who: Who, body: bytes) -> None:
    (await who("nato/officer").post(NOTES, body)).problem(422, "invalid-act")


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/cloudevents+json"],
)
async def test_a_wrong_content_type(who: Who, content_type: str) -> None:
    (
        await who("nato/officer").post(NOTES, json.dumps(NOTE).encode(), Content_Type=content_type)
    ).problem(415, "media-type")


async def test_a_body_beyond_the_limit(who: Who) -> None:
    (await who("nato/officer").post(NOTES, {**NOTE, "text": "x" * 600_000})).problem(
        413, "too-large"
    )
    (await who("nato/officer").post(NOTES, {**NOTE, "text": "x" * 250_000})).problem(
        422, "invalid-act"
    )


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"place": {"lat": 91, "lon": 0}}, "/place/lat"),
        ({"place": {"lat": 15}}, "/place"),
        ({"casualties": -1}, "/casualties"),
        ({"casualties": 1.5}, "/casualties"),
        ({"casualties": 10_000_001}, "/casualties"),
        ({"casualties": "some"}, "/casualties"),
        ({"time": "yesterday"}, "/time"),
        ({"time": "2026-02-30T00:00Z"}, "/time"),
        ({"kind": "unheard_of"}, "/kind"),
        ({"facts": ""}, "/facts"),
        ({"facts": 7}, "/facts"),
        ({"precedence": "urgent"}, "/precedence"),
        ({"to": ["mars"]}, "/to/0"),
        ({"acting_for": "nobody"}, "/acting_for"),
        ({"attachments": []}, "/attachments"),
        ({"releasedby": "nato/h-1"}, "/releasedby"),
    ],
)
async def test_a_member_that_does_not_fit_is_pointed_at(
    who: Who, change: dict[str, Any], pointer: str
) -> None:
    problem = (await who("nato/duty_officer").post(INCIDENTS, {**INCIDENT, **change})).problem(
        422, "invalid-act"
    )
    assert pointer == problem["errors"][0].get("pointer", "")


@pytest.mark.parametrize("missing", ["kind", "time", "place", "facts"])
async def test_each_of_the_four_fields_is_needed(who: Who, missing: str) -> None:
    body = {name: value for name, value in INCIDENT.items() if name != missing}
    problem = (await who("nato/duty_officer").post(INCIDENTS, body)).problem(422, "invalid-act")
    assert problem["errors"] == [{"pointer": f"/{missing}", "detail": "it is missing; give it"}]


async def test_all_that_is_wrong_is_told_at_once(who: Who) -> None:
    problem = (
        await who("nato/duty_officer").post(
            INCIDENTS, {"act": "hazardous-incident", "kind": "shout", "color": 1}
        )
    ).problem(422, "invalid-act")
    assert [each["pointer"] for each in problem["errors"]] == [
        "/kind",
        "/color",
        "/time",
        "/place",
        "/facts",
    ]


async def test_an_unknown_act(who: Who) -> None:
    problem = (await who("nato/officer").post(NOTES, {"act": "nod"})).problem(422, "invalid-act")
    assert "contact-note" in problem["errors"][0]["detail"]
    (await who("nato/officer").post(NOTES, {"text": "x"})).problem(422, "invalid-act")


async def test_an_act_posted_to_another_familys_path(who: Who) -> None:
    assert (
        "/contacts"
        in (await who("nato/officer").post(INCIDENTS, NOTE)).problem(422, "invalid")["detail"]
    )
    assert (
        "/exchanges/"
        in (await who("nato/officer").post(NOTES, {"act": "acknowledgement"})).problem(
            422, "invalid"
        )["detail"]
    )


async def test_a_signature_without_what_it_signs(who: Who) -> None:
    compact = json.dumps(NOTE, separators=(",", ":")).encode()
    answer = await who("nato/officer").post(
        NOTES, compact, Dragoman_Key_Id="00" * 32, Dragoman_Signature="A" * 86 + "=="
    )
    answer.problem(422, "invalid")
    for keyids, signatures in (
        ("00" * 32, ""),
        ("", "A" * 86 + "=="),
        ("xy", "A" * 86 + "=="),
        ("00" * 32, "AAAA"),
        ("00 00", "A"),
    ):
        answer = await who("nato/officer").post(
            NOTES, NOTE, Dragoman_Key_Id=keyids, Dragoman_Signature=signatures
        )
        answer.problem(400, "bad-request")


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer nonsense", "Basic bmF0bzpwdw==", "Bearer drg_" + "A" * 43],
)
async def test_a_wrong_token(who: Who, authorization: str) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    answer = await who("").post(NOTES, NOTE, **headers)
    answer.problem(401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("caller", ["group-a/officer", "operator"])
async def test_another_channels_token_sees_no_channel(who: Who, caller: str) -> None:
    for path in ("state", "exchanges", "records", "records/1", "diff"):
        (await who(caller).get(f"/v1/channels/nato-china/{path}")).problem(404, "not-found")
    (await who(caller).post(NOTES, NOTE)).problem(404, "not-found")
    there = (await who("nato/officer").get("/v1/channels/no-such-channel/state")).problem(
        404, "not-found"
    )
    hidden = (await who("nato/officer").get("/v1/channels/nato-china-track2/state")).problem(
        404, "not-found"
    )
    assert there["detail"].replace("no-such-channel", "x") == hidden["detail"].replace(
        "nato-china-track2", "x"
    )


@pytest.mark.parametrize(
    ("caller", "path", "act"),
    [
        ("nato/officer", INCIDENTS, INCIDENT),
        ("nato/auditor", NOTES, NOTE),
        ("nato/administrator", NOTES, NOTE),
        (
            "nato/duty_officer",
            "/v1/channels/nato-china/channel",
            {"act": "officer", "officer": "x", "office": "hq", "roles": ["officer"]},
        ),
        (
            "nato/officer",
            "/v1/channels/nato-china/channel",
            {"act": "delivery", "side": "nato", "upto": 3},
        ),
    ],
)
async def test_a_role_that_may_not(who: Who, caller: str, path: str, act: dict[str, Any]) -> None:
    answer = await who(caller).post(path, act)
    assert answer.status in (403, 422), answer.body


@pytest.mark.writes
async def test_a_side_that_may_not(who: Who) -> None:
    exchange = (await who("nato/officer").open(NOTE)).json["exchange"]
    etag = (
        await who("china/officer").get(f"/v1/channels/nato-china/exchanges/{exchange}")
    ).headers["ETag"]
    (
        await who("china/officer").act(
            exchange, {"act": "cancellation", "reason": "x"}, If_Match=etag
        )
    ).problem(403, "not-permitted")
    (await who("nato/officer").act(exchange, {"act": "acknowledgement"})).problem(
        403, "not-permitted"
    )


@pytest.mark.writes
async def test_an_act_that_the_state_does_not_allow_names_those_that_it_does(who: Who) -> None:
    exchange = (await who("nato/officer").open(NOTE)).json["exchange"]
    answer = await who("china/officer").act(
        exchange, {"act": "readout", "kind": "joint", "topics": ["x"], "text": "y"}
    )
    assert answer.problem(409, "not-allowed-in-state")["allowed"] == [
        "acknowledgement",
        "reply",
        "interim-reply",
        "clarification-request",
        "decline",
        "translation",
        "translation-agreement",
        "translation-dispute",
        "repeat-request",
        "consent-withdrawal",
        "call-attempt",
        "closure",
        "retraction",
        "passed-on",
    ]


@pytest.mark.parametrize("text", ["0001-01-01T00:00+14:00", "9999-12-31T23:59:59-12:00"])
async def test_a_time_that_no_clock_can_reckon_with_is_refused_and_the_service_goes_on(
    who: Who, text: str
) -> None:
    for name, fields in (
        ("hazardous-incident", {"next_update": text}),
        ("visit-invitation", {"dates": {"from": text, "to": text}}),
        ("danger-area", {"window": {"from": text, "to": text}}),
    ):
        where = next(path for path, family in PATHS.items() if family == FORMATS[name].rule.family)
        answer = await who("nato/duty_officer").post(
            f"/v1/channels/nato-china/{where}", act(name, **fields)
        )
        problem = answer.problem(422, "invalid-act")
        assert problem["errors"][0]["pointer"].startswith("/" + next(iter(fields)))
    assert (await who("nato/officer").get("/v1/channels/nato-china/state")).status == 200


@pytest.mark.parametrize("text", ["-5", "abc", "9" * 40])
async def test_a_stream_that_goes_on_from_nowhere_is_refused(who: Who, text: str) -> None:
    path = "/v1/channels/nato-china/records"
    (await who("china/officer").get(path, Last_Event_ID=text, Accept="text/event-stream")).problem(
        400, "bad-request"
    )


async def test_an_exchange_that_is_not_there(who: Who) -> None:
    for exchange in ("0192f0c1-2f3a-7c4d-8e5f-112233445566", "nonsense", "%00", "..%2f.."):
        (await who("nato/officer").act(exchange, {"act": "acknowledgement"})).problem(
            404, "not-found"
        )
        (await who("nato/officer").get(f"/v1/channels/nato-china/exchanges/{exchange}")).problem(
            404, "not-found"
        )


@pytest.mark.parametrize("key", [None, "", "short", "x" * 129, "with space in it"])
async def test_a_key_is_needed(who: Who, key: str | None) -> None:
    headers = {} if key is None else {"Idempotency_Key": key}
    (await who("nato/officer").call("POST", NOTES, NOTE, **headers)).problem(400, "idempotency-key")


@pytest.mark.writes
async def test_a_key_used_for_another_post(who: Who) -> None:
    key = new_key()
    first = await who("nato/officer").post(NOTES, NOTE, key=key)
    (await who("nato/officer").post(NOTES, {**NOTE, "text": "Another."}, key=key)).problem(
        422, "key-reused"
    )
    (await who("nato/officer").act(first.json["exchange"], {"act": "closure"}, key=key)).problem(
        422, "key-reused"
    )
    other = await who("china/officer").post(NOTES, NOTE, key=key)
    assert (other.status, other.json["id"] != first.json["id"]) == (201, True), (
        "a key is its actor's own"
    )


@pytest.mark.writes
async def test_an_id_that_another_side_has_taken_tells_nothing_of_it(who: Who) -> None:
    id = "0192f0c1-2f3a-7c4d-8e5f-1122334455aa"
    assert (await who("nato/officer").post(NOTES, NOTE, key=id)).status == 201
    answer = await who("china/officer").post(NOTES, NOTE, key=id)
    assert NOTE["text"] not in answer.body.decode()
    answer.problem(422, "key-reused")


@pytest.mark.writes
async def test_a_consenting_act_says_what_it_rests_on(who: Who) -> None:
    officer = who("nato/officer")
    exchange = (await officer.open(NOTE)).json["exchange"]
    etag = (await officer.get(f"/v1/channels/nato-china/exchanges/{exchange}")).headers["ETag"]
    (await officer.act(exchange, {"act": "closure"})).problem(428, "precondition-required")
    assert (
        await who("china/officer").act(exchange, {"act": "reply", "text": "Wait."})
    ).status == 201
    (await officer.act(exchange, {"act": "closure"}, If_Match=etag)).problem(412, "moved")
    fresh = (await officer.get(f"/v1/channels/nato-china/exchanges/{exchange}")).headers["ETag"]
    assert (await officer.act(exchange, {"act": "closure"}, If_Match=fresh)).status == 201


async def test_a_wrong_method_or_path(who: Who) -> None:
    answer = await who("nato/officer").call("DELETE", NOTES)
    answer.problem(405, "method-not-allowed")
    assert answer.headers["Allow"]
    (await who("nato/officer").get("/v1/nothing")).problem(404, "not-found")
    (await who("nato/officer").post("/v1/channels/nato-china/negotiations", NOTE)).problem(
        404, "not-found"
    )


@pytest.mark.parametrize(
    "query", ["from=5&to=5", "from=6&to=5", "from=-1", "to=999999999", "from=x", "at=3"]
)
async def test_a_difference_between_positions_that_there_are_not(who: Who, query: str) -> None:
    (await who("nato/officer").get(f"/v1/channels/nato-china/diff?{query}")).problem(
        400, "bad-request"
    )


@pytest.mark.parametrize("query", ["at=x", "at=-1", "at=999999999", "nonsense=1"])
async def test_a_query_that_does_not_hold(who: Who, query: str) -> None:
    (await who("nato/officer").get(f"/v1/channels/nato-china/state?{query}")).problem(
        400, "bad-request"
    )


async def test_a_position_that_was_not_reached(who: Who) -> None:
    officer = who("nato/officer")
    answer = await officer.get("/v1/channels/nato-china/state", Dragoman_Min_Position="999999999")
    answer.problem(503, "behind")
    assert answer.headers["Retry-After"]
    (await officer.get("/v1/channels/nato-china/state", Dragoman_Min_Position="soon")).problem(
        400, "bad-request"
    )


async def test_only_the_operator_opens_channels_and_issues_tokens(who: Who) -> None:
    admin = who("nato/administrator")
    (await admin.call("POST", "/v1/channels", {"name": "x", "sides": ["a", "b"]})).problem(
        403, "not-permitted"
    )
    (await admin.call("POST", "/v1/tokens", {"actor": "nato/o-1"})).problem(403, "not-permitted")
    (await admin.get("/v1/tokens")).problem(403, "not-permitted")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "UPPER", "sides": ["a", "b"]},
        {"name": "ok", "sides": ["a", "a"]},
        {"name": "ok", "sides": ["service", "b"]},
        {"name": "ok", "sides": []},
        {"name": "ok", "sides": ["a", "b"], "kind": "exercise"},
        {"name": "ok-exercise", "sides": ["a", "b"]},
        {"name": "ok-exercise", "sides": ["a", "b"], "kind": "exercise", "exercise_of": "no-such"},
        {
            "name": "ok",
            "sides": ["a", "b"],
            "officers": [{"side": "c", "officer": "o", "office": "x", "roles": ["officer"]}],
        },
        {
            "name": "ok",
            "sides": ["a", "b"],
            "officers": [{"side": "a", "officer": "root", "office": "x", "roles": ["officer"]}],
        },
        {"name": "ok", "sides": ["a", "b"], "surprise": 1},
        {"name": "x" * 64, "sides": ["a", "b"]},
    ],
)
async def test_a_channel_that_cannot_be(who: Who, body: dict[str, Any]) -> None:
    operator = who("operator")
    before = (await operator.get("/v1/channels")).json
    answer = await operator.call("POST", "/v1/channels", body)
    assert answer.status == 422, answer.body
    assert [channel["name"] for channel in before["channels"]] == [
        c["name"] for c in (await operator.get("/v1/channels")).json["channels"]
    ]


async def test_a_channel_that_is_there_already(who: Who) -> None:
    (
        await who("operator").call(
            "POST", "/v1/channels", {"name": "nato-china", "sides": ["nato", "china"]}
        )
    ).problem(409, "exists")


SHARED = [name for name, form in FORMATS.items() if "official" in form.kinds]
CARRYING = [
    name for name, rule in RULES.items() if rule.family is None and rule.who is not Who_.WATCH
]


@pytest.mark.parametrize("name", SHARED)
async def test_a_format_that_does_not_fit_is_pointed_at_and_nothing_is_recorded(
    who: Who, name: str
) -> None:
    where = next(path for path, family in PATHS.items() if family == FORMATS[name].rule.family)
    await _all_refused(who("nato/head_of_office"), f"/v1/channels/nato-china/{where}", name)


@pytest.mark.parametrize("name", CARRYING)
async def test_an_act_that_does_not_fit_is_pointed_at_and_nothing_is_recorded(
    who: Who, name: str
) -> None:
    officer = who("nato/head_of_office")
    (row, *_) = (await officer.get("/v1/channels/nato-china/exchanges?limit=1")).json["exchanges"]
    await _all_refused(officer, f"/v1/channels/nato-china/exchanges/{row['id']}/acts", name)


async def _all_refused(officer: Caller, path: str, name: str) -> None:
    spoilt = list(misfits(SHAPES[name], SAMPLES[name]))
    assert spoilt
    for body, pointer in spoilt:
        problem = (await officer.post(path, body, If_Match='"0"')).problem(422, "invalid-act")
        assert problem["errors"][0]["pointer"].startswith(
            pointer.rpartition("/")[0] if pointer.endswith("/0") else pointer
        ), (
            body,
            problem,
        )
        assert "regex" not in problem["errors"][0]["detail"]
