"""Routes for owners: an enrolment from its creation to its erasure."""

from __future__ import annotations

from datetime import datetime

import msgspec

from shared.accounts.keeper import Disconnected
from shared.api.connecting import consent_page_url, enrolment_links
from shared.api.energy.creation import create_enrolment
from shared.api.energy.failures import SITES_BUSY, as_energy_problems
from shared.api.energy.leaving import SITE_IN_EVENT, LeaveQuery, in_event, leave_events, not_put_back
from shared.api.energy.views import SiteView, site_view
from shared.api.failures import NOT_CONNECTED, TESLA_PROBLEMS
from shared.api.services import Services
from shared.edge.routes import Auth, Call, Reply, Route
from shared.energy.enrolling import Kind
from shared.energy.model import Site
from shared.tesla.metering import metered

ENROLMENTS = "/api/v1/energy/enrolments"
ENROLMENT = f"{ENROLMENTS}/<enrolment_id>"
GRANT_SUBJECT = "enrolment_id"

_CONSENT = "Give the energy consent: POST /api/v1/tesla/oauth/initiate with product energy and this grant."
_CONSENT_BACK = "The Tesla account is not connected any more: give the energy consent again."
_CONSENT_AGAIN = "Tesla does not accept our access any more: give the energy consent again."
_CHOOSE = "Choose the sites to enrol: POST .../sites."
_LEAVES = "the enrolment is being erased"
_AGAIN = "Enrol the sites again whose access had ended: POST .../sites."


class CreatedEnrolment(msgspec.Struct, frozen=True, kw_only=True):
    """A new enrolment. `grant` is the bearer token for it until `grant_expires_at`; it is shown this once."""

    enrolment_id: str
    grant: str
    grant_expires_at: datetime
    links: dict[str, str]


class EnrolmentView(msgspec.Struct, frozen=True, kw_only=True):
    """An enrolment and its sites.

    `state`: `not_connected` (it has never had sites), `active`, `login_required`, `audience_missing` (only a new
    consent helps) or `disconnected`. `next_steps` says in words what is to be done for the sites to take part.
    """

    enrolment_id: str
    state: str
    region: str
    scopes: list[str]
    grant_expires_at: datetime | None
    sites: list[SiteView]
    next_steps: list[str]


class ListedProduct(msgspec.Struct, frozen=True, kw_only=True):
    """An energy site as the account's product list shows it.

    `values`: whether the list carries present values; a site without any may have been replaced. `enrolled`: through
    this enrolment. Sites of the kind `battery` can be enrolled.
    """

    energy_site_id: str
    name: str
    kind: Kind
    values: bool
    enrolled: bool


class ListedProducts(msgspec.Struct, frozen=True, kw_only=True):
    """The energy sites of the connected account."""

    products: list[ListedProduct]


class ErasedEnrolment(msgspec.Struct, frozen=True, kw_only=True):
    """An erased enrolment; the consent itself is withdrawn by the owner on Tesla's page."""

    enrolment_id: str
    status: str
    consent_page_url: str


def create(services: Services, _call: Call) -> Reply:
    """Create an enrolment and hand out its grant."""
    new = create_enrolment(services)
    enrolment_id = new.bearer.subject
    links = enrolment_links(services.settings.public_url.rstrip("/"), enrolment_id)
    created = CreatedEnrolment(
        enrolment_id=enrolment_id, grant=new.token, grant_expires_at=new.bearer.expires_at, links=links
    )
    return Reply(created, headers={"Location": links["self"]}, subject=enrolment_id)


def show(services: Services, call: Call) -> Reply:
    """The enrolment, its connection and its sites."""
    enrolment_id = call.path[GRANT_SUBJECT]
    with as_energy_problems():
        known = services.energy().registry.of_enrolment(enrolment_id)
        state, region, scopes = _connection(services, enrolment_id, had_sites=bool(known))
        sites = site_views(services, known)
    return Reply(
        EnrolmentView(
            enrolment_id=enrolment_id,
            state=state,
            region=region,
            scopes=scopes,
            grant_expires_at=call.grant.expires_at if call.grant else None,
            sites=sites,
            next_steps=_next_steps(state, sites),
        )
    )


def products(services: Services, call: Call) -> Reply:
    """What the account lists."""
    enrolment_id, desk = call.path[GRANT_SUBJECT], services.energy()
    with as_energy_problems(), metered(services.ledger().meter()):
        listed = desk.enrolling.listed(enrolment_id)
    enrolled = desk.registry.of_enrolment(enrolment_id)
    found = [
        ListedProduct(**msgspec.structs.asdict(site), enrolled=site.energy_site_id in enrolled) for site in listed
    ]
    return Reply(ListedProducts(products=found))


