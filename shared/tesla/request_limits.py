"""The plan's limits on calls, checked before each: of a vehicle and day by kind, of the application, of a second.

A call that a limit refuses is not sent; the error says when it is worth trying again, and workers park it until then.
Vehicles are counted under a keyed digest, so that the counters do not tell which ones they are.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.platform.ports import Clock, DocumentStore
from shared.tesla.allowances import Allowances, Quota
from shared.tesla.catalogue import Endpoint, Price
from shared.tesla.errors import PlanLimitReached
from shared.tesla.plan_limits import PlanLimits
from shared.tesla.shared_pace import SharedPace

LONGEST_WAIT_S = 10.0
"""Longer waits for a turn are deferred; the same bound as for a short 429."""
_FORCED: ContextVar[bool] = ContextVar("never_blocked", default=False)


@contextmanager
def never_blocked() -> Iterator[None]:
    """Calls made inside are counted but no daily limit refuses them: what has to be undone is undone.

    The pace is kept all the same, because Tesla would refuse what comes too fast.
    """
    before = _FORCED.set(True)
    try:
        yield
    finally:
        _FORCED.reset(before)


def vins_of(path: Mapping[str, str] | None, query: Mapping[str, str] | None, json: Any) -> tuple[str, ...]:
    """The vehicles that a call with these parameters is about."""
    named = [part["vin"] for part in (path, query) if part and "vin" in part]
    listed = json.get("vins", ()) if isinstance(json, Mapping) else ()
    return tuple(dict.fromkeys((*named, *listed)))


class RequestLimits:
    """Keeps the calls of all processes within the plan. `pepper` gives the key of the vehicles' digests."""

    def __init__(self, store: DocumentStore, clock: Clock, limits: PlanLimits, pepper: Callable[[], bytes]) -> None:
        self._allowances, self._clock, self._limits, self._pepper = Allowances(store, clock), clock, limits, pepper
        per_s = limits.requests_per_s
        self._pace = SharedPace(store, clock, per_s=per_s, longest_wait_s=LONGEST_WAIT_S) if per_s else None
        data = ("data requests of a vehicle a day", limits.vehicle_data_per_day)
        self._of_vehicle: Mapping[Price, tuple[str, int]] = {
            Price.DATA: data,
            Price.SPECS: data,
            Price.COMMAND: ("commands of a vehicle a day", limits.vehicle_commands_per_day),
            Price.WAKE: ("wake-ups of a vehicle a day", limits.vehicle_wakes_per_day),
        }

    def admit(self, endpoint: Endpoint, vins: Collection[str]) -> None:
        """Count a call that is about to be sent, and wait for its turn.

        Raises PlanLimitReached, having counted nothing: the call must not be sent then.
        """
        taken: list[Quota] = []
        try:
            for quota in self._quotas(endpoint, vins):
                self._allowances.take(quota, forced=_FORCED.get())
                taken.append(quota)
            if self._pace is not None:
                self._pace.wait()
        except PlanLimitReached:
            for quota in taken:
                self._allowances.give_back(quota)
            raise

    def _quotas(self, endpoint: Endpoint, vins: Collection[str]) -> Iterator[Quota]:
        """What the call counts against: each of its vehicles, then the application."""
        day = self._clock.now().astimezone(UTC).date()
        ends_at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
        name, limit = self._of_vehicle.get(endpoint.price, ("", 0))
        for vin in vins if limit else ():
            kind = Price.DATA if endpoint.price is Price.SPECS else endpoint.price
            yield Quota(name, f"{kind}.{day}.{self._digest(vin)}", limit, ends_at)
        if self._limits.requests_per_day:
            yield Quota("requests a day", f"requests.{day}", self._limits.requests_per_day, ends_at)

    def _digest(self, vin: str) -> str:
        return hmac.new(self._pepper(), vin.encode(), hashlib.sha256).hexdigest()[:32]
