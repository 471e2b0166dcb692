"""Faults on demand: which call goes wrong, how often, and in what way."""

from __future__ import annotations

import itertools
import re
from random import Random
from typing import Any, Literal

import msgspec

Kind = Literal[
    "asleep",
    "timeout408",
    "rate_limited",
    "server_error",
    "exceeded_limit",
    "html",
    "truncated",
    "null_response",
    "missing",
    "retype",
    "slow",
    "empty_body",
    "status",
    "drop",
    "oversized",
]

REFUSALS = frozenset({"asleep", "timeout408", "rate_limited", "server_error", "exceeded_limit", "html", "status"})
"""Kinds that keep the call from taking effect. With the others Tesla does the work, the answer suffers."""


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One rule. The first rule that fits a call decides it; keys not needed by `kind` are ignored.

    Attributes:
        kind: What happens.
        match: An endpoint name of the ledger, or a regular expression searched in the path.
        vin: Only calls about this vehicle.
        host: Only calls to this host: auth, eu, na or cn.
        times: How many calls it spoils; None is every one.
        after: How many fitting calls pass first.
        probability: Chance that a fitting call is spoilt, 0..1.
        executes: Whether the call takes effect; None is the kind's own way.
        status: For server_error (500, 502, 503, 504, 540), html and status.
        body: For status and html: text, or any JSON value.
        headers: Further headers of the answer.
        retry_after_s: For rate_limited.
        ratelimit_headers: For rate_limited: send RateLimit-* too.
        missing: Paths under `response`, dots between, to drop.
        null: Set the paths of `missing` to null instead.
        retype: Path under `response` to the value put there.
        delay_s: For slow.
        size_bytes: For oversized.
    """

    kind: Kind
    match: str = ""
    vin: str | None = None
    host: str | None = None
    times: int | None = None
    after: int = 0
    probability: float = 1.0
    executes: bool | None = None
    status: int | None = None
    body: Any = None
    headers: dict[str, str] = {}
    retry_after_s: float = 30
    ratelimit_headers: bool = False
    missing: list[str] = []
    null: bool = False
    retype: dict[str, Any] = {}
    delay_s: float = 1.0
    size_bytes: int = 20_000_000
    id: int = 0
    seen: int = 0
    fired: int = 0

    def takes_effect(self) -> bool:
        """Whether the spoilt call is carried out."""
        return self.kind not in REFUSALS if self.executes is None else self.executes


class FaultBook:
    """The rules in force. Added and removed from any thread, consulted by the server's."""

    def __init__(self, seed: int, endpoints: frozenset[str]) -> None:
        self._rng = Random(f"faults:{seed}")
        self._endpoints = endpoints
        self._numbers = itertools.count(1)
        self._rules: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Put a rule in force, behind those there are.

        Raises:
            ValueError: `match` is neither an endpoint name nor a regular expression.
        """
        try:
            re.compile(fault.match)
        except re.error as error:
            raise ValueError(f"match: {error}") from error
        fault.id = next(self._numbers)
        self._rules = [*self._rules, fault]
        return fault

    def remove(self, fault_id: int) -> bool:
        """Lift one rule; False when there is none of that number."""
        kept = [rule for rule in self._rules if rule.id != fault_id]
        removed, self._rules = len(kept) < len(self._rules), kept
        return removed

    def clear(self) -> None:
        """Lift every rule."""
        self._rules = []

    def all(self) -> list[Fault]:
        """The rules in force, with their counts."""
        return list(self._rules)

    def take(self, endpoint: str, path: str, vin: str | None, host: str) -> Fault | None:
        """The rule that spoils this call, counted as used; None for most calls."""
        for rule in self._rules:
            if self._fits(rule, endpoint, path, vin, host) and self._fires(rule):
                return rule
        return None

    def _fits(self, rule: Fault, endpoint: str, path: str, vin: str | None, host: str) -> bool:
        if (rule.vin and rule.vin != vin) or (rule.host and rule.host != host):
            return False
        if rule.match in self._endpoints:
            return rule.match == endpoint
        return re.search(rule.match, path) is not None

    def _fires(self, rule: Fault) -> bool:
        rule.seen += 1
        if rule.seen <= rule.after or (rule.times is not None and rule.fired >= rule.times):
            return False
        if rule.probability < 1 and self._rng.random() >= rule.probability:
            return False
        rule.fired += 1
        return True
