"""Routes of the `oauth` function: the owner's consent at Tesla, and what a consent gives back."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Literal
from urllib.parse import quote

import msgspec

from shared.accounts.grants import Grant
from shared.api.connecting import (
    absent,
    account_of,
    after_consent,
    approve,
    check_product,
    connect,
    consent_page_url,
    known_of,
)
from shared.api.connecting import disconnect as disconnect_account
from shared.api.consent_page import claim_page, problem_page
from shared.api.energy.creation import NewEnrolment, create_enrolment
from shared.api.energy.leaving import SITE_IN_EVENT, LeaveQuery
from shared.api.failures import (
    ACCOUNT_DIFFERS,
    CLAIM_INVALID,
    CONSENT_PROBLEMS,
    NOT_CONNECTED,
    PRODUCT_UNKNOWN,
    REGION_UNAVAILABLE,
    SCOPE_MISSING,
    TESLA_LOGIN,
    TESLA_PROBLEMS,
    WRONG_STATE,
    as_problems,
)
from shared.api.services import Services
from shared.edge.problems import UNAUTHORIZED, Problem
from shared.edge.routes import Auth, Call, Reply, Route
from shared.orders.book import OrderGone
from shared.tesla.metering import metered

_BASE = "/api/v1/tesla/oauth"


class Initiate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which consent to ask for: `vehicle` with the grant of an order, `energy` with that of an enrolment.

    Without a grant, `energy` creates an enrolment. `location` also asks for the vehicle's position (off unless the
    owner opts in).
    """

    product: Literal["vehicle", "energy"] = "vehicle"
    region: Literal["eu", "na", "cn"] | None = None
    location: bool = False


class ConsentLink(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"auth_url": "authUrl"}):
    """Where to send the owner's browser, until `expires_at`.

    The rest is there where this call created an enrolment: its id, and its `grant`, which is shown this once.
    """

    auth_url: str
    state: str
    expires_at: datetime
    enrolment_id: str = ""
    grant: str = ""
    grant_expires_at: datetime | None = None


class CallbackQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What Tesla adds to the redirect; it may add more."""

    state: str = ""
    code: str = ""
    error: str = ""


class Complete(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The one-time claim that the browser brought back.

    `at_once`: where an enrolment goes over to another account, do not wait for homes of the one before to be put back
    that an event has set.
    """

    claim: str
    at_once: bool = False


class Connected(msgspec.Struct, frozen=True, kw_only=True):
    """A connected account: what the owner granted, and what was asked for and left out.

    `absent_modules`: what each missing scope costs an order's reports. Starting the consent again asks for it anew.
    `next_step` says in words what to do now, `links` where.
    """

    product: str
    region: str
    scopes: list[str]
    missing_scopes: list[str]
    absent_modules: dict[str, list[str]]
    next_step: str
    links: dict[str, str]


class Reissue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The order whose grant was lost."""

    order_id: str


class NewGrant(msgspec.Struct, frozen=True, kw_only=True):
    """An order's new grant, given this once; earlier ones of the order hold no more."""

    order_id: str
    grant: str
    expires_at: datetime


