"""Recipients that an officer enters for a way, and ways that an operator sets up."""

from pathlib import Path

import pytest
from apprise.utils.parse import parse_url
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from dragoman.application.service_address import AddressUnclear, read_address
from dragoman.application.ways_to_reach import InvalidRecipient, Ways, WayUnusable, faults, is_call
from dragoman.settings import Way
from spellings import dangerous_addresses

PHONE = Way(name="sms", to="phone")
ROOM = Way(name="room", to="matrix")
TOPIC = Way(name="push", to="topic")
OWN = Way(name="own", to="url", services=("ntfys", "gotifys"))
WAYS = Ways((PHONE, ROOM, TOPIC, OWN))


@pytest.mark.parametrize(
    ("way", "entered", "to", "shown"),
    [
        (PHONE, " +86 139 1234 5678 ", "+8613912345678", "+86… 78"),
        (PHONE, "+33 (0)1-23.45.67.89"[:4] + "1 23 45 67 89", "+33123456789", "+33… 89"),
        (ROOM, "!abc:example.org", "!abc:example.org", "!…:example.org"),
        (TOPIC, "lin-phone", "lin-phone", "li…"),
        (
            OWN,
            "ntfys://u:p@ntfy.example.org/t",
            "ntfys://u:p@ntfy.example.org/t",
            "ntfys://ntfy.example.org",
        ),
    ],
)
def test_a_recipient_is_taken_and_shown_without_giving_it_away(
    way: Way, entered: str, to: str, shown: str
) -> None:
    recipient = WAYS.recipient(way, entered)
    assert (recipient.to, recipient.shown) == (to, shown)


@pytest.mark.parametrize("host", ["169.254.169.254", "10.9.9.9", "[fd00::1]", "[::ffff:10.9.9.9]"])
def test_an_address_that_is_not_public_is_refused_unless_the_operator_allows_it(host: str) -> None:
    entered = f"ntfys://{host}/duty"
    with pytest.raises(InvalidRecipient, match="is not a public address"):
        WAYS.recipient(OWN, entered)
    allowing = Ways((OWN,), ("10.0.0.0/8", "169.254.0.0/16", "fd00::/8", "::ffff:10.0.0.0/104"))
    assert allowing.recipient(OWN, entered).to == entered


