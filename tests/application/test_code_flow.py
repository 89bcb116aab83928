"""The settings of the sign-in at a provider, and the names of browsers that are stored."""

import math
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.application.identity_provider import code_flow
from dragoman.application.identity_provider.jwt_checks import is_in_time, seconds_of
from dragoman.console.page.browser_names import browser_of
from dragoman.settings import Oidc, SettingsError

ISSUER, PUBLIC = "https://sso.example", "https://liaison.example/"


def settings(**more: Any) -> Oidc:
    """Return settings that are in order but for what is given."""
    return Oidc(**{"issuer": ISSUER, "client_id": "pages", **more})


_NO_TIMES: st.SearchStrategy[Any] = st.sampled_from(
    [math.inf, -math.inf, math.nan, True, False, None, "1", [], {}]
)


@given(st.sampled_from(["exp", "nbf"]), _NO_TIMES)
def test_a_token_is_valid_only_with_finite_times(name: str, value: Any) -> None:
    good = {"exp": time.time() + 300, "nbf": time.time() - 300}
    assert is_in_time(good)
    assert is_in_time({"exp": 10**400})
    assert not is_in_time({**good, name: value})
    assert seconds_of({"iat": value}, "iat") is None


def test_the_provider_sends_browsers_back_to_the_public_address() -> None:
    code_flow.check(settings(), PUBLIC)
    assert code_flow.redirect_url(settings(), PUBLIC) == f"{PUBLIC}signin/oidc/return"
    own = "https://elsewhere.example/back"
    assert code_flow.redirect_url(settings(redirect_url=own), "") == own
    assert code_flow.redirect_url(settings(), "http://127.0.0.1:8470").startswith("http://127")


@pytest.mark.parametrize(
    ("more", "base_url", "told"),
    [
        ({"issuer": ""}, PUBLIC, "name oidc.issuer too"),
        ({}, "", "name http.public_url or oidc.redirect_url"),
        ({}, "http://0.0.0.0:8470", "name http.public_url or oidc.redirect_url"),
        ({}, "http://liaison.example", "is not an https URL"),
        ({"audience": "pages"}, PUBLIC, "name another audience than oidc.client_id"),
        ({"client_secret_file": Path("/nowhere/secret")}, PUBLIC, "No such file"),
    ],
)
def test_settings_that_would_not_work_or_not_be_safe_are_refused(
    more: dict[str, Any], base_url: str, told: str
) -> None:
    with pytest.raises(SettingsError, match=told):
        code_flow.check(settings(**more), base_url)


def test_an_empty_secret_is_not_taken_for_a_public_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "secret").write_text("\n")
    with pytest.raises(SettingsError, match="is empty"):
        code_flow.check(settings(client_secret_file=Path("$CREDENTIALS_DIRECTORY/secret")), PUBLIC)


@pytest.mark.parametrize(
    ("description", "names"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
            "Edge Windows",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like "
            "Gecko) Version/18.0 Safari/605.1.15",
            "Safari macOS",
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/141.0.0.0 Mobile Safari/537.36",
            "Chrome Android",
        ),
        ("curl/8.5.0", " "),
        ("x" * 100_000 + "Firefox/1 Linux", " "),
    ],
)
def test_of_a_browser_two_names_are_stored(description: str, names: str) -> None:
    assert " ".join(browser_of(description)) == names
