"""The file `site.conf` of a cluster: its own values, the same on each node.

    ROUTES: [
      "nats-route://route:6f0c…@10.0.0.1:6222"
      …
    ]
    ROUTE_PASSWORD: "6f0c…"
    STORE: "/var/lib/nats"
    STEWARD_KEY: "UA7Q…"
    …

`deploy/nats/cluster/` has an example, and the files that it belongs to.
"""

import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import nkeys

from dragoman.eventlog.broker import BrokerError
from dragoman.eventlog.nats_connection import USERS

_ROUTE_PORT: Final = 6222


def site_configuration(keys: Path, nodes: Sequence[str], store: str, store_bytes: int) -> str:
    """Return the file for nodes at these addresses, with a new password between them.

    An address without a port gets the port 6222. Raises `BrokerError` if the key of a
    user is missing in the folder of keys.
    """
    password = secrets.token_hex(16)
    routes = "\n".join(f'  "nats-route://route:{password}@{_with_port(node)}"' for node in nodes)
    users = "\n".join(f'{user.upper()}_KEY: "{key}"' for user, key in public_keys(keys).items())
    return (
        "# What is yours: the same on all nodes, readable by the broker's user alone.\n"
        f'ROUTES: [\n{routes}\n]\nROUTE_PASSWORD: "{password}"\n\n'
        f"STORE: {json.dumps(store)}\nSTORE_BYTES: {store_bytes}\n\n"
        "# The public keys of our users; their seeds are with the gateways.\n"
        f"{users}\n"
    )


def public_keys(keys: Path) -> dict[str, str]:
    """Return the public keys of the broker's users. Raises `BrokerError`."""
    public: dict[str, str] = {}
    for user in USERS:
        path = keys / f"nats-{user}.nk"
        try:
            pair = nkeys.from_seed(bytearray(path.read_bytes()))
        except FileNotFoundError:
            raise BrokerError(
                f"{path} is missing: `dragoman init --data DIR` makes the keys of the broker's "
                "users; name their folder with --nats-keys"
            ) from None
        public[user] = pair.public_key.decode()
    return public


def _with_port(node: str) -> str:
    """Return an address with its port. An IPv6 address stands in brackets."""
    return node if ":" in node.rpartition("]")[2] else f"{node}:{_ROUTE_PORT}"
