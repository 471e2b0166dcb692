"""Supercharging and public charging that Tesla recorded: sessions, energy, money. Charging at home is not in it.

Money of two currencies is never added up, and what is due with tax is never added to what is due without.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shared.tesla.models.charging import ChargingFee, ChargingHistory, ChargingSession

_EARLIEST = datetime.min.replace(tzinfo=UTC)
NO_CURRENCY = "?"
KINDS = ("CHARGING", "CONGESTION", "PARKING", "IDLE")
"""Kinds of fees that are shown apart; whatever else Tesla may name is OTHER."""

OTHER = "OTHER"
TIERS = 4
_CENT = 0.005


@dataclass
class Money:
    """Sums of one currency. `energy_kwh` counts only fees in this currency, for a fair mean price.

    `due` is ``totalDue`` and `net` is ``netDue``, as far as Tesla gives it. `tax` is their difference where they
    differ; where they are equal, Tesla does not say whether tax is in them: `tax_unknown_due` is the part of `due` of
    which that is true.
    """

    currency: str
    sessions: int = 0
    energy_kwh: float = 0.0
    by_type: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    due: float = 0.0
    net: float = 0.0
    tax: float = 0.0
    tax_unknown_due: float = 0.0
    unpaid: float = 0.0
    unpaid_sessions: int = 0

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

    @property
    def first(self) -> datetime | None:
        """Start of the oldest session."""
        return min(self._starts(), default=None)

    @property
    def last(self) -> datetime | None:
        """Start of the newest session."""
        return max(self._starts(), default=None)

    def _starts(self) -> list[datetime]:
        """Starts that are known."""
        starts = (session.charge_start_date_time for session in self.sessions)
        return [start for start in starts if start is not None]


def history_of(answer: ChargingHistory, vin: str) -> History:
    """The sessions of `vin` alone: the history is the account's, and nobody's session may reach another's report."""
    every = answer.data or ()
    own = [session for session in every if session.vin == vin]
    own.sort(key=lambda session: session.charge_start_date_time or _EARLIEST, reverse=True)
    return History(tuple(own), len(every) - len(own))


def energy_kwh(session: ChargingSession) -> float:
    """Energy billed in one session: ``usageBase`` of the fees per kWh (the tiers split it, they do not add to it)."""
    return sum(fee.usage_base or 0.0 for fee in fees_of(session) if per_kwh(fee))


def dues(session: ChargingSession) -> dict[str, float]:
    """What one session cost, by currency; nothing for a session without fees."""
    sums: dict[str, float] = defaultdict(float)
    for fee in fees_of(session):
        if fee.total_due is not None:
            sums[currency_of(fee)] += fee.total_due
    return dict(sums)


def paid(session: ChargingSession) -> bool | None:
    """Whether every fee above zero is marked as paid; None where Tesla does not say so of all, or there is none."""
    marks = {fee.is_paid for fee in fees_of(session) if (fee.total_due or 0) > 0}
    if False in marks:
        return False
    return True if marks == {True} else None


def kind_of(fee: ChargingFee) -> str:
    """The fee's kind, one of `KINDS` or `OTHER`."""
    kind = (fee.fee_type or "").strip().upper()
    return kind if kind in KINDS else OTHER


def currency_of(fee: ChargingFee) -> str:
    """The fee's currency, or a sign for none."""
    return fee.currency_code or NO_CURRENCY


def totals(sessions: Sequence[ChargingSession]) -> tuple[Money, ...]:
    """Sums per currency, by name of the currency."""
    sums: dict[str, Money] = {}
    for session in sessions:
        for currency, fees in _by_currency(fees_of(session)):
            money = sums.setdefault(currency, Money(currency))
            money.sessions += 1
            money.unpaid_sessions += any(fee.is_paid is False and (fee.total_due or 0) > 0 for fee in fees)
            for fee in fees:
                _add(money, fee)
    return tuple(sums[currency] for currency in sorted(sums))


def _by_currency(fees: Iterable[ChargingFee]) -> Iterator[tuple[str, list[ChargingFee]]]:
    """Fees grouped by currency."""
    groups: dict[str, list[ChargingFee]] = defaultdict(list)
    for fee in fees:
        groups[currency_of(fee)].append(fee)
    yield from groups.items()


def _add(money: Money, fee: ChargingFee) -> None:
    """Count one fee."""
    due = fee.total_due or 0.0
    money.due += due
    money.by_type[kind_of(fee)] += due
    if fee.is_paid is False:
        money.unpaid += due
    if per_kwh(fee):
        money.energy_kwh += fee.usage_base or 0.0
    if fee.net_due is None or abs(due - fee.net_due) < _CENT:
        money.tax_unknown_due += due
    else:
        money.tax += due - fee.net_due
    money.net += fee.net_due or 0.0


def tiers_kwh(sessions: Iterable[ChargingSession]) -> tuple[float, ...]:
    """Energy by price tier, first to fourth, where a site charges by tier."""
    sums = [0.0] * TIERS
    for session in sessions:
        for fee in filter(per_kwh, fees_of(session)):
            for tier in range(TIERS):
                sums[tier] += getattr(fee, f"usage_tier{tier + 1}") or 0.0
    return tuple(sums)


def free_fees(sessions: Iterable[ChargingSession]) -> Counter[str]:
    """How often charging itself was not paid in money: ``NO_CHARGE``, ``CREDIT``."""
    kinds = (fee.pricing_type for session in sessions for fee in fees_of(session) if kind_of(fee) == "CHARGING")
    return Counter(kind for kind in kinds if kind in {"NO_CHARGE", "CREDIT"})


def fees_of(session: ChargingSession) -> tuple[ChargingFee, ...]:
    """The session's fees."""
    return session.fees or ()


def per_kwh(fee: ChargingFee) -> bool:
    """Whether the fee is one per kilowatt hour."""
    return (fee.uom or "").lower() == "kwh"
