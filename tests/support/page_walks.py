"""The commands of a page, carried out as they stand there, in a machine of their own.

A page's `sh` blocks run in their order, in an empty folder, without any network but loopback. A block
that starts a service keeps running; the next one begins when the service has printed its address.
"""

import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from markdown_it import MarkdownIt

from patience import PATIENCE_S

_KEEPS_RUNNING = re.compile(r"dragoman (up|quickstart|serve) ")
_MACHINE = ("unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child")


def blocks_of(page: Path) -> list[str]:
    """The blocks of a page that can be carried out, in their order."""
    return _fences(page, "sh")


def patterns_of(page: Path) -> list[str]:
    """The blocks of a page without a language: outlines, which name what a reader puts in."""
    return _fences(page, "")


def _fences(page: Path, language: str) -> list[str]:
    tokens = MarkdownIt().parse(page.read_text())
    return [token.content for token in tokens if token.type == "fence" and token.info == language]


def walk(
    steps: Sequence[str], folder: Path, bin: Path, paths: Mapping[str, Path] | None = None
) -> list[str]:
    """Carry out steps, and return what each printed. Paths of the page lead elsewhere by `paths`.

    Raises `AssertionError` with the step that failed.
    """
    folder.mkdir(exist_ok=True)
    script = ["set -eu", "ip link set lo up"]
    for number, step in enumerate(steps):
        text = step
        for path, target in (paths or {}).items():
            text = text.replace(path, str(target))
        (folder / f".{number}.sh").write_text(f"set -eu -o pipefail\n{text}")
        run = f"bash .{number}.sh > .{number}.out 2> .{number}.err"
        script.append(f"echo {number} > .step")
        if _KEEPS_RUNNING.match(step):
            script.append(f"{run} &\nwhile [ ! -s .{number}.out ]; do kill -0 $!; sleep 0.1; done")
        else:
            script.append(run)
    environment = {
        "PATH": f"{bin}:/usr/bin:/bin:/usr/sbin:/sbin",
        "HOME": str(folder / "home"),
        "LANG": "C.UTF-8",
    }
    (folder / "home").mkdir()
    (folder / ".walk.sh").write_text("\n".join(script))
    done = subprocess.run(
        [*_MACHINE, "bash", ".walk.sh"],
        cwd=folder,
        env=environment,
        timeout=4 * PATIENCE_S,
        check=False,
        capture_output=True,
        text=True,
    )
    reached = int((folder / ".step").read_text())
    outputs = [
        (folder / f".{number}.out").read_text() + (folder / f".{number}.err").read_text()
        for number in range(reached + 1)
    ]
    assert done.returncode == 0, (
        shlex.quote(steps[reached]),
        outputs[reached][-3000:],
        done.stderr,
    )
    return outputs
