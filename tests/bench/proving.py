"""Proof: records a second of a verification, signed by their authors and not, beside Ed25519 alone
on all processors.
"""

import statistics
from pathlib import Path
from typing import Final

from plan import Plan
from programs import Failed, Numbers, result
from table import Line, Section

_KINDS: Final = ("signed", "unsigned", "limit")


def measure(plan: Plan, folder: Path) -> Numbers:
    """`verify_ratio`; fails where something that holds is called a lie."""
    exports = {"signed": folder / "signed.zip", "unsigned": folder / "unsigned.zip"}
    for kind, path in exports.items():
        result(
            "prove.py",
            "seed",
            *(["--signed"] if kind == "signed" else []),
            path,
            plan.proved,
            seconds=600,
        )
    found: Numbers = {kind: {"rounds": []} for kind in _KINDS}
    for kind in _KINDS * plan.rounds:
        each = (
            result("prove.py", "limit", plan.proved)
            if kind == "limit"
            else result("prove.py", "verify", exports[kind], seconds=600)
        )
        if each.get("lie") or each.get("void") or each["records"] != plan.proved:
            raise Failed(f"a log that holds was not verified: {each}")
        found[kind]["rounds"].append(round(each["per_second"], 1))
    for of in found.values():
        of["per_second"] = statistics.median(of["rounds"])
    ratio = round(found["signed"]["per_second"] / found["limit"]["per_second"], 4)
    return {"verify_ratio": ratio, "verify": {"records": plan.proved, **found}}


def section(found: Numbers) -> Section:
    """Its part of the table."""
    verify = found["verify"]
    table = Section("verifying an export", "records", "Ed25519")
    for number, (signed, limit) in enumerate(
        zip(verify["signed"]["rounds"], verify["limit"]["rounds"], strict=True), 1
    ):
        table.lines.append(Line(f"signed, a second, round {number}", signed, limit))
    limit = verify["limit"]["per_second"]
    table.lines.append(
        Line(
            "signed, a second, median",
            verify["signed"]["per_second"],
            limit,
            found["verify_ratio"],
            "\u2265 0.5",
        )
    )
    unsigned = verify["unsigned"]["per_second"]
    table.lines.append(Line("  not signed", unsigned, limit, unsigned / limit))
    table.remarks.append(f"{verify['records']} records; Ed25519 alone on all processors")
    return table
