"""Webhook signatures: as the other library of Standard Webhooks makes and takes them, and that
nothing else is taken.
"""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import VerifyKey
from standardwebhooks.webhooks import Webhook

from dragoman.interop import webhook_signatures
from dragoman.interop.webhook_signatures import NotSigned

NOW = 1_764_000_000
BODY = '{"type":"dragoman.contact-note.v1","data":{"文":"x"}}'.encode()
SECRET = webhook_signatures.shared_secret(bytes(range(32)))
PRIVATE, PUBLIC = webhook_signatures.key_pair(bytes(range(1, 33)))


def taken(secret: str, sent: dict[str, str], body: bytes = BODY, now: int = NOW) -> None:
    webhook_signatures.check(
        secret, sent["webhook-id"], sent["webhook-timestamp"], sent["webhook-signature"], body, now
    )


def test_a_shared_secret_signs_as_the_other_library_does() -> None:
    sent = webhook_signatures.headers(SECRET, "msg_1", NOW, BODY)
    theirs = Webhook(SECRET).sign("msg_1", datetime.fromtimestamp(NOW, UTC), BODY.decode())
    assert sent["webhook-signature"] == theirs
    fresh = webhook_signatures.headers(SECRET, "msg_1", int(datetime.now(UTC).timestamp()), BODY)
    assert Webhook(SECRET).verify(BODY.decode(), fresh)


def test_a_key_of_the_senders_own_signs_what_the_specification_says() -> None:
    sent = webhook_signatures.headers(PRIVATE, "msg_1", NOW, BODY)
    version, _, signature = sent["webhook-signature"].partition(",")
    assert version == "v1a"
    key = VerifyKey(base64.b64decode(PUBLIC.removeprefix("whpk_")))
    assert key.verify(f"msg_1.{NOW}.".encode() + BODY, base64.b64decode(signature))
    taken(PUBLIC, sent)


@pytest.mark.parametrize(("signing", "checking"), [(SECRET, SECRET), (PRIVATE, PUBLIC)])
def test_what_is_not_as_it_was_sent_is_not_taken(signing: str, checking: str) -> None:
    sent = webhook_signatures.headers(signing, "msg_1", NOW, BODY)
    taken(checking, sent)
    taken(
        checking, {**sent, "webhook-signature": f"v9,AAAA {sent['webhook-signature']} v1,!!"}
    )  # while a secret is changed there are two
    for change in (
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": str(NOW + 1)},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "v1a,AAAA"},
        {"webhook-signature": "nonsense"},
        {"webhook-signature": ""},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "١٢٣"},
    ):
        with pytest.raises(NotSigned):
            taken(checking, {**sent, **change})
    with pytest.raises(NotSigned):
        taken(checking, sent, BODY + b" ")
    with pytest.raises(NotSigned, match="five minutes"):
        taken(checking, sent, now=NOW + 301)


def test_one_kind_of_secret_does_not_check_the_other() -> None:
    with pytest.raises(NotSigned):
        taken(SECRET, webhook_signatures.headers(PRIVATE, "msg_1", NOW, BODY))
    with pytest.raises(NotSigned):
        taken(PUBLIC, webhook_signatures.headers(SECRET, "msg_1", NOW, BODY))


@given(st.text(max_size=60), st.binary(max_size=60))
def test_no_signature_crashes_the_reader(signature: str, body: bytes) -> None:
    for secret in (SECRET, PUBLIC):
        with pytest.raises(NotSigned):
            webhook_signatures.check(secret, "msg_1", str(NOW), signature, body, NOW)
