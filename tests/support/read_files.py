"""The files that dear tests read, as globs for the mark `reads` (`unchanged.py`).

A list names the code whose defects the tests look for, the data that they read, and the programs
that are locked. The test file and the `conftest.py` beside it count always.
"""

from typing import Final

_PACKAGE: Final = "services/dragoman"
_LOCKED: Final = "requirements/runtime.lock"

LOG: Final = (
    f"{_PACKAGE}/eventlog/**",
    f"{_PACKAGE}/domain/record/**",
    f"{_PACKAGE}/tlog/**",
    f"{_PACKAGE}/limits.py",
    _LOCKED,
    *(f"tests/support/{name}.py" for name in ("between", "brokers", "cluster", "writers")),
)
"""The log, its broker, and nodes of a cluster."""

GATEWAY: Final = (
    *LOG,
    f"{_PACKAGE}/application/**",
    f"{_PACKAGE}/projection/**",
    f"{_PACKAGE}/server/**",
    *(
        f"{_PACKAGE}/{name}.py"
        for name in ("lifecycle", "sealing", "supervision", "worker_process")
    ),
    *(
        f"tests/support/{name}.py"
        for name in ("disks", "house", "inquest", "tcp_wire", "traffic", "way")
    ),
)
"""A gateway with its copy of the log."""

_JUDGED: Final = (f"{_PACKAGE}/domain/**", "schemas/**")

SIDE_BY_SIDE: Final = (
    *GATEWAY,
    *(f"tests/support/{name}.py" for name in ("cable", "gateways", "netns", "officers")),
)
"""Gateways that share a log, and what each does while a broker or another gateway is away."""

HOSTED: Final = (
    *GATEWAY,
    f"{_PACKAGE}/cli/*.py",
    f"{_PACKAGE}/cli/host/**",
    f"{_PACKAGE}/stores/**",
    *(
        f"{_PACKAGE}/{name}.py"
        for name in (
            "bootstrap",
            "data_directory",
            "readiness",
            "scheduler",
            "service_factory",
            "settings",
            "signer",
            "witness",
            "witness_client",
        )
    ),
    *(f"tests/support/{name}.py" for name in ("beside", "host", "service", "witnesses")),
)
"""A host with its directory, signer and witnesses: what it does when it is moved or lost."""

UPGRADED: Final = (
    *GATEWAY,
    *_JUDGED,
    f"{_PACKAGE}/cli/*.py",
    *(
        f"tests/support/{name}.py"
        for name in (
            "gateways",
            "later_rules",
            "next_release",
            "officers",
            "service",
            "two_releases",
        )
    ),
)
"""This release and a next one, which is made from the rules and their formats."""

AUDIT: Final = (
    f"{_PACKAGE}/audit/**",
    f"{_PACKAGE}/domain/**",
    f"{_PACKAGE}/tlog/**",
    "tests/support/tampering.py",
)
"""The program of an auditor, and the rules by which it judges."""

HOST: Final = (
    *AUDIT,
    f"{_PACKAGE}/application/**",
    *(f"{_PACKAGE}/{name}.py" for name in ("sealing", "signer", "witness", "witness_client")),
    "tests/support/forging.py",
    "tests/attacks/hostile.py",
)
"""An auditor at a host that lies."""

EDGE: Final = (
    f"{_PACKAGE}/application/**",
    f"{_PACKAGE}/server/**",
    f"{_PACKAGE}/limits.py",
    _LOCKED,
)
"""Everything that a request passes before it is understood."""

DESCRIBED: Final = (
    f"{_PACKAGE}/api/**",
    f"{_PACKAGE}/office/*/*_routes.py",
    f"{_PACKAGE}/application/**",
    f"{_PACKAGE}/domain/acts/**",
    "schemas/**",
    "requirements/dev.lock",
)
"""Descriptions of the API, and its answers."""

DEPLOYED: Final = (
    "deploy/**",
    *(f"{_PACKAGE}/{name}/**" for name in ("backup", "cli", "eventlog", "server")),
    *(
        f"{_PACKAGE}/{name}.py"
        for name in (
            "admin_door",
            "certificates",
            "metrics",
            "readiness",
            "service_factory",
            "settings",
        )
    ),
    _LOCKED,
)
"""Files for operators, and the commands and settings that these files name."""

RELEASED: Final = (
    "deploy/release/**",
    "requirements/**",
    "pyproject.toml",
    "package-lock.json",
    "README.md",
    "docs/operating*.md",
    f"{_PACKAGE}/cli/**",
    "tests/support/releases.py",
)
"""Packages of a release, and the pages by which they are installed."""

RUNNER: Final = (
    "requirements/dev.lock",
    *(f"tests/support/{name}.py" for name in ("budgets", "grouping", "unchanged")),
)
"""The plugins by which a whole run is ordered, measured and shortened."""

PROJECTED: Final = (
    f"{_PACKAGE}/projection/**",
    f"{_PACKAGE}/eventlog/**",
    *_JUDGED,
    "tests/golden/v0.1.0/**",
    "tests/support/followed.py",
)
"""The copy of the log, and the rules by which it is folded."""
