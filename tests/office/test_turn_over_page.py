"""The turn-over of a watch, signed point by point on pages and on the command line."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from office import Office
from person import Person, text_of
from service import INCIDENT

CHANNEL = "nato-china"
C = f"/v1/channels/{CHANNEL}"
BOARD, PATH = f"/c/{CHANNEL}", f"/c/{CHANNEL}/watch/turn-over"
SECRET = "Which of the two buoys is meant?"
TAKE = "Take the watch with these answers"


def immediate(office: Office, side: str) -> None:
    body = {**INCIDENT, "precedence": "immediate"}
    office.api(f"{side}/duty_officer", lambda caller: caller.open(body, CHANNEL))


def points(person: Person) -> list[Any]:
    return person.xpath("//*[@data-point]")


def answers(point: Any) -> list[Any]:
    return list(point.xpath(".//input[@type='radio'][@checked]"))


def answer(person: Person, point: Any, label: str) -> None:
    (choice,) = (each for each in point.xpath(".//input") if person.name_of(each) == label)
    for each in answers(point):
        each.attrib.pop("checked")
    choice.set("checked", "")


def answer_all(person: Person, label: str) -> None:
    for point in points(person):
        if not answers(point):
            answer(person, point, label)


def matter(person: Person) -> Any:
    return person.xpath("//*[starts-with(@data-point, 'matter/')]")[0]


def unclear_text(person: Person) -> Any:
    (field,) = (
        each
        for each in matter(person).xpath(".//textarea|.//input")
        if person.name_of(each).startswith("What is not clear")
    )
    return field


def test_a_watch_is_taken_point_by_point_and_what_is_not_clear_is_explained(
    own: Office, tmp_path: Path
) -> None:
    immediate(own, "nato")
    head = own.person("china/head_of_office").open(BOARD).press("Take the watch")
    head.at("//*[@data-turn-over='none']").see("without the list")

    duty = own.person("china/duty_officer").open(BOARD)
    duty.follow("Go through it point by point").press(TAKE).see("Some points have no answer")
    keys = {*matter(duty).xpath("./input[starts-with(@name, 'key.')]/@value")}
    assert len(keys) > 1, "one answer for all points of a matter"
    answer(duty, matter(duty), "Not clear")
    answer_all(duty, "Taken over")
    assert duty.xpath("//form//input[starts-with(@name, 'reason.')]") == []
    duty.press(TAKE).see("Say what is not clear, if you can.")
    unclear_text(duty).set("value", SECRET)
    (rest,) = duty.xpath("//*[@data-point='rest']")
    later = {*rest.xpath("./input[starts-with(@name, 'key.')]/@value")}
    assert len(later) > 1, "one answer for what is due later"
    before = len(points(duty))
    immediate(own, "nato")
    duty.press(TAKE).see("The list has changed")
    new = duty.xpath("//*[@data-change='new']")
    assert len(new) == len(points(duty)) - before > 0
    assert sum(bool(answers(each)) for each in points(duty)) == before
    assert not any(answers(each) for each in new)
    assert unclear_text(duty).get("value") == SECRET
    answer_all(duty, "Taken over")
    duty.press(TAKE).see("You have the watch.")

    view = own.api("china/officer", lambda china: china.get(f"{C}/watch/turn-over")).json
    assert view["committed"] and view["has_sheet"]
    signed = {each["key"]: each["answer"] for each in view["signed"]}
    assert {signed.get(key) for key in later} == {"taken_over"}
    assert {each["key"] for each in view["signed"] if each["answer"] == "not_clear"} == keys
    assert len(duty.open(PATH).see(SECRET).xpath("//*[@data-answer='not_clear']")) == len(keys)

    head.open(BOARD).at("//*[@data-unclear]").see(SECRET)
    assert len(head.xpath("//*[@data-unclear]")) == 1, "a matter is not clear once"
    head.fill("Explain it", "The western one.").press("Send the explanation").open(BOARD)
    head.at("//*[@data-unclear='explained']").see("The western one.")
    duty.open(BOARD).press("It is clear now")
    assert duty.xpath("//*[@data-unclear]|//*[@data-turn-over]") == []
    nothing_of_it_is_seen_by_the_other_side(own)
    an_auditor_verifies_the_sheet(own, tmp_path)


def an_auditor_verifies_the_sheet(own: Office, folder: Path) -> None:
    """The side's auditor downloads the sheet, and verifies it; the other side's cannot have it."""
    auditor = own.person("china/auditor").open(f"{BOARD}/audit")
    auditor.follow("Turn-overs that were signed")
    assert auditor.path == PATH
    link = auditor.xpath("//a[contains(., 'download the sheet')]/@href")[0]
    path = folder / "sheet.json"
    path.write_bytes(auditor.open(link).body)
    (token := folder / "auditor").write_text(own.token("china/auditor"))
    to = ("--channel", CHANNEL, "--token-file", str(token))
    export = str(folder / "log.zip")
    own.run("audit", "export", "--to", export, *to)
    for log in ((), (export,)):
        done = own.run("audit", "verify", *log, "--turn-over", str(path), *to)
        assert re.search(r"turn-over of china/d-1: record \d+ commits to it", done.stdout)
        assert "every point that follows from the log is in it" in done.stdout
    path.write_text(path.read_text().replace(SECRET, SECRET.replace("two", "ten")))
    done = own.run("audit", "verify", export, "--turn-over", str(path), *to, check=7)
    assert "the record does not commit to this sheet" in done.stderr
    other = own.person("nato/auditor").open(link)
    assert other.status == 404
    assert SECRET not in other.body.decode()


def nothing_of_it_is_seen_by_the_other_side(own: Office) -> None:
    """The other side sees that the watch is manned, and neither a name nor an answer."""

    def get(path: str) -> Any:
        return own.api("nato/duty_officer", lambda nato: nato.get(f"{C}/{path}"))

    view = get("watch/turn-over").json
    assert not view.get("has_sheet") and not view.get("signed")
    (china,) = (side for side in get("watch").json["sides"] if side["side"] == "china")
    assert china.keys() <= {"side", "manned_since", "note", "turn_over"} and "note" not in china
    records = get("records?from=1").body.decode()
    assert SECRET not in records and "western" not in records
    taken = [
        line for line in records.splitlines() if '"watch-assumption"' in line and "china/" in line
    ]
    assert taken
    assert re.search(r'"data":\{"act":"watch-assumption"\}', taken[-1])


@pytest.mark.parametrize("side", ["nato", "china"])
def test_the_list_is_that_of_the_board_in_its_order(own: Office, side: str) -> None:
    for sender in ("nato", "china"):
        immediate(own, sender)
    reader, path = own.person(f"{side}/duty_officer"), "//li[@data-row]"
    board = reader.open(f"{BOARD}?later=1").xpath(f"{path}/@data-exchange")
    assert reader.open(f"{PATH}?later=1").xpath(f"{path}/@data-exchange") == board
    rows = [text_of(row) for row in reader.xpath("//h2[contains(@class, 'turn')]")]
    assert rows == ["Mine now", "Theirs", "Also"]
    keys = reader.xpath("//input[starts-with(@name, 'key.')]/@value")
    assert sorted(keys) == sorted(
        each["key"] for each in reader.open(f"{PATH}.json").json["points"]
    )


def test_a_quiet_turn_over_has_few_words_and_controls(own: Office) -> None:
    reader = own.person("nato/duty_officer").open(PATH)
    assert len(text_of(reader.xpath("//main")[0]).split()) <= 159
    controls = "//a[@href]|//button|//select|//summary|//textarea|//input[not(@type='hidden')]"
    assert len(reader.xpath(controls)) <= 37
    assert not [name for name in reader.links() if "Reload" in name], "it would lose the answers"


def test_an_emergency_takes_the_watch_with_points_unsigned_and_the_board_says_so(
    own: Office,
) -> None:
    immediate(own, "china")
    watch = {"act": "watch-assumption"}
    own.api("nato/head_of_office", lambda nato: nato.post(f"{C}/channel", watch))
    duty = own.person("nato/duty_officer").open(PATH)
    answer(duty, points(duty)[0], "Taken over")
    immediate(own, "china")
    duty.press_at("//button[contains(., 'Take the watch now, the rest unsigned')]")
    duty.see("You have the watch.").at("//*[@data-turn-over='unsigned']")
    assert re.search(r"\d+ points? (is|are) unsigned", duty.text)
    duty.follow("Sign its points")
    answer_all(duty, "Taken over")
    duty.press("Sign these points").open(BOARD)
    assert duty.xpath("//*[@data-turn-over]") == []


def test_a_watch_is_taken_point_by_point_on_the_command_line(own: Office, tmp_path: Path) -> None:
    immediate(own, "nato")
    (token := tmp_path / "token").write_text(own.token("china/head_of_office"))
    to = ("--channel", CHANNEL, "--token-file", str(token))
    view = json.loads(own.run("watch", "points", "--json", *to).stdout)
    first, *others = [point["key"] for point in view["points"]]
    wrong = own.run("watch", "take", "--taken-over", "matter/none", *to, check=None)
    assert wrong.returncode != 0 and "dragoman watch points" in wrong.stderr
    unclear = f"{others[0]}=Who rings?"
    done = own.run("watch", "take", "--taken-over", first, "--not-clear", unclear, *to)
    assert f"not signed: {others[1]}" in done.stderr
    shown = own.run("watch", "points", *to)
    assert re.search(rf"{re.escape(first)} +taken over", shown.stdout)
    assert re.search(rf"{re.escape(others[0])} +not clear +Who rings\?", shown.stdout)
    assert "commits to it" in shown.stderr


@pytest.mark.parametrize(
    ("language", "words"), [("en", "point by point"), ("fr", "point par point"), ("zh", "逐项")]
)
def test_the_page_is_in_the_language_of_its_reader(demo: Office, language: str, words: str) -> None:
    head = demo.person("nato/head_of_office", language).open(PATH)
    assert words in text_of(head.xpath("//h1")[0])
