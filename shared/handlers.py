"""The topic functions: which message each takes and what runs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from shared import log
from shared.accounts.consent import Consent
from shared.accounts.keeper import PLANNED_PER_S, TokenKeeper
from shared.accounts.messages import TokenUpkeep
from shared.edge.push import PushHandler
from shared.energy.dispatch.desk import DispatchDesk
from shared.energy.dispatch.model import DispatchMessage
from shared.energy.poller import Poller, PollShard
from shared.energy.tick import FleetTick
from shared.orders import names
from shared.orders.desk import Desk
from shared.orders.model import OrderMessage, VehicleMessage
from shared.orders.order_worker import OrderWorker
from shared.orders.report_worker import ReportWorker
from shared.orders.vehicle_fetch import VehicleFetch
from shared.orders.vehicle_worker import VehicleWorker
from shared.platform.due import DueList
from shared.platform.errors import WorkBusy
from shared.platform.pace import Pace
from shared.platform.ports import Clock
from shared.reports.snapshot import Snapshot
from shared.settings import Settings
from shared.tesla.errors import TeslaError
from shared.tesla.ledger import Ledger
from shared.tesla.metering import metered

_EXPECTED = (WorkBusy,)


class Tick(msgspec.Struct, frozen=True):
    """What the scheduler publishes: nothing."""


def fetch_order(desk: Desk, settings: Settings, ledger: Ledger) -> PushHandler[OrderMessage]:
    """Account-level data of an order, then one message per vehicle."""
    worker = OrderWorker(desk, settings.history_page_size)

    def run(message: OrderMessage) -> None:
        with metered(ledger.meter(message.order)):
            worker.run(message)

    return PushHandler(OrderMessage, run, worker.expired, retry_on=_EXPECTED)


def fetch_vehicle(desk: Desk, settings: Settings, ledger: Ledger) -> PushHandler[VehicleMessage]:
    """One vehicle's modules into a snapshot."""
    fetch = VehicleFetch(desk.blobs, desk.clock, desk.patience, settings.fetch_concurrency)
    worker = VehicleWorker(desk, fetch)

    def run(message: VehicleMessage) -> None:
        with metered(ledger.meter(message.order)):
            worker.run(message)

    return PushHandler(VehicleMessage, run, worker.expired, retry_on=_EXPECTED)


def build_report(desk: Desk, fonts: Path, settings: Settings) -> PushHandler[VehicleMessage]:
    """One PDF from one snapshot. It leads to the public URL, where it can be verified."""
    installed = [path for path in map(Path, settings.report_fallback_fonts) if path.is_file()]

    def render(snapshot: Snapshot) -> bytes:
        from shared.reports.build import render_report

        path = names.verify_path(snapshot.order_id, snapshot.vehicle_id)
        url = f"{settings.public_url.rstrip('/')}{path}"
        return render_report(snapshot, fonts=fonts, verify_url=url, fallback_fonts=installed)

    worker = ReportWorker(desk, render)
    return PushHandler(VehicleMessage, worker.run, worker.expired, retry_on=_EXPECTED)


def refresh_tokens(keeper: TokenKeeper, consent: Consent, clock: Clock) -> PushHandler[TokenUpkeep]:
    """One account's refresh, or the end of a consent that nobody claimed. Refreshes are paced in this process."""
    pace = Pace(clock, PLANNED_PER_S)

    def run(message: TokenUpkeep) -> None:
        if message.pending_consent:
            consent.drop(message.pending_consent)
        elif message.account:
            keeper.upkeep(message.account, pace.wait, refused=message.refused)

    return PushHandler(TokenUpkeep, run, _given_up, retry_on=(*_EXPECTED, TeslaError))


def start_energy_tick(tick: FleetTick, stop: Callable[[], object] | None = None) -> PushHandler[Tick]:
    """The 5-minute tick of the fleet: close the one before, then one message per shard.

    `stop` comes first where there is one: it ends what runs although nothing may run any more.
    """

    def run(_tick: Tick) -> None:
        if stop is not None:
            stop()
        log.info("tick started", shards=tick.start())

    return PushHandler(Tick, run, _given_up)


def poll_energy_sites(poller: Poller) -> PushHandler[PollShard]:
    """One shard of the fleet at one tick."""
    return PushHandler(PollShard, poller.run, poller.expired)


def dispatch_energy(desk: DispatchDesk) -> PushHandler[DispatchMessage]:
    """One dispatch as a whole, or one shard of it, one step further."""
    return PushHandler(DispatchMessage, desk.run, desk.expired, retry_on=_EXPECTED)


def housekeeping(due: DueList) -> PushHandler[Tick]:
    """Publishes what is due, nothing else."""

    def run(_tick: Tick) -> None:
        count = due.publish_due()
        if count:
            log.info("due items published", count=count)

    return PushHandler(Tick, run, _given_up)


def _given_up(message: TokenUpkeep | Tick, reason: str) -> None:
    """Nothing is lost: the due list brings it back."""
    log.warning("message given up", kind=type(message).__name__, reason=reason)
