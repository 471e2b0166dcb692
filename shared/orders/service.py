"""What an owner does with an order: create, connect, list, select, hurry, cancel, erase."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import msgspec

from shared import log
from shared.accounts.consent import Attached
from shared.accounts.grants import Grants
from shared.accounts.keeper import TokenKeeper
from shared.orders.book import OrderGone
from shared.orders.desk import LAST_TRIES, Desk
from shared.orders.model import ListedVehicle, Order, OrderVehicle
from shared.orders.packages import PACKAGES
from shared.platform.errors import WorkBusy
from shared.tesla.client import Tally
from shared.tesla.decode import Undecodable, decode
from shared.tesla.errors import TeslaError, Unreadable
from shared.tesla.models.vehicle import Vehicle, VehicleList

_MOST_PAGES = 50
_MOST_SELECTED = 100
_LONGEST_TEXT = 100
_VIN = re.compile(r"[A-Za-z0-9]{1,40}")
"""What may stand in a path and a document. Tesla sends 17 characters; nothing depends on that."""
_YEARS = range(2000, 2101)
_CONNECTABLE = ("created", "connected", "running")


class OrderError(Exception):
    """The order does not allow it; `kind` is the stable code of why.

    `unknown_package`, `bad_window`, `not_connected`, `wrong_state`, `nothing_selected`, `vehicle_unknown`,
    `too_many`, `other_account`, `not_ready`, `no_report`.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class OrderRules(msgspec.Struct, frozen=True):
    """How long an order is kept (days) and how long its work may take (seconds)."""

    days: int
    deadline_s: int


