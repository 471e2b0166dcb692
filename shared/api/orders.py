"""Routes of the `orders` function: an owner's order from creation to erasure."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from shared.api.failures import (
    ACCOUNT_DIFFERS,
    NOT_CONNECTED,
    PACKAGE_UNKNOWN,
    REPORT_FAILED,
    REPORT_NOT_READY,
    SELECTION_EMPTY,
    SELECTION_TOO_LARGE,
    TESLA_PROBLEMS,
    VEHICLE_UNKNOWN,
    WINDOW_INVALID,
    WRONG_STATE,
    as_problems,
)
from shared.api.services import Services
from shared.api.views import OrderView, order_view
from shared.edge.routes import Auth, Call, Reply, Route
from shared.orders.model import ListedVehicle
from shared.tesla.metering import metered

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""RFC 3339 with an offset: a moment without one means something else to everybody."""

_ORDER = "/api/v1/orders/<order_id>"


class NewOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to order. `wake`: sleeping vehicles may be woken (Tesla bills it). The window bounds charging sessions."""

    package: str
    wake: bool = False
    history_from: Moment | None = None
    history_to: Moment | None = None


class CreatedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A new order. `grant` is the bearer token for it; it is shown this once."""

    order_id: str
    grant: str
    status: str
    links: dict[str, str]


class AccountVehicles(msgspec.Struct, frozen=True, kw_only=True):
    """The vehicles of the connected account."""

    vehicles: list[ListedVehicle]


class Selection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The vehicles to report on, by their `vehicle_id`."""

    vehicles: list[str]


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """An order that is being erased."""

    order_id: str
    status: str


def create(services: Services, call: Call) -> Reply:
    """Create an order and hand out its grant."""
    body: NewOrder = call.body
    with as_problems():
        order_id, token, order = services.orders.create(
            package=body.package, wake=body.wake, history_from=body.history_from, history_to=body.history_to
        )
    base = services.settings.public_url.rstrip("/")
    links = {
        "self": f"{base}/api/v1/orders/{order_id}",
        "connect": f"{base}/api/v1/tesla/oauth/initiate",
        "vehicles": f"{base}/api/v1/orders/{order_id}/vehicles",
    }
    created = CreatedOrder(order_id=order_id, grant=token, status=order.status, links=links)
    return Reply(created, headers={"Location": links["self"]}, subject=order_id)


def show(services: Services, call: Call) -> Reply:
    """The order and how far it is."""
    order_id = call.path["order_id"]
    with as_problems():
        return Reply(_view(services, order_id))


def list_vehicles(services: Services, call: Call) -> Reply:
    """The connected account's vehicles."""
    order_id = call.path["order_id"]
    with as_problems(), metered(services.ledger().meter(order_id)):
        return Reply(AccountVehicles(vehicles=services.orders.vehicles(order_id)))


def select(services: Services, call: Call) -> Reply:
    """Choose vehicles and start."""
    with as_problems(), metered(services.ledger().meter(call.path["order_id"])):
        services.orders.select(call.path["order_id"], call.body.vehicles)
        return Reply(_view(services, call.path["order_id"]))


def build_now(services: Services, call: Call) -> Reply:
    """Stop waiting for sleeping vehicles."""
    with as_problems():
        services.orders.build_now(call.path["order_id"])
        return Reply(_view(services, call.path["order_id"]))


def cancel(services: Services, call: Call) -> Reply:
    """Stop the order."""
    with as_problems():
        services.orders.cancel(call.path["order_id"])
        return Reply(_view(services, call.path["order_id"]))


def rebuild(services: Services, call: Call) -> Reply:
    """Build a vehicle's report anew."""
    with as_problems():
        services.orders.rebuild(call.path["order_id"], call.path["vehicle_id"])
        return Reply(_view(services, call.path["order_id"]))


def erase(services: Services, call: Call) -> Reply:
    """Erase the order."""
    with as_problems():
        services.orders.erase(call.path["order_id"])
    return Reply(Erased(order_id=call.path["order_id"], status="erased"))


def _view(services: Services, order_id: str) -> OrderView:
    order = services.desk.book.get(order_id)
    return order_view(order_id, order, services.orders.known_vehicles(order_id, order), services.desk.book)


ROUTES: tuple[Route[Services], ...] = (
    Route(
        method="POST",
        path="/api/v1/orders",
        name="createOrder",
        summary="Order reports of an owner's vehicles",
        handler=create,
        auth=Auth.CREATOR,
        body=NewOrder,
        answer=CreatedOrder,
        status=201,
        problems=(PACKAGE_UNKNOWN, WINDOW_INVALID),
        idempotent=True,
    ),
    Route(
        method="GET",
        path=_ORDER,
        name="getOrder",
        summary="How far the order is: each vehicle, each module, the cost at Tesla",
        handler=show,
        auth=Auth.GRANT,
        answer=OrderView,
    ),
    Route(
        method="DELETE",
        path=_ORDER,
        name="eraseOrder",
        summary="Erase the order: tokens, snapshots, reports, invoices and history",
        handler=erase,
        auth=Auth.GRANT,
        answer=Erased,
        status=202,
    ),
    Route(
        method="GET",
        path=f"{_ORDER}/vehicles",
        name="listVehicles",
        summary="The vehicles of the connected Tesla account",
        handler=list_vehicles,
        auth=Auth.GRANT,
        answer=AccountVehicles,
        problems=(NOT_CONNECTED, *TESLA_PROBLEMS),
    ),
    Route(
        method="POST",
        path=f"{_ORDER}/selection",
        name="selectVehicles",
        summary="Choose the vehicles to report on and start the work",
        handler=select,
        auth=Auth.GRANT,
        body=Selection,
        answer=OrderView,
        status=202,
        problems=(
            NOT_CONNECTED,
            WRONG_STATE,
            SELECTION_EMPTY,
            SELECTION_TOO_LARGE,
            VEHICLE_UNKNOWN,
            ACCOUNT_DIFFERS,
            *TESLA_PROBLEMS,
        ),
    ),
    Route(
        method="POST",
        path=f"{_ORDER}/build-now",
        name="buildNow",
        summary="Stop waiting for sleeping vehicles; what is missing is named in the report",
        handler=build_now,
        auth=Auth.GRANT,
        answer=OrderView,
        status=202,
        problems=(WRONG_STATE,),
    ),
    Route(
        method="POST",
        path=f"{_ORDER}/cancel",
        name="cancelOrder",
        summary="Stop all work on the order; finished reports stay",
        handler=cancel,
        auth=Auth.GRANT,
        answer=OrderView,
        status=202,
        problems=(WRONG_STATE,),
    ),
    Route(
        method="POST",
        path=f"{_ORDER}/vehicles/<vehicle_id>/rebuild",
        name="rebuildReport",
        summary="Build a ready vehicle's report anew from its stored snapshot; Tesla is not asked",
        handler=rebuild,
        auth=Auth.GRANT,
        answer=OrderView,
        status=202,
        problems=(REPORT_NOT_READY, REPORT_FAILED),
    ),
)
