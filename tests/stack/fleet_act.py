"""The second act of the main job: owners enrol their batteries, three ticks, a mode and a tariff that work."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import requests

from shared.energy.tariffs.build import SeasonPlan, build_tariff
from shared.energy.tariffs.schedule import DAY_MIN, Span
from tests.stack.energy_owner import EnergyOwner, Operator
from tests.stack.stack import Stack

TICK_S = 300
TICKS = 3
_SIDE_BY_SIDE = 4
_IDLE_S = 60.0

Stage = Callable[[str], AbstractContextManager[None]]


class FleetStuck(Exception):
    """The fleet did not do what an operator may expect; the message says what it did instead."""


@dataclass
class FleetAct:
    """One fleet in a running stack. What it came to stands in the attributes."""

    stack: Stack
    stage: Stage
    operator: Operator = field(init=False)
    sites: list[str] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)
    fleet: Any = None
    mode: Any = None
    tariff: Any = None
    tariff_power_w: list[tuple[datetime, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """The operator's identity is the stack's own."""
        self.operator = Operator(self.stack.base_url, self.stack.token)

    def run(self) -> None:
        """Do it all. Raises FleetStuck, OwnerStuck."""
        accounts = self.stack.simulator["accounts"]
        stage = self.stage(f"{len(accounts)} owners enrol their Powerwalls")
        with stage, ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            self.sites = [site for found in pool.map(self._enrol, accounts) for site in found]
        with self.stage(f"The utility confirms {len(self.sites)} sites"):
            self._import()
        with self.stage(f"{TICKS} ticks of 5 minutes: the fleet is polled and added up"):
            for _ in range(TICKS):
                self.tick()
            self.fleet = self.operator.call("GET", "/fleet")
        site = self._counting_site()
        with self.stage("One site is set to backup and read back"):
            self.mode = self.operator.call("PUT", f"/sites/{site}/operation", {"default_real_mode": "backup"})
        with self.stage("One site gets a tariff and discharges in its peak"):
            self._tariff(site)
        self.rows = self._history()

    def tick(self) -> None:
        """The next 5-minute tick begins (at its end nothing is polled); what is scheduled runs to its end."""
        self.stack.advance(TICK_S - self.stack.clock.now().timestamp() % TICK_S)
        self.stack.tick()
        self.stack.wait_idle(_IDLE_S)

    def power_w(self, site: str) -> float:
        """What the site's battery did at its last poll, + = discharging."""
        view = self.operator.call("GET", f"/sites/{site}")
        return float(view["values"]["battery_power"]["value"])

    def truth(self) -> list[Any]:
        """Every site as the simulated Tesla really has it."""
        url = f"{self.stack.simulator['control']}/fleet?hours="
        sites: list[Any] = requests.get(url, timeout=60).json()["sites"]
        return sites

    def _enrol(self, account: Any) -> list[str]:
        owner = EnergyOwner(self.stack.base_url, account["email"])
        owner.consent()
        return owner.enrol()

    def _import(self) -> None:
        lines = "\n".join(f"{site},true,act two," for site in self.sites)
        done = self.operator.call("POST", "/utility-imports", {"csv": f"energy_site_id,active,note,until\n{lines}\n"})
        if done["recorded"] != len(self.sites):
            raise FleetStuck(f"the import recorded {done}")

    def _counting_site(self) -> str:
        """The site with most energy above its reserve."""
        listed = self.operator.call("GET", "/sites?limit=200")["sites"]
        counting = [site for site in listed if site["counts"]]
        if not counting:
            raise FleetStuck(f"no site counts: {self.fleet}")
        best = max(counting, key=lambda site: site["available"]["surplus_wh"])
        return str(best["energy_site_id"])

    def _tariff(self, site: str) -> None:
        """A tariff whose peak is the next two hours, set and made active; the site is then seen discharging."""
        view = self.operator.call("GET", f"/sites/{site}")
        zone = ZoneInfo(view["equipment"]["time_zone"] or "UTC")
        start = (self.stack.clock.now() + timedelta(minutes=10)).astimezone(zone)
        body = {"tariff": peak_tariff(start, start + timedelta(hours=2)), "activate": True}
        self.operator.call("PUT", f"/sites/{site}/export_rule", {"customer_preferred_export_rule": "battery_ok"})
        self.tariff = self.operator.call("PUT", f"/sites/{site}/tariff", body)
        for _ in range(3):
            self.tick()
            self.tariff_power_w.append((self.stack.clock.now(), self.power_w(site)))
        if self.tariff_power_w[-1][1] <= 0:
            raise FleetStuck(f"site {site} does not discharge in its peak: {self.tariff_power_w}")

    def _history(self) -> list[Any]:
        """The rows of the ticks so far, past midnight too."""
        self.tick()
        now = self.stack.clock.now()
        days = dict.fromkeys(f"{moment:%Y-%m-%d}" for moment in (now - timedelta(days=1), now))
        found = [self.operator.call("GET", f"/fleet/history?day={day}")["rows"] for day in days]
        return [row for rows in found for row in rows]


def peak_tariff(start: datetime, end: datetime) -> dict[str, Any]:
    """A tariff whose peak is between these local times of every day, and worth exporting in."""
    first, last = start.hour * 60 + start.minute, end.hour * 60 + end.minute
    cuts = (0, first, last, DAY_MIN) if first < last else (0, last, first, DAY_MIN)
    labels = ("OFF_PEAK", "ON_PEAK", "OFF_PEAK") if first < last else ("ON_PEAK", "OFF_PEAK", "ON_PEAK")
    pieces = zip(labels, cuts, cuts[1:], strict=False)
    spans = tuple(Span(0, 6, begins, ends, label) for label, begins, ends in pieces if begins < ends)
    season = SeasonPlan(spans=spans, buy={"ON_PEAK": 0.6, "OFF_PEAK": 0.1}, sell={"ON_PEAK": 0.5, "OFF_PEAK": 0.0})
    return build_tariff(name="Evening", utility="Act Two Electric", currency="EUR", seasons={"Summer": season})
