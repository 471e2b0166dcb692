"""What tests may do to a simulator: the same operations in-process and under /_sim over HTTP."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import msgspec

from .answers import Json
from .config import Region, SimulatorConfig
from .energy_control import Affliction, SiteChange, afflict_sites, change_site
from .energy_truth import HOURS, fleet_truth
from .faults import Fault
from .state import State
from .world import Account

LIVE_OPTIONS = {
    "latency_ms",
    "access_token_s",
    "code_s",
    "grace_s",
    "wake_s",
    "audience_mode",
    "wrong_region",
    "history_shape",
    "dx_shape",
    "notes_shape",
    "energy_contract",
    "remember_consent",
    "business",
    "empty_site",
    "key_url",
    "alerts",
    "scope",
    "enforce_limits",
    "programs_shape",
    "programs_endpoint",
    "reaction_s",
    "high_reserve",
    "write_shape",
    "stale_age_s",
}
"""Options that may change while the simulator runs."""


class VehicleChange(msgspec.Struct, forbid_unknown_fields=True):
    """PATCH of a car. `overrides` replaces payloads: vehicle, vehicle_data (by sub-object), service_data,
    alerts, warranty, options, specs, sessions.
    """

    state: str | None = None
    in_service: bool | None = None
    hide_private: bool | None = None
    wakes_in_s: float | None = None
    overrides: Json | None = None


class AccountChange(msgspec.Struct, forbid_unknown_fields=True):
    """PATCH of an account: its home region, or what it consents to by now (the next refresh follows)."""

    region: Region | None = None
    scopes: list[str] | None = None


class Grant(msgspec.Struct, frozen=True):
    """Tokens handed out without a consent page."""

    access_token: str
    refresh_token: str
    sub: str
    email: str
    region: str
    scopes: list[str]


class Control:
    """Operations on a running simulator."""

    def __init__(self, state: State) -> None:
        self.state = state

    def change_vehicle(self, vin: str, change: VehicleChange) -> Json:
        """Apply a change to a car (VIN or id) and return its base object.

        Raises:
            KeyError: no such car.
            ValueError: no such state.
        """
        car = self.state.world.vehicles[vin]
        if change.state is not None:
            car.state = change.state
        if change.wakes_in_s is not None:
            car.wake_in(change.wakes_in_s)
        _assign(car, change, ("in_service", "hide_private"))
        car.overrides |= change.overrides or {}
        return car.base()

    def change_site(self, site_id: str, change: SiteChange) -> Json:
        """Apply a change to an energy site and return its live_status.

        Raises:
            KeyError: no such site.
            ValueError: no such trouble.
        """
        _, site = self.state.world.sites[site_id]
        return change_site(site, change, self.state.config)

    def afflict(self, trouble: Affliction) -> Json:
        """Bring a trouble over sites, or lift it; returns how many it concerned.

        Raises:
            KeyError: no such site.
            ValueError: no such trouble.
        """
        return {"sites": afflict_sites(self.state.world, trouble, self.state.config)}

    def fleet(self, hours: Sequence[float] = HOURS) -> Json:
        """The truth about all sites, by `energy_truth`, with the simulator's time (Unix s).

        Raises:
            ValueError: hours that are none.
        """
        if any(not 0 < hour <= 24 for hour in hours):
            raise ValueError("hours are above 0 and at most 24")
        rows = fleet_truth(self.state.world.every_site(), hours)
        return {"now_s": self.state.clock.now(), "sites": rows}

    def forget_commands(self) -> None:
        """Count the commands of all sites from 0 again."""
        for site in self.state.world.every_site():
            site.commands.clear()

    def add_sites(self, key: str | int, count: int) -> list[int]:
        """Give an account more energy sites and return their ids.

        Raises:
            KeyError: no such account.
        """
        return [site.site_id for site in self.state.world.add_sites(key, count)]

    def change_account(self, key: str | int, change: AccountChange) -> Account:
        """Apply a change to an account (number, e-mail or subject).

        Raises:
            KeyError: no such account.
        """
        account = self.state.world.account(key)
        if change.region is not None:
            account.region = change.region
        if change.scopes is not None:
            account.consented = frozenset(change.scopes)
        return account

    def revoke(self, key: str | int) -> None:
        """Withdraw an account's consent as its owner would on Tesla's page.

        Raises:
            KeyError: no such account.
        """
        self.state.tokens.revoke(self.state.world.account(key))

    def grant(self, key: str | int, scopes: list[str], region: str | None = None) -> Grant:
        """Tokens of an account as if it had just consented; `region` names the audience, default its own.

        Raises:
            KeyError: no such account.
        """
        state, account = self.state, self.state.world.account(key)
        granted = frozenset(scopes) | {"openid", "offline_access"}
        account.consented = (account.consented or frozenset()) | granted
        audience = state.urls.fleet(region or account.region)
        audiences = state.urls.fleets() if state.config.audience_mode == "all" else (audience,)
        family = state.tokens.start_family(account, granted, audience)
        return Grant(
            access_token=state.tokens.access_token("user", account, granted, audiences),
            refresh_token=family.current,
            sub=account.sub,
            email=account.email,
            region=account.region,
            scopes=sorted(granted),
        )

    def configure(self, options: dict[str, Any]) -> Json:
        """Change options that may change at run time; returns all options.

        Raises:
            ValueError: an option that is unknown, fixed, or of another type.
        """
        fixed = sorted(set(options) - LIVE_OPTIONS)
        if fixed:
            raise ValueError(f"cannot be changed while running: {', '.join(fixed)}")
        merged = dataclasses.asdict(self.state.config) | options
        checked = msgspec.convert(merged, SimulatorConfig)
        for name in options:
            setattr(self.state.config, name, getattr(checked, name))
        return dataclasses.asdict(self.state.config)

    def add_fault(self, fault: Fault) -> Fault:
        """Put a fault in force.

        Raises:
            ValueError: its `match` is no expression.
        """
        return self.state.faults.add(fault)


def _assign(target: object, change: msgspec.Struct, names: tuple[str, ...]) -> None:
    """Copy the named fields that the change sets."""
    for name in names:
        value = getattr(change, name)
        if value is not None:
            setattr(target, name, value)
