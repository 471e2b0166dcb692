"""Supercharging and public charging that Tesla recorded: sessions, energy, money. Charging at home is not in it.

Money of two currencies is never added up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shared.tesla.models.charging import ChargingFee, ChargingHistory, ChargingSession

_EARLIEST = datetime.min.replace(tzinfo=UTC)
NO_CURRENCY = "?"


@dataclass
class Money:
    """Sums of one currency. `energy_kwh` counts only fees in this currency, for a fair mean price."""

    currency: str
    sessions: int = 0
    energy_kwh: float = 0.0
    by_type: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    due: float = 0.0
    unpaid: float = 0.0

    @property
    def price_per_kwh(self) -> float | None:
        """What a kilowatt hour cost, charging fees only; None without energy."""
        return self.by_type.get("CHARGING", 0.0) / self.energy_kwh if self.energy_kwh > 0 else None


@dataclass(frozen=True)
class History:
    """This vehicle's sessions, newest first; `foreign` were left out for another VIN or none at all."""

    sessions: tuple[ChargingSession, ...]
    foreign: int = 0

    @property
    def energy_kwh(self) -> float:
        """Energy of all sessions."""
        return sum(energy_kwh(session) for session in self.sessions)


def history_of(answer: ChargingHistory, vin: str) -> History:
    """The sessions of `vin` alone: the history is the account's, and nobody's session may reach another's report."""
    every = answer.data or ()
    own = [session for session in every if session.vin == vin]
    own.sort(key=lambda session: session.charge_start_date_time or _EARLIEST, reverse=True)
    return History(tuple(own), len(every) - len(own))


def energy_kwh(session: ChargingSession) -> float:
    """Energy billed in one session: ``usageBase`` of the fees per kWh (the tiers split it, they do not add to it)."""
    return sum(fee.usage_base or 0.0 for fee in _fees(session) if _per_kwh(fee))


def dues(session: ChargingSession) -> dict[str, float]:
    """What one session cost, by currency; nothing for a session without fees."""
    sums: dict[str, float] = defaultdict(float)
    for fee in _fees(session):
        if fee.total_due is not None:
            sums[fee.currency_code or NO_CURRENCY] += fee.total_due
    return dict(sums)


def unpaid(session: ChargingSession) -> bool:
    """Whether a fee above zero is marked as not paid."""
    return any(fee.is_paid is False and (fee.total_due or 0) > 0 for fee in _fees(session))


def totals(sessions: Sequence[ChargingSession]) -> tuple[Money, ...]:
    """Sums per currency, by name of the currency."""
    sums: dict[str, Money] = {}
    for session in sessions:
        for currency, fees in _by_currency(_fees(session)):
            money = sums.setdefault(currency, Money(currency))
            money.sessions += 1
            for fee in fees:
                _add(money, fee)
    return tuple(sums[currency] for currency in sorted(sums))


def _by_currency(fees: Iterable[ChargingFee]) -> Iterator[tuple[str, list[ChargingFee]]]:
    """Fees grouped by currency."""
    groups: dict[str, list[ChargingFee]] = defaultdict(list)
    for fee in fees:
        groups[fee.currency_code or NO_CURRENCY].append(fee)
    yield from groups.items()


def _add(money: Money, fee: ChargingFee) -> None:
    """Count one fee."""
    due = fee.total_due or 0.0
    money.due += due
    money.by_type[fee.fee_type or "OTHER"] += due
    if fee.is_paid is False:
        money.unpaid += due
    if _per_kwh(fee):
        money.energy_kwh += fee.usage_base or 0.0


def _fees(session: ChargingSession) -> tuple[ChargingFee, ...]:
    return session.fees or ()


def _per_kwh(fee: ChargingFee) -> bool:
    return (fee.uom or "").lower() == "kwh"
