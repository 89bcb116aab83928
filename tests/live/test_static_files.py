"""The files of the pages: which of them a browser may keep, and for how long."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from dragoman.console.page import static_files
from service import Caller, Service, at_a_screen

Who = Callable[[str], Caller]

NAMED: Final = re.compile(r'(?:src|href)="(/static/[^"]+)"')
OTHER: Final = "0" * 32


async def test_a_page_names_files_of_its_release_and_a_browser_keeps_them_for_a_year(
    who: Who, demo: Service, session: aiohttp.ClientSession
) -> None:
    headers = await at_a_screen(session, demo, "nato/duty_officer")
    screen = {name.replace("-", "_"): value for name, value in headers.items()}
    page = (await who("").get("/c/nato-china", **screen)).body.decode()
    paths = set(NAMED.findall(page))
    assert len(paths) > 3
    for path in paths:
        release, _, name = path.removeprefix("/static/").partition("/")
        whole = static_files.files()[name].read_bytes()
        for coding, used in (("gzip, br", "gzip"), ("identity", None)):
            answer = await who("").get(path, Accept_Encoding=coding)
            assert (answer.status, release) == (200, static_files.release())
            assert answer.body == whole  # the caller has unpacked it
            assert answer.headers.get("Content-Encoding") == used
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert answer.headers["Vary"] == "Accept-Encoding"
            size = int(answer.headers["Content-Length"])
            assert size == len(whole) if used is None else size < len(whole)


@pytest.mark.parametrize("name", ["console.css", "console.js", "icon.svg"])
async def test_a_file_without_its_release_is_asked_for_again_and_again(who: Who, name: str) -> None:
    path, tags = f"/static/{name}", []
    for coding in ("gzip", "identity"):
        first = await who("").get(path, Accept_Encoding=coding)
        tags.append(first.headers["ETag"])
        again = await who("").get(path, Accept_Encoding=coding, If_None_Match=tags[-1])
        assert (first.status, first.headers["Cache-Control"]) == (200, "no-cache")
        assert (again.status, again.body) == (304, b"")
    assert len(set(tags)) == len(tags)


async def test_a_page_of_another_release_has_its_files_and_its_browser_keeps_none(who: Who) -> None:
    answer = await who("").get(f"/static/{OTHER}/console.js")
    assert answer.body == static_files.files()["console.js"].read_bytes()
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")


@pytest.mark.parametrize(
    "name", ["nothing.js", "../static_files.py", "..%2Fstatic_files.py", "vendor"]
)
@pytest.mark.parametrize("before", ["", f"{OTHER}/"])
async def test_no_other_file_is_served(who: Who, before: str, name: str) -> None:
    assert (await who("").get(f"/static/{before}{name}")).status == 404


async def test_each_release_has_a_service_worker_of_its_own(who: Who) -> None:
    worker = (await who("").get("/offline.js")).body.decode()
    assert worker.splitlines()[0] == f"// release {static_files.release()}"


def test_any_changed_byte_or_name_is_another_release(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    first, second = tmp_path / "a", tmp_path / "b"
    releases = [
        static_files.release_of(named)
        for named in ({"n": first}, {"n": second}, {"m": first}, {"n": first, "m": second})
    ]
    assert len(set(releases)) == len(releases)
    assert static_files.release_of({"n": first}) == releases[0]
