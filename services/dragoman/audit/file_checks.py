"""Checks of an export's other content: `channel.json`, `README.md`, the file itself."""

from collections.abc import Mapping

from dragoman.audit.export import description_of, is_readme_of
from dragoman.audit.head_checks import HeadChecks
from dragoman.audit.leaf_hashes import LeafHashes
from dragoman.audit.replay import Replay
from dragoman.audit.verification_result import ResultCollector
from dragoman.domain.acts.log_policy import log_of


class FileChecks:
    """The checks of the members of an export beside its records, head and tiles."""

    def __init__(
        self, replay: Replay, leaves: LeafHashes, head: HeadChecks, collector: ResultCollector
    ) -> None:
        """Check members against the records and the head of one verification."""
        self._replay = replay
        self._leaves = leaves
        self._head = head
        self._collector = collector

    def check_description(self, about: Mapping[str, object], raw: bytes) -> None:
        """Check the members of `channel.json`, and its bytes, against the records."""
        registry = self._replay.standing.state.registry
        if registry is None or self._collector.lie is not None:
            return
        expected = {
            "name": registry.name,
            "cid": registry.cid,
            "kind": registry.kind,
            "custody": registry.custody,
            "sides": [side.name for side in registry.sides],
            "log": str(log_of(registry)),
            "records": self._leaves.size,
        }
        evidence = f"channel.json, beside the records: {self._collector.changed}"
        for name in {**about, **expected}:
            if name not in about:
                self._collector.report(
                    "description",
                    0,
                    f"channel.json does not say the {name}, as that of every export does",
                    evidence,
                )
            elif name not in expected or expected[name] != about[name]:
                self._collector.report(
                    "description",
                    0,
                    f"channel.json says {name} {about[name]!r}, and the records do not",
                    evidence,
                )
        if raw != description_of(expected):
            self._collector.report(
                "description",
                0,
                "channel.json says what the records do, and is not written as in every export",
                evidence,
            )

    def check_readme(self, data: bytes | None) -> None:
        """Check `README.md` against the texts that releases write for these records.

        The text of any release is accepted.
        """
        registry = self._replay.standing.state.registry
        if registry is None or self._collector.lie is not None:
            return
        log = str(log_of(registry))
        if data is None:
            self._collector.report(
                "description",
                0,
                "README.md is not here, which every export has",
                f"what was given: {self._collector.changed}",
            )
        elif not is_readme_of(data, registry.name, registry.cid, log, self._head.signed):
            what = (
                "README.md is not what an export of these records has in it in any release: "
                "follow none of it"
            )
            self._collector.report("description", 0, what, f"README.md: {self._collector.changed}")

    def check_container(self, oddity: str, position: int, *, beside: bool) -> None:
        """Report a difference between a file and an export, unless `oddity` is empty.

        The difference may be something `beside` the members of an export, which no
        check reads.
        """
        if not oddity:
            return
        evidence = (
            "the file: no record is in these bytes, and nobody signed them, so that they "
            "convict nobody: do not use them, "
            "get the file again from the side that exported it, or compare it with another copy "
            "(`dragoman audit compare`)"
        )
        self._collector.report(
            "file",
            position,
            oddity,
            evidence if beside else f"the file: {self._collector.changed}",
        )
