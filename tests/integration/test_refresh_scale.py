"""Many accounts due at once: refreshed within Tesla's rate for token calls, and long before they expire."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from shared import bootstrap
from shared.accounts.messages import PLANNED_PER_S, TOPIC, refresh_message
from shared.manifest import read_manifest
from shared.platform.due import DueList
from shared.platform.embedded.documents import SqliteDocuments
from shared.platform.embedded.events import SqliteEvents
from shared.platform.pace import Pace
from shared.platform.ports import Event
from tests import token_worker
from tests.contract.clock import HeldClock
from tests.lab import ROOT, Lab

ACCOUNTS = 10_000
RUN_S = 60
LATEST_SHARE = 0.8
"""Share of a token's life at which the last planned refreshes come due."""
LEFT = timedelta(seconds=token_worker.LIFE_S * (1 - LATEST_SHARE))
OTHER = "fetch-order"


class Plan:
    """The due list as housekeeping works it off once a minute, and one paced worker behind it."""

    def __init__(self, folder: Path, clock: HeldClock) -> None:
        self.clock, self.pace = clock, Pace(clock, PLANNED_PER_S)
        self.store, self.bus = SqliteDocuments(folder / "documents.db"), SqliteEvents(folder / "events.db", clock)
        for topic in (TOPIC, OTHER):
            self.bus.declare(topic, attempts=8)
        per_run = {TOPIC: PLANNED_PER_S * RUN_S}
        self.due = DueList(self.store, self.bus, clock, again_s=600, grace_s=60, per_run=per_run)
        self.refreshed: dict[str, datetime] = {}

    def minute(self) -> int:
        """Publish what is due, and refresh what was published; gives the number of messages."""
        begun = self.clock.now()
        count = self.due.publish_due()
        while deliveries := self.bus.pull(TOPIC, limit=1000, lease_s=600):
            for delivery in deliveries:
                self._refresh(delivery.event.data.decode())
                self.bus.ack(delivery)
        spent = (self.clock.now() - begun).total_seconds()
        self.clock.sleep(max(0.0, RUN_S - spent))
        return count

    def _refresh(self, account: str) -> None:
        self.pace.wait()
        assert account not in self.refreshed
        self.refreshed[account] = self.clock.now()
        self.due.done(f"refresh.{account}")


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[Plan]:
    held = Plan(tmp_path, HeldClock())
    yield held
    held.store.close()
    held.bus.close()


def test_ten_thousand_accounts_due_at_once_are_refreshed_before_they_expire(plan: Plan) -> None:
    at = plan.clock.now()
    accounts = [f"account{number}" for number in range(ACCOUNTS)]
    for account in accounts:
        plan.due.plan(f"refresh.{account}", at, Event(TOPIC, account.encode()))
    plan.due.plan("order.o1", at + timedelta(milliseconds=1), Event(OTHER, b"{}"))
    plan.clock.sleep(1)
    assert plan.minute() == PLANNED_PER_S * RUN_S + 1  # an order does not wait for the refreshes before it
    assert len(plan.bus.pull(OTHER, limit=10, lease_s=600)) == 1
    plan.due.done("order.o1")
    while len(plan.refreshed) < ACCOUNTS:
        assert plan.minute() <= PLANNED_PER_S * RUN_S
    assert set(plan.refreshed) == set(accounts)
    assert max(plan.refreshed.values()) < at + LEFT
    times = sorted(plan.refreshed.values())
    within = timedelta(seconds=1) - timedelta(milliseconds=1)
    pairs = zip(times, times[PLANNED_PER_S:], strict=False)
    assert all(later - earlier >= within for earlier, later in pairs)


def test_hundreds_due_at_once_are_refreshed_at_the_planned_rate(lab: Lab) -> None:
    names = [f"account{number}" for number in range(300)]
    for name in names:
        granted = lab.simulator.grant(0)
        token_worker.attach(name, granted.access_token, granted.refresh_token)
        bootstrap.due().plan(f"refresh.{name}", lab.clock.now(), Event(TOPIC, refresh_message(name)))
    lab.simulator.clear()
    begun = lab.clock.monotonic()
    lab.tick()
    lab.pump()
    calls = [call for call in lab.simulator.ledger if call.endpoint == "token"]
    assert [call.status for call in calls] == [200] * len(names)
    assert lab.clock.monotonic() - begun >= (len(names) - 1) / PLANNED_PER_S
    due = {item.key: item.body["at"] for item in bootstrap.documents().query("due", limit=1000).documents}
    half_life = timedelta(seconds=token_worker.LIFE_S / 2 - RUN_S)
    assert all(due[f"refresh.{name}"] > lab.clock.now() + half_life for name in names)


def test_the_planned_rate_is_the_applications() -> None:
    """The pace is kept within one process: there must be no second one."""
    refreshing = read_manifest(ROOT / "functions" / "functions.yaml").functions["refresh_tokens"]
    assert refreshing.instances[1] == 1
    assert PLANNED_PER_S < 20
