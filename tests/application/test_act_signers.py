"""The signers of acts that root or an administrator posts: the sides, or in a trial the host."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dragoman.application.act_signer import ActSigner, OwnKeySigner
from dragoman.application.trial_signer import TrialSigner
from dragoman.domain.decide import Submission
from dragoman.domain.record import ids
from dragoman.domain.record.codec import read_act
from dragoman.domain.record.errors import Refused
from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.projection.projection import Projection
from dragoman.projection.store import Store
from dragoman.stores.keystore import Keystore
from dragoman.tlog import dsse
from world import NOTE, World, compact

ADMINISTRATOR = {
    "act": "officer",
    "officer": "adm-7",
    "office": "hq",
    "roles": ["administrator"],
}


def submitted(body: dict[str, Any], actor: str = "nato/adm-1", signatures: str = "") -> Submission:
    act, data = read_act(compact(body), cut=False)
    id = ids.from_key("nato-china", actor, "signer-test")
    return Submission(actor=actor, act=act, data=data, id=id, signatures=signatures)


@pytest.fixture
async def trial(tmp_path: Path) -> AsyncIterator[Projection]:
    world = World(custody="host")
    store = Store(tmp_path / "projection.sqlite")
    projection = Projection(MemoryLog(world.name), store)
    projection.take(
        [StoredMessage(position=n, subject="", raw=raw) for n, raw in enumerate(world.raws, 1)]
    )
    await projection.in_file()
    yield projection
    store.close()


@pytest.fixture
def custody(tmp_path: Path) -> Keystore:
    return Keystore(tmp_path / "keys")


@pytest.mark.parametrize("name", ["host", "sides"])
async def test_an_officers_act_is_decided_as_it_came(
    name: str, trial: Projection, custody: Keystore
) -> None:
    signer: ActSigner = TrialSigner(custody) if name == "host" else OwnKeySigner()
    note = submitted(NOTE, "nato/o-1")
    signed = signer.sign(trial, note)
    assert (signed.submission, signed.signatures) == (note, "")


async def test_where_the_sides_keep_their_keys_the_post_brings_the_signatures(
    trial: Projection,
) -> None:
    signer = OwnKeySigner()
    with pytest.raises(Refused) as refused:
        signer.sign(trial, submitted(ADMINISTRATOR))
    assert refused.value.refusal.kind == "not-permitted"
    own = submitted(ADMINISTRATOR, signatures="by their own keys")
    assert signer.sign(trial, own).signatures == "by their own keys"
    by_service = submitted(ADMINISTRATOR, "service/gateway")
    assert signer.sign(trial, by_service).signatures == ""


async def test_in_a_trial_the_host_signs_and_stores_a_new_key_once_the_act_was_legal(
    trial: Projection, custody: Keystore
) -> None:
    public = custody.make(trial.name, "nato/adm-1")
    signer = TrialSigner(custody)
    signed = signer.sign(trial, submitted(ADMINISTRATOR))
    signatures = dsse.read_signatures(signed.signatures, 9) or {}
    assert dsse.key_id(public) in signatures and len(signatures) == 2
    assert b'"signed":{"channel":"' in signed.submission.act
    assert not custody.holds(trial.name, "nato/adm-7")
    signer.store_keys(trial.name, signed)
    assert custody.holds(trial.name, "nato/adm-7")
    with pytest.raises(Refused) as refused:
        signer.sign(trial, submitted(ADMINISTRATOR, "nato/nobody"))
    assert refused.value.refusal.kind == "not-permitted"


async def test_a_gateway_without_the_trials_keys_names_the_one_that_has_them(
    trial: Projection, custody: Keystore
) -> None:
    with pytest.raises(Refused) as refused:
        TrialSigner(custody).sign(trial, submitted(ADMINISTRATOR))
    assert refused.value.refusal.kind == "unavailable"
    assert f"keys/channels/{trial.name}" in str(refused.value.refusal.detail)
