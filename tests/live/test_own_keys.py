"""A channel whose sides keep their own keys, opened and staffed as docs/own-keys.md says, on a host
that can sign for nobody.
"""

import json

import aiohttp

from host import Host
from office import Office
from person import Person

NOTE = {"act": "contact-note", "form": "conversation", "text": "Met at the reception."}


async def test_sides_open_and_staff_a_channel_with_their_own_keys(
    host: Host, session: aiohttp.ClientSession
) -> None:
    about = host.opened()
    assert (about["custody"], about["sides"]) == ("sides", ["nato", "china"])
    assert not any((host.service.data / "keys").rglob("nato-china")), (
        "the host has no key of this channel"
    )
    officer, auditor = host.caller(session, "nato/o-1"), host.caller(session, "china/a-1")
    position = (await officer.open(NOTE)).json["position"]
    root, administrator = host.caller(session, "nato/root"), host.caller(session, "nato/adm-1")
    assert (await root.get("/v1/channels/nato-china/state")).status == 200
    (await root.post("/v1/channels/nato-china/contacts", NOTE)).problem(403, "not-permitted")
    entry = {"act": "officer", "officer": "o-9", "office": "hq", "roles": ["officer"]}
    answer = await administrator.post("/v1/channels/nato-china/channel", entry)
    assert (
        "must be signed, and no key of nato/adm-1 is kept here"
        in answer.problem(403, "not-permitted")["detail"]
    )
    assert (await auditor.get("/v1/channels/nato-china")).json["position"] >= position
    pins = (
        "--cid",
        str(about["cid"]),
        "--log",
        str(about["log"]),
        "--channel",
        "nato-china",
        "--token-file",
        "china-a-1.token",
    )
    told, _ = host.run("audit", "verify", *pins)
    assert "the sides' own keys" in told and "a trial" not in told
    report = await auditor.get("/v1/channels/nato-china/reports/audit", Accept="text/markdown")
    assert b"Trial" not in report.body
    board = host.run("keys", "list", *pins[4:])[0]
    assert board.count("nato/root") == 1 and board.count("nato/adm-1") == 1


async def test_a_sides_root_keys_are_replaced_as_they_were_announced(host: Host) -> None:
    host.opened()
    host.key("nato-root-2")
    host.key("nato-root-3")
    announced, _ = host.run("keys", "next-roots", "nato-root-3.pem")
    to = ("--token-file", "nato-root.token")
    host.run(
        "keys",
        "rotate-roots",
        "nato-root-2.pem",
        "--announce",
        announced,
        "--sign",
        "nato-root.pem",
        *to,
    )
    late = ["nato/o-9", "--office", "hq", "--role", "officer", *to]
    assert (
        "its key is not valid here"
        in host.run("officer", "add", *late, "--sign", "nato-root.pem", check=4)[1]
    )
    host.run("officer", "add", *late, "--sign", "nato-root-2.pem")
    host.key("thief")
    stolen = host.run(
        "keys", "rotate-roots", "thief.pem", "--sign", "nato-root-2.pem", *to, check=1
    )[1]
    assert "not the roots that the side announced" in stolen
    host.run("keys", "rotate-roots", "nato-root-3.pem", "--sign", "nato-root-2.pem", *to)
    assert (
        "name the files of the new root keys"
        in host.run("keys", "rotate-roots", "thief.pem", *to, check=2)[1]
    )


async def test_an_officers_key_is_replaced_by_a_new_one_and_the_old_one_signs_nothing_more(
    host: Host,
) -> None:
    host.opened()
    old, new = host.key("nato-o"), host.key("nato-o-2")
    administrator = ("--sign", "nato-adm.pem", "--token-file", "nato-adm-1.token")
    officer = ("--token-file", host.token("nato/o-1"))
    (host.folder / "note.json").write_text(json.dumps(NOTE))
    host.run("keys", "enrol", "nato-o.pem", "--officer", "o-1", *administrator)
    host.run("post", "note.json", "--sign", "nato-o.pem", *officer)
    _, told = host.run(
        "keys", "rotate", "nato-o.pem", "nato-o-2.pem", "--officer", "o-1", *administrator
    )
    assert "is o-1's from position" in told and "is revoked from position" in told
    late = host.run("post", "note.json", "--sign", "nato-o.pem", *officer, check=4)[1]
    assert "its key is not valid here" in late
    assert host.run("post", "note.json", "--sign", "nato-o-2.pem", *officer)[0].startswith(
        "NATO-CHINA/NATO/"
    )
    listed = json.loads(host.run("keys", "list", "--json", *officer)[0])
    keys = {
        each["public"]: each.get("until") for each in listed.values() if each["owner"] == "nato/o-1"
    }
    assert keys[old] and not keys[new], keys


