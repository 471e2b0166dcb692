"""Route of the `oauth` function: what Tesla says of the connected owner. Personal data, for the owner alone."""

from __future__ import annotations

from typing import Any

import msgspec

from shared.accounts.session import AccountSession
from shared.api.connecting import account_of
from shared.api.failures import NOT_CONNECTED, TESLA_PROBLEMS, as_problems
from shared.api.services import Services
from shared.edge.problems import Problem
from shared.edge.routes import Auth, Call, Reply, Route
from shared.tesla.client import Tally
from shared.tesla.decode import Undecodable, decode
from shared.tesla.errors import Forbidden, Missing, NotSent, Rejected
from shared.tesla.metering import metered
from shared.tesla.models.users import UserMe, UserOrder, UserOrders

_PARTS: dict[str, type[Any]] = {"user_me": UserMe, "user_orders": UserOrders}


class TeslaAccount(msgspec.Struct, frozen=True, kw_only=True):
    """The owner at Tesla. What the owner did not grant (`user_data`) is absent, and `absent` says why, by part."""

    region: str
    scopes: list[str]
    profile: UserMe | None
    orders: list[UserOrder] | None
    absent: dict[str, str]


def show(services: Services, call: Call) -> Reply:
    """The connected account's profile, region and orders at Tesla."""
    if call.grant is None:
        raise Problem(NOT_CONNECTED, "no grant")
    order_id = call.grant.subject if call.grant.kind == "order" else ""
    with as_problems():
        account = account_of(services, call.grant)
        if not account:
            raise Problem(NOT_CONNECTED, f"no Tesla account is connected to this {call.grant.kind}")
        session, absent = services.desk.sessions.of(account), dict[str, str]()
        with metered(services.ledger().meter(order_id)):
            found = {name: _part(session, name, absent) for name in _PARTS}
        orders: UserOrders | None = found["user_orders"]
        return Reply(
            TeslaAccount(
                region=session.region,
                scopes=sorted(session.scopes),
                profile=found["user_me"],
                orders=None if orders is None else list(orders.orders or ()),
                absent=absent,
            )
        )


def _part(session: AccountSession, name: str, absent: dict[str, str]) -> Any:
    """One answer, or None and the reason: a part that is refused loses no other."""
    try:
        return decode(session.call(name, tally=Tally()).body, _PARTS[name]).value
    except (NotSent, Forbidden, Missing, Rejected) as error:
        absent[name] = error.reason
    except Undecodable:
        absent[name] = "unreadable"
    return None


ROUTES: tuple[Route[Services], ...] = (
    Route(
        method="GET",
        path="/api/v1/tesla/account",
        name="getTeslaAccount",
        summary="The connected owner's profile, region and orders at Tesla, as far as they were granted",
        handler=show,
        auth=Auth.GRANT,
        grant_subject=None,
        answer=TeslaAccount,
        problems=(NOT_CONNECTED, *TESLA_PROBLEMS),
    ),
)
