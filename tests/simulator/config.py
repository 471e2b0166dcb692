"""What a simulator run is made of: one dataclass that the command line and the control API read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Region = Literal["eu", "na", "cn"]
REGIONS: tuple[Region, ...] = ("eu", "na", "cn")

DATA_SCOPES = ("user_data", "vehicle_device_data", "vehicle_location", "vehicle_cmds", "vehicle_charging_cmds")
"""Scopes an owner may grant besides the energy pair (Tesla: authentication overview)."""
PARTNER_SCOPES = ("vehicle_specs", "vehicle_pricing_info")
"""Scopes that only partner tokens carry; in an owner's request they are accepted and not granted."""
FIXED_SCOPES = ("openid", "offline_access")
"""Scopes without a check box."""


def _option(default: Any, text: str, **more: Any) -> Any:
    """A field whose help text the command line shows; `more` is kept in the metadata too."""
    return field(default=default, metadata={"help": text, **more})


@dataclass(slots=True)
class SimulatorConfig:
    """Options of one simulator. Counts of vehicles and sites are per account, sessions per vehicle."""

    port: int = _option(0, "first of four consecutive ports (auth, eu, na, cn); 0 picks free ones")
    seed: int = _option(1, "same seed, same world")
    accounts: int = _option(1, "Tesla accounts")
    vehicles: int = _option(2, "vehicles per account")
    sites: int = _option(1, "energy sites per account")
    sessions: int = _option(12, "paid charging sessions per vehicle")
    alerts: int = _option(12, "recent alerts per vehicle")
    region: tuple[Region, ...] = _option(("eu",), "region of account i, taken in turn; repeatable")
    latency_ms: float = _option(0.0, "delay of every fleet answer")
    client_id: str = _option("5f0c2d3e-1b7a-4c86-9a40-c0ffee000001", "the one registered application")
    client_secret: str = _option("ta-secret.simulated", "its secret")
    redirect_uri: tuple[str, ...] = _option((), "registered redirect URI; repeatable; none = any on loopback")
    unregistered: tuple[Region, ...] = _option((), "region without a partner account (412); repeatable")
    scope: tuple[str, ...] = _option((), "scope the application owns; repeatable; none = all")
    access_token_s: int = _option(28_800, "life of an access token")
    code_s: int = _option(120, "life of an authorization code")
    refresh_token_s: int = _option(90 * 86_400, "life of a refresh token")
    grace_s: int = _option(86_400, "how long the most recently used refresh token still works")
    wake_s: float = _option(10.0, "time from wake_up to online, on the simulator's clock")
    audience_mode: Literal["requested", "all", "consented"] = _option(
        "requested", "fleet hosts named in a token's aud; consented: a refresh does not change them"
    )
    wrong_region: Literal["contract", "421", "404"] = _option(
        "contract", "answer to an owner who lives in another region; contract: 421, in brief 404 for energy calls"
    )
    history_shape: Literal["wrapped", "bare"] = _option("wrapped", "body of the charging history")
    dx_shape: Literal["wrapped", "bare"] = _option("wrapped", "body of warranty and options")
    notes_shape: Literal["flat", "nested"] = _option("flat", "body of the release notes")
    energy_contract: Literal["published", "brief"] = _option("published", "energy scopes and methods")
    programs_shape: Literal["objects", "strings"] = _option("objects", "how a site's programmes are told")
    programs_endpoint: bool = _option(False, "energy_sites/{id}/programs answers")
    enrolled_share: float = _option(1.0, "share of sites whose programme is active")
    mixed_settings: bool = _option(False, "sites differ in mode, reserve and export rule at first")
    variety: float = _option(0.0, "how much the days of a time zone's homes differ in sun and load, 0 to 1")
    reaction_s: float = _option(0.0, "time from a command to the battery's following it")
    high_reserve: Literal["snapped", "refused"] = _option("snapped", "what becomes of a reserve of 81 to 99 percent")
    write_shape: Literal["plain", "capitalised", "text"] = _option("plain", "body of an accepted energy command")
    trouble: tuple[str, ...] = _option((), "NAME=SHARE: this share of sites is in trouble; repeatable, see README")
    stale_age_s: float = _option(1_200.0, "age of what a stale gateway repeats, when it goes stale")
    clock_rate: float = _option(1.0, "simulated seconds per real second; 0 stands still")
    ledger_calls: int = _option(200_000, "calls that the ledger remembers; the oldest go first")
    remember_consent: bool = _option(True, "an owner who consented is re-asked only on prompt_missing_scopes")
    business: bool = _option(False, "accounts own a business fleet (charging sessions answer)")
    empty_site: bool = _option(True, "list one energy entry without any device in products")
    key_url: str = _option("", "where registration fetches the public key, {domain} replaced; empty = no check")
    enforce_limits: bool = _option(False, "answer 429 over Tesla's published limits per device")
    epoch_s: float = _option(0.0, "the world's midnight (Unix s) that all dates hang on; 0 = today's, UTC")
