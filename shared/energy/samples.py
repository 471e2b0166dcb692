"""One look at a site: what ``live_status`` said, when the device said it, and how the call ended.

Samples pack as arrays, and all of a shard's are kept in one document.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

import msgspec

FRESH_S = 600
"""Two polls: an older sample does not count towards what the fleet can deliver."""
DEAD_S = 3_600
"""Older samples raise an alarm: the gateway has lost its connection."""


class Outcome(StrEnum):
    """How the latest poll of a site ended."""

    OK = "ok"
    EMPTY = "empty"
    """Tesla answered without any status."""
    UNREADABLE = "unreadable"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    TIMED_OUT = "timed_out"
    CONNECTION_LOST = "connection_lost"
    UNREACHABLE = "unreachable"
    """Tesla cannot reach the site's gateway (408)."""
    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    REJECTED = "rejected"
    UNAUTHORIZED = "unauthorized"
    """Tesla does not take the access token; a refresh was asked for."""
    LOGIN_REQUIRED = "login_required"
    NO_TOKEN = "no_token"
    WRONG_REGION = "wrong_region"
    REGION_UNREGISTERED = "region_unregistered"
    LIMIT_EXCEEDED = "billing_limit"
    """Tesla's billing limit for the application."""
    SKIPPED = "skipped"
    """Not asked: the cadence or a limit left it out of this tick."""
    NOT_REACHED = "not_reached"
    """Not asked: the tick's time was over."""


class Reading(msgspec.Struct, frozen=True, array_like=True):
    """What the device reported: W, Wh, percent. None where it did not.

    Signs are Tesla's: `battery_power_w` is positive while discharging, `grid_power_w` while importing.
    `at` is the device's own time, `received_at` ours. `programmes` names the active programmes that came along;
    None: the answer said nothing of programmes. `flags` names what looks wrong (`unbalanced`: solar + battery + grid
    + generator differ from the load).
    """

    received_at: datetime
    at: datetime | None = None
    battery_power_w: float | None = None
    solar_power_w: float | None = None
    load_power_w: float | None = None
    grid_power_w: float | None = None
    generator_power_w: float | None = None
    energy_left_wh: float | None = None
    total_pack_energy_wh: float | None = None
    percentage_charged: float | None = None
    backup_reserve_percent: float | None = None
    island_status: str = ""
    grid_status: str = ""
    storm_mode_active: bool | None = None
    grid_services_active: bool | None = None
    programmes: tuple[str, ...] | None = None
    flags: tuple[str, ...] = ()

    def age_s(self, now: datetime) -> float | None:
        """Seconds since the device's own time; None if it gave none. A clock that runs ahead counts as fresh."""
        return None if self.at is None else max(0.0, (now - self.at).total_seconds())


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """The latest poll's outcome, and the last reading there is: a failed poll keeps the reading before it.

    `failures`: polls without a reading in a row. `asked_tick`: the tick of the last one. `again_tick`:
    the site is not asked before that one, because Tesla said so. `solar_peak_w`: the most that the panels gave of
    late, a tenth less for every day since.
    """

    outcome: Outcome
    reading: Reading | None = None
    failures: int = 0
    asked_tick: int = 0
    again_tick: int = 0
    solar_peak_w: float = 0.0


def from_epoch(seconds: float) -> datetime:
    """The moment in UTC."""
    return datetime.fromtimestamp(seconds, UTC)
