"""Values as bytes that sort as Firestore sorts values.

    null < false < true < NaN < numbers < datetimes < strings < bytes < lists < mappings

Integers and floats share one number line without loss. The order among lists, and among mappings, is not kept.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from shared.platform.limits import MAX_COMPARED_BYTES

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SIGN: Final = 1 << 63


def sort_key(value: Any) -> bytes:
    """The bytes of a document's value; equal values give equal bytes.

    Strings and bytes are cut one byte beyond what may be compared, so that a cut one equals nothing.
    """
    kind, encode = _KINDS[type(value)]
    return kind + encode(value)


def comparable_range(value: Any) -> tuple[bytes, bytes]:
    """The half-open range of sort keys that a range condition with `value` can match: its own type, without NaN."""
    kind, _ = _KINDS[type(value)]
    lowest = _NUMBER + b"\x01" if kind == _NUMBER else kind
    return lowest, bytes([kind[0] + 1])


def _number(value: float) -> bytes:
    """A flag for NaN, the nearest float in sortable form, and what an integer has beyond it."""
    if math.isnan(value):
        return b"\x00"
    nearest = float(value) + 0.0  # makes -0.0 the same as 0.0
    beyond = value - int(nearest) if isinstance(value, int) else 0
    bits: int = struct.unpack(">Q", struct.pack(">d", nearest))[0]
    ordered = bits ^ (2 * _SIGN - 1) if bits & _SIGN else bits | _SIGN
    return struct.pack(">BQH", 1, ordered, beyond + 0x8000)


def _moment(value: datetime) -> bytes:
    return struct.pack(">Q", (value - _EPOCH) // _MICROSECOND + _SIGN)


def _nothing(_: Any) -> bytes:
    return b""


_NUMBER: Final = b"\x03"
_KINDS: Final[dict[type, tuple[bytes, Callable[[Any], bytes]]]] = {
    type(None): (b"\x01", _nothing),
    bool: (b"\x02", lambda flag: bytes([flag])),
    int: (_NUMBER, _number),
    float: (_NUMBER, _number),
    datetime: (b"\x04", _moment),
    str: (b"\x05", lambda text: text.encode()[: MAX_COMPARED_BYTES + 1]),
    bytes: (b"\x06", lambda data: data[: MAX_COMPARED_BYTES + 1]),
    list: (b"\x07", _nothing),
    dict: (b"\x08", _nothing),
}
