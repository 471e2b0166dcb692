"""One simulated car: its state now, and its payloads, made on first use and kept."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

from .answers import Json
from .clock import Clock
from .payload_charge import charge_schedules, charge_state, climate_state, precondition_schedules
from .payload_charging import charging_sessions
from .payload_drive import drive_state, gui_settings, vehicle_config
from .payload_modules import alert_rows, notes_sheet, option_rows, spec_sheet, warranty_sheet
from .payload_state import vehicle_state
from .vehicle_profile import make_profile

T = TypeVar("T")


class Vehicle:
    """A car of one account. `state` is online, asleep or offline and may be set at any time."""

    def __init__(self, seed: int, index: int, region: str, epoch_s: float, clock: Clock) -> None:
        self.profile = make_profile(seed, index)
        self.vin = self.profile.vin
        self.region = region
        rng = Random(f"ids:{seed}:{index}")
        self.id = 100_000_000_000_000 + rng.randrange(10**12) * 100 + index % 100
        self.vehicle_id = 1_000_000_000 + rng.randrange(10**9)
        self.in_service = False
        self.hide_private = False
        self.paired = rng.random() < 0.5
        self.overrides: Json = {}
        self._state = "online"
        self._online_at_s: float | None = None
        self._seed, self._epoch_s, self._clock = seed, epoch_s, clock
        self._kept: dict[str, Any] = {}

    @property
    def state(self) -> str:
        """What Tesla believes now; a car that was woken comes online when its time has passed."""
        if self._online_at_s is not None and self._clock.now() >= self._online_at_s:
            self._state, self._online_at_s = "online", None
        return self._state

    @state.setter
    def state(self, state: str) -> None:
        if state not in {"online", "asleep", "offline"}:
            raise ValueError(f"no such vehicle state: {state}")
        self._state, self._online_at_s = state, None

    def wake_in(self, seconds: float) -> None:
        """Come online after `seconds`; an earlier time that is already set stays."""
        if self.state != "online" and self._online_at_s is None:
            self._online_at_s = self._clock.now() + seconds

    def base(self) -> Json:
        """The vehicle object of the list and of GET /vehicles/{vin}; a few fields are null at times."""
        odd = self.vehicle_id % 2 == 1
        return {
            "id": self.id,
            "user_id": 400_000_000_000 + self.vehicle_id % 1000,
            "vehicle_id": self.vehicle_id,
            "vin": self.vin,
            "color": None,
            "access_type": "OWNER",
            "display_name": self.profile.display_name,
            "option_codes": None if odd else "TEST0,COUS",
            "cached_data": None,
            "granular_access": {"hide_private": self.hide_private},
            "tokens": None if odd else ["4f993c5b9e2b937b", "7a3153b1bbb48a96"],
            "state": self.state,
            "in_service": self.in_service,
            "id_s": str(self.id),
            "calendar_enabled": True,
            "api_version": 90,
            "backseat_token": None,
            "backseat_token_updated_at": None,
            "ble_autopair_enrolled": False,
            "command_signing": "required",
        } | self._override("vehicle")

    def data(self) -> dict[str, Json]:
        """Every sub-object of vehicle_data by its name, overrides applied."""
        kept = self._kept.get("data")
        if kept is None:
            kept = self._kept["data"] = self._make_data()
        changed = self._override("vehicle_data")
        return kept | {name: {**kept.get(name, {}), **part} for name, part in changed.items()}

    def alerts(self, count: int) -> list[Json]:
        """Recent alerts, newest first."""
        return self._keep("alerts", lambda rng: alert_rows(rng, self._epoch_s, count))

    def warranty(self) -> Json:
        """Warranty details."""
        return self._keep("warranty", lambda _: warranty_sheet(self.profile, self._epoch_s))

    def options(self) -> list[Json]:
        """Option codes."""
        return self._keep("options", lambda _: option_rows(self.profile))

    def specs(self) -> Json:
        """The specification sheet."""
        return self._keep("specs", lambda rng: spec_sheet(self.profile, rng, self._epoch_s))

    def release_notes(self, *, staged: bool, language: str) -> Json:
        """Release notes of the installed or the waiting version."""
        key = f"notes:{staged}:{language}"
        return self._keep(key, lambda rng: notes_sheet(self.profile, rng, staged=staged, language=language))

    def sessions(self, count: int) -> list[Json]:
        """Paid charging sessions, newest first."""
        made = charging_sessions
        return self._keep("sessions", lambda _: made(self.vin, self.region, self._seed, self._epoch_s, count))

    def fleet_info(self) -> Json:
        """The car's entry in fleet_status."""
        return {
            "firmware_version": self.profile.firmware,
            "vehicle_command_protocol_required": True,
            "discounted_device_data": False,
            "fleet_telemetry_version": "1.1.0",
            "total_number_of_keys": 1 + self.vehicle_id % 5,
        }

    def _keep(self, key: str, make: Callable[[Random], T]) -> T:
        """The payload made on first use; an override under the same key replaces it, whatever it is."""
        if key not in self._kept:
            self._kept[key] = make(Random(f"{key}:{self._seed}:{self.vin}"))
        kept: T = self.overrides.get(key, self._kept[key])
        return kept

    def _override(self, name: str) -> Json:
        changed = self.overrides.get(name)
        return changed if isinstance(changed, dict) else {}

    def _make_data(self) -> dict[str, Json]:
        rng, profile, epoch_s = Random(f"data:{self._seed}:{self.vin}"), self.profile, self._epoch_s
        return {
            "charge_state": charge_state(profile, rng, epoch_s),
            "climate_state": climate_state(profile, rng, epoch_s),
            "drive_state": drive_state(profile, rng, epoch_s),
            "gui_settings": gui_settings(profile, rng, epoch_s),
            "vehicle_config": vehicle_config(profile, rng, epoch_s),
            "vehicle_state": vehicle_state(profile, rng, epoch_s),
            "charge_schedule_data": charge_schedules(epoch_s),
            "preconditioning_schedule_data": precondition_schedules(epoch_s),
        }
