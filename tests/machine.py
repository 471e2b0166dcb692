"""Orders under any sequence of events: a state machine over the lab, for Hypothesis to drive.

Owners act, messages come in any order and as often as they like, stores fail in the middle of a delivery, vehicles
sleep, Tesla fails, time jumps. Whatever happens, the invariants hold, and once time passes every order has ended.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared import bootstrap
from shared.orders.model import FINAL
from shared.orders.packages import MODULES
from shared.platform.errors import NotFound, Unavailable
from shared.platform.ports import Delivery
from shared.reports.snapshot import Snapshot
from shared.tesla.charging_pages import split_by_vin
from tests.lab import CLAIM_MARK, Lab, Reply, running_lab
from tests.simulator import Simulator
from tests.stack.crash import PORTS, CrashingPort

MOST_ORDERS = 3
ENDED = ("completed", "failed", "cancelled")
HOUR_S = 3600.0
OAUTH = "/api/v1/tesla/oauth"
FAULTS = ("server_error", "rate_limited", "html", "drop", "truncated", "asleep", "null_response")
ANY_ORDER, ANY_MESSAGE = st.integers(0, 2), st.integers(0, 11)
"""Counted round and round: what is drawn must not hang on what is there."""
_LAST_ATTEMPT = 8


@dataclass
class Placed:
    """An order that was placed, and the last that its owner saw of it."""

    order_id: str
    grant: str
    account: int = -1
    selected: tuple[str, ...] = ()
    erased: bool = False
    ended: str = ""
    final: dict[str, str] = field(default_factory=dict)


class Outage:
    """A trigger of `CrashingPort`: one call fails, before or after it had its effect."""

    def __init__(self) -> None:
        self.left, self.late, self.happened = 0, False, 0

    def before(self, _call: str) -> None:
        """Count down; fail without an effect."""
        self.left -= 1
        if self.left == 0 and not self.late:
            self._fail()

    def after(self, _call: str) -> None:
        """Fail although it took effect."""
        if self.left == 0 and self.late:
            self._fail()

    def _fail(self) -> None:
        self.happened += 1
        raise Unavailable("the store does not answer")


class Orders(RuleBasedStateMachine):
    """See the module. `simulator` is set by `machine_over`."""

    simulator: Simulator

    def __init__(self) -> None:
        super().__init__()
        self._open = ExitStack()
        self.orders: list[Placed] = []
        self.inbox: list[Delivery] = []
        self.outage = Outage()
        self.lab: Lab = self._open.enter_context(self._service())

    @contextmanager
    def _service(self) -> Iterator[Lab]:
        self.simulator.clear()
        self.simulator.reset()
        folder = Path(self._open.enter_context(tempfile.TemporaryDirectory()))
        with running_lab(self.simulator, folder) as lab, pytest.MonkeyPatch.context() as patch:
            for port in PORTS:
                patch.setattr(bootstrap, port, _watched(port, getattr(bootstrap, port), self.outage))
            yield lab

    def teardown(self) -> None:
        """Let time pass; then everything has its end."""
        try:
            self._settle()
        finally:
            self._open.close()

    # What owners do

    @initialize(package=st.sampled_from(["basic", "charging", "complete"]))
    def first_order(self, package: str) -> None:
        """Most of what can happen needs an order that has begun."""
        self.place(package=package, wake=False)
        self.connect(number=0, account=0, location=False)
        self.select(number=0, vehicles=("v1", "v2"))

    @precondition(lambda self: len(self.orders) < MOST_ORDERS)
    @rule(package=st.sampled_from(["basic", "charging", "complete"]), wake=st.booleans())
    def place(self, package: str, *, wake: bool) -> None:
        """A new order."""
        self.orders.append(Placed(*self.lab.order(package, wake=wake)))

    @rule(number=ANY_ORDER, account=st.integers(0, 1), location=st.booleans())
    def connect(self, number: int, account: int, *, location: bool) -> None:
        """An owner consents, perhaps once more, perhaps somebody else."""
        placed = self._order(number)
        if placed.erased:
            self._answered(placed, self.lab.call("POST", f"{OAUTH}/initiate", {}, grant=placed.grant))
            return
        page = self.lab.call("GET", self.lab.callback(placed.grant, account=account, location=location))
        if page.status != 200:  # Tesla does not exchange the code
            assert page.status != 500, page.text
            return
        claim = page.text.split(CLAIM_MARK)[1].split("<")[0]
        reply = self.lab.call("POST", f"{OAUTH}/complete", {"claim": claim}, grant=placed.grant)
        if self._answered(placed, reply) == 200:
            assert not placed.selected or placed.account == account
            placed.account = account

    @rule(number=ANY_ORDER, vehicles=st.sampled_from([("v1",), ("v2",), ("v1", "v2")]))
    def select(self, number: int, vehicles: tuple[str, ...]) -> None:
        """The owner chooses vehicles."""
        placed = self._order(number)
        if self._post(placed, "selection", {"vehicles": list(vehicles)}) == 202:
            assert placed.selected in {(), vehicles}
            placed.selected = vehicles

    @rule(number=ANY_ORDER, act=st.sampled_from(["build-now", "cancel"]))
    def hurry_or_cancel(self, number: int, act: str) -> None:
        """The owner has enough of waiting."""
        assert self._post(self._order(number), act) in {202, 404, 409}

    @rule(number=ANY_ORDER)
    def erase(self, number: int) -> None:
        """The owner wants it all gone."""
        placed = self._order(number)
        reply = self.lab.call("DELETE", f"/api/v1/orders/{placed.order_id}", grant=placed.grant)
        assert self._answered(placed, reply) in {202, 404}
        placed.erased = True

    @rule(number=ANY_ORDER)
    def disconnect(self, number: int) -> None:
        """The owner takes the tokens away."""
        placed = self._order(number)
        assert self._answered(placed, self.lab.call("POST", f"{OAUTH}/disconnect", grant=placed.grant)) != 202

    # What messages do

    @rule(number=ANY_MESSAGE, again=st.booleans())
    def deliver(self, number: int, *, again: bool) -> None:
        """Any message; `again`: the broker did not get the answer, or delivers it once more anyway."""
        self._deliver(number, again=again)

    @rule(number=ANY_MESSAGE, calls=st.integers(1, 40), late=st.booleans())
    def deliver_in_an_outage(self, number: int, calls: int, *, late: bool) -> None:
        """Any message, and one call of a store fails while it is worked on."""
        self.outage.left, self.outage.late = calls, late
        try:
            self._deliver(number, again=False)
        finally:
            self.outage.left = 0

    @rule()
    def deliver_everything(self) -> None:
        """All messages, and those that they bring about, in the order of their publication."""
        self._deliver_all()

    @rule(number=ANY_MESSAGE)
    def lose(self, number: int) -> None:
        """A message comes to nothing: its function died with it each time."""
        if self._arrived():
            self.inbox.pop(number % len(self.inbox))

    @rule()
    def tick(self) -> None:
        """Housekeeping."""
        self.lab.tick()

    # What the world does

    @rule(seconds=st.sampled_from([1.0, 61.0, 901.0, HOUR_S, 9 * HOUR_S, 25 * HOUR_S]))
    def pass_time(self, seconds: float) -> None:
        """For everybody."""
        self.lab.clock.sleep(seconds)
        self.simulator.advance(seconds)

    @rule(
        account=st.integers(0, 1), vehicle=st.integers(0, 1), state=st.sampled_from(["online", "asleep", "offline"])
    )
    def sleep_or_wake(self, account: int, vehicle: int, state: str) -> None:
        """A vehicle changes its state."""
        self.simulator.accounts[account].vehicles[vehicle].state = state

    @rule(
        endpoint=st.sampled_from([*MODULES, "charging_history", "charging_invoice", "token"]),
        kind=st.sampled_from(FAULTS),
        times=st.sampled_from([1, 3, None]),
    )
    def spoil(self, endpoint: str, kind: str, times: int | None) -> None:
        """Tesla answers badly for a while, or for good."""
        self.simulator.add_fault(endpoint, kind, times=times)

    @rule(account=st.integers(0, 1))
    def revoke(self, account: int) -> None:
        """An owner withdraws consent at Tesla."""
        self.simulator.revoke(account)

    # What holds all the time

    @invariant()
    def a_good_answer_is_asked_for_once(self) -> None:
        """One good answer per module, vehicle and order; a store that failed may cost one more."""
        counts: Counter[tuple[str, str]] = Counter()
        for call in self.simulator.ledger:
            if call.endpoint in MODULES and call.vin and call.price_usd and call.status == 200 and not call.fault:
                counts[call.endpoint, call.vin] += 1
        for (module, vin), count in counts.items():
            allowed = self._orders_of(vin) + self.outage.happened
            assert count <= allowed, f"{module} was fetched {count} times for {allowed} orders"

    @invariant()
    def a_snapshot_holds_its_own_vehicle_only(self) -> None:
        """Sessions of another vehicle never get into a report."""
        for info in bootstrap.blobs().list("orders/"):
            if info.name.endswith("snapshot.json"):
                snapshot = Snapshot.decode(bootstrap.blobs().get(info.name))
                history = snapshot.module("charging_history")
                if history is not None and history.body:
                    assert set(split_by_vin([bytes(history.body)])) <= {snapshot.vin}

    @invariant()
    def ends_are_for_good(self) -> None:
        """What has ended never changes again; what is erased is not seen again."""
        for placed in self.orders:
            reply = self.lab.call("GET", f"/api/v1/orders/{placed.order_id}", grant=placed.grant)
            if self._answered(placed, reply) == 200:
                self._check_ends(placed, reply.body)
            else:
                assert placed.erased, reply.text

    def _check_ends(self, placed: Placed, view: Any) -> None:
        assert placed.ended in {"", view["status"]}
        placed.ended = view["status"] if view["ended_at"] else ""
        now = {vehicle["vehicle_id"]: vehicle["status"] for vehicle in view["vehicles"]}
        assert {number: now.get(number) for number in placed.final} == placed.final
        placed.final = {number: status for number, status in now.items() if status in FINAL}

    # What holds at the end

    def _settle(self) -> None:
        """Two days in which everything is delivered."""
        for _ in range(36):
            self.pass_time(2 * HOUR_S)
            self.lab.tick()
            self._deliver_all()
        self.ends_are_for_good()
        self.a_snapshot_holds_its_own_vehicle_only()
        for placed in self.orders:
            if placed.erased:
                self._check_erased(placed)
            elif placed.selected:
                assert placed.ended in ENDED, f"{placed} never ended"
                names = [info.name for info in bootstrap.blobs().list(f"orders/{placed.order_id}/")]
                ready = [number for number, status in placed.final.items() if status == "ready"]
                reports = [f"orders/{placed.order_id}/{number}/report.pdf" for number in sorted(ready)]
                assert [name for name in names if name.endswith("/report.pdf") and name in reports] == reports
        self.a_good_answer_is_asked_for_once()

    def _check_erased(self, placed: Placed) -> None:
        assert bootstrap.blobs().list(f"orders/{placed.order_id}/") == []
        for collection in ("grants", "order_vehicles", "due", "claims", "idempotency"):
            found = bootstrap.documents().query(collection, limit=1000).documents
            left = [item.key for item in found if placed.order_id in item.key + repr(item.body)]
            assert left == [], collection

    def _deliver_all(self) -> None:
        for _ in range(60):
            if not self._arrived():
                return
            self._deliver(0, again=False)
        raise AssertionError(f"messages never end: {[item.event for item in self.inbox]}")

    # Helpers

    def _order(self, number: int) -> Placed:
        """One of the orders, erased ones too."""
        return self.orders[number % len(self.orders)]

    def _post(self, placed: Placed, act: str, body: Any = None) -> int:
        path = f"/api/v1/orders/{placed.order_id}/{act}"
        return self._answered(placed, self.lab.call("POST", path, body, grant=placed.grant))

    @staticmethod
    def _answered(placed: Placed, reply: Reply) -> int:
        """The status: never a surprise, and of an erased order always the same."""
        assert reply.status != 500, reply.text
        if placed.erased:
            assert reply.status in {401, 404}, reply.text
            return 404
        return reply.status

    def _orders_of(self, vin: str) -> int:
        """Orders that chose the vehicle, erased ones included."""
        return sum(
            vin in [vehicle.vin for vehicle in self.simulator.accounts[placed.account].vehicles]
            for placed in self.orders
            if placed.selected
        )

    def _arrived(self) -> bool:
        """Fetch what was published into the inbox, where it stays until it is done; whether there is anything."""
        try:
            for topic in self.lab.manifest.topics():
                self.inbox += self.lab.queue.pull(topic, limit=100, lease_s=1000 * 24 * HOUR_S)
        except NotFound:
            return False
        return bool(self.inbox)

    def _deliver(self, number: int, *, again: bool) -> None:
        if not self._arrived():
            return
        number %= len(self.inbox)
        delivery = self.inbox[number]
        status = self.lab.deliver(delivery)
        assert status in {204, 503}, f"{delivery.event} answered {status}"
        if again or (status == 503 and delivery.attempt < _LAST_ATTEMPT):
            attempt = min(delivery.attempt + 1, _LAST_ATTEMPT)
            self.inbox[number] = msgspec.structs.replace(delivery, attempt=attempt)
        else:
            self.inbox.pop(number)


def _watched(name: str, factory: Callable[[], object], outage: Outage) -> Callable[[], CrashingPort]:
    return lambda: CrashingPort(name, factory(), [outage])


def machine_over(simulator: Simulator) -> type[Orders]:
    """The machine over this simulator."""
    return type("Orders", (Orders,), {"simulator": simulator})
