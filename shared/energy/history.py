"""The history of sites: one compressed object per shard and tick, one line per reading, under Tesla's field names."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import msgspec

from shared.energy.polling import TICK_S
from shared.energy.samples import Reading, from_epoch
from shared.typed import from_json

CONTENT_TYPE = "application/gzip"
_LEVEL = 1
_ENCODER = msgspec.json.Encoder()


class HistoryRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One reading: W, Wh and percent under Tesla's names; `timestamp` is the device's time, `read_at` ours."""

    energy_site_id: str
    read_at: datetime
    timestamp: datetime | None = None
    battery_power: float | None = None
    solar_power: float | None = None
    load_power: float | None = None
    grid_power: float | None = None
    energy_left: float | None = None
    percentage_charged: float | None = None
    backup_reserve_percent: float | None = None
    island_status: str = ""
    flags: tuple[str, ...] = ()


def history_name(tick: int, shard: str) -> str:
    """The object of a shard's tick."""
    return f"energy/history/{from_epoch(tick * TICK_S):%Y/%m/%d}/{tick}.{shard}.ndjson.gz"


def pack_history(readings: Mapping[str, Reading]) -> bytes:
    """The readings of one tick; the same readings give the same bytes."""
    buffer = bytearray()
    for site_id, reading in readings.items():
        buffer += _ENCODER.encode(_row(site_id, reading))
        buffer += b"\n"
    return gzip.compress(bytes(buffer), _LEVEL, mtime=0)


def read_history(packed: bytes) -> Iterator[HistoryRow]:
    """The rows of one object. Raises msgspec.DecodeError."""
    for line in gzip.decompress(packed).splitlines():
        yield from_json(line, HistoryRow)


def day_of(tick: int) -> str:
    """The UTC day that the tick lies in, as a date."""
    return from_epoch(tick * TICK_S).astimezone(UTC).date().isoformat()


def _row(site_id: str, reading: Reading) -> HistoryRow:
    return HistoryRow(
        energy_site_id=site_id,
        read_at=reading.received_at,
        timestamp=reading.at,
        battery_power=reading.battery_power_w,
        solar_power=reading.solar_power_w,
        load_power=reading.load_power_w,
        grid_power=reading.grid_power_w,
        energy_left=reading.energy_left_wh,
        percentage_charged=reading.percentage_charged,
        backup_reserve_percent=reading.backup_reserve_percent,
        island_status=reading.island_status,
        flags=reading.flags,
    )
