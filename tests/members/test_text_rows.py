"""Texts in several languages in a form: a box for each paragraph and language, one text of each
language in the act, and no word of either lost on the way.
"""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from dragoman.i18n.words import words
from dragoman.members import shapes, text_rows
from dragoman.members.kind import TypedForm, form_fields

EN = words("en")
TAGS = ("en", "fr", "zh")

PROSE = st.text(st.sampled_from(" \t\nab.两船"), max_size=30)
PARAGRAPH = PROSE.map(lambda text: text.replace("\n", "").strip()).filter(bool)


def boxes(columns: dict[str, list[str]], name: str = "f.text") -> MultiDict[str]:
    """Return the fields of a form with these boxes."""
    return MultiDict((f"{name}.{tag}", text) for tag, texts in columns.items() for text in texts)


def read(fields: MultiDict[str], act: str = "contact-note", **options: Any) -> dict[str, Any]:
    """Return the act that a form gives."""
    parser = TypedForm(
        form=fields,
        words=options.get("words", EN),
        languages=TAGS,
        sides=("nato", "china"),
        now=datetime(2026, 11, 24, tzinfo=UTC),
        zone=ZoneInfo("UTC"),
    )
    return parser.read(shapes.members(act))


@given(st.dictionaries(st.sampled_from(TAGS), st.lists(PROSE, max_size=5)))
def test_a_form_that_is_shown_again_gives_the_same_act(columns: dict[str, list[str]]) -> None:
    fields = boxes(columns)
    act = read(fields)
    rows = text_rows.rows(fields, "f.text", TAGS)
    again = boxes({tag: [row[place].text for row in rows] for place, tag in enumerate(TAGS)})
    assert read(again) == act


@given(st.dictionaries(st.sampled_from(TAGS), PROSE))
def test_a_draft_keeps_the_texts_of_every_language_as_they_are(texts: dict[str, str]) -> None:
    fields = boxes({tag: [text] for tag, text in texts.items()})
    act = read(fields)
    members = shapes.members("contact-note")
    draft = form_fields(TAGS, members, act)
    rows = text_rows.rows(draft, "f.text", TAGS)
    shown = boxes({tag: [row[place].text for row in rows] for place, tag in enumerate(TAGS)})
    assert read(shown) == act


@given(
    st.lists(st.dictionaries(st.sampled_from(TAGS), PARAGRAPH, min_size=1), min_size=1, max_size=5)
)
def test_numbered_texts_stay_beside_each_other_where_one_language_lacks_one(
    items: list[dict[str, str]],
) -> None:
    columns = {tag: [item.get(tag, "") for item in items] for tag in TAGS}
    act = read(boxes(columns, "f.questions"), "clarification-request")
    assert act["questions"] == items
    members = shapes.members("clarification-request")
    again = read(form_fields(TAGS, members, act), "clarification-request")
    assert again == act


def test_the_paragraphs_of_one_language_are_one_text() -> None:
    fields = boxes({"en": ["One.", "Two."], "zh": ["一。", ""]})
    assert read(fields)["text"] == {"en": "One.\n\nTwo.", "zh": "一。"}
    fields.add("f.original", "zh")
    assert list(read(fields)["text"]) == ["zh", "en"]


def test_what_a_language_lacks_is_marked_once_it_has_a_text() -> None:
    fields = boxes({"en": ["One.\n\nTwo."], "zh": ["一。"]})
    rows = text_rows.rows(fields, "f.text", TAGS)
    missing = [[cell.tag for cell in row if cell.is_missing] for row in rows]
    assert missing == [[], ["zh"]], "nobody has begun a French text"


def test_a_text_of_too_many_paragraphs_keeps_the_rest_in_its_last_box() -> None:
    text = "\n\n".join(f"{n}." for n in range(500))
    rows = text_rows.rows(boxes({"en": [text]}), "f.text", TAGS)
    assert len(rows) == text_rows.most_rows(TAGS) == 100
    again = boxes({"en": [row[0].text for row in rows]})
    assert read(again)["text"] == {"en": text}