class ConsentEnd(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens are erased here; consent itself is withdrawn by the owner on Tesla's page."""

    consent_page_url: str


def initiate(services: Services, call: Call) -> Reply:
    """Start a consent for the grant's order or enrolment; once more while connected, for scopes that are missing."""
    body: Initiate = call.body
    enabled = services.settings.tesla_regions
    if body.region is not None and body.region not in enabled:
        raise Problem(REGION_UNAVAILABLE, f"Tesla accounts are connected in {', '.join(enabled)}")
    new = _new_enrolment(services, body) if call.grant is None else None
    grant = new.bearer if new else _grant(call)
    check_product(grant, body.product)
    with as_problems():
        region, held = known_of(services, grant)
        started = services.consent.initiate(
            grant.key,
            product=body.product,
            region=body.region or region or services.settings.tesla_region,
            location=body.location,
            held=held,
        )
    link = ConsentLink(auth_url=started.auth_url, state=started.state, expires_at=started.expires_at)
    if new is not None:
        link = msgspec.structs.replace(
            link, enrolment_id=grant.subject, grant=new.token, grant_expires_at=grant.expires_at
        )
    return Reply(link)


def callback(services: Services, call: Call) -> Reply:
    """Tesla sends the owner's browser here. The claim travels in the fragment, which no server ever sees."""
    query: CallbackQuery = call.query
    frontend = services.settings.frontend_url
    try:
        with as_problems():
            claim = services.consent.callback(state=query.state, code=query.code, error=query.error)
    except Problem as problem:
        if frontend:
            return _redirect(f"{frontend}#error={quote(problem.kind.slug)}")
        return Reply(status=problem.kind.status, html=problem_page(problem.kind.title, problem.detail))
    return _redirect(f"{frontend}#claim={claim}") if frontend else Reply(html=claim_page(claim))


def complete(services: Services, call: Call) -> Reply:
    """Attach the claimed consent to the grant's order or enrolment."""
    grant, claim = _grant(call), call.body.claim
    with as_problems():
        attached = services.consent.attach(
            grant.key, claim, partial(approve, services, grant, claim, at_once=call.body.at_once)
        )
        with metered(services.ledger().meter(grant.subject if grant.kind == "order" else "")):
            region = connect(services, grant, claim, attached)
        services.consent.finish(claim)
        next_step, links = after_consent(services, grant, attached)
        return Reply(
            Connected(
                product=attached.product,
                region=region,
                scopes=list(attached.scopes),
                missing_scopes=list(attached.missing),
                absent_modules=absent(services, grant, attached),
                next_step=next_step,
                links=links,
            )
        )


def disconnect(services: Services, call: Call) -> Reply:
    """Erase the tokens of the grant's account; during an event, once its homes are put back."""
    grant = _grant(call)
    with as_problems():
        account = account_of(services, grant)
    if not account:
        raise Problem(NOT_CONNECTED, "no Tesla account is connected here")
    disconnect_account(services, grant, account, at_once=call.query.at_once)
    return Reply(ConsentEnd(consent_page_url=consent_page_url(services)))


def reissue(services: Services, call: Call) -> Reply:
    """A new grant for another order of the same Tesla account, in the place of those that its owner lost."""
    grant, wanted = _grant(call), call.body.order_id
    with as_problems():
        account = account_of(services, grant) if grant.kind == "order" else ""
        order = services.desk.book.get(wanted)
        if not account or order.account != account:
            raise OrderGone("no such order of this account")
        services.keeper.get(account)  # a consent that has ended proves nothing any more
    token = services.grants.replace("order", wanted, order.expires_at)
    return Reply(NewGrant(order_id=wanted, grant=token, expires_at=order.expires_at), status=201)


def _new_enrolment(services: Services, body: Initiate) -> NewEnrolment:
    """An enrolment for an owner who has none yet; a vehicle consent is for an order, which is created first."""
    if body.product != "energy":
        detail = "a vehicle consent needs the grant of an order; only an energy consent creates what it is for"
        raise Problem(UNAUTHORIZED, detail, headers={"WWW-Authenticate": "Bearer"})
    return create_enrolment(services)


def _grant(call: Call) -> Grant:
    """The caller's grant, which the route asks for."""
    if call.grant is None:
        raise Problem(CLAIM_INVALID, "no grant")
    return call.grant


def _redirect(url: str) -> Reply:
    return Reply(status=302, headers={"Location": url, "Cache-Control": "no-store"})


ROUTES: tuple[Route[Services], ...] = (
    Route(
        method="POST",
        path=f"{_BASE}/initiate",
        name="initiateConsent",
        summary="Start the owner's consent at Tesla; an energy consent without a grant creates an enrolment",
        handler=initiate,
        auth=Auth.GRANT_OR_CREATOR,
        grant_subject=None,
        body=Initiate,
        answer=ConsentLink,
        problems=(PRODUCT_UNKNOWN, REGION_UNAVAILABLE),
    ),
    Route(
        method="GET",
        path=f"{_BASE}/callback",
        name="consentCallback",
        summary="Where Tesla sends the owner's browser back to",
        handler=callback,
        query=CallbackQuery,
        problems=(*CONSENT_PROBLEMS, *TESLA_PROBLEMS),
    ),
    Route(
        method="POST",
        path=f"{_BASE}/complete",
        name="completeConsent",
        summary="Attach the consent to the order or enrolment, with the claim that the browser brought back",
        handler=complete,
        auth=Auth.GRANT,
        grant_subject=None,
        body=Complete,
        answer=Connected,
        problems=(CLAIM_INVALID, SCOPE_MISSING, ACCOUNT_DIFFERS, WRONG_STATE, SITE_IN_EVENT, *TESLA_PROBLEMS),
    ),
    Route(
        method="POST",
        path=f"{_BASE}/grants",
        name="reissueGrant",
        summary="A new grant for another order of the same Tesla account, in the place of a lost one",
        handler=reissue,
        auth=Auth.GRANT,
        grant_subject=None,
        body=Reissue,
        answer=NewGrant,
        status=201,
        problems=(TESLA_LOGIN,),
    ),
    Route(
        method="POST",
        path=f"{_BASE}/disconnect",
        name="disconnect",
        summary="Erase the account's tokens; gives Tesla's page for withdrawing the consent itself",
        handler=disconnect,
        auth=Auth.GRANT,
        grant_subject=None,
        query=LeaveQuery,
        answer=ConsentEnd,
        problems=(NOT_CONNECTED, SITE_IN_EVENT),
    ),
)
