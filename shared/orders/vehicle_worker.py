"""The worker of `fetch-vehicle`: from the first look at a vehicle to its snapshot.

What needs no awake vehicle is fetched at once; the rest waits on the due list until the vehicle wakes, the owner
stops waiting, or time is up. Then the gap is named and the snapshot written.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from shared import log
from shared.orders import names
from shared.orders.book import OrderGone
from shared.orders.desk import Desk
from shared.orders.fetching import Later, usable
from shared.orders.model import ModuleNote, OrderVehicle, VehicleMessage, with_note
from shared.orders.packages import EVERY_MODULE
from shared.orders.vehicle_fetch import INVOICES, Job, VehicleFetch
from shared.platform.delivery import TOO_OLD
from shared.platform.errors import AlreadyExists
from shared.reports.snapshot import InvoiceFile, ModuleResult, ModuleStatus, Snapshot
from shared.tesla.client import Tally
from shared.tesla.errors import Asleep, HeldBack, TeslaError
from shared.typed import from_json

_WAKING_S = 20.0


class VehicleWorker:
    """Brings vehicles from queued to building."""

    def __init__(self, desk: Desk, fetch: VehicleFetch) -> None:
        self._desk, self._fetch = desk, fetch

    def run(self, message: VehicleMessage) -> None:
        """Do what the vehicle needs now. Raises WorkBusy, Unavailable."""
        order_id, vehicle_id = message.order, message.vehicle_id
        order = self._desk.book.peek(order_id)
        if self._desk.overdue(order):
            self.expired(message, "deadline")
            return
        try:
            if order is not None and order.status == "cancelled":
                self._desk.finishing.cancel(order_id)
                return
            if self._desk.book.vehicle(order_id, vehicle_id).final:
                self._desk.finishing.finish(order_id)  # whoever ended it may have died before
                self._desk.schedule.fetch_done(order_id, vehicle_id)
                return
            with self._desk.book.work(f"fetch.{order_id}.{vehicle_id}", order_id) as ends_at:
                self._advance(self._job(order_id, vehicle_id, ends_at))
        except OrderGone:
            self._desk.erasure.purge(order_id)
            self._desk.schedule.fetch_done(order_id, vehicle_id)

    def expired(self, message: VehicleMessage, reason: str) -> None:
        """The message is not executed: one that failed for good ends the vehicle, one that came too late does not,
        because the due list sends a fresh one.
        """
        log.warning("message given up", reason=reason)
        if reason != TOO_OLD:
            self._desk.finishing.fail_vehicle(message.order, message.vehicle_id, reason)

    def _job(self, order_id: str, vehicle_id: str, ends_at: datetime) -> Job:
        order, vehicle = self._desk.book.get(order_id), self._desk.book.vehicle(order_id, vehicle_id)
        vin = self._desk.book.identity(vehicle).vin
        return Job(order_id, order, vehicle, vin, self._desk.sessions.of(order.account), ends_at)

    def _advance(self, job: Job) -> None:
        name, results = names.snapshot(job.order_id, job.vehicle_id), self._fetch.stored(job)
        if self._desk.blobs.stat(name) is None:
            self._set(job, msgspec.structs.replace(job.vehicle, status="fetching"))
            later = self._patient(job, self._fetch.run(job, results), results)
            if not later and self._fetch.incomplete(job, results) and not self._ended(job):
                # The base object was given up, before which nothing else is asked: the rest gets its own chance.
                later = self._patient(job, self._fetch.run(job, results), results)
            if later:
                self._wait(job, later, results)
                return
            self._write_snapshot(job, results)
        else:  # whoever wrote it may have died before it was noted
            results |= {item.module: item for item in Snapshot.decode(self._desk.blobs.get(name)).modules}
        vehicle = self._desk.book.change_vehicle(
            job.order_id, job.vehicle_id, lambda value: _building(value, results)
        )
        if not vehicle.final:
            self._desk.schedule.send_build(job.order_id, job.vehicle_id)
        self._desk.schedule.fetch_done(job.order_id, job.vehicle_id)

    def _ended(self, job: Job) -> bool:
        return self._desk.book.vehicle(job.order_id, job.vehicle_id).final

    def _patient(self, job: Job, later: list[Later], results: dict[str, ModuleResult]) -> list[Later]:
        """What is still worth waiting for; the rest is given up into `results`."""
        now, vehicle = self._desk.clock.now(), self._desk.book.vehicle(job.order_id, job.vehicle_id)
        deadline = job.order.deadline or now
        hopeless = vehicle.build_now or vehicle.final or now >= deadline
        patient = []
        for item in later:
            if hopeless or self._tired_of(vehicle, item, now):
                results[item.module] = self._fetch.give_up(job, item)
            else:
                patient.append(item)
        return patient

    def _tired_of(self, vehicle: OrderVehicle, later: Later, now: datetime) -> bool:
        if later.waits:
            since = vehicle.waiting_since or now
            return now - since >= timedelta(seconds=self._desk.patience.asleep_wait_s)
        return later.asked and vehicle.note(later.module).attempts + 1 >= self._desk.patience.attempts

    def _wait(self, job: Job, later: list[Later], results: dict[str, ModuleResult]) -> None:
        """Note what there is and come back when the first of the rest may be tried again."""
        self._desk.follow_region(job.order_id, job.order)
        at = self._next_look(job, later)
        since = self._desk.clock.now() if any(item.waits for item in later) else None

        def change(vehicle: OrderVehicle) -> OrderVehicle:
            noted = msgspec.structs.replace(vehicle, notes=_notes(vehicle, results), next_attempt_at=at)
            return _put_off(noted, later, since)

        # Planned before it is noted: a vehicle that waits without a due item would wait for ever.
        self._desk.schedule.plan_fetch(job.order_id, job.vehicle_id, at)
        vehicle = self._desk.book.change_vehicle(job.order_id, job.vehicle_id, change)
        if vehicle.build_now:  # said while this run held the vehicle: the plan above has just replaced that message
            self._desk.schedule.send_fetch(job.order_id, job.vehicle_id)
        log.info("vehicle waits", reason=later[0].reason, modules=len(later))

    def _next_look(self, job: Job, later: list[Later]) -> datetime:
        """When to come back: at the first next try, at the deadline, or when a vehicle just woken should be awake."""
        at = min([item.at for item in later] + [job.order.deadline or job.ends_at])
        asleep = any(item.reason == Asleep.reason for item in later)
        if asleep and job.order.wake and not job.vehicle.woken:
            return min(at, self._wake(job))
        return at

    def _wake(self, job: Job) -> datetime:
        """Wake the vehicle, once, because the order allows it; gives the time of the next look."""
        tally, status, reason = Tally(), ModuleStatus.OK, None
        try:
            job.session.call("wake_up", path={"vin": job.vin}, tally=tally)
        except HeldBack as error:
            return self._desk.clock.now() + timedelta(seconds=error.retry_after_s)  # not sent: it may be woken yet
        except TeslaError as error:
            status, reason = ModuleStatus.FAILED, error.reason
        note = ModuleNote(
            module="wake_up", status=status, reason=reason, calls=tally.calls, price_usd=tally.price_usd
        )

        def change(vehicle: OrderVehicle) -> OrderVehicle:
            return msgspec.structs.replace(vehicle, woken=True, notes=with_note(vehicle.notes, note))

        self._desk.book.change_vehicle(job.order_id, job.vehicle_id, change)
        return self._desk.clock.now() + timedelta(seconds=min(_WAKING_S, self._desk.patience.asleep_retry_s))

    def _write_snapshot(self, job: Job, results: dict[str, ModuleResult]) -> None:
        """Write the snapshot of every outcome."""
        snapshot = Snapshot(
            order_id=job.order_id,
            vehicle_id=job.vehicle_id,
            vin=job.vin,
            package=job.order.package,
            region=self._desk.follow_region(job.order_id, job.order).region,
            taken_at=self._desk.clock.now(),
            granted_scopes=_granted(job),
            history_from=job.order.history_from,
            history_to=job.order.history_to,
            modules=tuple(results[name] for name in EVERY_MODULE if name in results),
            invoices=_invoices(results),
        )
        name = names.snapshot(job.order_id, job.vehicle_id)
        try:
            self._desk.blobs.put(name, snapshot.encode(), content_type="application/json", if_generation=0)
        except AlreadyExists:
            log.info("snapshot was there")

    def _set(self, job: Job, value: OrderVehicle) -> None:
        self._desk.book.change_vehicle(
            job.order_id, job.vehicle_id, lambda vehicle: msgspec.structs.replace(vehicle, status=value.status)
        )


def _granted(job: Job) -> tuple[str, ...]:
    """The scopes that the order could make use of, none when the account was disconnected meanwhile: what was fetched
    before still counts.
    """
    try:
        return tuple(sorted(usable(job.session.scopes, location=job.order.location)))
    except TeslaError:
        return ()


def _building(vehicle: OrderVehicle, results: dict[str, ModuleResult]) -> OrderVehicle:
    """The vehicle with every outcome noted and nothing left to wait for."""
    invoices = _invoices(results)
    good = sum(invoice.status == "ok" for invoice in invoices)
    return msgspec.structs.replace(
        vehicle,
        status="building",
        reason=None,
        next_attempt_at=None,
        notes=_notes(vehicle, results),
        invoices_ok=good,
        invoices_failed=len(invoices) - good,
    )


def _invoices(results: dict[str, ModuleResult]) -> tuple[InvoiceFile, ...]:
    listed = results.get(INVOICES)
    if listed is None or not listed.body:
        return ()
    return from_json(listed.body, tuple[InvoiceFile, ...])


def _notes(vehicle: OrderVehicle, results: dict[str, ModuleResult]) -> tuple[ModuleNote, ...]:
    """The vehicle's notes with every outcome, each added once; calls made while waiting stay counted."""
    notes = vehicle.notes
    for result in results.values():
        old = vehicle.note(result.module)
        if old.status is None:
            notes = with_note(notes, _final(old, result))
    return notes


def _final(old: ModuleNote, result: ModuleResult) -> ModuleNote:
    return msgspec.structs.replace(
        old,
        status=result.status,
        reason=result.reason,
        detail=result.detail,
        calls=old.calls + result.calls,
        price_usd=old.price_usd + result.price_usd,
    )


def _put_off(vehicle: OrderVehicle, later: list[Later], since: datetime | None) -> OrderVehicle:
    """The vehicle waiting, with what it waits for; `since` counts from the first wait on."""
    notes = vehicle.notes
    for item in later:
        notes = with_note(notes, _waiting(vehicle.note(item.module), item))
    return msgspec.structs.replace(
        vehicle,
        status="waiting",
        reason=later[0].reason,
        notes=notes,
        waiting_since=vehicle.waiting_since or since,
    )


def _waiting(old: ModuleNote, later: Later) -> ModuleNote:
    return msgspec.structs.replace(
        old,
        reason=later.reason,
        calls=old.calls + later.calls,
        price_usd=old.price_usd + later.price_usd,
        attempts=old.attempts + (later.asked and not later.waits),
        not_before=None if later.waits else later.at,  # what it waits for may come at any time
    )
