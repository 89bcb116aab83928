"""Forms that outlive a session are sealed, bounded, and given back to nobody but who sent them."""

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from dragoman.console.forms.kept_forms import FORMS_KEPT, KeptForm, KeptForms
from dragoman.console.sessions import KEPT, keep_form, kept_form
from dragoman.limits import KEPT_FORM_BYTES, KEPT_FORM_SECONDS, KEPT_FORMS
from dragoman.stores.tokens_and_sessions import Grant

PATH = "/c/nato-china/compose/contact-note"


def test_a_form_comes_back_to_its_officer_for_an_hour_and_to_nobody_else() -> None:
    now = [0.0]
    forms = KeptForms(lambda: now[0])
    secret = forms.keep("nato/o-1", PATH, b"f.text.en=secret+words")
    assert forms.find(secret, "nato/o-1") == KeptForm(PATH, b"f.text.en=secret+words")
    assert forms.find(secret, "nato/o-2") is None
    assert forms.find("00" * 32, "nato/o-1") is None
    assert b"secret" not in repr(vars(forms)).encode(), "only the browser's cookie opens it"
    now[0] = KEPT_FORM_SECONDS + 1
    assert forms.find(secret, "nato/o-1") is None


def test_what_is_kept_is_bounded_by_officer_and_in_all() -> None:
    forms = KeptForms(lambda: 0.0)
    assert forms.keep("nato/o-1", PATH, b"x" * (KEPT_FORM_BYTES + 1)) == ""
    first = forms.keep("nato/o-1", PATH, b"one")
    second = forms.keep("nato/o-1", PATH, b"two")
    assert forms.find(first, "nato/o-1") is None, "one of an officer"
    assert forms.find(second, "nato/o-1") == KeptForm(PATH, b"two")
    for number in range(KEPT_FORMS):
        forms.keep(f"nato/x-{number}", PATH, b"more")
    assert forms.find(second, "nato/o-1") is None, "what is kept first goes first"


def test_officers_of_one_name_in_two_channels_have_a_form_each() -> None:
    app = web.Application()
    app[FORMS_KEPT] = KeptForms(lambda: 0.0)
    ours, theirs = (Grant(id=cid, actor="nato/officer", channels=(cid,)) for cid in ("one", "two"))
    response = keep_form(
        make_mocked_request("POST", PATH, app=app), ours, {"f.text.en": "ours"}, "/next"
    )
    assert response is not None
    keep_form(make_mocked_request("POST", PATH, app=app), theirs, {"f.text.en": "theirs"}, "/next")
    cookie = {"Cookie": f"{KEPT}={response.cookies[KEPT].value}"}
    later = make_mocked_request("GET", PATH, headers=cookie, app=app)
    assert kept_form(later, ours) == KeptForm(PATH, b"f.text.en=ours")
    assert kept_form(later, theirs) is None
