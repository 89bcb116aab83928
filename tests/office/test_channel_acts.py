"""The acts of keepers: each is offered on a page, filled in with the least it needs, and recorded."""

import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dragoman.console.compose.channel_acts import CHANNEL_ACTS
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.act_rules import Who
from dragoman.tlog import dsse
from dragoman.tlog.note import COSIGNATURE, Verifier
from office import Office
from person import Person, text_of
from service import NOTE

CHANNEL = "nato-china"
SIDES = ("nato", "china")

PROXY = (Path(__file__).parents[2] / "deploy" / "proxy" / "Caddyfile").read_text()
AT_THE_KEYS = re.compile(re.findall(r"@keys path_regexp (\S+)", PROXY)[0])
"""The paths that a proxy sends to the gateway with the keys of a trial, which signs."""

BY_COMMAND = {
    "key-addition": "a key signs its own entry; a browser asks for it on the page “Your key”",
    "root-rotation": "old and new root keys sign, which are in no browser",
    "side-admission": "every side signs",
    "log-handover": "every side signs, after comparing it with its own copy",
    "channel-end": "every side signs",
}
"""Acts of keepers that no form can make, and why."""

LATER = {"rules-adoption"}
"""Acts that this release has nothing to fill in for; see test_rules_page.py."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A demonstration whose keepers use every form once."""
    office = Office(tmp_path_factory.mktemp("keepers") / "data", demo=True)
    yield office
    office.stop()


def test_every_act_of_keepers_has_a_form_or_a_reason_for_none() -> None:
    of_keepers = {act for act, rule in RULES.items() if rule.who is Who.KEEPERS}
    assert of_keepers - CHANNEL_ACTS.keys() == BY_COMMAND.keys()


def offered(person: Person, act: str) -> Person:
    """Follow the link of a page of administration that leads to the form of an act."""
    person.open(f"/c/{CHANNEL}{CHANNEL_ACTS[act].page}")
    form = f"/c/{CHANNEL}/admin/acts/{act}"
    links = [href for href in person.links().values() if href.partition("?")[0] == form]
    assert links, f"no link to {form} on {person.path}"
    return person.open(links[0])


def fill(person: Person, typed: dict[str, str]) -> Person:
    """Fill in what the form needs: what is typed, and of each list the first choice."""
    for control in person.xpath("//main//input|//main//textarea|//main//select"):
        name = control.get("name", "")
        if not name.startswith("f.") or control.get("type") == "hidden":
            continue
        member, is_choice = name.partition(".")[2], control.get("type") in ("radio", "checkbox")
        label = f"{person.name_of(control)} {text_of(legend_of(control))}"
        if member in typed:
            if not is_choice:
                person.fill(person.name_of(control), typed[member])
            elif control.get("value") == typed[member]:
                control.set("checked", "")
        elif "(optional)" in label or person.xpath(f"//*[@name='{name}'][@checked]"):
            continue
        elif is_choice:
            control.set("checked", "")
        elif control.tag == "select" and not control.xpath(".//option[@selected]"):
            control.xpath(".//option[@value!='']")[0].set("selected", "")
    return person


def legend_of(control: Any) -> Any:
    """Return the outermost group of a control: a member that has parts may be optional."""
    groups = control.xpath("ancestor::fieldset/legend")
    return groups[0] if groups else control


def sent(person: Person) -> str:
    """Check the form and send it. Return the act that was recorded."""
    (action,) = person.xpath("//form[@id='writing']/@action")
    assert AT_THE_KEYS.fullmatch(action), action
    person.press("Check before sending").miss("There is a problem").press("Record: ")
    return recorded(person)


def recorded(person: Person) -> str:
    person.see("Recorded: record")
    return str(person.open(f"{person.path.partition('?')[0]}.json").json["act"])


@pytest.mark.parametrize("side", SIDES)
def test_keepers_of_both_sides_fill_in_every_form_with_the_least_it_needs(
    demo: Office, side: str
) -> None:
    keeper, head = demo.person(f"{side}/administrator"), demo.person(f"{side}/head_of_office")
    note = demo.api(f"{side}/officer", lambda caller: caller.open(NOTE, CHANNEL)).json["number"]
    acts: dict[str, Callable[[], str]] = {
        "officer": lambda: simple("officer", officer="o-99", office="hq", roles="administrator"),
        "key-revocation": lambda: simple("key-revocation", key=key_of(demo, f"{side}/o-99")),
        "officer-revocation": lambda: simple("officer-revocation", officer="o-99"),
        "profile-adoption": lambda: simple("profile-adoption"),
        "codebook-adoption": lambda: simple("codebook-adoption"),
        "policy-adoption": lambda: simple("policy-adoption", policy=policy()),
        "onward-adoption": lambda: sent(offered(head, "onward-adoption")),
        "channel-status": lambda: status(demo, side, head),
        "erasure-consent": lambda: consents(demo, note),
        "erasure": lambda: simple("erasure"),
    }

    def simple(act: str, **typed: str) -> str:
        return sent(fill(offered(keeper, act), typed))

    assert acts.keys() == CHANNEL_ACTS.keys() - LATER
    assert [act for act, write in acts.items() if write() != act] == []


def key_of(demo: Office, officer: str) -> str:
    """Return the id of an officer's key. In a trial the host makes one for an administrator."""
    path = f"/v1/channels/{CHANNEL}/state"
    state = demo.api("nato/auditor", lambda caller: caller.get(path)).json
    keys = state["registry"]["keys"].items()
    return next(str(id) for id, key in keys if key["owner"] == officer)


def policy() -> str:
    """Return a policy with a witness of each side."""
    lines = []
    for side in SIDES:
        public = dsse.public_of(secrets.token_bytes(32))
        lines += [f"witness {side}-1 {Verifier(f'{side}.example/w', COSIGNATURE, public)}"]
        lines += [f"group {side} any {side}-1"]
    return "\n".join([*lines, "group both all nato china", "quorum both"])


def status(demo: Office, side: str, head: Person) -> str:
    """Write the status, and have a colleague release it."""
    fill(offered(head, "channel-status"), {}).press("Check before sending").press("Send to")
    colleague = demo.person(f"{side}/duty_officer").open(head.path)
    return recorded(colleague.press("Release"))


def consents(demo: Office, note: str) -> str:
    """Have every side consent to the erasure of an exchange."""
    written = []
    for side in SIDES:
        keeper = offered(demo.person(f"{side}/administrator"), "erasure-consent")
        written.append(sent(fill(keeper, {"records": note})))
    return written[-1]
