"""Steps of sites as requests to Tesla, and Tesla's answers as ends of steps. No I/O and no waiting."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

import msgspec

from shared.energy.dispatch.records import Snapshot
from shared.energy.dispatch.shelf import Shelf, known_zone
from shared.energy.dispatch.steps import End, Look, Reply, Write
from shared.energy.dispatch.strategies import body
from shared.energy.settings_of_site import tariff_of
from shared.energy.tariffs.completing import completed
from shared.tesla import errors
from shared.tesla.answers import refusal
from shared.tesla.catalogue import ENDPOINTS, Contract, Endpoint, EnergyAction, energy_endpoint
from shared.tesla.decode import Undecodable, decode
from shared.tesla.many import Ask, Told
from shared.tesla.models.energy import CommandAnswer
from shared.tesla.models.site_info import SiteInfo
from shared.tesla.regions import Regions
from shared.tesla.transport import WireReply

SITE_INFO = ENDPOINTS["site_info"]
UNAUTHORISED = "unauthorized"
_GOOD = range(200, 300)
_BILLING_PAUSE_S = 900.0
_PARKED_PAUSE_S = 600.0
_NOT_SENT = "not_sent"
_NOT_NOW: Mapping[type[errors.Refused], float | None] = {
    errors.Unauthorized: None,
    errors.LimitExceeded: _BILLING_PAUSE_S,
    errors.RegionUnregistered: _PARKED_PAUSE_S,
    errors.WrongRegion: _PARKED_PAUSE_S,
}
"""Certainly not executed, and worth another try: after so many seconds (None: whatever the pause is)."""


def endpoint_of(step: Look | Write, contract: Contract) -> Endpoint:
    """The endpoint that the step goes to."""
    return SITE_INFO if isinstance(step, Look) else energy_endpoint(step.action, contract)


def request(step: Look | Write, endpoint: Endpoint, site: str, base_url: str, token: str, shelf: Shelf) -> Ask:
    """The request of a step, named by its site. Raises NotFound where the tariff to send was never kept."""
    url = base_url + endpoint.path.replace("{energy_site_id}", site)
    if isinstance(step, Look):
        return Ask(site, endpoint.method, url, token)
    # Tesla's answers leave zeros out; a schedule without its `toHour` is refused, or shown as invalid by its app.
    value: Any = completed(shelf.get(step.value)) if step.action is EnergyAction.TARIFF else step.value
    return Ask(site, endpoint.method, url, token, msgspec.json.encode(body(endpoint, step.action, value)))


def reply_of(step: Look | Write, told: Told, regions: Regions, shelf: Shelf, now: datetime) -> Reply:
    """How the step ended. A refused or unsent request was not executed; without an answer nobody knows."""
    if told.failure:
        return Reply(End.NOT_NOW if told.failure == _NOT_SENT else End.UNKNOWN, told.failure)
    if told.status >= HTTPStatus.MULTIPLE_CHOICES:
        return _refused(refusal(WireReply(told.status, {}, told.body), regions), told)
    return _seen(told.body, shelf, now) if isinstance(step, Look) else _accepted(told.body)


def wrong_form(step: Look | Write, told: Told) -> bool:
    """Whether the host does not know this form of the command: 405, or 404 although the site's settings were read."""
    unknown = told.status in {HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_FOUND}
    return isinstance(step, Write) and not told.failure and unknown


def _refused(error: errors.Refused, told: Told) -> Reply:
    if isinstance(error, errors.RateLimited):
        return Reply(End.NOT_NOW, error.reason, retry_after_s=told.retry_after_s)
    if isinstance(error, errors.ServerError | errors.Asleep):
        return Reply(End.UNKNOWN, error.reason, retry_after_s=told.retry_after_s)
    for kind, pause_s in _NOT_NOW.items():
        if isinstance(error, kind):
            return Reply(End.NOT_NOW, error.reason, retry_after_s=pause_s)
    return Reply(End.REFUSED, error.reason)


def _seen(answer: bytes, shelf: Shelf, now: datetime) -> Reply:
    try:
        info = decode(answer, SiteInfo).value
    except Undecodable:
        return Reply(End.UNKNOWN, "unreadable")
    return Reply(End.OK, found=snapshot(info, shelf, now))


def snapshot(info: SiteInfo, shelf: Shelf, now: datetime) -> Snapshot:
    """The settings that dispatches change; the tariff goes on the shelf."""
    parts = info.components
    return Snapshot(
        now,
        mode=info.default_real_mode or "",
        backup_reserve_percent=info.backup_reserve_percent,
        export_rule=(parts.customer_preferred_export_rule if parts else None) or "",
        tariff=shelf.put(tariff_of(info)),
        non_export=bool(parts and parts.non_export_configured),
        time_zone=known_zone(info.installation_time_zone),
    )


def _accepted(answer: bytes) -> Reply:
    """The code inside the body may say no although the status said yes.

    An empty body is fine. One that cannot be read may be somebody else's than Tesla's: only a reading tells.
    """
    try:
        said = decode(answer, CommandAnswer).value
    except Undecodable:
        return Reply(End.UNKNOWN, "unreadable") if answer.strip() else Reply(End.OK)
    if said.status is not None and said.status not in _GOOD:
        return Reply(End.REFUSED, "rejected")
    return Reply(End.OK)
