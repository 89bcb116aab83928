"""Fetch what the pages show that is not ours: the page of API calls, and the land of the chart.

`package-lock.json` names their versions and their digests. Needs npm, which comes with Node. The
land is prepared by `land.mjs`, with packages that are used then and never shipped.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FILES = ("swagger-ui-bundle.js", "swagger-ui-bundle.js.LICENSE.txt", "LICENSE", "NOTICE")
STYLES = "swagger-ui.css"
LAND = "land.json"
LAND_LICENCE = "land.LICENSE.txt"


def folder(root: Path) -> Path:
    """Return the folder of the package that the files are in."""
    return root / "services" / "dragoman" / "console" / "static" / "vendor"


def are_fetched(root: Path) -> bool:
    """Return whether the files are there; the styles are copied last."""
    return (folder(root) / STYLES).is_file()


def fetch(root: Path) -> None:
    """Fetch the files. Raises `OSError` or `CalledProcessError`."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        raise FileNotFoundError("npm is not here")
    with tempfile.TemporaryDirectory() as temporary:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(root / name, temporary)
        subprocess.run([npm, "ci", "--silent", "--omit=dev"], cwd=temporary, check=True)
        modules = Path(temporary) / "node_modules"
        source = modules / "swagger-ui-dist"
        folder(root).mkdir(parents=True, exist_ok=True)
        # Node looks for packages beside the script.
        script = shutil.copy(root / "deploy" / "release" / "land.mjs", temporary)
        subprocess.run([node, script, folder(root) / LAND], cwd=temporary, check=True)
        shutil.copyfile(modules / "world-atlas" / "LICENSE", folder(root) / LAND_LICENCE)
        for name in (*FILES, STYLES):
            shutil.copyfile(source / name, folder(root) / name)


def main() -> None:
    """Fetch the files; without npm, say that they are left out."""
    try:
        fetch(Path(__file__).parents[2])
    except (OSError, subprocess.CalledProcessError) as error:
        print(
            "the page on which API calls can be tried and the land of the chart are left out: "
            f"{error}",
            file=sys.stderr,
        )
        if os.environ.get("DRAGOMAN_REQUIRE_ASSETS"):
            sys.exit(1)


if __name__ == "__main__":
    main()
