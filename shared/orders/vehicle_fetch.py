"""Fetching one vehicle: its modules and invoices side by side, each outcome stored as it comes.

A stored outcome is never asked for again, so a crash or a redelivery costs at most the calls that were in flight.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from shared import log
from shared.accounts.session import AccountSession
from shared.orders import names
from shared.orders.fetching import Later, Patience, failed, fetch, ok
from shared.orders.history import sessions_of_vehicle
from shared.orders.invoices import fetch_invoice, wanted
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


@dataclass(frozen=True, slots=True)
class Job:
    """One run over one vehicle of an order."""

    order_id: str
    order: Order
    vehicle: OrderVehicle
    vin: str
    session: AccountSession

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
            base = self._module(job, BASE)()
            if isinstance(base, Later):
                return [base]
            results[BASE.name] = base
        missing = [MODULES[name] for name in PACKAGES[job.order.package].modules if name not in results]
        if results[BASE.name].reason == errors.Missing.reason:
            self._skip(job, missing, results)
            return []
        later = self._asleep(job, missing, results[BASE.name], first=first)
        waiting = {item.module for item in later}
        tasks = [self._module(job, module) for module in missing if module.name not in waiting]
        invoices = self._charging(job, results)
        with ThreadPoolExecutor(self._concurrency) as pool:
            running = [pool.submit(copy_context().run, task) for task in tasks]
            files = self._invoices(job, invoices, pool)
            outcomes = [task.result() for task in running]
        if invoices:
            results[INVOICES] = self._keep(job, files)
        results.update({outcome.module: outcome for outcome in outcomes if isinstance(outcome, ModuleResult)})
        return later + [outcome for outcome in outcomes if isinstance(outcome, Later)]

    def give_up(self, job: Job, later: Later) -> ModuleResult:
        """Store that the module could not be had, for the reason it last failed for."""
        tally = Tally(later.calls, later.price_usd)
        return self._keep(job, failed(later.module, later.reason, tally, self._clock))

    def _module(self, job: Job, module: Module) -> Task:
        def task() -> Outcome:
            outcome = fetch(module, job.vin, job.session, self._clock, self._patience)
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

    def _skip(self, job: Job, missing: list[Module], results: dict[str, ModuleResult]) -> None:
        """Tesla does not know the vehicle: nothing else is asked, because it would be refused and billed."""
        for module in missing:
            gone = failed(module.name, errors.Missing.reason, Tally(), self._clock, skipped=True)
            results[module.name] = self._keep(job, gone)

    def _asleep(self, job: Job, missing: list[Module], base: ModuleResult, *, first: bool) -> list[Later]:
        """The modules that have to wait for the vehicle to wake; none if it is awake."""
        wanting = [module.name for module in missing if module.awake]
        if not wanting or self._awake(job, base, first=first):
            return []
        at = self._clock.now() + timedelta(seconds=self._patience.asleep_retry_s)
        return [Later(name, errors.Asleep.reason, at, 0, 0.0, asleep=True) for name in wanting]

    def _awake(self, job: Job, base: ModuleResult, *, first: bool) -> bool:
        """As the base object just said, or after a wait by a fresh look, which Tesla does not bill.

        A state that cannot be read counts as awake: only asking tells.
        """
        try:
            body = base.body if first else job.session.call(BASE.name, path={"vin": job.vin}).body
            return not body or decode(body, Vehicle).value.state in _ONLINE
        except errors.TeslaError:
            return False
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

    def _invoices(self, job: Job, invoices: list[InvoiceFile], pool: ThreadPoolExecutor) -> ModuleResult:
        """Every invoice once; failures are named in their entries and lose nothing else."""
        tally = Tally()

        def one(invoice: InvoiceFile) -> InvoiceFile:
            return fetch_invoice(invoice, job.order_id, job.vehicle_id, job.session, self._blobs, tally)

        running = [pool.submit(copy_context().run, one, invoice) for invoice in invoices]
        files = [task.result() for task in running]
        return ok(INVOICES, (msgspec.json.encode(files), self._clock.now()), tally)