def erase(services: Services, call: Call) -> Reply:
    """Forget the enrolment: sites, tokens, connection; its grants last, by which the owner could ask again.

    During an event its sites are taken out first, and the tokens are kept until all of them are put back.
    """
    enrolment_id, desk = call.path[GRANT_SUBJECT], services.energy()
    account = services.connections.account(enrolment_id)
    with as_energy_problems():
        if account and not call.query.at_once and not services.connections.shared(enrolment_id, account):
            _leave(services, enrolment_id, account)
        for site_id in desk.registry.of_enrolment(enrolment_id):
            desk.registry.withdraw(site_id)
        if account and not services.connections.shared(enrolment_id, account):
            desk.registry.revoke(account)
            services.keeper.erase(account)
    services.connections.forget(enrolment_id)
    services.grants.forget(enrolment_id)
    page = consent_page_url(services)
    return Reply(ErasedEnrolment(enrolment_id=enrolment_id, status="erased", consent_page_url=page))


def _leave(services: Services, enrolment_id: str, account: str) -> None:
    """Take the sites out of everything. Raises Problem while an event's settings are at one of them."""
    registry = services.energy().registry
    waiting = not_put_back(services, account)
    if not waiting:
        return
    for site_id in registry.of_enrolment(enrolment_id):
        leave_events(services, site_id, registry.opt_out(site_id, "owner", _LEAVES), "owner", _LEAVES)
    raise in_event(waiting)


def site_views(services: Services, sites: dict[str, Site]) -> list[SiteView]:
    """The owner's sites in the order of their ids."""
    desk = services.energy()
    now = desk.clock.now()
    found = desk.overview.sites(sorted(sites.items()))
    return [site_view(site_id, site, seen, now, to_owner=True) for site_id, site, seen in found]


def _connection(services: Services, enrolment_id: str, *, had_sites: bool) -> tuple[str, str, list[str]]:
    """State, region and scopes of the enrolment's account. Nobody gets sites without having been connected."""
    account = services.connections.account(enrolment_id)
    if not account:
        return "disconnected" if had_sites else "not_connected", "", []
    try:
        known = services.keeper.get(account)
    except Disconnected:
        return "disconnected", "", []
    return known.state, known.region, sorted(known.scopes)


def _next_steps(state: str, sites: list[SiteView]) -> list[str]:
    """What is to be done, each once; what only waiting helps is left to the sites."""
    consent = {"active": [], "not_connected": [_CONSENT], "disconnected": [_CONSENT_BACK]}
    steps = [*consent.get(state, [_CONSENT_AGAIN])]
    if state == "active" and not sites:
        steps.append(_CHOOSE)
    if state == "active" and not all(site.facts.authorised.holds for site in sites):
        steps.append(_AGAIN)
    facts = [fact for site in sites for fact in (site.facts.programme, site.facts.utility)]
    steps += [fact.missing.next_step for fact in facts if fact.missing is not None]
    return list(dict.fromkeys(steps))


ROUTES: tuple[Route[Services], ...] = (
    Route(
        method="POST",
        path=ENROLMENTS,
        name="createEnrolment",
        summary="Create an enrolment for the energy sites of an owner",
        handler=create,
        auth=Auth.CREATOR,
        answer=CreatedEnrolment,
        status=201,
        idempotent=True,
    ),
    Route(
        method="GET",
        path=ENROLMENT,
        name="getEnrolment",
        summary="The enrolment: its connection, its sites, and what is to be done for them to take part",
        handler=show,
        auth=Auth.GRANT,
        grant_subject=GRANT_SUBJECT,
        answer=EnrolmentView,
    ),
    Route(
        method="DELETE",
        path=ENROLMENT,
        name="eraseEnrolment",
        summary="Erase the enrolment: its sites stop at once, tokens and grants are forgotten",
        handler=erase,
        auth=Auth.GRANT,
        grant_subject=GRANT_SUBJECT,
        query=LeaveQuery,
        answer=ErasedEnrolment,
        problems=(SITES_BUSY, SITE_IN_EVENT),
    ),
    Route(
        method="GET",
        path=f"{ENROLMENT}/products",
        name="listProducts",
        summary="The energy sites that the connected Tesla account lists",
        handler=products,
        auth=Auth.GRANT,
        grant_subject=GRANT_SUBJECT,
        answer=ListedProducts,
        problems=(NOT_CONNECTED, *TESLA_PROBLEMS),
    ),
)
