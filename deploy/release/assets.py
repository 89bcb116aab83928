"""Fetch the page on which API calls can be tried into the package. It is not ours.

`package-lock.json` names its version and its digest. Needs npm.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FILES = ("swagger-ui-bundle.js", "swagger-ui-bundle.js.LICENSE.txt", "LICENSE", "NOTICE")
STYLES = "swagger-ui.css"


def folder(root: Path) -> Path:
    """Return the folder of the package that the files are in."""
    return root / "services" / "dragoman" / "console" / "static" / "vendor"


def are_fetched(root: Path) -> bool:
    """Return whether the files are there; the styles are copied last."""
    return (folder(root) / STYLES).is_file()


def fetch(root: Path) -> None:
    """Fetch the files. Raises `OSError` or `CalledProcessError`."""
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("npm is not here")
    with tempfile.TemporaryDirectory() as temporary:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(root / name, temporary)
        subprocess.run([npm, "ci", "--silent", "--omit=dev"], cwd=temporary, check=True)
        source = Path(temporary) / "node_modules" / "swagger-ui-dist"
        folder(root).mkdir(parents=True, exist_ok=True)
        for name in (*FILES, STYLES):
            shutil.copyfile(source / name, folder(root) / name)


def main() -> None:
    """Fetch the files; without npm, say that they are left out."""
    try:
        fetch(Path(__file__).parents[2])
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"the page on which API calls can be tried is left out: {error}", file=sys.stderr)
        if os.environ.get("DRAGOMAN_REQUIRE_ASSETS"):
            sys.exit(1)


if __name__ == "__main__":
    main()
