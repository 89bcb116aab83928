"""The signer of trials: the host signs with the keys in its custody.

In a trial the host keeps the keys of administrators and roots. An act that must be
signed may therefore come without signatures, and the host signs it. An act that comes
with some signatures gets the missing ones. A gateway without the keys refuses, and
names the one that has them.
"""

import base64
from collections.abc import Mapping

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from dragoman.application.act_signer import (
    SignedSubmission,
    is_signed_by_keepers,
    no_key_here,
)
from dragoman.domain.acts.access import ROOT
from dragoman.domain.acts.act_registry import in_force
from dragoman.domain.acts.erasure import consenting, hash_of
from dragoman.domain.decide import Submission
from dragoman.domain.record import codec as records
from dragoman.domain.record.errors import refuse
from dragoman.limits import SIGNATURES
from dragoman.projection.projection import Projection
from dragoman.stores.keystore import Keystore
from dragoman.tlog import dsse
from dragoman_schemas.acts.office.channel import Erasure, Officer


class TrialSigner:
    """The signer of the trial channels whose keys are in custody here."""

    def __init__(self, custody: Keystore) -> None:
        """Sign with the keys in custody."""
        self._custody = custody

    def sign(self, projection: Projection, submission: Submission) -> SignedSubmission:
        """Return a submission with the signatures that the host adds.

        Raises `Refused` if the host has to sign, and has no key of the actor here.
        """
        if not is_signed_by_keepers(submission):
            return SignedSubmission(submission=submission, signatures=submission.signatures)
        self._refuse_if_kept_elsewhere(projection, submission)
        if not submission.signatures:
            return self._sign_whole(projection, submission)
        signatures = self._completed(projection, submission)
        return SignedSubmission(submission=submission, signatures=signatures)

    def store_keys(self, channel: str, signed: SignedSubmission) -> None:
        """Store the key of an administrator whom an act entered."""
        self._custody.keep(channel, signed.new_seeds)

    def _sign_whole(self, projection: Projection, submission: Submission) -> SignedSubmission:
        """Return a submission whose act has the member `signed`, and its signatures.

        If the act makes an administrator who has no key yet, the host makes one and
        adds it to the act. Raises `Refused` if the host keeps no key of the actor.
        """
        registry = projection.registry
        if not self._custody.holds(registry.name, submission.actor):
            raise no_key_here(submission)
        act, owners, new_seeds = submission.act, [submission.actor], dict[str, bytes]()
        side = submission.actor.partition("/")[0]
        owners += self._consenting_roots(projection, submission)
        if (
            isinstance(submission.data, Officer)
            and "administrator" in submission.data.roles
            and submission.data.keys is UNSET
        ):
            owner = f"{side}/{submission.data.officer}"
            if not any(key.owner == owner and key.until is None for key in registry.keys.values()):
                new_seeds[owner] = self._custody.prepared(registry.name, owner)
                public_key = base64.b64encode(dsse.public_of(new_seeds[owner])).decode()
                act = act[:-1] + b',"keys":["%s"]}' % public_key.encode()
                owners.append(owner)
        size = projection.state.position
        name = str(submission.data.__struct_config__.tag)
        signed = {
            "channel": registry.cid,
            "type": records.type_of(name, in_force(registry).rules[name].version),
            "exchange": registry.id,
            "id": submission.id,
            "author": submission.actor,
            "after": registry.etag,
            "seen": {"size": size, "root": dsse.encode_base64(projection.root(size))},
        }
        act = act[:-1] + b',"signed":' + msgspec.json.encode(signed) + b"}"
        return SignedSubmission(
            submission=replace(submission, act=act, data=records.decode_act(act)),
            signatures=self._custody.sign(registry.name, owners, act, new_seeds),
            new_seeds=new_seeds,
        )

    def _refuse_if_kept_elsewhere(self, projection: Projection, submission: Submission) -> None:
        """Raise `Refused` if another gateway has the keys to sign a submission.

        It is the one with any key of the channel.
        """
        registry, actor = projection.registry, submission.actor
        if self._custody.has_channel(registry.name):
            return
        signatures = dsse.read_signatures(submission.signatures, SIGNATURES) or {}
        if not _is_signed(projection, actor, signatures) or _consenting_sides(
            projection, submission
        ):
            raise refuse(
                "unavailable",
                "Nothing was recorded: the host has to sign this act, and this gateway has no trial "
                "keys of %(channel)s. Post it at the gateway that has keys/channels/%(channel)s in "
                "its data directory; the proxy should send administration there. Tell the operator.",
                channel=registry.name,
            )

    def _completed(self, projection: Projection, submission: Submission) -> str:
        """Return the signatures of a submission, with those that the host adds.

        The host signs for the actor if the actor has not signed, and for the roots
        whose sides consented to an erasure. It signs only with keys in its custody.
        """
        registry, actor = projection.registry, submission.actor
        signatures = dsse.read_signatures(submission.signatures, SIGNATURES) or {}
        owners = [
            *(
                []
                if _is_signed(projection, actor, signatures)
                or not self._custody.holds(registry.name, actor)
                else [actor]
            ),
            *self._consenting_roots(projection, submission),
        ]
        if not owners:
            return submission.signatures
        host_signatures = (
            dsse.read_signatures(
                self._custody.sign(registry.name, owners, submission.act), SIGNATURES
            )
            or {}
        )
        return dsse.write_signatures(signatures | host_signatures)

    def _consenting_roots(self, projection: Projection, submission: Submission) -> list[str]:
        """Return the roots in whose name the host signs an erasure in a trial.

        They are the roots of the other sides that consented to exactly this erasure, if
        the host keeps their keys.
        """
        roots = [f"{side}/{ROOT}" for side in _consenting_sides(projection, submission)]
        return [root for root in roots if self._custody.holds(projection.name, root)]


def _consenting_sides(projection: Projection, submission: Submission) -> list[str]:
    """Return the other sides that consented to exactly this erasure."""
    if not isinstance(submission.data, Erasure):
        return []
    sides = consenting(projection.registry, hash_of(submission.data)).keys()
    return sorted(sides - {submission.actor.partition("/")[0]})


def _is_signed(projection: Projection, actor: str, signatures: Mapping[str, bytes]) -> bool:
    """Return whether one of the actor's present keys has signed."""
    return any(
        keyid in signatures
        for keyid, key in projection.registry.keys.items()
        if key.owner == actor and key.until is None
    )
