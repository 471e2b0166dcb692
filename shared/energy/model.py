"""What is known of an enrolled energy site: who allowed what, and what its equipment is.

Everything here is small and packs as arrays: a shard holds several hundred of them in one document (see `shards`).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec

LONGEST_DETAIL = 100
"""Characters of a note in a roster, which holds hundreds of sites within 1 MiB; the registry keeps all of it."""

FactName = Literal["authorised", "programme", "utility"]
Actor = Literal["owner", "operator"]
Mode = Literal["self_consumption", "backup", "autonomous"]
ExportRule = Literal["battery_ok", "pv_only", "never"]


class Evidence(StrEnum):
    """Where a fact was learnt."""

    NONE = "none"
    CONSENT = "consent"
    """The owner's energy consent at Tesla, and the site in the account's product list."""
    LIVE_STATUS = "live_status.programs"
    PROGRAMS = "programs"
    """Tesla's ``programs`` answer for the site."""
    GRID_SERVICES = "live_status.grid_services_active"
    """Another operator is using the site now."""
    OPERATOR = "operator"
    IMPORT = "import"
    """A list that the operator imported."""
    REVOKED = "revoked"
    """Tesla does not accept the account's tokens any more, or the site left the account."""


class Fact(msgspec.Struct, frozen=True, array_like=True):
    """One of the three facts that make a site count, as it was last established.

    `until`: after it the fact does not hold any more and must be established again. `detail`: the programme's name,
    or the operator's note.
    """

    holds: bool = False
    at: datetime | None = None
    evidence: Evidence = Evidence.NONE
    detail: str = ""
    until: datetime | None = None

    def holds_at(self, now: datetime) -> bool:
        """Whether the fact holds at that moment."""
        return self.holds and (self.until is None or now < self.until)


class OwnerLimits(msgspec.Struct, frozen=True, array_like=True):
    """What the owner allows: dispatch events a calendar month (None: any number) and a least reserve in percent."""

    events_per_month: int | None = None
    minimum_reserve_percent: float | None = None


class OptOut(msgspec.Struct, frozen=True, array_like=True):
    """The site takes no part, since when and by whom."""

    by: Actor
    at: datetime
    reason: str = ""


class Equipment(msgspec.Struct, frozen=True, array_like=True):
    """What ``site_info`` said: ratings in W and Wh, settings in percent. None where Tesla did not say.

    `export_cap_w`: the site's meter limit, None for no limit. `non_export`: the site may never feed the grid.
    """

    read_at: datetime
    rated_power_w: float | None = None
    pack_energy_wh: float | None = None
    battery_count: int | None = None
    backup_reserve_percent: float | None = None
    vpp_reserve_percent: float | None = None
    mode: str = ""
    export_rule: str = ""
    non_export: bool = False
    export_cap_w: float | None = None
    has_solar: bool = False
    storm_mode_enabled: bool | None = None
    time_zone: str = ""
    has_tariff: bool = False


class RosterSite(msgspec.Struct, frozen=True, array_like=True):
    """A site as polling, availability and dispatch see it: identity, the three facts, limits, equipment.

    `energy_site_id` is Tesla's number as text. `account` is the id of the connected account, `region` where it lives.
    """

    energy_site_id: str
    account: str
    region: str
    authorised: Fact = Fact()
    programme: Fact = Fact()
    utility: Fact = Fact()
    opted_out: OptOut | None = None
    limits: OwnerLimits = OwnerLimits()
    equipment: Equipment | None = None


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A site as the registry keeps it, under its `energy_site_id`: whose it is, and what people said of it.

    `enrolment` is whose grant may see it. `name` is the owner's name for it (personal: never logged). `programme` is
    the operator's dated record, which counts only where Tesla says nothing. What polls learn (equipment, programmes
    that Tesla names, an authorisation that ended) stands in the roster.
    """

    enrolment: str
    account: str
    region: str
    shard: str
    enrolled_at: datetime
    name: str = ""
    authorised: Fact = Fact()
    programme: Fact = Fact()
    utility: Fact = Fact()
    opted_out: OptOut | None = None
    limits: OwnerLimits = OwnerLimits()
