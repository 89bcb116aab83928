"""The office in memory is a gateway: what tests find there, they would find at `dragoman up`.

Its broker is held by the contract tests. Here are its pages, commands, clock and start, and that a
person at it is refused what a browser would refuse.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from dragoman.cli.common import NOT_FOUND
from office import Office
from person import Person

CHANNEL = "/c/nato-china"
FORM = """<h1>Form</h1><form method="post" action="/x"><label>Facts <textarea name="facts" required>
</textarea></label><label for="who">Who</label><select id="who" name="who"><option value="1">One
<option value="2" selected>Two</select><fieldset><legend>Kind</legend>
<label><input type="radio" name="kind" value="a"> Air</label>
<label><input type="radio" name="kind" value="s" checked> Sea</label></fieldset>
<label><input type="checkbox" name="urgent"> Urgent</label><input type="hidden" name="token" value="t">
<input name="never" disabled value="x"><button name="do" value="send">Send</button>
<button disabled>Never</button></form><section><h2>Late</h2><ul><li>One thing</ul></section>"""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    office = Office(tmp_path_factory.mktemp("office") / "data", demo=True)
    yield office
    office.stop()


def shown(text: str) -> Person:
    """Somebody who sees this page."""
    person = Person("http://127.0.0.1:1")
    person.show(text)
    return person


def noted(office: Office, text: str) -> str:
    """An officer of NATO writes a contact note; the address of its exchange."""
    writer = office.person("nato/officer").open(f"{CHANNEL}/compose/contact-note")
    writer.fill("Text, English", text).choose("conversation")
    writer.press("Check before sending").see(text).press("Send").see("Recorded")
    return next(each for each in writer.links().values() if "/exchanges/" in each)


def test_a_note_is_written_checked_sent_and_read_by_the_other_side(office: Office) -> None:
    exchange = noted(office, "Met at the reception.")
    office.person("china/officer").open(exchange).see("Met at the reception.")
    token = office.data / "china.token"
    token.write_text(office.token("china/officer"))
    asked = ["--channel", "nato-china", "--token-file", str(token)]
    shown = office.run("show", exchange.rpartition("/")[2], *asked)
    assert "Met at the reception." in shown.stdout
    none = office.run("show", "0192f3a4", *asked, check=None)
    assert (none.returncode, none.stdout) == (NOT_FOUND, "")
    assert none.stderr.startswith("dragoman: ")


def test_the_clock_goes_where_it_is_set_and_deadlines_fall(office: Office) -> None:
    reader = office.person("nato/officer")
    before = reader.open(f"{CHANNEL}/in-force").text
    position = int(reader.open(CHANNEL).follow("Past").fields()["Record"])
    later = office.clock.now() + timedelta(days=40)
    try:
        office.set(later)
        office.settle()
        newest = int(reader.open(CHANNEL).follow("Past").fields()["Record"])
        assert newest > position, "reminders were recorded"
        assert reader.open(CHANNEL).see(f"{later:%Y}").open(f"{CHANNEL}/in-force").text != before
    finally:
        office.clock.release()


def test_what_was_said_is_there_after_a_restart(tmp_path: Path) -> None:
    office = Office(tmp_path / "data", demo=True)
    try:
        exchange = noted(office, "It stays.")
        office.restart()
        office.person("china/officer").open(exchange).see("It stays.")
    finally:
        office.stop()


@pytest.mark.parametrize(
    ("does", "said"),
    [
        (lambda p: p.press("Send"), "asks to fill in 'Facts'"),
        (lambda p: p.press("Never"), "is disabled"),
        (lambda p: p.press("Other"), "no button 'Other'"),
        (lambda p: p.fill("Who", "Three"), "offers"),
        (lambda p: p.fill("Kind", "x"), "no field 'Kind'"),
        (lambda p: p.fill("Sea", "x"), "is a radio"),
        (lambda p: p.see("Nothing of this"), "is not on"),
        (lambda p: p.within("Late").see("Form"), "is not on"),
    ],
)
def test_a_person_cannot_do_what_a_browser_would_refuse(does: object, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        does(shown(FORM))  # type: ignore[operator]


def test_a_form_sends_the_fields_that_a_browser_sends() -> None:
    person = shown(FORM)
    person.fill("Facts", "a\nb").fill("Who", "One").choose("Air").choose("Urgent")
    assert person.fields()["Facts"] == "a\r\nb"
    assert person.sent("Send") == [
        ("facts", "a\r\nb"),
        ("who", "1"),
        ("kind", "a"),
        ("urgent", "on"),
        ("token", "t"),
        ("do", "send"),
    ]
    person.choose("Urgent", on=False)
    assert "urgent" not in dict(person.sent("Send"))
