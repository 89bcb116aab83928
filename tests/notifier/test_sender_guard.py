"""The guard of the sender process: tried in a process of its own, as it cannot be taken off again."""

import subprocess
import sys

import pytest

_TRY = """
import socket, subprocess, os, sys
from dragoman.notifier.messaging.sender import guard
listener = socket.create_server(("127.0.0.1", 0))
other = socket.create_server(("127.0.0.1", 0))
relay_port, other_port = (each.getsockname()[1] for each in (listener, other))
guard(relay_port)
socket.create_connection(("127.0.0.1", relay_port)).close()
try:
    {attempt}
except PermissionError:
    print("refused")
else:
    print("done")
"""


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.create_connection(('127.0.0.1', other_port))",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 514))",
        "socket.socket(socket.AF_UNIX).connect('/run/systemd/journal/socket')",
        "socket.getaddrinfo('example.org', 443)",
        "subprocess.run(['true'])",
        "os.system('true')",
        "open('/etc/passwd')",
        "open('/tmp/of-a-message', 'w')",
        "open(sys.prefix + '/of-a-message', 'w')",
        "os.open('/etc/passwd', os.O_RDONLY)",
    ],
)
def test_only_the_relay_can_be_reached(attempt: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _TRY.format(attempt=attempt)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.strip() == "refused", done.stderr[-500:]
