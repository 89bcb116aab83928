"""The log policy: the signatures that a log's heads must have.

They are the signature of the log's own key, and those of witnesses. The sides agree on
the witnesses at the opening or later.

The policy is written as C2SP tlog-policy without its `log` line, since it is for this
log alone. For each side there is a group, or a witness, of the side's name. It stands
for the witnesses that the side trusts as its own. A record is final once the quorum has
cosigned it.
"""

from collections.abc import Iterable
from functools import lru_cache

from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import sentence
from dragoman.tlog import dsse, policy
from dragoman.tlog.note import ED25519, NotANote, Verifier
from dragoman.tlog.policy import Policy
from dragoman_schemas.acts.office.channel import ChannelOpening
from dragoman_schemas.state import AdoptedPolicy, Registry


def log_of(registry: Registry) -> Verifier:
    """Return the key that verifies the channel's signed heads.

    The key has the name of the channel's origin, and those of handovers come with it.
    """
    return Verifier(
        registry.origin,
        ED25519,
        _public_of(registry.log_key),
        tuple((handover.since, _public_of(handover.key)) for handover in registry.handovers),
    )


def _public_of(encoded: str) -> bytes:
    return dsse.decode_base64(encoded, 32) or bytes(32)


def key_in_force(registry: Registry) -> str:
    """Return the key that signs the log's newest heads, as an act names it."""
    return registry.handovers[-1].key if registry.handovers else registry.log_key


@lru_cache(maxsize=64)
def read_policy(log: Verifier, text: str) -> Policy:
    """Return the policy together with its log, as other people's tools read it.

    The log has its first key alone, so no handover changes what was adopted.

    Raises `NotANote` if the policy is not valid.
    """
    if any(line.split()[:1] == ["log"] for line in text.splitlines()):
        raise NotANote(sentence("leave the `log` line out: the policy is always for this log"))
    return policy.read(policy_file(log.first, text))


def policy_file(log: Verifier, text: str) -> str:
    """Return the policy as a file for other people's tools.

    A log that was handed over has a line for each key.
    """
    return "\n".join([text.rstrip(), *(f"log {key}" for key in log.keys), ""])


def in_force(registry: Registry) -> Policy | None:
    """Return the policy in force; None if the sides have agreed on none."""
    return read_policy(log_of(registry), registry.policy) if registry.policy else None


def keys_of(registry: Registry) -> set[bytes]:
    """Return the public keys of the log, also its earlier ones, and of its witnesses.

    The witnesses are those of the policy in force and of each policy that a side has
    adopted. None of these keys may serve another purpose.
    """
    log = log_of(registry)
    texts = {
        registry.policy,
        *(adopted_policy.policy for adopted_policy in registry.policies.values()),
    } - {""}
    return {key.public for key in log.keys} | {
        witness.public for text in texts for witness in read_policy(log, text).witnesses.values()
    }


def dispensable(registry: Registry, sides: Iterable[str]) -> list[str]:
    """Return the sides without whose witnesses a head can be final.

    Without a policy these are all sides.
    """
    policy = in_force(registry)
    if policy is None:
        return list(sides)
    return [side for side in sides if policy.satisfied(policy.others(side))]


def policy_after(adopted: dict[str, AdoptedPolicy], sides: Iterable[str], before: str) -> str:
    """Return the policy in force after an adoption.

    It is the policy that every side has adopted, or else the one before.
    """
    texts = {adopted[side].policy if side in adopted else None for side in sides}
    return text if len(texts) == 1 and (text := texts.pop()) is not None else before


def check(log: Verifier, sides: Iterable[str], used: Iterable[str], text: str) -> Refusal | None:
    """Refuse a text that is not a policy for these sides and this log.

    `used` are the ids of keys that serve another purpose here.
    """
    try:
        log_policy = read_policy(log, text)
    except NotANote as error:
        return invalid(
            "/policy",
            sentence(
                "%(error)s. Write one line for each witness, group and quorum, as in "
                "`witness NAME KEY`, `group NAME all NAMES` and `quorum NAME`, and no line "
                "`log`.",
                error=error.said,
            ),
        )
    nameless = [
        side for side in sides if side not in log_policy.groups and side not in log_policy.witnesses
    ]
    if nameless:
        return invalid(
            "/policy",
            sentence(
                "name a group or a witness %(side)s: it represents the witnesses of %(side)s",
                side=nameless[0],
            ),
        )
    if not log_policy.quorum:
        return invalid(
            "/policy",
            sentence("`quorum none` makes everything final at once; name a witness or a group"),
        )
    public_keys = [witness.public for witness in log_policy.witnesses.values()]
    if len(set(public_keys)) < len(public_keys) or not {
        dsse.key_id(public_key) for public_key in public_keys
    }.isdisjoint({*used, *(dsse.key_id(key.public) for key in log.keys)}):
        return invalid(
            "/policy",
            sentence("the key of a witness must serve no other purpose; make another one"),
        )
    return None


def check_opening(log: Verifier, data: ChannelOpening) -> Refusal | None:
    """Refuse a genesis whose policy is not valid.

    Also refuse one whose `witnesses` are not the keys that the policy names.
    """
    text = "" if not isinstance(data.policy, str) else data.policy
    names = set(data.witnesses) if isinstance(data.witnesses, tuple) else set()
    if not text:
        return (
            invalid("/witnesses", sentence("witnesses need a policy that names them"))
            if names
            else None
        )
    roots = [dsse.decode_base64(root, 32) or b"" for side in data.sides for root in side.roots]
    refusal = check(
        log,
        [side.name for side in data.sides if side.observer is not True],
        [dsse.key_id(root) for root in roots],
        text,
    )
    if refusal is None and names != {
        str(witness) for witness in read_policy(log, text).witnesses.values()
    }:
        return invalid(
            "/witnesses",
            sentence("list exactly the verifier keys that the policy names"),
        )
    return refusal
