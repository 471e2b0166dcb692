"""Routes for owners: the sites of an enrolment, and what their owner allows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

import msgspec

from shared.api.energy.enrolment import ENROLMENT, GRANT_SUBJECT, site_views
from shared.api.energy.failures import (
    SITE_NOT_LISTED,
    SITE_TAKEN,
    SITES_BUSY,
    as_energy_problems,
)
from shared.api.energy.leaving import leave_events
from shared.api.energy.tariff_views import TariffView, present_tariff
from shared.api.energy.views import SiteView
from shared.api.failures import NOT_CONNECTED, TESLA_PROBLEMS
from shared.api.services import Services
from shared.edge.problems import Problem
from shared.edge.routes import Auth, Call, Reply, Route
from shared.energy.enrolling import MOST_SITES
from shared.energy.model import OwnerLimits, Site
from shared.energy.registry import SiteGone
from shared.tesla.metering import metered

SITE = f"{ENROLMENT}/sites/<site_id>"

Text = Annotated[str, msgspec.Meta(max_length=500)]
SiteId = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,30}$")]


class SiteChoice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sites to enrol, by Tesla's energy_site_id as text; none named: all that have a battery."""

    sites: Annotated[list[SiteId], msgspec.Meta(max_length=MOST_SITES)] = []


class EnrolledSites(msgspec.Struct, frozen=True, kw_only=True):
    """The sites that this call enrolled."""

    sites: list[SiteView]


class Why(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the site is taken out."""

    reason: Text = ""


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the owner allows: events a calendar month (null: any number), and a least reserve in percent (null: none).

    The reserve comes on top of the one set at Tesla: the higher of the two is kept in an event.
    """

    events_per_month: Annotated[int, msgspec.Meta(ge=0, le=1000)] | None = None
    minimum_reserve_percent: Annotated[float, msgspec.Meta(ge=0, le=100)] | None = None


class Withdrawn(msgspec.Struct, frozen=True, kw_only=True):
    """A site that is forgotten here; nothing is asked of it any more."""

    energy_site_id: str
    status: str


def enrol(services: Services, call: Call) -> Reply:
    """Enrol the chosen sites; a repetition changes nothing."""
    enrolment_id, desk = call.path[GRANT_SUBJECT], services.energy()
    until = call.grant.expires_at if call.grant else desk.clock.now() + desk.enrolled_for
    with as_energy_problems(), metered(services.ledger().meter()):
        enrolled = desk.enrolling.enrol(enrolment_id, call.body.sites, until)
        if not enrolled:
            raise Problem(SITE_NOT_LISTED, "the account lists no site with a battery")
        return Reply(EnrolledSites(sites=site_views(services, enrolled)))


def show(services: Services, call: Call) -> Reply:
    """One site."""
    with as_energy_problems():
        return _shown(services, call, _mine(services, call))


def withdraw(services: Services, call: Call) -> Reply:
    """Forget one site."""
    site_id = call.path["site_id"]
    with as_energy_problems():
        leave_events(services, site_id, _mine(services, call), "owner", "withdrawn")
        services.energy().registry.withdraw(site_id)
    return Reply(Withdrawn(energy_site_id=site_id, status="withdrawn"))


def opt_out(services: Services, call: Call) -> Reply:
    """Take the site out of everything, at once."""
    with as_energy_problems():
        _mine(services, call)
        site = services.energy().registry.opt_out(call.path["site_id"], "owner", call.body.reason)
        leave_events(services, call.path["site_id"], site, "owner", call.body.reason)
        return _shown(services, call, site)


def opt_in(services: Services, call: Call) -> Reply:
    """Let the site take part again."""
    with as_energy_problems():
        _mine(services, call)
        return _shown(services, call, services.energy().registry.opt_in(call.path["site_id"], "owner"))


def set_limits(services: Services, call: Call) -> Reply:
    """What the owner allows from now on."""
    wanted: Limits = call.body
    limits = OwnerLimits(wanted.events_per_month, wanted.minimum_reserve_percent)
    with as_energy_problems():
        _mine(services, call)
        return _shown(services, call, services.energy().registry.set_limits(call.path["site_id"], limits))


def show_tariff(services: Services, call: Call) -> Reply:
    """The tariff that the site has at Tesla."""
    with as_energy_problems(), metered(services.ledger().meter()):
        site = _mine(services, call)
        return Reply(present_tariff(services.energy(), call.path["site_id"], site))


def _mine(services: Services, call: Call) -> Site:
    """The site of the path, if it belongs to the enrolment of the path. Raises SiteGone."""
    site = services.energy().registry.get(call.path["site_id"])
    if site.enrolment != call.path[GRANT_SUBJECT]:
        raise SiteGone("no such site in this enrolment")
    return site


def _shown(services: Services, call: Call, site: Site) -> Reply:
    (view,) = site_views(services, {call.path["site_id"]: site})
    return Reply(view)


_of_owner: Callable[..., Route[Services]] = partial(Route, auth=Auth.GRANT, grant_subject=GRANT_SUBJECT)

ROUTES: tuple[Route[Services], ...] = (
    _of_owner(
        method="POST",
        path=f"{ENROLMENT}/sites",
        name="enrolSites",
        summary="Enrol sites of the connected account, or all that have a battery; may be repeated",
        handler=enrol,
        body=SiteChoice,
        answer=EnrolledSites,
        problems=(NOT_CONNECTED, SITE_NOT_LISTED, SITE_TAKEN, SITES_BUSY, *TESLA_PROBLEMS),
    ),
    _of_owner(
        method="GET",
        path=SITE,
        name="getOwnSite",
        summary="One site: its three facts, why it does not count, its values with their sources",
        handler=show,
        answer=SiteView,
    ),
    _of_owner(
        method="DELETE",
        path=SITE,
        name="withdrawSite",
        summary="Withdraw a site; nothing is asked of it any more",
        handler=withdraw,
        answer=Withdrawn,
        problems=(SITES_BUSY,),
    ),
    _of_owner(
        method="POST",
        path=f"{SITE}/opt-out",
        name="optOut",
        summary="Take a site out of polling, counting and events, at once; it stays enrolled",
        handler=opt_out,
        body=Why,
        answer=SiteView,
        problems=(SITES_BUSY,),
    ),
    _of_owner(
        method="POST",
        path=f"{SITE}/opt-in",
        name="optIn",
        summary="Let a site take part again",
        handler=opt_in,
        answer=SiteView,
        problems=(SITES_BUSY,),
    ),
    _of_owner(
        method="PUT",
        path=f"{SITE}/limits",
        name="setLimits",
        summary="What the owner allows: events a month, and a least reserve",
        handler=set_limits,
        body=Limits,
        answer=SiteView,
        problems=(SITES_BUSY,),
    ),
    _of_owner(
        method="GET",
        path=f"{SITE}/tariff",
        name="getOwnTariff",
        summary="The tariff that the site has at Tesla, its peak windows and the present price",
        handler=show_tariff,
        answer=TariffView,
        problems=TESLA_PROBLEMS,
    ),
)
