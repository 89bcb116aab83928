"""A hostile build of the service: `hostile.py TRICK,… COMMAND …` runs `dragoman COMMAND …` after
changing what it does.

accepts      every record is valid, whoever signed it, wherever it stands; everything may be posted
lax          acts are read as most JSON readers read them: the last of two members counts, and a number is a number
swaps        readers are given other bytes than those that are in the log, under the right tree and head
withholds    one record is given as its leaf entry, as if every side had consented to erase it
freezes      the first signed head is shown for ever, and no record after it
tiles        one bit of every tile is another
backdates    what is recorded is dated an hour back
postdates    the same, an hour ahead
poses        the live channel is shown where its exercise is asked for
mixes        the head in the file `mixed-head` of the data directory is shown for the signed one
leaps        a head of a million records is signed and shown, with tiles that are made up
"""

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dragoman import cli
from dragoman.api import sse
from dragoman.application.clock import stamp
from dragoman.application.operations import transparency_log
from dragoman.application.service import Service
from dragoman.domain import decide, fold
from dragoman.domain import judge as judge_module
from dragoman.domain.record import codec as records
from dragoman.domain.record import strict_json
from dragoman.projection import projection as folding
from dragoman.projection.queries import record_entries
from dragoman.projection.queries import records as reads
from dragoman.projection.tree import Trees
from dragoman.stores.keystore import Keystore
from dragoman.tlog import checkpoint, leaf, note
from dragoman.tlog import tiles as shapes

TRUE, OTHER = b"counter-piracy", b"counter-privacy"


def accepts() -> None:
    judge = judge_module.judge

    def never(before: Any, ledger: Any, record: Any) -> Any:
        return judge(before, ledger, record) if before.registry is None else None

    for module in (fold, decide):
        vars(module)["judge"] = never


def lax() -> None:
    vars(strict_json)["read"] = lambda raw, *, cut: raw


def swaps() -> None:
    entry = record_entries.entry

    def other(position: int, raw: bytes, **more: Any) -> Any:
        return entry(position, raw.replace(TRUE, OTHER), **more)

    for module in (folding, reads):
        vars(module)["entry"] = other


def withholds() -> None:
    entry = record_entries.entry

    def less(position: int, raw: bytes, **more: Any) -> Any:
        if TRUE not in raw:
            return entry(position, raw, **more)
        return entry(position, leaf.entry(position - 1, leaf.commit(raw)), **{**more, "junk": True})

    for module in (folding, reads):
        vars(module)["entry"] = less


def freezes() -> None:
    newest, lines = transparency_log.Heads.newest, sse.lines
    first: dict[str, Any] = {}

    async def frozen(self: Any, call: Any, name: str, fresh_s: float = 0.2) -> Any:
        sealed = first.get(name) or await newest(self, call, name, fresh_s)
        if sealed is not None and b"witness" in sealed.note:
            first.setdefault(name, sealed)
        return sealed

    async def cut(
        request: Any, service: Any, projection: Any, side: str, begin: int, last: int
    ) -> Any:
        sealed = first.get(projection.name)
        return await lines(
            request,
            service,
            projection,
            side,
            begin,
            last if sealed is None else int(sealed.note.split()[1]),
        )

    setattr(transparency_log.Heads, "newest", frozen)  # what mypy would not have  # noqa: B010
    vars(sse)["lines"] = cut


def backdates() -> None:
    _dates(timedelta(hours=-1))


def postdates() -> None:
    _dates(timedelta(hours=1))


def _dates(by: timedelta) -> None:
    envelope = records.envelope

    def other(*, time: str, **more: Any) -> Any:
        return envelope(time=stamp(datetime.fromisoformat(time) + by), **more)

    vars(records)["envelope"] = other


def tiles() -> None:
    tile = Trees.tile

    def other(self: Any, name: str, wanted: Any) -> bytes:
        made = tile(self, name, wanted)
        return bytes([made[0] ^ 1]) + made[1:]

    setattr(Trees, "tile", other)  # noqa: B010


def poses() -> None:
    channel = Service.channel

    def live(self: Any, grant: Any, name: str) -> Any:
        return channel(self, grant, name.removesuffix("-exercise"))

    setattr(Service, "channel", live)  # noqa: B010


def mixes() -> None:
    async def mixed(call: Any, projection: Any) -> Any:
        raw = (Path(sys.argv[sys.argv.index("--data") + 1]) / "mixed-head").read_bytes()
        return checkpoint.read(note.read(raw).text), raw

    vars(transparency_log)["signed_head"] = mixed


def leaps() -> None:
    head, exists = transparency_log.signed_head, shapes.exists

    async def far(call: Any, projection: Any) -> Any:
        true, _ = await head(call, projection)
        shown = checkpoint.Checkpoint(true.origin, 10**6, bytes(32))
        seed = Keystore(Path(sys.argv[sys.argv.index("--data") + 1]) / "keys" / "log").seed(
            "log", "log/log"
        )
        return shown, note.encode(shown.text, [note.sign(true.origin, seed, shown.text)])

    vars(transparency_log)["signed_head"] = far
    vars(shapes)["exists"] = lambda tile, size: exists(tile, 10**6)
    setattr(Trees, "tile", lambda self, name, wanted: bytes(32 * wanted.width))  # noqa: B010


TRICKS: dict[str, Callable[[], None]] = {
    each.__name__: each
    for each in (
        accepts,
        lax,
        swaps,
        withholds,
        freezes,
        backdates,
        postdates,
        tiles,
        poses,
        mixes,
        leaps,
    )
}

if __name__ == "__main__":
    for name in filter(None, sys.argv[1].split(",")):
        TRICKS[name]()
    sys.argv = ["dragoman", *sys.argv[2:]]
    cli.main()