class OrderService:
    """Owner operations on orders."""

    def __init__(self, desk: Desk, grants: Grants, keeper: TokenKeeper, rules: OrderRules) -> None:
        self._desk, self._grants, self._keeper, self._rules = desk, grants, keeper, rules

    def create(
        self, *, package: str, wake: bool, history_from: datetime | None, history_to: datetime | None
    ) -> tuple[str, str, Order]:
        """A new order: its id, its grant (given this once), itself. Raises OrderError."""
        if package not in PACKAGES:
            raise OrderError("unknown_package", f"packages are {', '.join(PACKAGES)}")
        _check_window(history_from, history_to)
        now = self._desk.clock.now()
        order = Order(
            package=package,
            created_at=now,
            expires_at=now + timedelta(days=self._rules.days),
            wake=wake,
            history_from=history_from,
            history_to=history_to,
        )
        order_id = self._desk.book.create(order)
        # Before the grant, without which nobody can put anything into the order.
        self._desk.schedule.plan_expiry(order_id, order.expires_at)
        token, _grant = self._grants.issue("order", order_id, order.expires_at)
        return order_id, token, order

    def connect(self, order_id: str, attached: Attached) -> Order:
        """Connect the order to a consented account and find out its region.

        Raises OrderError as `check_connect`, OrderGone, Disconnected.
        """
        tally = Tally()
        region = self._discover(attached, tally)

        def change(value: Order) -> Order:
            check_connect(value, attached.account)  # again: vehicles may have been chosen meanwhile
            same = value.account == attached.account
            return msgspec.structs.replace(
                value,
                account=attached.account,
                region=region,
                location=attached.location or (same and value.location),
                listed=value.listed if same else b"",
                status="connected" if value.status == "created" else value.status,
                tesla_calls=value.tesla_calls + tally.calls,
                tesla_price_usd=value.tesla_price_usd + tally.price_usd,
            )

        order = self._desk.book.change(order_id, change)
        # Last, so that tokens attached to an order that was just erased are not kept for it.
        self._keeper.needed(attached.account, self._deadline() + LAST_TRIES)
        return order

    def vehicles(self, order_id: str) -> list[ListedVehicle]:
        """The account's vehicles, asked of Tesla once per order. Raises OrderError, OrderGone, TeslaError."""
        order = self._desk.book.get(order_id)
        if not order.account:
            raise OrderError("not_connected", "connect a Tesla account to this order first")
        if order.listed:
            return self._desk.book.listed(order_id, order)
        tally = Tally()
        vehicles = self._list(order.account, tally)
        order = self._desk.follow_region(order_id, order)
        sealed = self._desk.book.seal_listed(order_id, vehicles)

        def change(value: Order) -> Order:
            if value.listed or value.account != order.account:
                return value
            return msgspec.structs.replace(
                value,
                listed=sealed,
                tesla_calls=value.tesla_calls + tally.calls,
                tesla_price_usd=value.tesla_price_usd + tally.price_usd,
            )

        return self._desk.book.listed(order_id, self._desk.book.change(order_id, change))

    def select(self, order_id: str, wanted: list[str]) -> Order:
        """Choose the vehicles and start the work; the same choice again is no error.

        Raises OrderError, OrderGone, TeslaError (Disconnected and LoginRequired: nothing is started without tokens).
        """
        chosen = tuple(dict.fromkeys(wanted))
        if not chosen:
            raise OrderError("nothing_selected", "choose at least one vehicle")
        if len(chosen) > _MOST_SELECTED:
            raise OrderError("too_many", f"at most {_MOST_SELECTED} vehicles per order")
        known = {vehicle.vehicle_id for vehicle in self.vehicles(order_id)}
        for vehicle_id in chosen:
            if vehicle_id not in known:
                raise OrderError("vehicle_unknown", "a chosen vehicle is not in this account's list")
        deadline = self._deadline()

        def change(value: Order) -> Order:
            if value.status == "running" and set(value.selected) == set(chosen):
                return value
            if value.status != "connected":
                raise OrderError("wrong_state", f"the order is {value.status}: vehicles were chosen already")
            return msgspec.structs.replace(value, selected=chosen, status="running", deadline=deadline)

        # The due item comes first: whatever happens after the change, the order is brought forward.
        self._desk.schedule.expect_order(order_id)
        self._keeper.needed(self._desk.book.get(order_id).account, deadline + LAST_TRIES)
        order = self._desk.book.change(order_id, change)
        self._desk.schedule.send_order(order_id)
        return order

    def build_now(self, order_id: str) -> Order:
        """Stop waiting: what is missing is named in the report. Raises OrderError, OrderGone."""
        order = self._desk.book.get(order_id)
        if order.status != "running":
            raise OrderError("wrong_state", f"the order is {order.status}: nothing is waited for")
        for vehicle_id in order.selected:
            self._desk.book.begin_vehicle(order_id, order, vehicle_id)
            vehicle = self._desk.book.change_vehicle(
                order_id, vehicle_id, lambda v: msgspec.structs.replace(v, build_now=True)
            )
            if vehicle.status in ("fetching", "waiting"):  # a queued one has its message before it
                self._desk.schedule.send_fetch(order_id, vehicle_id)
        return order

    def cancel(self, order_id: str) -> Order:
        """Stop all work; finished reports stay. Cancelling twice is no error. Raises OrderError, OrderGone."""

        def change(value: Order) -> Order:
            if value.status in ("completed", "failed"):
                raise OrderError("wrong_state", f"the order is {value.status}: nothing is left to cancel")
            return value if value.status == "cancelled" else msgspec.structs.replace(value, status="cancelled")

        self._desk.schedule.expect_order(order_id)  # finishes what dies after the change
        self._desk.book.change(order_id, change)
        try:
            self._desk.finishing.cancel(order_id)
        except WorkBusy:
            log.info("order is being finished")  # by another worker, or else by the due item
        return self._desk.book.get(order_id)

    def rebuild(self, order_id: str, vehicle_id: str) -> None:
        """Build a ready vehicle's report anew from its stored snapshot; while it is under way, that is the one.

        Raises OrderError, OrderGone.
        """
        if vehicle_id not in self._desk.book.get(order_id).selected:
            raise OrderGone("no such vehicle in this order")
        vehicle = self._desk.book.find_vehicle(order_id, vehicle_id)
        if vehicle is None or vehicle.status != "ready":
            kind = "no_report" if vehicle and vehicle.final else "not_ready"
            raise OrderError(kind, f"the vehicle is {vehicle.status if vehicle else 'queued'}")

        def change(value: OrderVehicle) -> OrderVehicle:
            return value if value.rebuilding else msgspec.structs.replace(value, rebuilding=True)

        self._desk.schedule.expect_build(order_id, vehicle_id)
        self._desk.book.note_files(order_id, vehicle_id, change)
        self._desk.schedule.send_build(order_id, vehicle_id)

    def erase(self, order_id: str) -> None:
        """Erase the order. Raises OrderGone."""
        self._desk.erasure.erase(order_id)

    def known_vehicles(self, order_id: str, order: Order) -> list[OrderVehicle]:
        """The chosen vehicles whose work has begun."""
        begun = self._desk.book.vehicles(order_id)
        return [begun[vehicle_id] for vehicle_id in order.selected if vehicle_id in begun]

    def _deadline(self) -> datetime:
        return self._desk.clock.now() + timedelta(seconds=self._rules.deadline_s)

    def _discover(self, attached: Attached, tally: Tally) -> str:
        try:
            return self._desk.sessions.of(attached.account).discover_region(tally)
        except (TeslaError, Undecodable):
            return attached.region  # a later answer tells: a 421 names the region

    def _list(self, account: str, tally: Tally) -> list[ListedVehicle]:
        session, found = self._desk.sessions.of(account), list[Vehicle]()
        for page in range(1, _MOST_PAGES + 1):
            answer = session.call("vehicles", query={"page": str(page), "per_page": "100"}, tally=tally)
            try:
                listed = decode(answer.body, VehicleList).value
            except Undecodable:
                raise Unreadable("the list of vehicles cannot be read") from None
            found += [vehicle for vehicle in listed.vehicles or () if _VIN.fullmatch(vehicle.vin or "")]
            if not listed.vehicles or listed.pagination is None or not listed.pagination.next:
                break
        distinct = {vehicle.vin: vehicle for vehicle in found}
        return [_listed(number, vehicle) for number, vehicle in enumerate(distinct.values(), 1)]


def check_connect(order: Order, account: str) -> None:
    """Whether the account may be connected to the order.

    An order that has begun keeps its account: the owner may consent again (more scopes, a fresh login), somebody else
    may not. One that has ended needs no tokens. Raises OrderError.
    """
    if order.status not in _CONNECTABLE:
        raise OrderError("wrong_state", f"the order is {order.status}: nothing is left to connect it for")
    if order.account and order.account != account and order.status != "connected":
        raise OrderError("other_account", "this order belongs to another Tesla account")


def _check_window(begin: datetime | None, end: datetime | None) -> None:
    if begin and end and begin >= end:
        raise OrderError("bad_window", "history_from must be before history_to")
    if any(moment and moment.year not in _YEARS for moment in (begin, end)):
        raise OrderError("bad_window", f"the window lies between {_YEARS[0]} and {_YEARS[-1]}")


def _listed(number: int, vehicle: Vehicle) -> ListedVehicle:
    return ListedVehicle(
        vehicle_id=f"v{number}",
        vin=vehicle.vin or "",
        display_name=(vehicle.display_name or "")[:_LONGEST_TEXT],
        state=(vehicle.state or "")[:_LONGEST_TEXT],
        access_type=(vehicle.access_type or "")[:_LONGEST_TEXT],
        in_service=vehicle.in_service or False,
    )
