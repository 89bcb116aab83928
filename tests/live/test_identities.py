"""A side's identity on the host: who makes one, what a grant means, and who shares no officer."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import aiohttp
import pytest

import identified
from dragoman.cli.signature import seed_of
from dragoman.tlog import dsse
from host import Host
from identified import raw
from office import Office
from service import NOTE, Answer, Caller, Gateway

SIDES = {"north": ("nato", "china"), "south": ("nato", "serbia"), "west": ("nato", "india")}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A host with three arrangements, of which each has a side `nato` and an officer of it."""
    service = Office(tmp_path_factory.mktemp("identities") / "data")
    yield service
    service.stop()


@pytest.fixture
async def operator(session: aiohttp.ClientSession, office: Gateway) -> Caller:
    caller = Caller(session, office, "operator")
    if not (await caller.get("/v1/channels")).json["channels"]:
        for name, sides in SIDES.items():
            await opened(caller, name, sides)
    return caller


async def opened(operator: Caller, name: str, sides: tuple[str, ...]) -> None:
    officers = [
        {"side": side, "officer": "o-1", "office": "hq", "roles": ["officer", "administrator"]}
        for side in sides
    ]
    body = {"name": name, "sides": list(sides), "officers": officers}
    assert (await operator.call("POST", "/v1/channels", body)).status == 201


async def entered(operator: Caller, identity: str, version: int, *pairs: str) -> Answer:
    """Enter an identity of pairs like nato@north."""
    return await identified.entered(operator, identity, version, split(pairs))


def split(pairs: Iterable[str]) -> list[tuple[str, str]]:
    return [(name, side) for side, _, name in (text.partition("@") for text in pairs)]


def caller(session: aiohttp.ClientSession, office: Gateway, token: str) -> Caller:
    made = Caller(session, office)
    made.headers = {"Authorization": f"Bearer {token}"}
    return made


async def test_two_arrangements_with_a_side_of_the_same_name_share_no_officer(
    operator: Caller,
) -> None:
    asked = {"actor": "nato/o-1", "channels": ["north", "south"]}
    problem = (await operator.post("/v1/tokens", asked)).problem(422, "invalid")
    assert "another side in each" in problem["detail"]
    assert "no identity (north, south)" in problem["detail"]
    assert "dragoman identity" in problem["detail"]
    subject = asked | {"subject": "s-1"}
    (await operator.post("/v1/subjects", subject)).problem(422, "invalid")
    for name in ("north", "south"):
        one = await operator.post("/v1/tokens", {"actor": "nato/o-1", "channels": [name]})
        assert one.status == 201


async def test_a_grant_follows_the_channels_that_its_identity_gains_and_loses(
    operator: Caller, session: aiohttp.ClientSession, office: Gateway
) -> None:
    assert (await entered(operator, "first", 1, "nato@north")).status == 200
    wherever = {"actor": "nato/o-1", "wherever": True}
    problem = (await operator.post("/v1/tokens", wherever)).problem(422, "invalid")
    assert "first (north)" in problem["detail"] and "no identity (south, west)" in problem["detail"]
    issued = (await operator.post("/v1/tokens", wherever | {"identity": "first"})).json
    assert (issued["channels"], issued["identity"]) == ([], "first")
    officer = caller(session, office, issued["token"])
    assert (await officer.get("/v1/me")).json["channels"] == ["north"]
    assert (await entered(operator, "first", 2, "nato@north", "nato@west")).status == 200
    assert (await officer.get("/v1/me")).json["channels"] == ["north", "west"]
    assert (await officer.open(NOTE, "west")).status == 201
    assert (await officer.get("/v1/channels/south")).status == 404
    listed = {"actor": "nato/o-1", "channels": ["north", "west"]}
    assert (await operator.post("/v1/tokens", listed)).status == 201
    problem = (
        await operator.post("/v1/tokens", listed | {"channels": ["north", "south"]})
    ).problem(422, "invalid")
    assert "first (north)" in problem["detail"]
    assert (await entered(operator, "first", 3, "nato@west")).status == 200
    assert (await officer.get("/v1/me")).json["channels"] == ["west"]
    assert (await operator.call("DELETE", f"/v1/tokens/{issued['id']}")).status == 204
    assert (await officer.get("/v1/me")).status == 401


async def test_a_wrong_entry_is_told_what_to_do(operator: Caller) -> None:
    assert (await entered(operator, "second", 1, "nato@south")).status == 200
    moved = (await entered(operator, "second", 1, "serbia@south")).problem(412, "moved")
    assert "version 1" in moved["detail"] and "version 2" in moved["detail"]
    (await entered(operator, "second", 3, "serbia@south")).problem(412, "moved")
    assert (await entered(operator, "second", 1, "nato@south")).status == 200, "sent again"
    taken = (await entered(operator, "third", 1, "nato@south")).problem(409, "exists")
    assert "identity second" in taken["detail"]
    (await entered(operator, "third", 1, "china@south")).problem(422, "invalid")
    body = await identified.entry(operator, "third", 1, [("south", "serbia")])
    spaced = b'{"entry":%b,"signatures":[]}' % json.dumps(body).encode()
    problem = (await operator.call("PUT", "/v1/identities/third", spaced)).problem(422, "invalid")
    assert "canonical" in problem["detail"]
    other = raw({"entry": body})
    (await operator.call("PUT", "/v1/identities/fourth", other)).problem(422, "invalid")
    wrong = raw({"entry": body, "signatures": ["nothing"]})
    (await operator.call("PUT", "/v1/identities/third", wrong)).problem(422, "invalid")
    assert (await entered(operator, "second", 2)).status == 200, "dissolved"
    names = [line["identity"] for line in (await operator.get("/v1/identities")).json["identities"]]
    assert "second" not in names


