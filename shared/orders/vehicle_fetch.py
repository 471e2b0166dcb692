"""Fetching one vehicle: its modules and invoices side by side, each outcome stored as it comes.

A stored outcome is never asked for again, so a crash or a redelivery costs at most the calls that were in flight.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime, timedelta

import msgspec

from shared import log
from shared.accounts.session import AccountSession
from shared.orders import names
from shared.orders.fetching import IN_PROGRESS, WAITED_FOR, Later, Patience, failed, fetch, later, ok
from shared.orders.history import sessions_of_vehicle
from shared.orders.invoices import InvoiceFetch, wanted
from shared.orders.model import Order, OrderVehicle
from shared.orders.packages import BASE, HISTORY, MODULES, PACKAGES, Module
from shared.platform.errors import AlreadyExists
from shared.platform.ports import BlobStore, Clock
from shared.reports.snapshot import InvoiceFile, ModuleResult, ModuleStatus
from shared.tesla import errors
from shared.tesla.client import Tally
from shared.tesla.decode import Undecodable, decode
from shared.tesla.models.vehicle import Vehicle
from shared.typed import from_json

INVOICES = "charging_invoices"
"""The outcome that holds the list of invoices; a module of ours, not an endpoint."""
_ONLINE = ("online", "", None)
_TELLS_FOR_ALL = (errors.Missing.reason, errors.LimitExceeded.reason)
"""What the base object is refused for, everything else about the vehicle would be."""


class Job(msgspec.Struct, frozen=True):
    """One run over one vehicle of an order, which begins nothing new after `ends_at`."""

    order_id: str
    order: Order
    vehicle: OrderVehicle
    vin: str
    session: AccountSession
    ends_at: datetime

    @property
    def vehicle_id(self) -> str:
        """The vehicle's id within the order."""
        return self.vehicle.vehicle_id


Outcome = ModuleResult | Later
Task = Callable[[], Outcome]


