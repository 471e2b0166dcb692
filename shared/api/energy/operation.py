"""Routes for the operator: settings of one site, each written once and read back from Tesla."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial

import msgspec

from shared import log
from shared.api.energy.failures import SETTING_INVALID, SITE_NOT_OPERABLE, as_energy_problems
from shared.api.failures import TESLA_PROBLEMS
from shared.api.services import Services
from shared.edge.problems import NOT_FOUND, Problem
from shared.edge.routes import Auth, Call, Reply, Route
from shared.energy.commands import Commanded, Result
from shared.energy.desk import EnergyDesk
from shared.energy.dispatch.byhand import ByHand
from shared.energy.model import ExportRule, Mode, RosterSite, Site
from shared.energy.readings import equipment
from shared.energy.reasons import Reason, words
from shared.energy.settings_of_site import Setting, export_rule, mode, reserve, storm_mode
from shared.platform.errors import NotFound, VersionChanged
from shared.tesla.metering import metered
from shared.tesla.models.site_info import SiteInfo

SITE = "/api/v1/energy/sites/<site_id>"


class Operation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The operating mode."""

    default_real_mode: Mode


class Backup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The backup reserve: 0 to 80, or 100."""

    backup_reserve_percent: float


class StormMode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether the site charges and holds when a storm is forecast."""

    enabled: bool


class Export(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may flow into the grid."""

    customer_preferred_export_rule: ExportRule


class CommandView(msgspec.Struct, frozen=True, kw_only=True):
    """How a command ended, read back from Tesla.

    Attributes:
        result: `confirmed`: the site's settings show the value; `not_applied`: they show another one; `unknown`:
            they could not be read, or do not list this one.
        requested: The value that was sent.
        read_back: The value that Tesla shows now; null where it shows none.
        accepted: What Tesla said to the write itself, which does not prove that the site took it.
        tesla_message: Tesla's words, if any.
        at: When this was known.
    """

    energy_site_id: str
    result: Result
    requested: str | float | bool
    read_back: str | float | bool | None
    accepted: bool
    tesla_message: str
    at: datetime


def set_mode(services: Services, call: Call) -> Reply:
    """Set the operating mode."""
    return _set(services, call, lambda: mode(call.body.default_real_mode))


def set_reserve(services: Services, call: Call) -> Reply:
    """Set the backup reserve."""
    return _set(services, call, lambda: reserve(call.body.backup_reserve_percent))


def set_storm_mode(services: Services, call: Call) -> Reply:
    """Set storm mode."""
    return _set(services, call, lambda: storm_mode(enabled=call.body.enabled))


def set_export_rule(services: Services, call: Call) -> Reply:
    """Set the export rule."""
    return _set(services, call, lambda: export_rule(call.body.customer_preferred_export_rule))


def operable(desk: EnergyDesk, site_id: str) -> Site:
    """The site, if it may be commanded. Raises SiteGone, Problem."""
    site = desk.registry.get(site_id)
    if site.opted_out is not None:
        by_owner = site.opted_out.by == "owner"
        raise Problem(SITE_NOT_OPERABLE, words(Reason.OWNER_OPTED_OUT if by_owner else Reason.OPERATOR_OPTED_OUT))
    if not site.authorised.holds:
        raise Problem(SITE_NOT_OPERABLE, words(Reason.ACCESS_REVOKED))
    return site


def command(services: Services, site_id: str, site: Site, setting: Setting, actor: str) -> Commanded:
    """Write the setting and read it back; what was read goes to the roster, and to the events that have the site.

    Raises TeslaError. `actor`: the operator, for their trails.
    """
    desk = services.energy()
    done = desk.commands.set(site.account, site_id, setting)
    if done.accepted or done.result == "confirmed":
        at = desk.clock.now()
        _tell_events(services, site.shard, ByHand(site=site_id, action=setting.action, actor=actor, at=at))
    if done.info is not None:
        _remember(desk, site_id, site, done.info)
    return done


def command_view(site_id: str, setting: Setting, done: Commanded, at: datetime) -> CommandView:
    """The outcome as callers see it."""
    return CommandView(
        energy_site_id=site_id,
        result=done.result,
        requested=setting.value,
        read_back=done.read_back,
        accepted=done.accepted,
        tesla_message=done.message,
        at=at,
    )


def _set(services: Services, call: Call, wanted: Callable[[], Setting]) -> Reply:
    """Check the value, then the site, then write. Nothing is sent for a value that cannot be set."""
    desk, site_id = services.energy(), call.path["site_id"]
    with as_energy_problems(), metered(services.ledger().meter()):
        setting = wanted()
        done = command(services, site_id, operable(desk, site_id), setting, call.principal)
    return Reply(command_view(site_id, setting, done, desk.clock.now()))


def _tell_events(services: Services, shard: str, done: ByHand) -> None:
    """Have the events that run at the site know whose change this was."""
    desk = services.dispatch()
    for dispatch in desk.proof.holding(done.site, shard):
        with suppress(NotFound):
            desk.service.set_by_hand(dispatch, done)


def _remember(desk: EnergyDesk, site_id: str, site: Site, info: SiteInfo) -> None:
    """Have counting and dispatch see the new settings before the next reading of ``site_info``.

    The command is done: a roster that keeps changing is no failure of it, and is read again with the next one.
    """
    found = equipment(info, desk.clock.now())

    def change(entry: RosterSite | None) -> RosterSite | None:
        return None if entry is None else msgspec.structs.replace(entry, equipment=found)

    try:
        desk.shards.change(site.shard, {site_id: change})
    except VersionChanged:
        log.warning("settings read back not kept", shard=site.shard)


_of_operator: Callable[..., Route[Services]] = partial(
    Route,
    method="PUT",
    auth=Auth.OPERATOR,
    answer=CommandView,
    problems=(NOT_FOUND, SETTING_INVALID, SITE_NOT_OPERABLE, *TESLA_PROBLEMS),
)

ROUTES: tuple[Route[Services], ...] = (
    _of_operator(
        path=f"{SITE}/operation",
        name="setOperation",
        summary="Set the operating mode and read it back",
        handler=set_mode,
        body=Operation,
    ),
    _of_operator(
        path=f"{SITE}/backup",
        name="setBackupReserve",
        summary="Set the backup reserve and read it back; 81 to 99 percent are refused before any call",
        handler=set_reserve,
        body=Backup,
    ),
    _of_operator(
        path=f"{SITE}/storm_mode",
        name="setStormMode",
        summary="Set storm mode and read it back",
        handler=set_storm_mode,
        body=StormMode,
    ),
    _of_operator(
        path=f"{SITE}/export_rule",
        name="setExportRule",
        summary="Set what may flow into the grid and read it back",
        handler=set_export_rule,
        body=Export,
    ),
)
