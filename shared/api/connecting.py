"""From a consent to what it was given for: an order takes a vehicle consent, an enrolment an energy consent.

Products are kept apart at Tesla and here: neither consent ever stands in for the other.
"""

from __future__ import annotations

from shared.accounts.consent import Attached
from shared.accounts.grants import Grant, Kind
from shared.accounts.keeper import Disconnected
from shared.accounts.model import Product
from shared.api.failures import PRODUCT_UNKNOWN, SCOPE_MISSING
from shared.api.services import Services
from shared.edge.problems import Problem
from shared.orders.book import OrderGone
from shared.orders.scope_costs import absent_modules
from shared.orders.service import OrderError, check_connect
from shared.tesla.catalogue import ENERGY_SCOPES, Contract
from shared.tesla.client import Tally
from shared.tesla.decode import Undecodable
from shared.tesla.errors import TeslaError
from shared.tesla.scopes import DEVICE, holds

_GRANT_OF: dict[Product, Kind] = {"vehicle": "order", "energy": "enrolment"}
_WORDS: dict[Kind, str] = {"order": "an order", "enrolment": "an enrolment"}
_NEEDED: dict[Kind, str] = {"order": DEVICE, "enrolment": ENERGY_SCOPES[Contract.PUBLISHED][0]}
"""Without it nothing can be fetched; energy scopes count under either of their names."""


def check_product(grant: Grant, product: Product) -> None:
    """Whether the grant is for the product. Raises Problem."""
    wanted = _GRANT_OF[product]
    if grant.kind != wanted:
        detail = (
            f"{product} consent needs the grant of {_WORDS[wanted]}, this one is of {_WORDS[grant.kind]}; "
            "a consent for vehicles never stands in for one for energy products, nor the other way round"
        )
        raise Problem(PRODUCT_UNKNOWN, detail)


def account_of(services: Services, grant: Grant) -> str:
    """The account that the grant's order or enrolment is connected to, or nothing. Raises OrderGone."""
    if grant.kind == "order":
        return services.desk.book.get(grant.subject).account
    return services.connections.account(grant.subject)


def known_of(services: Services, grant: Grant) -> tuple[str, tuple[str, ...]]:
    """Region and granted scopes of the connected account, empty before it is. Raises OrderGone."""
    account = account_of(services, grant)
    try:
        value = services.keeper.get(account) if account else None
    except Disconnected:
        value = None
    return (value.region, value.scopes) if value else ("", ())


def approve(services: Services, grant: Grant, claim: str, attached: Attached) -> bool:
    """Refuse a consent of no use, whose tokens are not kept; else tell whether others rely on its account.

    Raises Problem, OrderError, OrderGone.
    """
    needed = _NEEDED[grant.kind]
    if not holds(attached.scopes, needed):
        services.consent.finish(claim)
        raise Problem(SCOPE_MISSING, f"without {needed} nothing can be done; consent again and leave it ticked")
    if grant.kind == "enrolment":
        return services.connections.shared(grant.subject, attached.account)
    try:
        check_connect(services.desk.book.get(grant.subject), attached.account)
    except (OrderError, OrderGone):
        services.consent.finish(claim)
        raise
    return services.desk.erasure.needed_elsewhere(grant.subject, attached.account)


def connect(services: Services, grant: Grant, claim: str, attached: Attached) -> str:
    """Connect the attached account; gives its region.

    An order that was erased meanwhile takes its fresh tokens with it. Raises OrderError, OrderGone, TeslaError.
    """
    if grant.kind == "enrolment":
        return _enrol(services, grant, attached)
    try:
        return services.orders.connect(grant.subject, attached).region
    except OrderGone:
        services.desk.erasure.disown(grant.subject, attached.account)
        services.consent.finish(claim)
        raise


def absent(services: Services, grant: Grant, attached: Attached) -> dict[str, list[str]]:
    """Per scope that is missing, the modules that an order's reports will lack. Raises OrderGone."""
    if grant.kind == "enrolment":
        return {}
    package = services.desk.book.get(grant.subject).package
    return {scope: absent_modules(package, scope, attached.scopes) for scope in attached.missing}


def _enrol(services: Services, grant: Grant, attached: Attached) -> str:
    services.keeper.needed(attached.account, grant.expires_at)
    services.connections.connect(grant, attached.account)
    try:
        return services.desk.sessions.of(attached.account).discover_region(Tally())
    except (TeslaError, Undecodable):
        return attached.region  # a later answer tells: a 421 names the region
