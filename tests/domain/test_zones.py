"""Time zones are the packaged ones: what the machine says of a zone changes no limit, and so no
record's standing.
"""

import os
import subprocess
import sys
import zoneinfo
from importlib import resources
from pathlib import Path

import dragoman

_ASK = "import dragoman.domain.acts.deadlines, datetime, zoneinfo; print(datetime.datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo('Europe/Brussels')).utcoffset())"


def test_a_machine_with_other_zones_counts_the_same(tmp_path: Path) -> None:
    (tmp_path / "Europe").mkdir()
    utc = resources.files("tzdata") / "zoneinfo" / "UTC"
    (tmp_path / "Europe" / "Brussels").write_bytes(
        utc.read_bytes()
    )  # a machine whose Brussels is UTC
    environment = {**os.environ, "PYTHONTZPATH": str(tmp_path)}
    told = subprocess.run(
        [sys.executable, "-c", _ASK], capture_output=True, text=True, check=True, env=environment
    ).stdout
    assert told.strip() == "2:00:00"
    bare = "import datetime, zoneinfo; print(datetime.datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo('Europe/Brussels')).utcoffset())"
    machine = subprocess.run(
        [sys.executable, "-c", bare], capture_output=True, text=True, check=True, env=environment
    ).stdout
    assert machine.strip() == "0:00:00", "the machine's zones are others indeed"


def test_no_zone_of_the_machine_is_looked_for() -> None:
    assert dragoman.__version__
    assert zoneinfo.TZPATH == ()
