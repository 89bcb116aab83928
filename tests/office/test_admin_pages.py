"""Administration: who keeps a channel, what the sides have adopted, where they are told; and the
operator's pages.
"""

import csv
import io
import json
import secrets
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from dragoman.tlog import dsse
from dragoman.tlog.note import COSIGNATURE, Verifier
from dragoman_schemas.profiles import PROFILES
from office import Office
from patience import PATIENCE_S
from person import Person, text_of
from service import NOTE

NATO = "nato-china"
OTHER = "ukraine-russia"
ADMIN = ("", "/officers", "/keys", "/profiles", "/codebook", "/policy", "/erasures", "/endpoints")
CHECK = "Check before sending"
MOVED = {
    "/officers?change=o-1": "officer?f.officer=o-1",
    "/officers/revoke?officer=o-1": "officer-revocation?f.officer=o-1",
    "/keys/revoke?of=0abc": "key-revocation?f.key=0abc",
    "/erasures?exchanges=x": "erasure-consent?f.records=x",
    "/erasures/consent?exchanges=x": "erasure-consent?f.records=x",
    "/erasures/withdraw?exchanges=x": "erasure-consent?f.records=x&f.withdrawn=yes",
    "/erasures/erase?exchanges=x": "erasure?f.records=x",
}
"""Earlier addresses of pages with a form, below /admin, and the forms of now."""

SENT = {
    "": ("officer", "channel-status"),
    "/codebook": ("administrator", "codebook-adoption"),
    "/onward": ("head_of_office", "onward-adoption"),
    "/policy": ("administrator", "policy-adoption"),
    "/profiles": ("administrator", "profile-adoption"),
    "/rules": ("administrator", "rules-adoption"),
    "/officers": ("administrator", "officer"),
    "/officers/revoke": ("administrator", "officer-revocation"),
    "/keys/revoke": ("administrator", "key-revocation"),
    "/erasures/consent": ("administrator", "erasure-consent"),
    "/erasures/withdraw": ("administrator", "erasure-consent?f.withdrawn=yes"),
    "/erasures/erase": ("administrator", "erasure"),
}
"""Paths to which earlier forms were sent, by whom, and the acts whose forms serve instead."""

