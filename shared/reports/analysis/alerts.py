"""Recent alerts: how many, for whom, which ones come back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.reports.level import Level, Verdict
from shared.reports.units import plural
from shared.tesla.models.care import Alert, RecentAlerts

RECENT = timedelta(days=30)
_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class AlertsFound:
    """The alerts, newest first, and their counts."""

    alerts: tuple[Alert, ...]
    by_audience: tuple[tuple[str, int], ...]
    repeated: tuple[tuple[str, int], ...]
    """Codes that came more than once, most frequent first."""


def alerts_found(answer: RecentAlerts) -> AlertsFound:
    """Sort and count."""
    alerts = tuple(sorted(answer.recent_alerts or (), key=lambda alert: alert.time or _EARLIEST, reverse=True))
    audiences = Counter(audience for alert in alerts for audience in set(alert.audience or ()))
    codes = Counter(alert.name for alert in alerts if alert.name)
    return AlertsFound(
        alerts,
        tuple(sorted(audiences.items(), key=lambda item: (-item[1], item[0]))),
        tuple((code, count) for code, count in codes.most_common() if count > 1),
    )


def recent_for(alerts: Sequence[Alert], audience: str, now: datetime) -> int:
    """How many alerts for `audience` came in the last 30 days before `now`."""
    return sum(
        audience in (alert.audience or ()) and alert.time is not None and now - alert.time <= RECENT
        for alert in alerts
    )


def verdict(found: AlertsFound | None, now: datetime) -> Verdict:
    """The alerts' light. An alert is a moment, not a state: it asks for a look and never for more."""
    if found is None:
        return Verdict(Level.UNKNOWN, "Unknown", "The alerts could not be fetched.")
    if not found.alerts:
        return Verdict(Level.GOOD, "None", "Tesla lists no recent alert.")
    shown, all_of_them = recent_for(found.alerts, "customer", now), f"{len(found.alerts):,} in all"
    if shown:
        reason = f"{plural(shown, 'alert')} shown to the driver in the last 30 days; {all_of_them}."
        return Verdict(Level.WATCH, "Check", reason)
    return Verdict(Level.GOOD, "Quiet", f"None shown to the driver in the last 30 days; {all_of_them}.")