async def test_row_18_what_a_stolen_key_has_signed_is_listed_by_every_audit_as_disputed(
    host: Host,
) -> None:
    about = host.opened()
    host.key("nato-o")
    administrator = ("--sign", "nato-adm.pem", "--token-file", "nato-adm-1.token")
    officer = ("--token-file", host.token("nato/o-1"))
    (host.folder / "note.json").write_text(json.dumps(NOTE))
    host.run("keys", "enrol", "nato-o.pem", "--officer", "o-1", *administrator)
    posted = [
        host.run("post", "note.json", "--sign", "nato-o.pem", "--json", *officer)[0]
        for _ in range(2)
    ]
    stolen = int(json.loads(posted[1])["position"])
    (keyid,) = (
        id
        for id, each in json.loads(host.run("keys", "list", "--json", *officer)[0]).items()
        if each["owner"] == "nato/o-1"
    )
    early = host.run("keys", "revoke", keyid, "--suspect-from", "1", *administrator, check=1)[1]
    assert "/suspect_from: the key could sign from position" in early
    host.run(
        "keys",
        "revoke",
        keyid,
        "--suspect-from",
        str(stolen),
        "--reason",
        "the laptop is gone",
        *administrator,
    )
    told = host.run("audit", "verify", "--cid", str(about["cid"]), *officer)[0]
    assert (
        f"disputed at {stolen}: by a key of nato/o-1, which ended at {stolen + 1} and is held for stolen from {stolen} on"
        in told
    )
    assert told.count("disputed at") == 1


async def test_a_channel_may_ask_for_every_officers_signature(
    host: Host, session: aiohttp.ClientSession
) -> None:
    host.opened(required_signatures=["contact"])
    officer = host.caller(session, "nato/o-1")
    answer = await officer.post("/v1/channels/nato-china/contacts", NOTE)
    assert "must be signed by its author" in answer.problem(403, "not-permitted")["detail"]
    host.key("nato-o")
    host.run(
        "keys",
        "enrol",
        "nato-o.pem",
        "--officer",
        "o-1",
        "--sign",
        "nato-adm.pem",
        "--token-file",
        "nato-adm-1.token",
    )
    (host.folder / "note.json").write_text(json.dumps(NOTE))
    number, _ = host.run(
        "post", "note.json", "--sign", "nato-o.pem", "--token-file", "nato-o-1.token"
    )
    assert number.startswith("NATO-CHINA/NATO/")


def test_an_opening_that_not_all_have_signed_or_that_was_changed_is_refused(host: Host) -> None:
    opening = host.drafted()
    nato, data = host.signed("nato"), ("--data", str(host.service.data))
    assert (
        "china has 0 of 1 root signatures"
        in host.run("channel", "open", opening, nato, *data, check=1)[1]
    )
    assert "name the files" in host.run("channel", "open", opening, *data, check=2)[1]
    china = host.signed("china")
    drafted = (host.folder / opening).read_bytes()
    (host.folder / opening).write_bytes(drafted.replace(b'"zh"', b'"fr"'))
    assert (
        "a signature is not valid"
        in host.run("channel", "open", opening, nato, china, *data, check=1)[1]
    )
    host.key("stranger")
    assert (
        "is not a root key of this opening"
        in host.run("channel", "sign", opening, "--key", "stranger.pem", check=2)[1]
    )
    (host.folder / opening).write_bytes(drafted.replace(b"dragoman.invalid", b"elsewhere.invalid"))
    for side in ("nato", "china"):
        host.signed(side)
    assert (
        "This host signs the heads"
        in host.run("channel", "open", opening, nato, china, *data, check=1)[1]
    )
    (host.folder / opening).write_bytes(drafted[:-1] + b',"custody":"host"}')
    for side in ("nato", "china"):
        host.signed(side)
    assert (
        "leave out `custody`"
        in host.run("channel", "open", opening, nato, china, *data, check=1)[1]
    )
    (host.folder / opening).write_bytes(drafted)
    for side in ("nato", "china"):
        host.signed(side)
    host.run("channel", "open", opening, nato, china, *data)
    host.run("keys", "new", "other.pem")
    (host.folder / "channel.json").write_text(json.dumps({"name": "nato-china", "sides": []}))
    assert "/sides" in host.run("channel", "draft", "channel.json", *data, check=2)[1]
    (host.folder / "channel.json").write_text("{")
    assert "is not JSON" in host.run("channel", "draft", "channel.json", *data, check=2)[1]


async def test_a_further_side_is_admitted_by_all_and_reads_everything(
    host: Host, session: aiohttp.ClientSession
) -> None:
    host.opened()
    officer = host.caller(session, "nato/o-1")
    before = (await officer.open(NOTE)).json["exchange"]
    root = host.key("third-root")
    administrator = ("--token-file", "nato-adm-1.token")
    host.run("channel", "admit", "third", "--root", root, "--to", "admission.json", *administrator)
    lines = {}
    for name in ("nato-adm", "china-root", "third-root"):
        lines[name], told = host.run("channel", "sign", "admission.json", "--key", f"{name}.pem")
        assert "third will be admitted to the channel" in told
        (host.folder / f"{name}.sig").write_text(lines[name] + "\n")
    silent = host.run(
        "channel",
        "post",
        "admission.json",
        "nato-adm.sig",
        "third-root.sig",
        *administrator,
        check=4,
    )[1]
    assert "Root or an administrator of china has not signed" in silent
    host.run(
        "channel",
        "post",
        "admission.json",
        "nato-adm.sig",
        "china-root.sig",
        "third-root.sig",
        *administrator,
    )
    late = [
        "third/o-1",
        "--office",
        "hq",
        "--role",
        "officer",
        "--sign",
        "third-root.pem",
        "--token-file",
        host.token("third/root"),
    ]
    host.run("officer", "add", *late)
    third = host.caller(session, "third/o-1")
    assert (await third.get(f"/v1/channels/nato-china/exchanges/{before}")).status == 200
    answer = (await third.open(NOTE)).json
    assert answer["number"] == f"NATO-CHINA/THIRD/{answer['time'][2:4]}/0001/N03/O"
    shown = (await officer.get(f"/v1/channels/nato-china/exchanges/{answer['exchange']}")).json[
        "state"
    ]
    assert set(shown["to"]) == {"nato", "china"}
    assert (
        "name the file of `channel admit`"
        in host.run("channel", "post", "admission.json", *administrator, check=2)[1]
    )


