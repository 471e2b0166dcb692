"""The third act of the main job: a utility asks for kilowatts, the fleet delivers, homes are left as found."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.stack.fleet_act import TICK_S, FleetAct, FleetStuck, Stage
from tests.stack.stack import Stack

MINUTES = 20
_LEAD_S = 180.0
_LOOKS_S = (2.0, 50.0, 110.0, 182.0)
"""Seconds behind the start of a tick at which something is due (see `shared.energy.dispatch.schedule`)."""
_MOST_STEPS = 60
_IDLE_S = 60.0
_OVER = ("done", "cancelled", "failed")
_SHARE = 0.5
"""Of what the fleet could give for an hour."""


@dataclass
class DispatchAct:
    """One event in a running stack with a fleet. What it came to stands in the attributes."""

    stack: Stack
    fleet: FleetAct
    stage: Stage
    plan: Any = None
    event: Any = None
    sites: list[Any] = field(default_factory=list)
    report: bytes = b""
    settings_before: dict[str, Any] = field(default_factory=dict)
    settings_after: dict[str, Any] = field(default_factory=dict)

    def run(self) -> None:
        """Do it all. Raises FleetStuck, OwnerStuck."""
        operator = self.fleet.operator
        wanted = {"minutes": MINUTES, "strategy": "export", "start": self._start().isoformat()}
        now = operator.call("GET", "/fleet")
        wanted["target_kw"] = round(_SHARE * now["available_kw"]["1"])
        self.settings_before = self._settings()
        with self.stage(f"A dry run of {wanted['target_kw']} kW for {MINUTES} minutes"):
            self.plan = operator.call("POST", "/dispatches", {**wanted, "dry_run": True})
        with self.stage("The event: sites are commanded, read back and watched delivering, then restored"):
            answer = operator.call("POST", "/dispatches", wanted)
            self._live_through(answer["dispatch"])
        with self.stage("The proof: sites, audit trail and event report"):
            self.sites = operator.call("GET", f"/dispatches/{answer['dispatch']}/sites")["sites"]
            self.report = operator.file(f"/dispatches/{answer['dispatch']}/report.pdf")
            self.settings_after = self._settings()
        self._check()

    def _start(self) -> datetime:
        """The start of a tick that leaves time to command the sites."""
        ticks = int(self.stack.clock.now().timestamp() + _LEAD_S) // TICK_S + 1
        return datetime.fromtimestamp(ticks * TICK_S, UTC)

    def _live_through(self, dispatch: str) -> None:
        """Let time pass until the event is over and everything is restored."""
        for _ in range(_MOST_STEPS):
            self.stack.tick()
            self.stack.wait_idle(_IDLE_S)
            self.event = self.fleet.operator.call("GET", f"/dispatches/{dispatch}")
            if self.event["event"]["state"] in _OVER:
                return
            self.stack.advance(self._to_next_look_s())
        raise FleetStuck(f"the event does not end: {self.event['event']}")

    def _to_next_look_s(self) -> float:
        """Until the next moment at which something is due: a poll, the shards' look at it, the correction."""
        passed = self.stack.clock.now().timestamp() % TICK_S
        return next(look - passed for look in (*_LOOKS_S, TICK_S + _LOOKS_S[0]) if look > passed + 1)

    def _check(self) -> None:
        left = {site for site, found in self.settings_before.items() if self.settings_after.get(site) != found}
        if left:
            raise FleetStuck(f"{len(left)} sites are not as they were: {sorted(left)[:3]}")
        if not self.report.startswith(b"%PDF-"):
            raise FleetStuck("the event report is no PDF")

    def _settings(self) -> dict[str, Any]:
        """Mode, export rule and tariff of every site, as the simulated Tesla has them."""
        truth = self.fleet.truth()
        return {
            str(site["energy_site_id"]): (site["mode"], site["export_rule"], site["tariff_digest"]) for site in truth
        }
