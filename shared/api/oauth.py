"""Routes of the `oauth` function: the owner's consent at Tesla."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Literal
from urllib.parse import quote

import msgspec

from shared.accounts.consent import Attached
from shared.api.consent_page import claim_page, problem_page
from shared.api.failures import (
    ACCOUNT_DIFFERS,
    CLAIM_INVALID,
    CONSENT_PROBLEMS,
    NOT_CONNECTED,
    PRODUCT_UNKNOWN,
    SCOPE_MISSING,
    TESLA_PROBLEMS,
    WRONG_STATE,
    as_problems,
)
from shared.api.services import Services
from shared.edge.problems import Problem
from shared.edge.routes import Auth, Call, Reply, Route
from shared.orders.book import OrderGone
from shared.orders.service import OrderError, check_connect
from shared.tesla.metering import metered

_BASE = "/api/v1/tesla/oauth"
_NEEDED = "vehicle_device_data"


class Initiate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which consent to ask for. `location` also asks for the vehicle's position (off unless the owner opts in)."""

    product: Literal["vehicle"] = "vehicle"
    region: Literal["eu", "na", "cn"] | None = None
    location: bool = False


class ConsentLink(msgspec.Struct, frozen=True, kw_only=True, rename={"auth_url": "authUrl"}):
    """Where to send the owner's browser, until `expires_at`."""

    auth_url: str
    state: str
    expires_at: datetime


class CallbackQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What Tesla adds to the redirect; it may add more."""

    state: str = ""
    code: str = ""
    error: str = ""


class Complete(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The one-time claim that the browser brought back."""

    claim: str


class Connected(msgspec.Struct, frozen=True, kw_only=True):
    """A connected account: what the owner granted, and what was asked for and left out."""

    product: str
    region: str
    scopes: list[str]
    missing_scopes: list[str]


class ConsentEnd(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens are erased here; consent itself is withdrawn by the owner on Tesla's page."""

    consent_page_url: str


def initiate(services: Services, call: Call) -> Reply:
    """Start a consent for the grant's order."""
    body: Initiate = call.body
    if call.grant is None or call.grant.kind != "order":
        raise Problem(PRODUCT_UNKNOWN, "a vehicle consent needs the grant of an order")
    region = body.region or services.settings.tesla_region
    with as_problems():
        started = services.consent.initiate(
            call.grant.key, product=body.product, region=region, location=body.location
        )
    return Reply(ConsentLink(auth_url=started.auth_url, state=started.state, expires_at=started.expires_at))


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
    """Attach the claimed consent to the grant's order."""
    if call.grant is None:
        raise Problem(CLAIM_INVALID, "no grant")
    with as_problems():
        attached = services.consent.attach(call.grant.key, call.body.claim, partial(_approve, services, call))
        with metered(services.ledger().meter(call.grant.subject)):
            order = services.orders.connect(call.grant.subject, attached)
        services.consent.finish(call.body.claim)
    return Reply(
        Connected(
            product=attached.product,
            region=order.region,
            scopes=list(attached.scopes),
            missing_scopes=list(attached.missing),
        )
    )


def _approve(services: Services, call: Call, attached: Attached) -> None:
    """Refuse a consent of no use to the order, whose tokens are not kept. Raises Problem, OrderError, OrderGone."""
    if _NEEDED not in attached.scopes:
        services.consent.finish(call.body.claim)
        raise Problem(SCOPE_MISSING, f"without {_NEEDED} no report can be made; consent again and leave it ticked")
    try:
        check_connect(services.desk.book.get(call.grant.subject if call.grant else ""), attached.account)
    except (OrderError, OrderGone):
        services.consent.finish(call.body.claim)
        raise


def disconnect(services: Services, call: Call) -> Reply:
    """Erase the tokens of the grant's account."""
    with as_problems():
        order = services.desk.book.get(call.grant.subject if call.grant else "")
    if not order.account:
        raise Problem(NOT_CONNECTED, "no Tesla account is connected to this order")
    services.keeper.erase(order.account)
    client_id = services.secrets.get(services.settings.tesla_client_id_secret).value.decode().strip()
    return Reply(
        ConsentEnd(consent_page_url=f"{services.settings.tesla_revoke_url}?revoke_client_id={quote(client_id)}")
    )


def _redirect(url: str) -> Reply:
    return Reply(status=302, headers={"Location": url, "Cache-Control": "no-store"})


ROUTES: tuple[Route[Services], ...] = (
    Route(
        method="POST",
        path=f"{_BASE}/initiate",
        name="initiateConsent",
        summary="Start the owner's consent at Tesla",
        handler=initiate,
        auth=Auth.GRANT,
        grant_subject=None,
        body=Initiate,
        answer=ConsentLink,
        problems=(PRODUCT_UNKNOWN,),
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
        summary="Attach the consent to the order, with the claim that the browser brought back",
        handler=complete,
        auth=Auth.GRANT,
        grant_subject=None,
        body=Complete,
        answer=Connected,
        problems=(CLAIM_INVALID, SCOPE_MISSING, ACCOUNT_DIFFERS, WRONG_STATE, *TESLA_PROBLEMS),
    ),
    Route(
        method="POST",
        path=f"{_BASE}/disconnect",
        name="disconnect",
        summary="Erase the account's tokens; gives Tesla's page for withdrawing the consent itself",
        handler=disconnect,
        auth=Auth.GRANT,
        grant_subject=None,
        answer=ConsentEnd,
        problems=(NOT_CONNECTED,),
    ),
)
