"""The scheduler and its cron lines."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.stack.cron import BadCronLine, parse_cron, until_next_minute
from tests.stack.sample import received, sample_stack, until


@pytest.mark.parametrize(
    ("line", "moment", "runs"),
    [
        ("* * * * *", "2026-11-21T10:07", True),
        ("*/5 * * * *", "2026-11-21T10:05", True),
        ("*/5 * * * *", "2026-11-21T10:07", False),
        ("0 3 * * *", "2026-11-21T03:00", True),
        ("0 3 * * *", "2026-11-21T03:01", False),
        ("10-20/5,59 * * * *", "2026-11-21T10:15", True),
        ("10-20/5,59 * * * *", "2026-11-21T10:16", False),
        ("10-20/5,59 * * * *", "2026-11-21T10:59", True),
        ("0 0 * * 6", "2026-11-21T00:00", True),
        ("0 0 * * 0", "2026-11-22T00:00", True),
        ("0 0 * * 7", "2026-11-22T00:00", True),
        ("0 0 1 * 6", "2026-11-21T00:00", True),
        ("0 0 1 * 6", "2026-11-20T00:00", False),
        ("0 0 * 2 *", "2026-11-21T00:00", False),
    ],
)
def test_cron_lines_choose_minutes(line: str, moment: str, runs: bool) -> None:
    assert parse_cron(line).matches(datetime.fromisoformat(moment).replace(tzinfo=UTC)) is runs


@pytest.mark.parametrize(
    "line", ["", "* * * *", "60 * * * *", "x * * * *", "5-1 * * * *", "*/0 * * * *", "* 24 * * *"]
)
def test_bad_cron_lines_are_refused(line: str) -> None:
    with pytest.raises(BadCronLine):
        parse_cron(line)


def test_the_next_minute_is_never_now() -> None:
    assert until_next_minute(datetime(2026, 1, 1, 0, 0, 59, 500_000, tzinfo=UTC)) == 0.5
    assert until_next_minute(datetime(2026, 1, 1, tzinfo=UTC)) == 60.0


def test_a_tick_by_hand_runs_every_scheduled_function(tmp_path: Path) -> None:
    with sample_stack(tmp_path) as stack:
        (message_id,) = stack.tick()
        stack.wait_idle()
        (push,) = received(stack, "ticker")
        assert push["push"]["message"]["messageId"] == message_id
        assert received(stack, "worker") == []


def test_the_interval_can_be_shortened(tmp_path: Path) -> None:
    with sample_stack(tmp_path, tick_s=0.05) as stack:
        until(lambda: len(received(stack, "ticker")) >= 3)
