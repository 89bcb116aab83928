"""Forms that outlive a session are sealed, bounded, and given back to nobody but who sent them."""

from dragoman.console.page.kept_forms import FormOwner, KeptForm, KeptForms
from dragoman.limits import KEPT_FORM_BYTES, KEPT_FORM_SECONDS, KEPT_FORMS

PATH = "/c/nato-china/compose/contact-note"
OFFICER = FormOwner("nato/o-1", frozenset({"one"}))


def test_a_form_comes_back_to_its_officer_for_an_hour_and_to_nobody_else() -> None:
    now = [0.0]
    forms = KeptForms(lambda: now[0])
    secret = forms.keep(OFFICER, PATH, b"f.text.en=secret+words")
    assert forms.find(secret, OFFICER) == KeptForm(PATH, b"f.text.en=secret+words")
    assert forms.find(secret, FormOwner("nato/o-2", OFFICER.channels)) is None
    assert forms.find("00" * 32, OFFICER) is None
    assert b"secret" not in repr(vars(forms)).encode(), "only the browser's cookie opens it"
    now[0] = KEPT_FORM_SECONDS + 1
    assert forms.find(secret, OFFICER) is None


def test_what_is_kept_is_bounded_by_officer_and_in_all() -> None:
    forms = KeptForms(lambda: 0.0)
    assert forms.keep(OFFICER, PATH, b"x" * (KEPT_FORM_BYTES + 1)) == ""
    first = forms.keep(OFFICER, PATH, b"one")
    second = forms.keep(OFFICER, PATH, b"two")
    assert forms.find(first, OFFICER) is None, "one of an officer"
    assert forms.find(second, OFFICER) == KeptForm(PATH, b"two")
    for number in range(KEPT_FORMS):
        forms.keep(FormOwner(f"nato/x-{number}", OFFICER.channels), PATH, b"more")
    assert forms.find(second, OFFICER) is None, "what is kept first goes first"


def test_officers_of_one_name_in_two_channels_have_a_form_each() -> None:
    forms = KeptForms(lambda: 0.0)
    theirs = FormOwner(OFFICER.name, frozenset({"two"}))
    secret = forms.keep(OFFICER, PATH, b"ours")
    forms.keep(theirs, PATH, b"theirs")
    assert forms.find(secret, OFFICER) == KeptForm(PATH, b"ours")
    assert forms.find(secret, theirs) is None


def test_another_token_of_the_same_officer_finds_the_form() -> None:
    forms = KeptForms(lambda: 0.0)
    wider = FormOwner(OFFICER.name, frozenset({"one", "two", "three"}))
    assert forms.find(forms.keep(OFFICER, PATH, b"ours"), wider) == KeptForm(PATH, b"ours")
    again = forms.keep(wider, PATH, b"newer")
    assert forms.find(again, OFFICER) == KeptForm(PATH, b"newer"), "one of an officer"