HOST = (
    "/host",
    "/host/tokens",
    "/host/subjects",
    "/host/open",
    "/host/terms?name=far",
    f"/host/channels/{NATO}",
)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A demonstration whose courier may call loopback, and is quick to give up."""
    quick = {
        "DRAGOMAN_COURIER__PRIVATE_NETWORKS": '["127.0.0.0/8"]',
        "DRAGOMAN_COURIER__RETRIES_S": "[0.1]",
    }
    office = Office(tmp_path_factory.mktemp("admin") / "data", demo=True, environment=quick)
    yield office
    office.stop()


def administrating(demo: Office, who: str, path: str, channel: str = NATO) -> Person:
    return demo.person(who).open(f"/c/{channel}/admin{path}")


def written(demo: Office, who: str, form: str, channel: str = NATO) -> Person:
    """Open the form of an act of the channel."""
    return demo.person(who).open(f"/c/{channel}/admin/acts/{form}")


def refused(person: Person, sentence: str, field: str, control: str = "") -> None:
    """The page says what is wrong at the top and beside the field, in the same words."""
    assert person.tree.xpath("string(//title)").startswith("Error: ")
    person.within("There is a problem")
    assert [link for name, link in person.links().items() if sentence in name] == [
        f"#{control or field}"
    ]
    (beside,) = person.within("").xpath(f"//*[@id='{field}-fault']")
    assert sentence in text_of(beside)


def registry(demo: Office, who: str, channel: str = NATO) -> Any:
    path = f"/v1/channels/{channel}/state"
    return demo.api(who, lambda caller: caller.get(path)).json["registry"]


def forms(person: Person) -> int:
    """Return the number of forms that the page itself has."""
    return len(person.xpath("//main//form"))


def table(person: Person) -> list[dict[str, str]]:
    """Return the rows of the page as CSV has them, by their columns."""
    text = person.open(f"{person.path}.csv").body.decode()
    return [*csv.DictReader(io.StringIO(text))]


def named(cell: str) -> str:
    """Return an actor as the log names it: nato/o-1 for NATO o-1."""
    side, name, *_ = cell.split()
    return f"{side.lower()}/{name}"


def officer(person: Person, name: str) -> str:
    """The row of an officer, or nothing."""
    return " ".join(text_of(row) for row in person.xpath(f"//tr[@data-officer='{name}']"))


# The registry, read


def test_pages_of_the_registry_and_their_json_and_csv_say_what_the_api_says(demo: Office) -> None:
    reader = administrating(demo, "nato/auditor", "/officers")
    known = registry(demo, "nato/auditor")
    assert sorted(reader.xpath("//tr/@data-officer")) == sorted(known["officers"])
    assert {named(row["Officer"]): row["records"].split()[0] for row in table(reader)} == {
        name: str(each["since"]) for name, each in known["officers"].items()
    }
    rows = table(reader.open(f"/c/{NATO}/admin/keys"))
    assert {row["Key id"]: named(row["Whose"]) for row in rows} == {
        id: key["owner"] for id, key in known["keys"].items()
    }
    reader.open(f"/c/{NATO}/admin").see(known["cid"], known["sides"][0]["roots"][0])
    reader.see("kept by this host: a trial")
    reader.open(f"/c/{NATO}/admin/profiles")
    limits = reader.xpath("//tr[@data-limit]")
    assert len(limits) == len(PROFILES["default"].__struct_fields__) - 4 + 4 + 3 + 3
    reader.within("Answer to a request for explanation").see("differs")


def test_who_may_not_is_told_who_can_and_sees_no_form(demo: Office) -> None:
    reader = administrating(demo, "nato/officer", "/officers")
    reader.see("Administrators of a side enter and revoke its officers. Of NATO these are: adm-1.")
    for path in ADMIN[1:7]:
        reader.open(f"/c/{NATO}/admin{path}").see("You are signed in as officer.")
        assert forms(reader) == 0, path
    reader.open(f"/c/{NATO}/admin/officers/revoke?officer=o-1")
    assert (reader.status, reader.path) == (
        403,
        f"/c/{NATO}/admin/acts/officer-revocation?f.officer=o-1",
    )
    reader.see("You cannot do this as officer", "Only these roles can: administrator.")
    theirs = written(demo, "nato/administrator", "officer")
    reader.show(theirs.body.decode())  # the form of somebody who may
    reader.fill("Name of office", "o-2").fill("Office", "brussels").choose("officer")
    assert reader.press(CHECK).status == 403


def test_the_past_shows_the_registry_as_it_stood_and_no_form(demo: Office) -> None:
    path = f"/v1/channels/{OTHER}/channel"
    entry = {"act": "officer", "officer": "o-5", "office": "moscow", "roles": ["officer"]}
    revocation = {"act": "officer-revocation", "officer": "o-5"}
    who = "russia/administrator"
    entered = demo.api(who, lambda caller: caller.post(path, entry)).json["position"]
    demo.api(who, lambda caller: caller.post(path, revocation))
    reader = administrating(demo, who, f"/officers?at={entered}", OTHER)
    assert "in office" in officer(reader, "russia/o-5")
    reader.see("This page shows the past")
    for path in ADMIN:
        reader.open(f"/c/{OTHER}/admin{path}?at={entered}")
        assert forms(reader) == 0
        links = reader.xpath("//main//a[starts-with(@href, '/c/')]/@href")
        assert links
        assert [
            each
            for each in links
            if f"at={entered}" not in each and each != f"/c/{OTHER}/admin{path}"
        ] == []
    reader.open(f"/c/{OTHER}/admin/officers?at={entered - 1}")
    assert not officer(reader, "russia/o-5")
    reader.open(f"/c/{OTHER}/admin/officers")
    assert "revoked" in officer(reader, "russia/o-5")


# The registry, changed


def test_earlier_addresses_of_forms_lead_to_those_of_now(demo: Office) -> None:
    reader = demo.person("nato/administrator")
    for earlier, now in MOVED.items():
        reader.open(f"/c/{NATO}/admin{earlier}")
        assert (reader.status, reader.path) == (200, f"/c/{NATO}/admin/acts/{now}"), earlier
    for path, (who, act) in SENT.items():
        reader = demo.person(f"nato/{who}")
        reader.post(f"/c/{NATO}/admin{path}", {"key": "old", "officer": "o-9"})
        assert (reader.status, reader.path) == (200, f"/c/{NATO}/admin/acts/{act}"), path


def test_an_administrator_enters_an_officer_changes_the_roles_and_revokes(demo: Office) -> None:
    reader = administrating(demo, "nato/administrator", "/officers").follow("Enter an officer")
    reader.fill("Name of office", "O-77").fill("Office", "brussels").press(CHECK)
    refused(reader, "Roles: choose one.", "f-roles")
    reader.choose("duty officer").press(CHECK)
    refused(reader, "a name of small letters and digits", "f-officer")
    assert reader.fields()["Name of office"] == "O-77"
    reader.fill("Name of office", "o-77").press(CHECK)
    reader.see("Once this is recorded, the officer is in office.").press(
        "Record: Entry of an officer"
    )
    reader.see("Recorded: record").follow("Back to Administration")
    assert "duty officer" in officer(reader, "nato/o-77")
    reader.follow("change nato/o-77")
    assert reader.fields()["Name of office"] == "o-77"
    reader.choose("auditor").choose("duty officer", on=False).press(CHECK)
    reader.see("nato/o-77 is in office in brussels now, with these roles: duty officer.")
    reader.press("Record: Entry of an officer")
    assert registry(demo, "nato/auditor")["officers"]["nato/o-77"]["roles"] == ["auditor"]
    reader.follow("Back to Administration").follow("revoke nato/o-77")
    reader.fill("Reason, English", "Posted elsewhere.").press(CHECK)
    reader.see("nato/o-77 can no longer read or do anything", "Posted elsewhere.")
    reader.see("Nobody can be entered under this name again")
    reader.press("Record: Revocation of an officer").follow("Back to Administration")
    assert "revoked" in officer(reader, "nato/o-77")
    reader.follow("Enter an officer").fill("Name of office", "o-77").fill("Office", "brussels")
    reader.choose("auditor").press(CHECK)
    refused(reader, "a revoked name does not return", "f-officer")
    assert [on for name, on in reader.fields().items() if name.startswith("auditor")] == [True]


def test_a_second_press_of_the_same_form_changes_nothing(demo: Office) -> None:
    reader = written(demo, "nato/administrator", "officer")
    reader.fill("Name of office", "o-twice").fill("Office", "brussels").choose("duty officer")
    form = reader.press(CHECK).tree
    places = [again(reader, form, "Record: Entry of an officer").path for _ in range(2)]
    assert places[0] == places[1]
    form, shown = reader.open(f"/c/{NATO}/admin/endpoints").tree, []
    for _ in range(2):
        again(reader, form, "Make a link")
        assert reader.answer_headers["Cache-Control"] == "no-store"
        shown.append(reader.xpath("//*[@id='link-once']"))
    assert shown[0] and not shown[1], "a link is shown once"
    path = f"/v1/channels/{NATO}/calendar-links"
    links = demo.api("nato/administrator", lambda caller: caller.get(path)).json["links"]
    assert len(links) == 1


def again(person: Person, form: Any, button: str) -> Person:
    """Go back to a page, filled in as it was, and press its button."""
    person.back(form)
    return person.press(button)


def test_line_checks_bind_once_the_other_side_adopts_what_its_form_begins_with(
    demo: Office,
) -> None:
    times, begin = "Line checks every day at", "From"
    to_come = f"1 Dec {datetime.now(UTC).year + 1} 06:00Z"  # the line is not checked before
    ukraine = administrating(demo, "ukraine/administrator", "/profiles", OTHER)
    ukraine.follow("Adopt a profile").choose("Vienna")
    ukraine.fill(times, "6:00, 25:00").fill(begin, "soon").press(CHECK)
    refused(ukraine, "Give times of the day", "f-line_check-at")
    refused(ukraine, "This time was not read", "f-line_check-from")
    ukraine.fill(times, "18:00 6:00").fill("Time zone", "Europe/Nowhere")
    ukraine.fill("Sent by", "the sides in turn").fill(begin, to_come).press(CHECK)
    refused(ukraine, "Europe/Nowhere is not a time zone", "f-line_check-zone")
    ukraine.fill("Time zone", "Europe/Kyiv").press(CHECK)
    ukraine.see("It binds once every side has adopted the same.").press("Record: ")
    ukraine.follow("Back to Administration")
    ukraine.see("The line is not checked by schedule: that takes")
    russia = written(demo, "russia/administrator", "profile-adoption", OTHER)
    assert russia.fields()[times] == "06:00 18:00"
    russia.press(CHECK).press("Record: ").follow("Back to Administration")
    russia.see("The limits of vienna bind")
    russia.see(f"The line is checked from {to_come} on")
    adopted = registry(demo, "russia/auditor", OTHER)["profiles"]
    assert adopted["ukraine"]["line_check"] == adopted["russia"]["line_check"]


def test_line_checks_that_mean_the_same_are_recorded_as_the_other_side_wrote_them(
    own: Office,
) -> None:
    checks = {
        "at": ["18:00", "06:00"],
        "zone": "Europe/Brussels",
        "sent_by": "alternating",
        "from": "2099-12-01T07:00:00+01:00",
    }
    act = {"act": "profile-adoption", "profile": "vienna", "line_check": checks}
    path = f"/v1/channels/{NATO}/channel"
    own.api("china/administrator", lambda caller: caller.post(path, act))
    nato = written(own, "nato/administrator", "profile-adoption")
    nato.press(CHECK).press("Record: ").see("Recorded: record")
    assert registry(own, "nato/auditor")["profiles"]["nato"]["line_check"] == checks


def test_a_codebook_is_read_in_three_languages_and_adopted(demo: Office) -> None:
    reader = administrating(demo, "nato/administrator", "/codebook")
    rows = {row[0]: row for row in reader.rows()}
    assert "危险活动已停止" in rows["HERON 5"]
    reader.follow("Adopt a codebook").press(CHECK).press("Record: ")
    reader.follow("Back to Administration").see("Not every side")
    reader.see("NATO ours starter, version 1")


def test_a_policy_of_witnesses_is_explained_once_every_side_has_adopted_it(demo: Office) -> None:
    public = [
        Verifier(f"{side}.example/witness", COSIGNATURE, dsse.public_of(secrets.token_bytes(32)))
        for side in ("nato", "china")
    ]
    text = (
        f"witness n-1 {public[0]}\nwitness c-1 {public[1]}\ngroup nato any n-1\n"
        "group china any c-1\ngroup both all nato china\nquorum both\n"
    )
    reader = administrating(demo, "nato/administrator", "/policy").follow("Adopt a policy")
    reader.fill("Witness policy", "quorum none").press(CHECK)
    refused(reader, "Name a group or a witness nato", "f-policy")
    assert reader.fields()["Witness policy"] == "quorum none"
    act = {"act": "policy-adoption", "policy": text}  # as the command line does, with its line end
    path = f"/v1/channels/{NATO}/channel"
    assert demo.api("china/administrator", lambda caller: caller.post(path, act)).status == 201
    reader.open(f"/c/{NATO}/admin/acts/policy-adoption")
    assert reader.fields()["Witness policy"] == text.replace("\n", "\r\n")
    reader.press(CHECK).press("Record: ").follow("Back to Administration")
    reader.see("Records that the quorum both has countersigned are final.")
    reader.see("2 of 2: nato, china")
    assert registry(demo, "nato/auditor")["policy"] == text
    other = administrating(demo, "china/auditor", "/policy")
    assert other.text.count("the policy in force") == 2


def test_how_the_channel_stands_is_drafted_here_and_released_by_a_colleague(demo: Office) -> None:
    reader = administrating(demo, "ukraine/head_of_office", "", OTHER)
    reader.follow("Set the status").choose("suspended").press(CHECK)
    refused(reader, "A suspension needs a written reason.", "f-reason", "f-reason-en")
    assert reader.fields()["suspended"]
    reader.fill("Reason (optional)", "The relay is moved.").press(CHECK)
    reader.see("A suspension blocks nothing.").press("Send to")
    colleague = demo.person("ukraine/duty_officer").open(f"/c/{OTHER}/drafts")
    colleague.follow("Status of the channel").see("A suspension blocks nothing.")
    colleague.press("Release").see("Recorded: record")
    reader.open(f"/c/{OTHER}/admin").see("Said by head of office h-1", "The relay is moved.")


def test_a_key_is_entered_by_the_command_line_and_revoked_here_in_a_trial(demo: Office) -> None:
    channel = "baltic-belarus"
    path = f"/v1/channels/{channel}/channel"
    entry = {"act": "officer", "officer": "o-18", "office": "riga", "roles": ["officer"]}
    who = "latvia/administrator"
    signed = demo.api(who, lambda caller: caller.post(path, entry)).json["position"]
    reader = administrating(demo, who, "/keys", channel)
    reader.see(f"dragoman keys enrol o-17.pem --officer latvia/o-17 --channel {channel}")
    reader.follow("revoke a key of latvia/adm-1")
    doubt = "In doubt from record (optional)"
    for position, said in (
        ("soon", "is a number, or left empty"),
        ("0", "This is at least 1."),
        ("100000", "The key could sign from position"),
    ):
        reader.fill(doubt, position).press(CHECK)
        refused(reader, said, "f-suspect_from")
    reader.fill(doubt, str(signed)).press(CHECK).see(f"From record {signed} on", "disputed")
    reader.press("Record: Revocation of a key").follow("Back to Administration")
    key = " ".join(next(row for row in reader.rows() if "LATVIA adm-1" in " ".join(row)))
    assert "disputed from" in key.partition("revoked")[2], key
    reader.open(f"/c/{channel}/records/{signed}").see("A key of latvia/adm-1, revoked by record")
    reader.open(f"/c/{channel}/records/{signed - 1}").miss("revoked by record")


def test_where_the_sides_keep_their_own_keys_commands_stand_in_place_of_forms(
    demo: Office,
) -> None:
    terms = demo.api("operator", lambda caller: caller.get("/v1/openings/own-keys")).json
    seeds = {side: secrets.token_bytes(32) for side in ("north", "south")}
    sides = [
        {"name": side, "roots": [dsse.encode_base64(dsse.public_of(seed))], "threshold": 1}
        for side, seed in seeds.items()
    ]
    act: dict[str, Any] = {
        "act": "channel-opening",
        "type": "dragoman.channel-opening.v1",
        "name": "own-keys",
        "kind": "official",
        "sides": sides,
        **terms,
        "languages": ["en"],
        "required_signatures": ["channel"],
        "rules": 1,
        "nonce": secrets.token_hex(32),
    }
    raw = json.dumps(act, separators=(",", ":")).encode()
    signed = dsse.write_signatures(
        {dsse.key_id(dsse.public_of(seed)): dsse.sign(seed, raw) for seed in seeds.values()}
    )
    body = b'{"act":%s,"signatures":["%s"]}' % (raw, signed.encode())
    opened = demo.api("operator", lambda caller: caller.post("/v1/openings", body))
    assert opened.status == 201, opened.body
    grant = {"actor": "north/root", "channels": ["own-keys"]}
    token = demo.api("operator", lambda caller: caller.post("/v1/tokens", grant)).json["token"]
    reader = Person(demo.base_url, token)
    for path, command in (
        (
            "/officers",
            "dragoman officer add north/o-17 --office OFFICE --role officer --channel own-keys",
        ),
        ("/keys", "dragoman keys rotate-roots NEW-ROOT.pem --sign OLD-ROOT.pem --channel own-keys"),
        ("/profiles", "dragoman adopt profile default --line-check checks.json --channel own-keys"),
        ("/policy", "dragoman adopt policy policy.txt --channel own-keys"),
    ):
        reader.open(f"/c/own-keys/admin{path}").see(command, "No page is given a private key")
        assert forms(reader) == 0


# Where the side is told


def test_an_endpoint_shows_its_secret_once_sends_again_what_was_given_up_and_is_removed(
    demo: Office,
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/nobody"
    reader = administrating(demo, "china/head_of_office", "/endpoints")
    reader.see("There is no endpoint")
    reader.fill("URL (for a webhook)", "https://10.0.0.1/inside").choose("hmac").choose("contact")
    reader.press("Add this endpoint")
    refused(reader, "This URL cannot be used", "url")
    assert [on for name, on in reader.fields().items() if name.startswith("hmac")] == [True]
    reader.fill("URL (for a webhook)", url).press("Add this endpoint")
    (secret,) = [each.text for each in reader.xpath("//*[@id='secret']")]
    assert secret.startswith("whsec_")
    reader.see("shown this once and not again")
    page = f"/c/{NATO}/admin/endpoints"
    assert secret not in reader.open(page).body.decode()
    webhooks = demo.api("china/officer", lambda caller: caller.get("/v1/webhooks")).json
    (known,) = webhooks["endpoints"]
    reader.within(known["target"]).see("never tested").within("")
    reader.press(f"Send a test {known['target']}")
    until_seen(reader, page, "the last test failed").within(known["target"]).miss("in order")
    position = demo.api("nato/officer", lambda caller: caller.open(NOTE, NATO)).json["position"]
    until_seen(reader, page, "1 given up")
    reader.press(f"Send again record {position}").see("It is tried again now.")
    reader.follow("Remove this endpoint")
    assert reader.title == "Remove this endpoint?"
    reader.press("Remove it").see("There is no endpoint")
    auditor = administrating(demo, "china/auditor", "/endpoints")
    auditor.see("Endpoints of a side are seen by its officers and administrators.")


def until_seen(reader: Person, page: str, text: str) -> Person:
    """Load a page again until it says something."""
    limit = time.monotonic() + PATIENCE_S
    while text not in reader.open(page).text:
        assert time.monotonic() < limit, f"{text!r} is not on {page}: {reader.text}"
        time.sleep(0.05)
    return reader


def test_a_calendar_link_is_shown_once_and_leads_nowhere_once_revoked(demo: Office) -> None:
    reader = administrating(demo, "china/auditor", "/endpoints").press("Make a link")
    (link,) = [each.text for each in reader.xpath("//*[@id='link-once']")]
    calendar = demo.person().open(link)
    kind = calendar.answer_headers.get_content_type()
    assert (calendar.status, kind) == (200, "text/calendar")
    reader.open(f"/c/{NATO}/admin/links")
    assert link.rpartition("/")[2] not in reader.body.decode()
    reader.within("Your calendar links").follow("revoke")
    reader.press("Revoke it").see("You have none.")
    assert calendar.open(link).status == 404


# The operator


def test_the_host_is_the_operators_alone_who_sees_settings_and_nothing_that_is_said(
    demo: Office,
) -> None:
    operator, auditor = demo.person("operator").open("/"), demo.person("nato/auditor")
    assert operator.path == "/host"
    known = demo.api("operator", lambda caller: caller.get("/v1/channels")).json["channels"]
    assert {each["name"] for each in known} <= operator.links().keys()
    operator.see("Every channel is up to date").follow(NATO)
    path = f"/v1/channels/{NATO}"
    view = demo.api("operator", lambda caller: caller.get(path)).json
    operator.see(view["cid"], view["log"])
    assert operator.open(f"/c/{NATO}/admin").title == "There is nothing here"
    for path in HOST:
        assert auditor.open(path).status == 403


def test_a_trial_channel_is_opened_with_its_first_officers_and_a_token_lets_one_in(
    demo: Office,
) -> None:
    operator = demo.person("operator").open("/host/open")
    operator.fill("Name", "far-near").fill("Sides", "far near")
    operator.fill("Side of officer 1", "far").fill("Name of officer 1", "adm-1")
    operator.fill("Side of officer 2", "elsewhere").fill("Name of officer 2", "O 1")
    operator.choose("English", on=False).press("Open the channel")
    refused(operator, "Choose at least one language.", "languages")
    faults = operator.within("There is a problem").text.lower()
    operator.within("")
    for told in (
        "Officer 1: give an office",
        "Officer 1: choose at least one role.",
        "Officer 2: choose a side of this channel.",
        "Officer 2: give a name",
        "Each side needs an administrator, who enters the others. Missing: FAR, NEAR.",
    ):
        assert told.lower() in faults
    operator.choose("English").choose("中文").press("Add another officer")
    assert operator.fields()["中文"]
    operator.miss("There is a problem")
    for number, (side, name, roles) in enumerate(
        (
            ("far", "adm-1", ["administrator"]),
            ("far", "o-1", ["officer", "duty officer"]),
            ("near", "adm-1", ["administrator"]),
        ),
        1,
    ):
        operator.fill(f"Side of officer {number}", side)
        operator.fill(f"Name of officer {number}", name)
        operator.fill(f"Office of officer {number}", "hq")
        operator.within(f"Roles of officer {number}")
        for role in roles:
            operator.choose(role)
        operator.within("")
    operator.fill("Arrangement (optional)", "A receipt says only that it came.\n\nNo more.")
    operator.press("Open the channel").see("Write the channel id down")
    assert operator.title == "far-near"
    (languages,) = operator.xpath("//dt[.='Languages']/following-sibling::dd")
    assert text_of(languages) == "en, zh"
    operator.open("/host/tokens")
    operator.fill("Officer, with the side", "far/o-9").press("Issue the token")
    refused(operator, "far/o-9 is an officer in no channel", "actor")
    operator.fill("Officer, with the side", "far/o-1")
    operator.fill("Ends (optional)", "1 Jan 2099 00:00Z").press("Issue the token")
    (token,) = [each.text for each in operator.xpath("//*[@id='token-once']")]
    operator.see("It is not shown again.")
    newcomer = Person(demo.base_url, token).open("/c/far-near/admin")
    newcomer.within("Arrangement").see("A receipt says only that it came.", "No more.").within("")
    newcomer.open("/c/far-near/admin/officers")
    assert "officer, duty officer" in officer(newcomer, "far/o-1")
    operator.open("/host/tokens?of=far")
    assert token not in operator.body.decode()
    (row,) = operator.xpath("//main//tbody/tr")
    assert "1 Jan 2099 00:00Z" in text_of(row)
    operator.follow("revoke").press("Revoke this token").see("Revoked.")
    assert newcomer.open(newcomer.path).title == "Sign in"


def test_a_token_is_issued_once_however_often_its_form_is_sent(demo: Office) -> None:
    operator, shown = demo.person("operator").open("/host/tokens"), []
    operator.fill("Officer, with the side", "nato/o-1").fill("Label (optional)", "twice")
    operator.choose(NATO).choose("read only")
    form = operator.tree
    for _ in range(2):
        again(operator, form, "Issue the token")
        assert (operator.status, operator.answer_headers["Cache-Control"]) == (200, "no-store")
        shown.append(operator.xpath("//*[@id='token-once']"))
    assert shown[0] and not shown[1]
    listed = demo.api("operator", lambda caller: caller.get("/v1/tokens")).json["tokens"]
    assert sum(each.get("label") == "twice" for each in listed) == 1


# What is erased


def test_an_exchange_is_taken_out_once_both_sides_consent_to_just_what_they_read(
    demo: Office,
) -> None:
    note = {**NOTE, "subject": "Said in haste"}
    opened = demo.api("ukraine/officer", lambda caller: caller.open(note, OTHER)).json
    ukraine = administrating(demo, "ukraine/administrator", "/erasures", OTHER)
    ukraine.see("Nothing was erased from this log.").follow("Consent to an erasure")
    ukraine.fill("Exchanges", "UKRAINE-RUSSIA/NONE").press(CHECK)
    refused(ukraine, "There is no exchange UKRAINE-RUSSIA/NONE here.", "f-records")
    ukraine.fill("Exchanges", opened["number"]).press(CHECK)
    ukraine.see(f"{opened['number']}, Said in haste: 1 record")
    receipt = {"act": "acknowledgement"}
    acknowledged = demo.api(
        "russia/officer", lambda caller: caller.act(opened["exchange"], receipt, OTHER)
    )
    assert acknowledged.status == 201
    ukraine.press("Record: ")
    refused(ukraine, "Something was said in them since you read them.", "f-records")
    ukraine.fill("Reason (optional)", "Both sides regret it.").press(CHECK)
    ukraine.see("Said in haste: 2 records").press("Record: ").follow("Back to Administration")
    ukraine.see("No consent yet: RUSSIA")
    assert "Take out" not in " ".join(ukraine.links())
    ukraine.follow("Take the consent back").press(CHECK)
    ukraine.see("Nothing is erased without a new consent.").press("Record: ")
    ukraine.follow("Back to Administration").see("No side has consented to anything")
    ukraine.follow("Consent to an erasure").fill("Exchanges", opened["number"]).press(CHECK)
    ukraine.press("Record: ").follow("Back to Administration").see("No consent yet: RUSSIA")
    russia = administrating(demo, "russia/administrator", "/erasures", OTHER).follow("Take out")
    russia.press(CHECK).see("The exchanges disappear from every page, list and search.")
    russia.open(f"/c/{OTHER}/admin/erasures").within("Waiting").follow("Consent").press(CHECK)
    russia.press("Record: ").follow("Back to Administration").see("every side has consented")
    russia.follow("Take out").press(CHECK).press("Record: ").follow("Back to Administration")
    russia.see("Erased", opened["exchange"])
    path = f"/v1/channels/{OTHER}/exchanges/{opened['exchange']}"
    demo.api("ukraine/officer", lambda caller: caller.get(path)).problem(410, "erased")
