"""What everything about the fleet works with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import msgspec

from shared.accounts.session import AccountSession
from shared.energy.availability import Rules
from shared.energy.commands import SiteCommands
from shared.energy.enrolling import Enrolling
from shared.energy.overview import Overview
from shared.energy.registry import Registry
from shared.energy.shards import Shards
from shared.platform.ports import BlobStore, Clock


class EnergyDesk(msgspec.Struct, frozen=True):
    """Registry, shards, commands and views of the fleet. `enrolled_for`: how long an enrolment and its grant live."""

    registry: Registry
    shards: Shards
    enrolling: Enrolling
    commands: SiteCommands
    overview: Overview
    sessions: Callable[[str], AccountSession]
    blobs: BlobStore
    clock: Clock
    rules: Rules
    enrolled_for: timedelta
