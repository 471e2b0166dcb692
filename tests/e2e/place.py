"""A running stack, its stores and its simulated Tesla, and owners that have never been there before."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pypdfium2
import requests

from tests.e2e.stores import Stores, open_stores
from tests.simulator import Call, Simulator
from tests.simulator.world import Account
from tests.stack.config import StackConfig
from tests.stack.owner import Owner
from tests.stack.stack import Stack

T = TypeVar("T")

WITHIN_S = 60.0
"""How long an order may take; a guard against hanging, not a measure."""
QUICK = {
    "WORK_LEASE_S": "3",
    "OUTBOX_GRACE_S": "1",
    "DUE_AGAIN_S": "2",
    "RETRY_S": "1",
    "ASLEEP_RETRY_S": "1",
    "FETCH_CONCURRENCY": "4",
}
"""Settings under which work that died is taken up again within seconds."""


class NotInTime(AssertionError):
    """Something did not come about; the message says what."""


class World:
    """The simulated Tesla of a test session; every owner is handed out once, so that no test meets another's."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self._unused = iter(simulator.accounts)

    def next_account(self) -> Account:
        """An account that no test has used."""
        return next(self._unused)

    def greeting(self) -> dict[str, Any]:
        """What a stack needs to know of the simulator."""
        urls, config = self.simulator.urls, self.simulator.config
        hosts = {"auth": urls.auth, "eu": urls.eu, "na": urls.na, "cn": urls.cn}
        application = {"client_id": config.client_id, "client_secret": config.client_secret}
        accounts = [{"email": account.email} for account in self.simulator.accounts]
        return {**hosts, **application, "control": self.simulator.control_url, "accounts": accounts}


@dataclass
class Customer(Owner):
    """An owner whose account at the simulated Tesla is known."""

    account: Any = None

    @property
    def vins(self) -> list[str]:
        """The vehicles' numbers, `v1` first."""
        return [vehicle.vin for vehicle in self.account.vehicles]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a test takes place."""

    stack: Stack
    stores: Stores
    world: World

    def customer(self) -> Customer:
        """A new owner."""
        account = self.world.next_account()
        return Customer(self.stack.base_url, account.email, account=account)

    def ordered(
        self, package: str = "complete", vehicles: tuple[str, ...] = ("v1", "v2"), *, location: bool = False
    ) -> Customer:
        """A new owner with an order whose work has begun."""
        owner = self.customer()
        owner.order(package)
        owner.consent(location=location)
        owner.vehicles()
        owner.select(vehicles)
        return owner

    def calls(self, owner: Customer) -> list[Call]:
        """What Tesla was asked on behalf of the owner, the consent's own calls left out; oldest first."""
        own = {owner.account.sub, *owner.vins}
        return [call for call in self.world.simulator.ledger if call.host != "auth" and own & {call.sub, call.vin}]

    def repeated(self, owner: Customer) -> list[str]:
        """Endpoints of billed questions that were put to Tesla more than once, as often as each was repeated."""
        calls = self.calls(owner)
        billed = [call for call in calls if call.price_usd]
        asked = Counter((call.endpoint, call.path, str(sorted(call.query.items())), call.vin) for call in billed)
        vehicles = len({call.vin for call in calls if call.endpoint == "vehicle"})
        allowed = {"fleet_status": vehicles}  # its vehicles are named in the body, which the ledger does not keep
        return [key[0] for key, count in asked.items() for _ in range(count - allowed.get(key[0], 1))]


@contextmanager
def running(config: StackConfig, world: World) -> Iterator[Place]:
    """A place on a stack of that configuration, until the block ends."""
    with Stack(config) as stack, open_stores(stack) as stores:
        yield Place(stack, stores, world)


def until(found: Callable[[], T], what: str, within_s: float = WITHIN_S) -> T:
    """The first true answer. Raises NotInTime."""
    deadline = time.monotonic() + within_s
    while not (answer := found()):
        if time.monotonic() > deadline:
            raise NotInTime(f"{what}: not within {within_s:g} s")
        time.sleep(0.02)
    return answer


def restarted(stack: Stack, name: str, **environment: str) -> None:
    """Replace a function's process by one that has these variables too; returns once it answers."""
    stack.environment.update(environment)
    process = stack.function_process(name)
    before = len(stack.deaths)
    stack.kill(name)
    until(lambda: len(stack.deaths) > before, f"{name} dies")
    requests.get(f"{process.url}/health", timeout=WITHIN_S).raise_for_status()


def pdf_text(data: bytes) -> str:
    """The words of a PDF."""
    document = pypdfium2.PdfDocument(data)
    try:
        pages = [page.get_textpage().get_text_range() for page in document]
    finally:
        document.close()
    return " ".join(" ".join(pages).split())


def downloaded(owner: Owner, folder: Path) -> dict[str, bytes]:
    """Everything the owner can download, by path below the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    owner.download(folder)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
