"""From a consent to what it was given for: an order takes a vehicle consent, an enrolment an energy consent.

Products are kept apart at Tesla and here: neither consent ever stands in for the other.
"""

from __future__ import annotations

from urllib.parse import quote

from shared.accounts.consent import Attached
from shared.accounts.grants import Grant, Kind
from shared.accounts.keeper import Disconnected
from shared.accounts.model import Product
from shared.api.energy.leaving import let_go
from shared.api.failures import PRODUCT_UNKNOWN, SCOPE_MISSING, scope_names
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
_CHOOSE = "Nothing is enrolled yet: choose the sites."
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


def approve(services: Services, grant: Grant, claim: str, attached: Attached, *, at_once: bool = False) -> bool:
    """Refuse a consent of no use, whose tokens are not kept; else tell whether others rely on its account.

    An enrolment that goes over to another account waits until the sites of the one before are put back, unless
    `at_once`; the claim stays good for the repetition. Raises Problem, OrderError, OrderGone.
    """
    needed = _NEEDED[grant.kind]
    if not holds(attached.scopes, needed):
        services.consent.finish(claim)
        detail = f"without {scope_names(needed)} nothing can be done; consent again and leave it ticked"
        raise Problem(SCOPE_MISSING, detail)
    if grant.kind == "enrolment":
        before = _account_to_leave(services, grant, attached)
        if before:
            let_go(services, before, "the enrolment goes over to another account", at_once=at_once)
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


def disconnect(services: Services, grant: Grant, account: str, *, at_once: bool = False) -> None:
    """Erase the account's tokens; the sites of an enrolment stop before that, at once.

    Raises Problem while an event's settings are at one of them, which only the tokens can put back; not if `at_once`.
    """
    if grant.kind == "enrolment":
        let_go(services, account, "the account is being disconnected", at_once=at_once)
    services.keeper.erase(account)
    services.connections.forget(grant.subject)


def consent_page_url(services: Services) -> str:
    """Tesla's page on which the owner withdraws the consent itself, and from which Tesla leads back to the frontend
    (Tesla, "Third-party tokens").
    """
    client_id = services.secrets.get(services.settings.tesla_client_id_secret).value.decode().strip()
    back = services.settings.frontend_url
    back_url = f"&back_url={quote(back, safe='')}" if back else ""
    return f"{services.settings.tesla_revoke_url}?revoke_client_id={quote(client_id)}{back_url}"


def after_consent(services: Services, grant: Grant, attached: Attached) -> tuple[str, dict[str, str]]:
    """What to do next, in words, and where."""
    base = services.settings.public_url.rstrip("/")
    if grant.kind == "order":
        order = f"{base}/api/v1/orders/{grant.subject}"
        return "List the vehicles, then select those to report on.", {"vehicles": f"{order}/vehicles"}
    known = services.energy().registry.of_enrolment(grant.subject)
    step = "Enrol the sites again, so that they count from this consent on." if known else _CHOOSE
    write = ENERGY_SCOPES[Contract.PUBLISHED][1]
    if not holds(attached.scopes, write):
        step = f"Without {scope_names(write)} sites are read but not operated; consent again to change that. {step}"
    return step, enrolment_links(base, grant.subject)


def enrolment_links(base: str, enrolment_id: str) -> dict[str, str]:
    """Where an enrolment goes on."""
    own = f"{base}/api/v1/energy/enrolments/{enrolment_id}"
    return {
        "self": own,
        "connect": f"{base}/api/v1/tesla/oauth/initiate",
        "products": f"{own}/products",
        "sites": f"{own}/sites",
    }


def _account_to_leave(services: Services, grant: Grant, attached: Attached) -> str:
    """The account that the enrolment goes over from, of which nothing is kept then; "" if it has none to give up."""
    before = services.connections.account(grant.subject)
    if before in ("", attached.account) or services.connections.shared(grant.subject, before):
        return ""
    return before


def _enrol(services: Services, grant: Grant, attached: Attached) -> str:
    before = _account_to_leave(services, grant, attached)
    if before:
        services.energy().registry.revoke(before)
        services.keeper.erase(before)
    services.keeper.needed(attached.account, grant.expires_at)
    services.connections.connect(grant, attached.account)
    try:
        return services.desk.sessions.of(attached.account).discover_region(Tally())
    except (TeslaError, Undecodable):
        return attached.region  # a later answer tells: a 421 names the region
