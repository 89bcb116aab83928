"""The plan: how much is measured."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All amounts of a run. Times are in seconds, rates in posts a second, sizes in records."""

    rounds: int
    connections: int
    warm_up: float
    posting: float
    one_by_one: int
    replayed: int
    flashes: int
    flash_rate: float
    background_rate: float
    few: int
    many: int
    turns: int
    sizes: tuple[int, ...]
    reads: int
    deaths: int
    clocks: int
    proved: int
    readers: int
    streaming: float
    flooding: float
    takeovers: int
    distant: int
    channels: tuple[int, ...]
    idling: float
    backup_files: int
    endpoints: int
    calls: int


FULL: Final = Plan(
    rounds=3,
    connections=128,
    warm_up=2.0,
    posting=5.0,
    one_by_one=400,
    replayed=50_000,
    flashes=400,
    flash_rate=8.0,
    background_rate=100.0,
    few=1_000,
    many=100_000,
    turns=200,
    sizes=(100_000, 1_000_000),
    reads=50,
    deaths=5,
    clocks=100_000,
    proved=100_000,
    readers=1_000,
    streaming=20.0,
    flooding=20.0,
    takeovers=120,
    distant=20,
    channels=(50, 500),
    idling=20.0,
    backup_files=64,
    endpoints=10_000,
    calls=100,
)
QUICK: Final = Plan(
    rounds=1,
    connections=128,
    warm_up=0.5,
    posting=2.0,
    one_by_one=100,
    replayed=2_000,
    flashes=60,
    flash_rate=10.0,
    background_rate=100.0,
    few=1_000,
    many=10_000,
    turns=30,
    sizes=(2_000, 10_000),
    reads=10,
    deaths=1,
    clocks=3_000,
    proved=5_000,
    readers=200,
    streaming=4.0,
    flooding=5.0,
    takeovers=10,
    distant=3,
    channels=(5, 25),
    idling=5.0,
    backup_files=2,
    endpoints=1_000,
    calls=10,
)
