"""Outcomes on the screen: aligned lines for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

Status = Literal["ok", "failed", "warning", "skipped"]
_MARKS = {"ok": "ok    ", "failed": "FAILED", "warning": "note  ", "skipped": "-     "}


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One outcome: what was looked at or done, how it went, in words, and what to do next. `data` is for programs."""

    subject: str
    status: Status
    detail: str = ""
    remedy: str = ""
    data: Any = None


def show(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print the findings."""
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(findings), indent=2).decode() + "\n")
        return
    width = max((len(finding.subject) for finding in findings), default=0)
    for finding in findings:
        sys.stdout.write(f"{_MARKS[finding.status]}  {finding.subject:<{width}}  {finding.detail}\n")
        if finding.remedy and finding.status != "ok":
            sys.stdout.write(f"{'':<{width + 10}}-> {finding.remedy}\n")