class VehicleFetch:
    """Fetches what a vehicle's package asks for and has no outcome yet."""

    def __init__(self, blobs: BlobStore, clock: Clock, patience: Patience, concurrency: int) -> None:
        self._blobs, self._clock, self._patience, self._concurrency = blobs, clock, patience, concurrency

    def stored(self, job: Job) -> dict[str, ModuleResult]:
        """Outcomes of earlier runs, by module."""
        prefix = f"{names.vehicle_folder(job.order_id, job.vehicle_id)}raw/"
        bodies = (self._blobs.get(info.name) for info in self._blobs.list(prefix))
        results = (from_json(body, ModuleResult) for body in bodies)
        return {result.module: result for result in results}

    def run(self, job: Job, results: dict[str, ModuleResult]) -> list[Later]:
        """Fetch what is missing into `results`; gives what has to be tried again. Raises Unavailable."""
        first = BASE.name not in results
        if first:
            base = self._early(job, BASE.name) or self._module(job, BASE)()
            if isinstance(base, Later):
                return [base]
            results[BASE.name] = base
        if results[BASE.name].reason in _TELLS_FOR_ALL:
            self._skip(job, results)
        later = self._waiting(job, results, first=first)
        for outcome in self._side_by_side(job, results, {item.module for item in later}):
            if isinstance(outcome, Later):
                later.append(outcome)
            else:
                results[outcome.module] = outcome
        return later

    def _side_by_side(self, job: Job, results: dict[str, ModuleResult], held: set[str]) -> list[Outcome]:
        """Everything that is missing and not held, fetched at once."""
        tasks = [self._module(job, module) for module in _missing(job, results) if module.name not in held]
        invoices = self._charging(job, results)
        with ThreadPoolExecutor(self._concurrency) as pool:
            running = [pool.submit(copy_context().run, task) for task in tasks]
            outcomes = [self._invoices(job, invoices, results[BASE.name], pool)] if invoices else []
            return outcomes + [task.result() for task in running]

    def incomplete(self, job: Job, results: dict[str, ModuleResult]) -> bool:
        """Whether a module of the package has no outcome."""
        return bool(_missing(job, results))

    def give_up(self, job: Job, later: Later) -> ModuleResult:
        """Store that the module could not be had, for the reason it last failed for, or what there is of it."""
        tally = Tally(later.calls, later.price_usd)
        if later.partial:
            return self._keep(job, ok(later.module, (later.partial, self._clock.now()), tally))
        return self._keep(job, failed(later.module, later.reason, tally, self._clock))

    def _module(self, job: Job, module: Module) -> Task:
        def task() -> Outcome:
            order, session = job.order, job.session
            outcome = fetch(module, job.vin, session, self._clock, self._patience, location=order.location)
            return outcome if isinstance(outcome, Later) else self._keep(job, outcome)

        return task

    def _keep(self, job: Job, result: ModuleResult) -> ModuleResult:
        name = names.raw(job.order_id, job.vehicle_id, result.module)
        try:
            self._blobs.put(name, msgspec.json.encode(result), content_type="application/json", if_generation=0)
        except AlreadyExists:
            log.info("outcome was there", module=result.module)
        log.info("module", module=result.module, status=str(result.status), reason=result.reason)
        return result

    def _skip(self, job: Job, results: dict[str, ModuleResult]) -> None:
        """Nothing else is asked about the vehicle, because it would be refused as the base object was, and billed."""
        reason = results[BASE.name].reason or ""
        for module in _missing(job, results):
            results[module.name] = self._keep(job, failed(module.name, reason, Tally(), self._clock, skipped=True))

    def _early(self, job: Job, name: str) -> Later | None:
        """The module's next try where that is still to come; a hurried owner waits only for what Tesla asked for."""
        note = job.vehicle.note(name)
        if note.not_before is None or note.not_before <= self._clock.now():
            return None
        if job.vehicle.build_now and note.reason != errors.RateLimited.reason:
            return None
        return Later(name, note.reason or "", note.not_before, 0, 0.0, waits=False, asked=False)

    def _waiting(self, job: Job, results: dict[str, ModuleResult], *, first: bool) -> list[Later]:
        """The modules that are not to be asked now: it is too early, or the vehicle sleeps."""
        missing = _missing(job, results)
        early = [found for module in missing if (found := self._early(job, module.name))]
        held = {item.module for item in early}
        wanting = [module.name for module in missing if module.awake and module.name not in held]
        return early + (self._asleep(job, wanting, results, first=first) if wanting else [])

    def _asleep(self, job: Job, wanting: list[str], results: dict[str, ModuleResult], *, first: bool) -> list[Later]:
        """The modules that have to wait for the vehicle to wake; none if it is awake.

        A look that fails is no sleep: it is repeated, or what it was for fails with it.
        """
        tally, reason, waits = Tally(), errors.Asleep.reason, True
        try:
            if self._awake(job, results[BASE.name], tally, first=first):
                return []
        except errors.TeslaError as error:
            reason, waits = error.reason, isinstance(error, WAITED_FOR)
            if not error.retryable:
                for name in wanting:
                    results[name] = self._keep(job, failed(name, reason, tally, self._clock))
                return []
        at = self._clock.now() + timedelta(seconds=self._patience.asleep_retry_s)
        return [Later(name, reason, at, tally.calls, tally.price_usd, waits, asked=False) for name in wanting]

    def _awake(self, job: Job, base: ModuleResult, tally: Tally, *, first: bool) -> bool:
        """As the base object just said, or after a wait by a fresh look, which Tesla does not bill.

        A state that cannot be read counts as awake: only asking tells. Raises TeslaError when the look fails.
        """
        body: bytes | msgspec.Raw = base.body
        if base.status is ModuleStatus.OK and not first:
            body = job.session.call(BASE.name, path={"vin": job.vin}, tally=tally).body
        try:
            return not body or decode(body, Vehicle).value.state in _ONLINE
        except Undecodable:
            return True

    def _charging(self, job: Job, results: dict[str, ModuleResult]) -> list[InvoiceFile]:
        """The vehicle's share of the account's history into `results`; gives the invoices still to be fetched."""
        if not PACKAGES[job.order.package].history:
            return []
        note = job.order.note(HISTORY)
        if note.status is not ModuleStatus.OK:
            results[HISTORY] = failed(
                HISTORY,
                note.reason or "unreadable",
                Tally(),
                self._clock,
                skipped=note.status is ModuleStatus.SKIPPED,
            )
            return []
        sessions = sessions_of_vehicle(self._blobs, job.order_id, job.vin)
        body = msgspec.json.encode({"data": sessions})
        results[HISTORY] = ok(HISTORY, (body, self._clock.now()), Tally())
        return [] if INVOICES in results else wanted(sessions)

    def _invoices(
        self, job: Job, invoices: list[InvoiceFile], base: ModuleResult, pool: ThreadPoolExecutor
    ) -> Outcome:
        """Every invoice once; failures are named in their entries and lose nothing else. Those that may pass are
        tried again, all together, like a module.
        """
        early = self._early(job, INVOICES)
        over_limit = errors.LimitExceeded.reason if base.reason == errors.LimitExceeded.reason else ""
        fetch = InvoiceFetch(job.order_id, job.vehicle_id, job.session, self._blobs)
        fetch.halted = early.reason if early else over_limit
        files, tally = self._each(job, fetch, invoices, pool)
        body = msgspec.json.encode(files)
        early = self._unfinished(fetch, tally) or early
        if early is not None:
            return msgspec.structs.replace(early, partial=body)
        return self._keep(job, ok(INVOICES, (body, self._clock.now()), tally))

    def _each(
        self, job: Job, fetch: InvoiceFetch, invoices: list[InvoiceFile], pool: ThreadPoolExecutor
    ) -> tuple[list[InvoiceFile], Tally]:
        """The outcome of each invoice, and what they cost together."""

        def one(invoice: InvoiceFile) -> tuple[InvoiceFile, Tally]:
            if self._clock.now() >= job.ends_at:
                fetch.halted = fetch.halted or IN_PROGRESS
            return fetch.fetch(invoice)

        running = [pool.submit(copy_context().run, one, invoice) for invoice in invoices]
        done = [task.result() for task in running]
        # A tally is not shared by threads: adding to it is no single step.
        tally = Tally(sum(one.calls for _, one in done), sum(one.price_usd for _, one in done))
        return [file for file, _ in done], tally

    def _unfinished(self, fetch: InvoiceFetch, tally: Tally) -> Later | None:
        """The next try of invoices that may still be had, because a failure may pass or the time was up."""
        if fetch.again is not None:
            return later(INVOICES, fetch.again, tally, self._clock, self._patience)
        if fetch.halted == IN_PROGRESS:
            now = self._clock.now()
            return Later(INVOICES, IN_PROGRESS, now, tally.calls, tally.price_usd, waits=False, asked=False)
        return None


def _missing(job: Job, results: dict[str, ModuleResult]) -> list[Module]:
    return [MODULES[name] for name in PACKAGES[job.order.package].modules if name not in results]
