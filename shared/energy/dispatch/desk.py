"""Everything about dispatches, put together: what routes, handlers and the command line work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from shared.energy.callers import Callers
from shared.energy.dispatch.audit import Audit
from shared.energy.dispatch.book import Book
from shared.energy.dispatch.conversation import Line
from shared.energy.dispatch.coordinator import Coordinator
from shared.energy.dispatch.gathering import Gathering
from shared.energy.dispatch.model import DispatchMessage
from shared.energy.dispatch.planner import AskedOn, Planner
from shared.energy.dispatch.proof import Proof
from shared.energy.dispatch.renewal import Renewal
from shared.energy.dispatch.schedule import Schedule
from shared.energy.dispatch.service import DispatchService, ServiceRules
from shared.energy.dispatch.shard_worker import ShardTools, ShardWorker, Spent, WorkRules
from shared.energy.shards import Shards
from shared.platform.due import DueList
from shared.platform.once import Once
from shared.platform.ports import DocumentStore
from shared.tesla.many import Engine


@dataclass(frozen=True, slots=True)
class DispatchPorts:
    """What dispatch needs from outside. `spent` writes the ledger; `asked_on` reads a UTC day's calls from it."""

    store: DocumentStore
    due: DueList
    shards: Shards
    callers: Callers
    engine: Engine
    line: Line
    spent: Spent
    asked_on: AskedOn


class DispatchDesk:
    """Service for signals and decisions, proof of what was done, and the worker of the topic `dispatch-energy`.

    The worker runs everything at sites; routes need the service and the proof only, and never touch `engine`.
    """

    def __init__(self, ports: DispatchPorts, service: ServiceRules, work: WorkRules) -> None:
        clock = ports.line.clock
        book, audit = Book(ports.store, service.retention), Audit(ports.store, service.retention)
        once = Once(ports.store, clock)
        schedule = Schedule(ports.due)
        gathering = Gathering(
            ports.shards, book, ports.line.writes, clock, work.availability, guard_s=2 * work.watch.interval_s
        )
        planner = Planner(gathering, once, service.plan, service.limits, asked_on=ports.asked_on)
        self.service = DispatchService(book, audit, once, schedule, ports.shards, planner, clock, service)
        self.proof = Proof(book, audit, clock)
        self.book = book
        tools = ShardTools(
            ports.store,
            book,
            audit,
            once,
            schedule,
            ports.shards,
            ports.callers,
            ports.engine,
            ports.line,
            ports.spent,
        )
        self._shard = ShardWorker(tools, work)
        together: Callable[..., Coordinator] = partial(Coordinator, tick_s=work.tick_s, watch=work.watch)
        renewal = Renewal(book, audit, schedule, planner, clock)
        self._whole = together(book, audit, once, schedule, ports.shards, clock, renewal)

    def run(self, message: DispatchMessage) -> None:
        """Handle a message of the topic. Raises WorkBusy, Unavailable."""
        if message.shard:
            self._shard.run(message)
        else:
            self._whole.run(message)

    def expired(self, message: DispatchMessage, reason: str) -> None:
        """A message that is too old, or failed for good."""
        self._shard.expired(message, reason)
