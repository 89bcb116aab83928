"""The page on which each side adopts a version of the rules, in a release that has two.

The next release is another program, so it runs as a process.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

import next_release
from person import Person
from service import Service

CHANNEL = "nato-china"
PAGE = f"/c/{CHANNEL}/admin/rules"
NOTE = f"/c/{CHANNEL}/compose/contact-note"


@pytest.fixture
def newer(tmp_path: Path) -> Iterator[Service]:
    """A demonstration of the next release, whose channel goes by rules 1."""
    service = Service(tmp_path / "data", "--demo")
    service.stop()
    service.environment = {**service.environment, **next_release.built(tmp_path / "next")}
    service.start()
    yield service
    service.stop()


def adopt(keeper: Person, version: str = "") -> Person:
    """Adopt the next version, or the one of this name."""
    keeper.follow("Adopt rules")
    if version:
        keeper.fill("Version of the rules", version)
    keeper.press("Check before sending").press("Record: ")
    return keeper.follow("Back to Administration")


def test_each_side_adopts_for_itself_and_acts_of_later_rules_are_offered_once_in_force(
    newer: Service,
) -> None:
    nato, china, officer = [
        Person(newer.base_url, newer.token(f"{name}")).open(PAGE)
        for name in ("nato/administrator", "china/administrator", "nato/officer")
    ]
    for reader in (nato, china, officer):
        assert reader.title == "Rules 1"
    nato.within("New or changed in rules 2").see("Courtesy").within("")
    assert "Adopt rules" not in officer.links()
    officer.open(NOTE).fill("Text, English", "A note of rules 1.").choose("conversation")
    note = officer.press("Check before sending").press("Send").follow("Open the exchange").path
    courtesy = f"{note}/acts/courtesy"
    assert officer.open(courtesy).status == 404

    adopt(nato).see("adopted by NATO, and wait for CHINA")
    # What is not in force can be taken back, and adopted again.
    adopt(nato, "Take the adoption back").see("This program has later ones")
    adopt(nato).see("wait for CHINA")

    adopt(china.open(PAGE).see("adopted by NATO, and wait for CHINA"))
    for reader in (china, nato):
        assert reader.open(PAGE).title == "Rules 2"
        reader.within("Adopt").see("There is nothing to adopt.")
    assert officer.open(courtesy).status == 200
