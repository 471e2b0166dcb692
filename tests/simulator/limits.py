"""Tesla's request limits per device and account, kept only when the configuration asks for it.

Realtime data 60, wakes 3 and commands 30 a minute per device; 20 token calls a second per application (Tesla:
billing and limits).
"""

from __future__ import annotations

import math
from collections import defaultdict, deque

from .answers import Answer, error_answer

LIMITS = {"data": (60, 60.0), "wake": (3, 60.0), "command": (30, 60.0), "auth": (20, 1.0)}
"""Calls allowed, and the window in seconds."""

KINDS = {
    "vehicle_data": "data",
    "live_status": "data",
    "site_info": "data",
    "wake_up": "wake",
    "operation": "command",
    "time_of_use_settings": "command",
    "tariff_rate": "command",
    "backup": "command",
    "storm_mode": "command",
    "grid_import_export": "command",
    "off_grid_vehicle_charging_reserve": "command",
    "token": "auth",
}
"""Endpoints that count against a limit."""


class Limiter:
    """Sliding windows of past calls."""

    def __init__(self) -> None:
        self._calls: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)

    def check(self, endpoint: str, device: str, now_s: float) -> Answer | None:
        """Count a call, or the 429 that refuses it; a refused call does not count."""
        kind = KINDS.get(endpoint)
        if kind is None:
            return None
        allowed, window_s = LIMITS[kind]
        calls = self._calls[kind, device]
        while calls and calls[0] <= now_s - window_s:
            calls.popleft()
        if len(calls) < allowed:
            calls.append(now_s)
            return None
        return rate_limited(calls[0] + window_s - now_s, allowed)


def rate_limited(retry_after_s: float, allowed: int | None = None) -> Answer:
    """429 with Retry-After in whole seconds, and RateLimit headers when `allowed` says the limit."""
    answer = error_answer(429, "too many requests")
    seconds = str(math.ceil(retry_after_s))
    answer.headers["Retry-After"] = seconds
    if allowed is not None:
        answer.headers |= {
            "RateLimit-Limit": str(allowed),
            "RateLimit-Remaining": "0",
            "RateLimit-Reset": seconds,
        }
    return answer
