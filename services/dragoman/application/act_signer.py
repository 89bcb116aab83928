"""The port through which the command handler has an act signed before it is decided.

An act that root or an administrator must sign is recorded with signatures. Where the
sides keep their own keys, the post brings them: `OwnKeySigner`. In a trial the host
keeps the keys, and signs: `trial_signer.TrialSigner`. The registry's `custody` says
which of the two signs in a channel.
"""

from collections.abc import Mapping
from typing import Literal, Protocol

from msgspec import Struct

from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.act_rules import Who
from dragoman.domain.decide import Submission
from dragoman.domain.record.errors import Refused, refuse
from dragoman.projection.projection import Projection


class SignedSubmission(Struct, frozen=True, kw_only=True):
    """A submission with its signatures, and the seeds of keys that it makes."""

    submission: Submission
    signatures: str
    new_seeds: Mapping[str, bytes] = {}


class ActSigner(Protocol):
    """The signatures of acts, in the channels of one custody."""

    def sign(self, projection: Projection, submission: Submission) -> SignedSubmission:
        """Return a submission with the signatures under which it is decided.

        Raises `Refused` if it must be signed, and cannot be signed here.
        """

    def store_keys(self, channel: str, signed: SignedSubmission) -> None:
        """Store the keys that an act makes, once it was found legal."""


Signers = Mapping[Literal["host", "sides"], ActSigner]
"""The signer of the channels of each custody."""


class OwnKeySigner:
    """The signer where the sides keep their own keys. The post brings signatures."""

    def sign(self, projection: Projection, submission: Submission) -> SignedSubmission:
        """Return a submission with the signatures that came with it.

        Raises `Refused` if it has none, and must have some.
        """
        if not submission.signatures and is_signed_by_keepers(submission):
            raise no_key_here(submission)
        return SignedSubmission(submission=submission, signatures=submission.signatures)

    def store_keys(self, channel: str, signed: SignedSubmission) -> None:
        """Store nothing: no key is made here."""


def is_signed_by_keepers(submission: Submission) -> bool:
    """Return whether root or an administrator of a side must sign a submission."""
    rule = RULES[str(submission.data.__struct_config__.tag)]
    return rule.who is Who.KEEPERS and not submission.actor.startswith("service/")


def no_key_here(submission: Submission) -> Refused:
    """Return the refusal of an act whose actor has no key here, and needs one."""
    return refuse(
        "not-permitted",
        "This act must be signed, and no key of %(actor)s is kept here. An administrator "
        "entered with that role can.",
        actor=submission.actor,
    )
