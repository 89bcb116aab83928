"""Officers of two sides, each posting at a station of the own side.

An officer acts on a message of the other side once the own copy has it, so a post says which
position its author has read.
"""

from dataclasses import dataclass, field

from premises import StationProcess
from service import Service
from traffic import WRITERS, Posting, Traffic


@dataclass
class StationTraffic(Traffic):
    """Traffic through stations. The officers of a side with two stations are divided among them.

    With `shift` 1 each officer works at the other station of the side.
    """

    stations: list[StationProcess] = field(default_factory=list)
    shift: int = 0

    def _service(self, posting: Posting) -> Service:
        side, _, role = posting.role.partition("/")
        stations = [station for station in self.stations if station.side == side]
        return stations[(WRITERS.index(role) + self.shift) % len(stations)]
