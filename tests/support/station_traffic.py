"""Officers of two sides, each posting at the own station.

An officer acts on a message of the other side once the own copy has it, so a post says which
position its author has read.
"""

from dataclasses import dataclass, field

from premises import StationProcess
from service import Service
from traffic import Posting, Traffic


@dataclass
class StationTraffic(Traffic):
    """Traffic through stations, by side."""

    stations: dict[str, StationProcess] = field(default_factory=dict)

    def _service(self, posting: Posting) -> Service:
        return self.stations[posting.role.partition("/")[0]]
