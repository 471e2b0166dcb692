"""Paid charging sessions with fees and invoices, and the business form of the same sessions."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from random import Random

from .answers import Json
from .clock import iso

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Market:
    """Where a session happened; `rate` per kWh and `idle` per minute in `currency`, `vat` 0..1, zone `offset_h`."""

    country: str
    currency: str
    rate: float
    idle: float
    vat: float
    offset_h: int
    places: tuple[str, ...]


MARKETS = {
    "eu": (
        Market("FI", "EUR", 0.39, 0.5, 0.255, 2, ("Helsinki, Finland", "Hämeenlinna, Finland", "Oulu, Finland")),
        Market("SE", "SEK", 4.9, 5.0, 0.25, 1, ("Malmö \u2013 Hyllie, Sweden", "Örebro, Sweden")),
    ),
    "na": (
        Market("US", "USD", 0.46, 0.5, 0.0, -8, ("Truckee, CA - Soaring Way", "Barstow, CA", "Reno, NV")),
        Market("CA", "CAD", 0.55, 0.6, 0.05, -5, ("Montréal, QC", "Hope, BC")),
    ),
    "cn": (Market("CN", "CNY", 1.9, 3.2, 0.06, 8, ("上海市 静安区", "杭州市 西湖区")),),
}


def charging_sessions(vin: str, region: str, seed: int, epoch_s: float, count: int) -> list[Json]:
    """`count` sessions of one car, newest first, the last about half a year old."""
    rng = Random(f"sessions:{seed}:{vin}")
    at_s, sessions = epoch_s - 6 * HOUR_S, []
    for number in range(count):
        at_s -= rng.uniform(0.5, 15) * 24 * HOUR_S
        sessions.append(_session(rng, vin, region, at_s, number))
    return sessions


def _session(rng: Random, vin: str, region: str, start_s: float, number: int) -> Json:
    market = MARKETS[region][0] if rng.random() < 0.75 else MARKETS[region][-1]
    stop_s = start_s + rng.uniform(10, 55) * 60
    session_id = rng.randint(100_000_000, 999_999_999)
    fees = _fees(rng, market, number)
    session: Json = {
        "sessionId": session_id,
        "vin": vin,
        "siteLocationName": rng.choice(market.places),
        "chargeStartDateTime": iso(start_s, market.offset_h),
        "chargeStopDateTime": iso(stop_s, market.offset_h),
        "unlatchDateTime": iso(stop_s + rng.uniform(5, 1800), market.offset_h),
        "countryCode": market.country,
        "fees": fees,
        "billingType": "IMMEDIATE",
        "invoices": _invoices(rng, market, session_id, number),
        "vehicleMakeType": "TSLA",
    }
    if number % 12 == 10:
        del session["invoices"]
    return session


def _fees(rng: Random, market: Market, number: int) -> list[Json]:
    """A charging fee always; a parking fee mostly free of charge; now and then a congestion fee."""
    energy_kwh = round(rng.uniform(6, 58), 2)
    fees = [_fee(rng, market, "CHARGING", market.rate, energy_kwh, "kwh")]
    if number % 4 == 2:
        tiers = {"rateTier1": market.rate, "usageTier1": round(energy_kwh * 0.4, 2)}
        fees[0] |= tiers | {"rateTier2": None, "usageTier2": round(energy_kwh * 0.6, 2), "usageTier3": None}
    if number % 2 == 0:
        fees.append(_fee(rng, market, "PARKING", 0, 0, "min") | {"pricingType": "NO_CHARGE"})
    if number % 5 == 3:
        fees.append(_fee(rng, market, "CONGESTION", market.idle, rng.randint(2, 25), "min"))
    return fees


def _fee(rng: Random, market: Market, kind: str, rate: float, usage: float, unit: str) -> Json:
    total = round(rate * usage, 2)
    paid = rng.random() < 0.95
    return {
        "sessionFeeId": rng.randint(100_000_000, 999_999_999),
        "feeType": kind,
        "currencyCode": market.currency,
        "pricingType": "PAYMENT",
        "rateBase": rate,
        "usageBase": usage,
        "totalBase": total,
        "totalDue": total,
        "netDue": round(total / (1 + market.vat), 2),
        "uom": unit,
        "isPaid": paid,
        "status": "PAID" if paid else "PENDING",
    }


def _invoices(rng: Random, market: Market, session_id: int, number: int) -> list[Json]:
    """Two sessions out of three have an invoice."""
    content_id = str(uuid.UUID(int=rng.getrandbits(128), version=4))
    if number % 3 == 1:
        return []
    name = f"{session_id}_{market.country}-{market.country}.pdf"
    return [{"fileName": name, "contentId": content_id, "invoiceType": "IMMEDIATE"}]


def business_session(session: Json, model: str) -> Json:
    """The same session in the form of /dx/charging/sessions (times in s, energy in kWh)."""
    fee = session["fees"][0]
    dimension = {"type": "ENERGY", "volume": fee["usageBase"]}
    price = {"type": "ENERGY", "price": fee["rateBase"], "step_size": 1}
    start = session["chargeStartDateTime"]
    return {
        "id": str(session["sessionId"]),
        "vin": session["vin"],
        "model": model,
        "start_date_time": start,
        "stop_date_time": session["chargeStopDateTime"],
        "total_energy": fee["usageBase"],
        "total_time": 1800,
        "total_cost": {
            "excl_vat": fee["netDue"],
            "incl_vat": fee["totalDue"],
            "vat": round(fee["totalDue"] - fee["netDue"], 2),
        },
        "location": {"country": session["countryCode"], "name": session["siteLocationName"]},
        "charging_periods": [{"start_date_time": start, "dimensions": [dimension]}],
        "tariffs": {"currency": fee["currencyCode"], "elements": [{"price_components": [price]}]},
    }
