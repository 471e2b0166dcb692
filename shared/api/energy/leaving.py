"""Sites that leave while an event runs: homes are put back at once, and before the access to them is given up."""

from __future__ import annotations

from contextlib import suppress

import msgspec

from shared.accounts.keeper import Disconnected
from shared.api.services import Services
from shared.edge.problems import Problem, ProblemType
from shared.energy.model import Site
from shared.platform.errors import NotFound

SITE_IN_EVENT = ProblemType("site-in-event", 409, "An event's settings are still at a site; they are put back first")

_AGAIN_S = 60


class LeaveQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`at_once`: do not wait for homes to be put back that an event has set; they stay as the event left them."""

    at_once: bool = False


def leave_events(
    services: Services, site_id: str, site: Site, actor: str, reason: str = "", *, publishes: bool = True
) -> None:
    """Have every event that has its hands on the site let go of it now, not at the next poll.

    Events that have not begun with it are left alone: they see that the site is out, unless it is in again by then.
    `actor`, `reason`: for their audit trails. `publishes`: whether this function may publish the work; else it is
    begun within a minute.
    """
    desk = services.dispatch()
    for dispatch in desk.proof.holding(site_id, site.shard):
        with suppress(NotFound):
            desk.service.opt_out(dispatch, site_id, site.shard, actor, reason, publishes=publishes)


def not_put_back(services: Services, account: str) -> list[str]:
    """The account's sites that still have an event's settings, if its access can be used to put them back."""
    try:
        usable = services.keeper.get(account).state == "active"
    except Disconnected:
        return []
    return services.dispatch().proof.not_put_back(account) if usable else []


def let_go(services: Services, account: str, reason: str, *, at_once: bool) -> None:
    """Stop the account's sites, before its tokens are erased.

    Raises Problem while an event's settings are at one of them, whose events let go of it then: to be repeated until
    they are put back, unless `at_once`. `reason`: for the audit trails.
    """
    registry = services.energy().registry
    waiting = [] if at_once else not_put_back(services, account)
    sites = registry.of_account(account) if waiting else {}
    registry.revoke(account)
    for site_id, site in sites.items():
        leave_events(services, site_id, site, "owner", reason, publishes=False)
    if waiting:
        raise in_event(waiting)


def in_event(waiting: list[str]) -> Problem:
    """The answer to who wants to give up the access that those sites still need."""
    told = f"{len(waiting)} site(s) are being put back; repeat the call in a minute, or insist with at_once=true"
    return Problem(SITE_IN_EVENT, told, headers={"Retry-After": str(_AGAIN_S)})