async def test_an_officer_enters_no_trial_channel_and_sees_only_the_own_identity(
    operator: Caller, session: aiohttp.ClientSession, office: Gateway
) -> None:
    assert (await entered(operator, "own", 1, "serbia@south")).status == 200
    tokens = {}
    for actor, name in (("serbia/o-1", "south"), ("china/o-1", "north")):
        asked = {"actor": actor, "channels": [name]}
        tokens[actor] = (await operator.post("/v1/tokens", asked)).json["token"]
    member = caller(session, office, tokens["serbia/o-1"])
    stranger = caller(session, office, tokens["china/o-1"])
    assert (await member.get("/v1/identities/own")).json["pairs"][0]["name"] == "south"
    (await stranger.get("/v1/identities/own")).problem(404, "not-found")
    assert not any(
        line["identity"] == "own"
        for line in (await stranger.get("/v1/identities")).json["identities"]
    )
    body = raw({"entry": await identified.entry(operator, "mine", 1, [("north", "china")])})
    problem = (await stranger.call("PUT", "/v1/identities/mine", body)).problem(
        403, "not-permitted"
    )
    assert "the operator enters it" in problem["detail"]


async def test_too_many_channels_in_one_token_are_refused_with_the_limit(
    operator: Caller,
) -> None:
    asked = {"actor": "nato/o-1", "channels": [f"c-{number}" for number in range(1000)]}
    problem = (await operator.post("/v1/tokens", asked)).problem(422, "invalid")
    assert "at most 900" in problem["detail"] and "identity" in problem["detail"]
    assert problem["errors"][0]["pointer"] == "/channels", problem


async def test_lists_of_channels_and_of_tokens_have_cursors(operator: Caller) -> None:
    for path, member in (("/v1/channels", "channels"), ("/v1/tokens", "tokens")):
        whole = (await operator.get(path)).json[member]
        assert len(whole) >= 3
        pages, where = [], f"{path}?limit=2"
        while where:
            answer = await operator.get(where)
            pages += answer.json[member]
            following = answer.json.get("next", "")
            assert bool(following) == ("Link" in answer.headers)
            where = f"{path}?limit=2&cursor={following}" if following else ""
        assert pages == whole
        (await operator.get(f"{path}?limit=0")).problem(400, "bad-request")


async def test_a_side_with_its_own_keys_signs_for_itself_and_no_stranger_joins(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    host = Host(tmp_path)
    try:
        about = host.opened()
        data = ("--data", str(host.service.data))
        draft = ("identity", "draft", "nato-lo", "nato@nato-china", "--to", "entry.json")
        as_root = ("--token-file", "nato-root.token")
        host.run(*draft, *as_root)
        refused = host.run("identity", "enter", "entry.json", "--operator", *data, check=4)[1]
        assert "No root and no administrator in office of nato" in refused
        for name in ("china-adm", "nato-adm"):
            line, _ = host.run("identity", "sign", "entry.json", "--key", f"{name}.pem")
            (host.folder / f"{name}.isig").write_text(line + "\n")
        host.run("identity", "enter", "entry.json", "china-adm.isig", *as_root, check=4)
        # The signature of an act is none of an entry: the type is part of the signed bytes.
        seed = seed_of(host.folder / "nato-adm.pem")
        act = dsse.sign(seed, (host.folder / "entry.json").read_bytes())
        (host.folder / "act.isig").write_text(
            dsse.write_signatures({dsse.key_id(dsse.public_of(seed)): act})
        )
        host.run("identity", "enter", "entry.json", "act.isig", *as_root, check=4)
        host.run("identity", "enter", "entry.json", "nato-adm.isig", *as_root)
        host.run("identity", "enter", "entry.json", "nato-adm.isig", *as_root)
        assert str(about["cid"]) in host.run("identity", "show", "nato-lo", *as_root)[0]
        # A stranger's trial channel with a side `nato` cannot join, and cannot take it over.
        operator = Caller(session, host.service, "operator")
        await opened(operator, "strangers", ("nato", "lux"))
        join = await entered(operator, "nato-lo", 2, "nato@nato-china", "nato@strangers")
        problem = join.problem(403, "not-permitted")
        assert "in a channel that it has already" in problem["detail"]
        alone = await entered(operator, "nato-lo", 2, "nato@strangers")
        alone.problem(403, "not-permitted")
        crossing = {"actor": "nato/o-1", "channels": ["nato-china", "strangers"]}
        problem = (await operator.post("/v1/tokens", crossing)).problem(422, "invalid")
        assert "nato-lo (nato-china)" in problem["detail"]
        issued, told = host.run("token", "issue", "nato/o-1", "--identity", "nato-lo", *data)
        assert issued.startswith("drg_") and "every channel of nato-lo" in told
        officer = caller(session, host.service, issued)
        assert (await officer.get("/v1/me")).json["channels"] == ["nato-china"]
    finally:
        host.service.stop()