@pytest.mark.parametrize(
    ("way", "entered"),
    [
        (PHONE, "13912345678"),
        (PHONE, "+0123456789"),
        (PHONE, "+86"),
        (PHONE, "+8613912345678/../x"),
        (ROOM, "abc"),
        (ROOM, "!abc:example.org/?x=1"),
        (TOPIC, "a/b"),
        (TOPIC, "a?verify=no"),
        (TOPIC, ""),
        (OWN, "gotify://host.example/token"),
        (OWN, "file:///etc/passwd"),
        (OWN, "ntfys://host.example/t?verify=no"),
        (OWN, "ntfys://host.example/t?a=1&TEMPLATE=/etc/passwd"),
        (OWN, "ntfys://host.example/t?%76erify=no"),
        (OWN, "ntfys://host.example/t?to=1;verify=no"),
        (OWN, "ntfys://host.example/t?verify%20=no"),
        (OWN, "ntfys://host.example/t?to=1;rto=300;cto=300"),
        (OWN, "ntfys://host.example/t?to=1;attach=file:///etc/passwd"),
        (OWN, "ntfys://host.example/t?%61ttach=http://127.0.0.1/x"),
        (OWN, "ntfys://host.example/t?not-yet-read=1"),
        (OWN, "ntfys://user@name:word@host.example/t"),
        (OWN, "ntfys://host.example\\@other.example/t"),
        (OWN, "ntfys://host.example/a b"),
        (OWN, "ntfys://host.example/" + "a" * 1_000),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_to_do(way: Way, entered: str) -> None:
    with pytest.raises(InvalidRecipient) as caught:
        WAYS.recipient(way, entered)
    assert str(caught.value)


@given(dangerous_addresses())
def test_no_spelling_of_a_dangerous_parameter_is_taken(address: tuple[str, str]) -> None:
    name, entered = address
    with pytest.raises(InvalidRecipient, match=f"leave out the parameter ({name}|.a)"):
        WAYS.recipient(OWN, entered)


_PIECES = st.sampled_from(
    [*"@:/?#&;=+-[]\\%.a1", "h.example", "127.0.0.1", "[::1]", "%40", "%3B", "%20", "verify", "to"]
)


@given(st.lists(_PIECES, max_size=14).map("".join) | st.text(max_size=40))
@example("a@b:p@h:80@k:8080/t")
@example("127.0.0.1:8735/t/@127.0.0.2:8736")
def test_an_address_is_read_as_the_library_reads_it(rest: str) -> None:
    try:
        address = read_address(f"ntfys://{rest}")
    except AddressUnclear:
        return
    results = parse_url(f"ntfys://{rest}", verify_host=False)  # type: ignore[no-untyped-call]
    if results is not None:
        assert (results["host"].lower(), results["port"]) == (address.host, address.port)
        assert {name for name in results["qsd"] if name} == address.parameters


@given(st.text(max_size=60))
def test_whatever_is_taken_stays_in_its_place_in_the_address(entered: str) -> None:
    for way in (PHONE, ROOM, TOPIC):
        try:
            recipient = WAYS.recipient(way, entered)
        except InvalidRecipient:
            continue
        address = Ways((_with_file(way),)).address(_with_file(way), recipient.to)
        assert address.startswith("ntfy://host/")
        assert not {"/", "?", "#", "@", " "} & {*address.removeprefix("ntfy://host/")}


_FILE = Path(__file__).with_name("way.url")


def _with_file(way: Way) -> Way:
    return replace(way, url_file=_FILE)


def test_a_file_of_an_operator_has_one_place_for_the_recipient(tmp_path: Path) -> None:
    path = tmp_path / "sms.url"
    way = Way(name="sms", url_file=path)
    for content in ("", "ntfy://host/topic", "ntfy://{to}/{to}"):
        path.write_text(content)
        with pytest.raises(WayUnusable):
            WAYS.address(way, "+491234567")
    path.write_text("ntfy://host/{to}\n")
    assert WAYS.address(way, "+491234567") == "ntfy://host/%2B491234567"


def test_faults_of_the_settings_are_named(tmp_path: Path) -> None:
    path = tmp_path / "sms.url"
    path.write_text("ntfy://host/{to}")
    path.chmod(0o644)
    way = Way(name="sms", url_file=path)
    texts = faults([way, way, Way(name="own", to="url"), Way(name="other")])
    assert [text for text in texts if "twice" in text]
    assert [text for text in texts if "chmod 600" in text]
    assert [text for text in texts if "services" in text]
    assert [text for text in texts if "no url_file" in text]
    path.chmod(0o600)
    assert faults([way, OWN]) == []


def test_a_total_that_one_side_could_use_up_alone_is_a_fault() -> None:
    for side, total, count in ((50.0, 40.0, 1), (50.0, 50.0, 0), (50.0, 0.0, 0), (0.0, 40.0, 0)):
        way = replace(OWN, cost_limit=side, total_limit=total)
        assert [text for text in faults([way]) if "total_limit" in text] == faults([way])
        assert len(faults([way])) == count


def test_a_call_that_would_read_a_link_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "call.url"
    path.touch(mode=0o600)
    way = Way(name="call", url_file=path)
    for address, call in (
        ("twilio://AC00:00@+15550100200/{to}?method=call", True),
        ("Twilio://AC00:00@+15550100200/{to}?from=+15550100200&Method=Call", True),
        ("twilio://AC00:00@+15550100200/{to}?method=sms", False),
        ("json://host/{language}/{to}?method=call", False),
    ):
        path.write_text(address)
        assert is_call(address) == call
        assert bool([text for text in faults([way]) if "spoken = true" in text]) == call
        assert faults([replace(way, spoken=True)]) == []
    assert WAYS.address(way, "+491234567", "zh") == "json://host/zh/%2B491234567?method=call"
