"""The signer of acts at a station, with the keys that it keeps for its officers.

An officer who keeps a key signs alone, in the page or at the command line. For others
the station has a key that the channel's log names as kept by it. A reader of the record
sees that the station signed for the officer, and need not believe that the officer did.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from dragoman.application.act_signer import SignedSubmission, is_signed_by_keepers, no_key_here
from dragoman.domain.acts.act_registry import FORMATS, in_force
from dragoman.domain.decide import Submission
from dragoman.domain.record import codec as records
from dragoman.domain.record.errors import refuse
from dragoman.projection.projection import Projection
from dragoman.stores.keystore import Keystore
from dragoman.tlog import dsse

STATION_KEY: Final = ("station", "key/station")
"""The folder and the name of the station's own key."""


WITNESS_KEY: Final = ("station", "key/witness")
"""The folder and the name of the key of the side's witness, if it is at the station."""


class KeptKeySigner:
    """The signer of the shared channels whose officers' keys are kept here."""

    def __init__(self, keys: Keystore, actors: Mapping[str, str]) -> None:
        """Sign with the keys of a keystore, by channel and officer.

        `actors` has the station's own officer entry in each channel; one key is that of
        all of them.
        """
        self._keys, self.actors = keys, actors

    def sign(self, projection: Projection, submission: Submission) -> SignedSubmission:
        """Return a submission with the signatures of its officers.

        Raises `Refused` if an officer has to sign it alone.
        """
        owners = [
            owner
            for owner in (submission.actor, submission.released_by)
            if owner and self.holds(projection, owner)
        ]
        if submission.data.signed is not UNSET:
            return SignedSubmission(
                submission=submission,
                signatures=self._joined(projection, submission.signatures, owners, submission.act),
            )
        if submission.actor not in owners:
            if is_signed_by_keepers(submission):
                raise no_key_here(submission)
            raise refuse(
                "not-permitted",
                "Every act that leaves this station is signed, and no key of %(actor)s is kept "
                "here: sign it in the page, or have an administrator "
                "enter a key that the station keeps.",
                actor=submission.actor,
            )
        act = self._completed(projection, submission)
        return SignedSubmission(
            submission=replace(submission, act=act, data=records.decode_act(act)),
            signatures=self._joined(projection, submission.signatures, owners, act),
        )

    def holds(self, projection: Projection, owner: str) -> bool:
        """Return whether a key of an officer is kept here and is in force."""
        public = self._keys.public(*self._place(projection.name, owner))
        if public is None:
            return False
        key = projection.registry.keys.get(dsse.key_id(public))
        return key is not None and key.owner == owner and key.until is None

    def _joined(self, projection: Projection, before: str, owners: list[str], act: bytes) -> str:
        """Return signatures that came with an act, and those of kept keys."""
        if not owners:
            return before
        signatures = [
            self._keys.sign(folder, [name], act)
            for folder, name in (self._place(projection.name, owner) for owner in owners)
        ]
        return " ".join(sorted({*before.split(), *signatures}))

    def _place(self, channel: str, owner: str) -> tuple[str, str]:
        """Return the folder and the name under which a key is kept."""
        if owner == self.actors.get(channel):
            return STATION_KEY
        return channel, owner

    def _completed(self, projection: Projection, submission: Submission) -> bytes:
        """Return an act with the member `signed`, bound to the copy as it is here."""
        registry, name = projection.registry, str(submission.data.__struct_config__.tag)
        rule = in_force(registry).rules.get(name)
        version, family = (1, None) if rule is None else (rule.version, rule.family)
        exchange = "" if name in FORMATS else submission.exchange
        state = projection.exchange(exchange) if exchange else None
        is_of_channel = family == "channel"
        size = projection.state.position
        signed = {
            "channel": registry.cid,
            "type": records.type_of(name, version),
            "exchange": registry.id if is_of_channel else exchange,
            "id": submission.id,
            "author": submission.actor,
            "after": registry.etag if is_of_channel else ("" if state is None else state.revision),
            "seen": {"size": size, "root": dsse.encode_base64(projection.root(size))},
        }
        return submission.act[:-1] + b',"signed":' + msgspec.json.encode(signed) + b"}"

    def store_keys(self, channel: str, signed: SignedSubmission) -> None:
        """Store nothing: a key is made before its act is posted."""
