"""The sample of every act, as schemas/samples keeps it."""

import json
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parents[2] / "schemas" / "samples" / "acts"

SAMPLES: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text()) for path in sorted(_FOLDER.glob("*.json"))
}


def act(name: str, **changes: Any) -> dict[str, Any]:
    """A sample with other members."""
    return {**SAMPLES[name], **changes}
