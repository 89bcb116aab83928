"""A message to a room of a real Matrix server, as the person in the room sees it."""

from pathlib import Path

import pytest

from dragoman.notifier.messaging.processes import SenderProcesses
from homeserver import homeserver

pytestmark = pytest.mark.reads(
    "services/dragoman/notifier/messaging/**",
    "requirements/runtime.lock",
    "tests/support/homeserver.py",
)


async def test_a_person_in_a_matrix_room_gets_the_message(tmp_path: Path) -> None:
    processes = SenderProcesses(("127.0.0.0/8",))
    async with homeserver(tmp_path) as server:
        room = server.room.replace("!", "%21").replace(":", "%3A")
        place = f"127.0.0.1:{server.port}/{room}?hsreq=no&discovery=no"
        url = f"matrix://{server.bot_token}@{place}"
        for n in range(3):
            reply = await processes.send(
                url, "[FLASH] nato-china", f"值班 {n}", side="c/north", is_own=False
            )
            assert reply.ok, reply
        texts = await server.until(3)
        refused = await processes.send(
            url.replace(server.bot_token, "wrong"), "t", "b", side="c/north", is_own=False
        )
        assert not refused.ok
        assert (await server.texts()) == texts
    await processes.aclose()
    assert [text.splitlines()[-1] for text in texts] == ["值班 0", "值班 1", "值班 2"]
    assert all("[FLASH] nato-china" in text for text in texts)