EARLIER = {"cid": "ab" * 32, "size": 7, "root": "A" * 43 + "="}


def test_a_side_reads_the_arrangement_before_it_signs_the_opening(host: Host) -> None:
    (host.folder / "en.txt").write_text(host.run("channel", "arrangement")[0])
    (host.folder / "zh.txt").write_text("签收只表示已收到。\n")
    languages = [f"{tag}={host.folder / tag}.txt" for tag in ("en", "zh")]
    host.drafted(continues=EARLIER)
    drafting = ("channel", "draft", "channel.json", "--to", "opening.json")
    data = ("--data", str(host.service.data))
    given = [argument for text in languages for argument in ("--arrangement", text)]
    host.run(*drafting, *given, *data)
    _, told = host.run("channel", "sign", "opening.json", "--key", "nato-root.pem")
    assert "    8. End" in told and "签收只表示已收到。" in told
    assert f"goes on from the channel {EARLIER['cid']} at 7 records" in told
    twice = host.run(*drafting, *given[:2], *given[:2], *data, check=2)[1]
    assert "LANGUAGE=FILE, each once" in twice


async def test_all_sides_end_a_channel_whose_arrangement_they_signed(
    host: Host, session: aiohttp.ClientSession
) -> None:
    host.opened(continues=EARLIER, arrangement="A receipt says only that it came.")
    officer, auditor = host.caller(session, "nato/o-1"), host.caller(session, "china/a-1")
    note = (await officer.open(NOTE)).json["exchange"]
    reader = _reader(host, "nato/o-1")
    reader.open("/c/nato-china/admin").see("A receipt says only that it came.", str(EARLIER["cid"]))
    reader.open("/c/nato-china/records/1").see("A receipt says only that it came.")

    administrator = ("--token-file", "nato-adm-1.token")
    end = ("channel", "end", "--reason", "The host moves.", "--to", "end.json")
    assert "name it with --successor" in host.run(*end, "--cid", "ab" * 32, check=2)[1]
    host.run(*end, "--successor", "nato-china-2", *administrator)
    for name in ("nato-adm", "china-adm"):
        line, told = host.run("channel", "sign", "end.json", "--key", f"{name}.pem")
        assert "go on in nato-china-2" in told and "The host moves." in told
        (host.folder / f"{name}.sig").write_text(line + "\n")
    alone = host.run("channel", "post", "end.json", "nato-adm.sig", *administrator, check=4)[1]
    assert "Root or an administrator of china has not signed" in alone
    host.run("channel", "post", "end.json", "nato-adm.sig", "china-adm.sig", *administrator)

    sentence = "All sides ended the channel; go on in nato-china-2."
    refused = await officer.post("/v1/channels/nato-china/contacts", NOTE)
    assert refused.problem(409, "not-allowed-in-state")["detail"] == sentence
    about = (await auditor.get("/v1/channels/nato-china")).json
    assert about["ended"] and about["successor"] == "nato-china-2"
    reader.open("/c/nato-china").see("Ended by all sides on", "Go on in nato-china-2.")
    reader.open(f"/c/nato-china/exchanges/{note}").see("Met at the reception.")
    assert not {"Write", "Report an incident"} & reader.links().keys()
    assert reader.open("/c/nato-china/compose/contact-note").see(sentence).status == 409
    keeper = _reader(host, "nato/adm-1").open("/c/nato-china/admin")
    keeper.see("The host moves.", "nato-china-2", "Nobody owes anything here any more.")
    keeper.open("/c/nato-china/admin/profiles").see(sentence)
    assert keeper.open("/c/nato-china/admin/acts/profile-adoption").status == 409
    assert isinstance(host.service, Office)
    await host.service.watched()
    # Nothing was recorded by itself, and the record can still be audited.
    assert (await auditor.get("/v1/channels/nato-china")).json["position"] == about["position"]
    pins = ("--cid", about["cid"], "--log", about["log"], "--channel", "nato-china")
    host.run("audit", "verify", *pins, "--token-file", "china-a-1.token")


def _reader(host: Host, actor: str) -> Person:
    """Somebody at a browser, with a token of the channel."""
    return Person(host.service.base_url, (host.folder / host.token(actor)).read_text().strip())
