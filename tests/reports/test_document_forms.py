"""Forms of documents: what a browser shows, sends, and reads aloud."""

from lxml import html

from dragoman.document.blocks import FieldGroup, Form, FormButton, FormField, choice, line
from dragoman.document.form_html import fault_summary
from dragoman.document.html import block, markup
from dragoman.i18n.words import words
from dragoman.members.runs import PressButton

EN = words("en")


def drawn(item: Form) -> html.HtmlElement:
    return html.fragment_fromstring(
        str(block(item, EN, lambda path, **_: f"/c/north{path}?at=7")), create_parent=True
    )


def test_what_is_wrong_stands_beside_its_field_and_in_the_summary_in_the_same_words() -> None:
    office = line("office", "Office", "Q <1>", "Like brussels.", "Give the office.")
    (field,) = drawn(Form(to="//office", parts=(office,), button="Keep")).xpath("//input[@id]")
    assert (field.get("value"), field.get("aria-invalid")) == ("Q <1>", "true")
    assert field.get("aria-describedby") == "office-hint office-fault"
    (fault,) = field.xpath("//p[@id='office-fault']")
    summary = html.fromstring(str(fault_summary([("office", "Give the office.")], EN)))
    (link,) = summary.xpath("//a[@href='#office']")
    assert link.text == fault.text_content() == "Give the office."
    assert fault_summary([], EN) == ""


def test_a_form_has_a_key_and_keeps_that_of_a_form_whose_outcome_is_unknown() -> None:
    first, second = (
        drawn(Form(to="//office", parts=(), button="Keep", key=key)).xpath("//input[@name='key']")
        for key in ("", "k-1")
    )
    assert len(first[0].get("value")) == 32
    assert second[0].get("value") == "k-1"


def test_a_form_that_asks_for_a_page_keeps_the_moment_and_has_no_key() -> None:
    sides = choice("side", "Whose", "b", (("", "all"), ("b", "B")))
    tree = drawn(Form(to="/log", parts=(sides,), button="Show", gets=True))
    (form,) = tree.xpath("//form")
    assert (form.get("method"), form.get("action")) == ("get", "/c/north/log")
    assert [(each.name, each.value) for each in form.xpath(".//input")] == [("at", "7")]
    assert form.xpath(".//option[@selected]/text()") == ["B"]


def test_fields_unfold_once_one_of_their_own_choices_is_chosen() -> None:
    for chosen, is_open in (("fr", False), ("da", True)):
        rest = FormField(
            control="checks",
            name="languages",
            label="",
            values=(chosen,),
            options=(("da", "Dansk"),),
        )
        group = FieldGroup("Other languages", (rest,), folds=True)
        tree = drawn(Form(to="//open", parts=(group,), button="Open"))
        assert bool(tree.xpath("//details[@open]")) is is_open


def test_the_enter_key_sends_a_form_and_presses_none_of_its_other_buttons() -> None:
    more = FormButton("Add another", "do", "row")
    tree = drawn(Form(to="//open", parts=(more,), button="Open"))
    first = tree.xpath("//button")[0]
    assert (first.text, first.get("name"), first.get("aria-hidden")) == ("Open", None, "true")


def test_a_press_in_a_row_is_a_form_of_its_own_and_papers_have_none() -> None:
    press = PressButton("End it", "//sessions", {"end": "a-1"}, "a-1")
    tree = html.fragment_fromstring(str(markup(press, str)), create_parent=True)
    (form,) = tree.xpath("//form[@method='post'][@action='/sessions']")
    assert {each.name: each.value for each in form.xpath(".//input")}.keys() == {"end"}
    assert form.xpath(".//button")[0].text_content() == "End it a-1"
    assert markup(press) == ""
