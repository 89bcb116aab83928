"""The label of a member says what it means in its act. Two acts share a label only by intent."""

from collections import defaultdict

import pytest

from dragoman.i18n.vocabulary import OWN_LABELS, names
from dragoman.i18n.words import LANGUAGES, words
from dragoman.members import shapes
from dragoman_schemas.acts import SHAPES

THE_SAME = {
    "as_of": "the day, or the time, of which it speaks",
    "cause": "why it was, of a request or of an outage",
    "direction": "outgoing, incoming, or degrees",
    "level": "of a mechanism, or of a meeting",
    "means": "by which way",
    "name": "of what is opened or agreed",
    "participants": "by name, or by group",
    "records": "of the log",
    "side": "a side, or one that joins",
    "terms": "the digest of the text",
    "title": "in one line",
    "type": "of an activity, or of a shape",
    "window": "a time, or the one of those that were offered",
}
"""Names that differ only in how their value is written, and what they mean in each act."""


def test_acts_that_ask_in_another_way_have_another_label_unless_they_mean_the_same() -> None:
    asked: dict[str, set[str]] = defaultdict(set)
    for act in SHAPES:
        for member in shapes.members(act):
            own = f"{act}.{member.name}" in OWN_LABELS
            if member.name not in shapes.FRAME and not own:
                asked[member.name].add(member.control)
    assert {name for name, controls in asked.items() if len(controls) > 1} <= THE_SAME.keys()


def test_a_transmittal_names_a_release_and_an_emergency_a_release_of_substances() -> None:
    w = words("en")
    assert w.field("release", "transmittal") == "Release"
    assert w.field("release", "emergency-notification") == "Release of substances"
    assert w.field("source", "transmittal") != w.field("source", "terrorism-warning")


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_label_of_its_own_differs_from_the_usual_one(language: str) -> None:
    w = words(language)
    for own in OWN_LABELS:
        act, _, name = own.partition(".")
        assert ("field", own) in set(names())
        assert w.field(name, act) not in (w.field(name), own), own
