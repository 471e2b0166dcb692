"""What the handlers of the API work with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from shared.accounts.connections import Connections
from shared.accounts.consent import Consent
from shared.accounts.grants import Grants
from shared.accounts.keeper import TokenKeeper
from shared.accounts.registration import Registrar
from shared.orders.desk import Desk
from shared.orders.service import OrderService
from shared.platform.ports import SecretStore
from shared.settings import Settings
from shared.tesla.ledger import Ledger

if TYPE_CHECKING:
    from shared.energy.desk import EnergyDesk
    from shared.energy.dispatch.desk import DispatchDesk


class Services(msgspec.Struct, frozen=True):
    """Services of the HTTP functions; `bootstrap` builds them."""

    settings: Settings
    secrets: SecretStore
    consent: Consent
    keeper: TokenKeeper
    orders: OrderService
    desk: Desk
    registrar: Callable[[], Registrar]
    ledger: Callable[[], Ledger]
    grants: Grants
    connections: Connections
    energy: Callable[[], EnergyDesk]
    dispatch: Callable[[], DispatchDesk]
    fonts: Path | None = None
