"""The worker of `fetch-order`: account-level data once, then a message per vehicle; or the purge of an erased order.

The charging history belongs to the account: it is fetched once whatever the number of vehicles, page by page, each
page stored as it comes, so that a redelivery goes on after the last page.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from shared import log
from shared.orders import names
from shared.orders.book import OrderGone
from shared.orders.desk import Desk
from shared.orders.fetching import IN_PROGRESS, IN_WORDS, PARKED, pause_s
from shared.orders.history import first_missing_page
from shared.orders.model import ModuleNote, Order, OrderMessage, with_note
from shared.orders.packages import HISTORY, PACKAGES
from shared.platform.delivery import TOO_OLD
from shared.platform.errors import AlreadyExists
from shared.reports.snapshot import ModuleStatus
from shared.tesla import errors
from shared.tesla.charging_pages import is_last_page
from shared.tesla.client import Tally
from shared.tesla.decode import Undecodable

_MOST_PAGES = 400


class OrderWorker:
    """Brings orders forward at the account level."""

    def __init__(self, desk: Desk, page_size: int) -> None:
        self._desk, self._page_size = desk, page_size

    def run(self, message: OrderMessage) -> None:
        """Do what the order needs now. Raises WorkBusy, Unavailable."""
        order_id, order = message.order, self._desk.book.peek(message.order)
        if message.expire:
            self._desk.erasure.expire(order_id, order)
        elif order is not None and order.status == "erased":
            self._desk.erasure.again(order_id, order)
        elif order is None or message.purge:  # expired, or its erasure never got as far as the tombstone
            self._desk.schedule.purge_done(order_id)
            if order is None:
                self._desk.schedule.forget(order_id)
        elif order.status != "running":
            self._close(order_id, order)
        elif self._desk.overdue(order):
            self.expired(message, "deadline")
        else:
            with self._desk.book.work(f"order.{order_id}", order_id) as ends_at:
                self._advance(order_id, ends_at)

    def _close(self, order_id: str, order: Order) -> None:
        """Nothing is to be brought forward; a cancel that died half way is finished."""
        if order.status == "cancelled" and order.ended_at is None:
            self._desk.finishing.cancel(order_id)
        self._desk.schedule.order_done(order_id)

    def expired(self, message: OrderMessage, reason: str) -> None:
        """The message is not executed: one that failed for good ends the order, one that came too late does not,
        because the due list sends a fresh one.
        """
        log.warning("message given up", reason=reason)
        if reason != TOO_OLD:
            self._desk.finishing.fail(message.order, reason)

    def _advance(self, order_id: str, ends_at: datetime) -> None:
        try:
            order = self._desk.book.get(order_id)
            if PACKAGES[order.package].history and order.note(HISTORY).status is None:
                again_at = self._fetch_history(order_id, order, ends_at)
                if again_at is not None:
                    self._desk.follow_region(order_id, order)
                    self._desk.schedule.plan_order(order_id, again_at)
                    return
            for vehicle_id in order.selected:
                if self._desk.book.begin_vehicle(order_id, order, vehicle_id).status == "queued":
                    self._desk.schedule.send_fetch(order_id, vehicle_id)
        except OrderGone:
            self._desk.erasure.purge(order_id)
        self._desk.schedule.order_done(order_id)

    def _fetch_history(self, order_id: str, order: Order, ends_at: datetime) -> datetime | None:
        """Fetch the pages that are missing and note the outcome; gives the time of the next try if there is none."""
        now, old = self._desk.clock.now(), order.note(HISTORY)
        deadline = order.deadline or now
        if old.not_before is not None and now < min(old.not_before, deadline):
            return min(old.not_before, deadline)
        tally, note = Tally(), ModuleNote(module=HISTORY, status=ModuleStatus.OK)
        try:
            if not self._fetch_pages(order_id, order, tally, ends_at):
                self._note(order_id, msgspec.structs.replace(old, reason=IN_PROGRESS, not_before=None), tally)
                return self._desk.clock.now()
        except errors.TeslaError as error:
            at = self._again(order_id, old, error, tally) if now < deadline else None
            if at is not None:
                # Not past the deadline: the vehicles still have to get what time is left for them.
                return min(at, deadline)
            note = _given_up(error)
        self._note(order_id, note, tally)
        return None

    def _again(self, order_id: str, old: ModuleNote, error: errors.TeslaError, tally: Tally) -> datetime | None:
        """Note that the history is asked for again; gives when, or nothing where that is not worth it."""
        parked = isinstance(error, PARKED)
        attempts = old.attempts + (not parked)
        if not error.retryable or attempts >= self._desk.patience.attempts:
            return None
        at = self._desk.clock.now() + timedelta(seconds=pause_s(error, self._desk.patience))
        not_before = None if parked else at
        note = ModuleNote(module=HISTORY, reason=error.reason, attempts=attempts, not_before=not_before)
        self._note(order_id, note, tally)
        return at

    def _fetch_pages(self, order_id: str, order: Order, tally: Tally, ends_at: datetime) -> bool:
        """Fetch page after page; whether all are there when the time for it is over. Raises TeslaError."""
        session = self._desk.sessions.of(order.account)
        page, last = first_missing_page(self._desk.blobs, order_id, self._page_size)
        while not last and page <= _MOST_PAGES:
            if self._desk.clock.now() >= ends_at:
                return False
            query = {"pageNo": str(page), "pageSize": str(self._page_size), **_window(order)}
            body = session.call(HISTORY, query=query, tally=tally).body
            # Before it is stored: a page that cannot be read is asked for again.
            last = _is_last(body, self._page_size)
            try:
                name = names.history_page(order_id, page)
                self._desk.blobs.put(name, body, content_type="application/json", if_generation=0)
            except AlreadyExists:
                log.info("history page was there", page=page)
            page += 1
        return True

    def _note(self, order_id: str, note: ModuleNote, tally: Tally) -> None:
        """Store the history's state; calls and price add up over tries."""

        def change(order: Order) -> Order:
            old = order.note(HISTORY)
            summed = msgspec.structs.replace(
                note, calls=old.calls + tally.calls, price_usd=old.price_usd + tally.price_usd
            )
            return msgspec.structs.replace(order, notes=with_note(order.notes, summed))

        self._desk.book.change(order_id, change)
        log.info("module", module=HISTORY, status=str(note.status), reason=note.reason)


def _given_up(error: errors.TeslaError) -> ModuleNote:
    """How the history stands when it is not asked for again."""
    status = ModuleStatus.SKIPPED if isinstance(error, errors.NotSent) else ModuleStatus.FAILED
    return ModuleNote(module=HISTORY, status=status, reason=error.reason, detail=IN_WORDS.get(error.reason))


def _is_last(body: bytes, page_size: int) -> bool:
    try:
        return is_last_page(body, page_size)
    except Undecodable:
        raise errors.Unreadable("the charging history cannot be read") from None


def _window(order: Order) -> dict[str, str]:
    bounds = {"startTime": order.history_from, "endTime": order.history_to}
    return {name: moment.isoformat() for name, moment in bounds.items() if moment is not None}
