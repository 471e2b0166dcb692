"""What every model of a Tesla answer is made of.

A model is a frozen msgspec Struct in which each field may be absent or null: Tesla drops fields and whole
groups from one answer to the next. The scalar types below are bounded, so that no NaN, infinity or endless
integer reaches the code behind: such a value is treated like any other value of a wrong type.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar

import msgspec

INT64_MIN = -(2**63)
INT64_MAX = 2**63 - 1
FINITE = 1e300

Integer = Annotated[int, msgspec.Meta(ge=INT64_MIN, le=INT64_MAX)]
"""A whole number of at most 64 bits. ``12.0`` and ``"12"`` are taken, ``12.5`` is not rounded but refused."""

Number = Annotated[float, msgspec.Meta(ge=-FINITE, le=FINITE)]
"""A finite number; integers and numbers in strings are taken."""

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""An ISO 8601 time that names its offset from UTC; the offset is kept. A time without one is refused."""


class WireModel(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all models. The class variables say how the model's JSON is wrapped; they are no fields.

    Attributes:
        wire_list: The payload is a list, which stands under ``response`` beside counts and pagination.
        wire_spread: Fields may stand beside ``response`` as well as inside it.
        wire_may_be_empty: An object without any field is an answer too, not a failure.
        wire_text_field: Wire name of the field that takes an answer which is a bare string.
    """

    wire_list: ClassVar[bool] = False
    wire_spread: ClassVar[bool] = False
    wire_may_be_empty: ClassVar[bool] = False
    wire_text_field: ClassVar[str | None] = None
