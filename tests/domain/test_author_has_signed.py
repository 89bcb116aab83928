"""An act that is handed in must be signed by its author: the check before the host adds anything."""

from types import SimpleNamespace
from typing import Any, cast

from dragoman.domain.acts.membership import has_signed
from dragoman.tlog import dsse
from dragoman_schemas.state import Key

OFFICER, STATION = bytes([1]) * 32, bytes([2]) * 32


def registry(until: int | None = None) -> Any:
    keys = {
        dsse.key_id(dsse.public_of(seed)): Key(
            public=dsse.encode_base64(dsse.public_of(seed)), owner=owner, since=1, until=until
        )
        for seed, owner in ((OFFICER, "nato/o-1"), (STATION, "nato/station-1"))
    }
    return cast("Any", SimpleNamespace(keys=keys))


def signed(act: bytes, *seeds: bytes, under: bytes = b"") -> str:
    return dsse.write_signatures(
        {dsse.key_id(dsse.public_of(under or seed)): dsse.sign(seed, act) for seed in seeds}
    )


def test_only_a_valid_signature_by_a_present_key_of_the_author_counts() -> None:
    act = b'{"act":"contact-note"}'
    assert has_signed(registry(), "nato/o-1", act, signed(act, OFFICER))
    assert has_signed(registry(), "nato/o-1", act, signed(act, OFFICER, STATION))
    for signatures in (
        "",
        signed(act, STATION),
        signed(b"{}", OFFICER),
        signed(act, STATION, under=OFFICER),
    ):
        assert not has_signed(registry(), "nato/o-1", act, signatures)
    assert not has_signed(registry(until=5), "nato/o-1", act, signed(act, OFFICER))
