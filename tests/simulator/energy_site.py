"""One simulated energy site: solar, house, battery and grid that always balance.

Signs as the API has them: battery > 0 discharges, grid > 0 imports, solar and load >= 0 (W).
"""

from __future__ import annotations

import math
from random import Random

from .answers import Json
from .clock import Clock, iso

UNIT_POWER_W = 5_000.0
UNIT_ENERGY_WH = 13_500.0
STEP_S = 300.0
MAX_STEPS = 300
EFFICIENCY = 0.95
"""Share of the charged energy that the battery keeps."""


class EnergySite:
    """A home with 1 to 3 Powerwalls. Settings are changed by commands, the charge by time."""

    def __init__(self, site_id: int, seed: int, clock: Clock) -> None:
        rng = Random(f"site:{seed}:{site_id}")
        self.site_id = site_id
        self.name = rng.choice(("My Home", "Kesämökki", "Energy Site", "Villa Åsa", "Haus am See"))
        self.units = rng.randint(1, 3)
        self.mode = "self_consumption"
        self.reserve_percent: float = 20
        self.export_rule = "battery_ok"
        self.island_status = "on_grid"
        self.reachable = True
        self.payload: Json = {}
        self.gateway = f"1232100-00-E--TG{rng.randrange(10**11):011d}G"
        self.installed_at = iso(rng.uniform(1.55e9, 1.75e9), 2)
        self._clock = clock
        self._solar_peak_w = rng.choice((0.0, 4_200.0, 7_600.0, 11_000.0))
        self._load_base_w = rng.uniform(300, 1_400)
        self._wobble = rng.uniform(0, math.tau)
        self._energy_wh = self.capacity_wh * rng.uniform(0.3, 0.95)
        self._as_of_s = clock.now()

    @property
    def power_w(self) -> float:
        """Nameplate power of all units together."""
        return UNIT_POWER_W * self.units

    @property
    def capacity_wh(self) -> float:
        """Nameplate energy of all units together."""
        return UNIT_ENERGY_WH * self.units

    @property
    def percentage_charged(self) -> float:
        """0..100, with many digits, at the clock's time."""
        self._run()
        return 100 * self._energy_wh / self.capacity_wh

    @percentage_charged.setter
    def percentage_charged(self, percent: float) -> None:
        self._run()
        self._energy_wh = self.capacity_wh * percent / 100

    def solar_w(self, at_s: float) -> float:
        """A half sine between six and eighteen o'clock UTC."""
        return max(0.0, self._solar_peak_w * math.sin(math.pi * ((at_s / 3600) % 24 - 6) / 12))

    def load_w(self, at_s: float) -> float:
        """A base load with a slow wave and an evening peak."""
        hour = (at_s / 3600) % 24
        wave = 1 + 0.35 * math.sin(at_s / 700 + self._wobble)
        return self._load_base_w * wave * (2.2 if 17 <= hour < 22 else 1.0)

    def battery_w(self, at_s: float) -> float:
        """What the battery does at `at_s` under the present mode, reserve and charge."""
        if self.island_status != "on_grid":
            return self.load_w(at_s) - self.solar_w(at_s)
        limit_w, stored_wh = self.power_w, self._energy_wh
        if self.mode == "backup":
            wanted_w = -limit_w
        else:
            wanted_w = self.load_w(at_s) - self.solar_w(at_s)
            if self.mode == "autonomous" and 17 <= (at_s / 3600) % 24 < 21:
                wanted_w = limit_w if self.export_rule == "battery_ok" else wanted_w
        if wanted_w > 0:
            usable_wh = stored_wh - self.capacity_wh * self.reserve_percent / 100
            return min(wanted_w, limit_w) if usable_wh > 1 else 0.0
        return max(wanted_w, -limit_w) if stored_wh < self.capacity_wh - 1 else 0.0

    def live_status(self) -> Json:
        """The body of live_status at the clock's time."""
        now = self._run()
        solar, load, battery = (round(flow(now)) for flow in (self.solar_w, self.load_w, self.battery_w))
        on_grid = self.island_status == "on_grid"
        return {
            "solar_power": solar,
            "percentage_charged": self.percentage_charged,
            "backup_capable": True,
            "battery_power": battery if on_grid else load - solar,
            "load_power": load,
            "grid_status": "Active" if on_grid else "Inactive",
            "grid_power": load - solar - battery if on_grid else 0,
            "grid_services_active": False,
            "grid_services_power": 0,
            "generator_power": 0,
            "island_status": self.island_status,
            "storm_mode_active": False,
            "timestamp": iso(now),
            "wall_connectors": [],
        } | self._override("live_status")

    def site_info(self) -> Json:
        """The body of site_info."""
        return {
            "id": self.gateway,
            "site_name": self.name,
            "backup_reserve_percent": self.reserve_percent,
            "default_real_mode": self.mode,
            "installation_date": self.installed_at,
            "user_settings": {"storm_mode_enabled": False, "vpp_tour_enabled": True},
            "components": self._components(),
            "version": "25.42.1 5cdfa6a6",
            "battery_count": self.units,
            "nameplate_power": self.power_w,
            "nameplate_energy": self.capacity_wh,
            "installation_time_zone": "Europe/Helsinki",
            "max_site_meter_power_ac": 1_000_000_000,
            "min_site_meter_power_ac": -1_000_000_000,
            "vpp_backup_reserve_percent": self.reserve_percent,
        } | self._override("site_info")

    def product(self) -> Json:
        """The site's entry in products."""
        return {
            "energy_site_id": self.site_id,
            "resource_type": "battery",
            "site_name": self.name,
            "id": self.gateway,
            "gateway_id": self.gateway,
            "percentage_charged": self.percentage_charged,
            "battery_type": "ac_powerwall",
            "backup_capable": True,
            "battery_power": round(self.battery_w(self._as_of_s)),
            "storm_mode_enabled": False,
            "components": {"battery": True, "solar": self._solar_peak_w > 0, "grid": True, "load_meter": True},
        } | self._override("product")

    def _override(self, name: str) -> Json:
        changed = self.payload.get(name)
        return changed if isinstance(changed, dict) else {}

    def _components(self) -> Json:
        battery = {
            "part_name": "Powerwall 2",
            "nameplate_max_charge_power": UNIT_POWER_W,
            "nameplate_max_discharge_power": UNIT_POWER_W,
            "nameplate_energy": UNIT_ENERGY_WH,
            "is_active": True,
        }
        return {
            "solar": self._solar_peak_w > 0,
            "battery": True,
            "grid": True,
            "backup": True,
            "gateway": "teg",
            "load_meter": True,
            "tou_capable": True,
            "storm_mode_capable": True,
            "grid_services_enabled": False,
            "battery_type": "ac_powerwall",
            "configurable": True,
            "batteries": [battery | {"din": f"{self.gateway}-{unit}"} for unit in range(self.units)],
            "customer_preferred_export_rule": self.export_rule,
            "net_meter_mode": "battery_ok",
        }

    def _run(self) -> float:
        """Let the battery live until now, in steps of at most five minutes; returns now."""
        now = self._clock.now()
        step_s = max(STEP_S, (now - self._as_of_s) / MAX_STEPS)
        while self._as_of_s < now:
            span_s = min(step_s, now - self._as_of_s)
            flow_w = self.battery_w(self._as_of_s)
            gained_wh = -flow_w * span_s / 3600 * (EFFICIENCY if flow_w < 0 else 1.0)
            self._energy_wh = min(self.capacity_wh, max(0.0, self._energy_wh + gained_wh))
            self._as_of_s += span_s
        return now
