"""Endpoints under /api/1/dx/charging."""

from __future__ import annotations

from .answers import Answer, Json, json_answer, not_found, refuse, respond
from .clock import parse_iso
from .payload_charging import business_session
from .pdf import small_pdf
from .state import Exchange
from .vehicle_endpoints import whole_number

SORT_KEYS = {"chargeStartDateTime", "chargeStopDateTime", "sessionId", "siteLocationName"}
DEFAULT_PAGE_SIZE = 50


def _chosen(exchange: Exchange) -> list[Json]:
    """The owner's sessions, narrowed to a VIN when one is given."""
    vin = exchange.query.get("vin")
    if vin and all(car.vin != vin for car in exchange.account.vehicles):
        raise not_found()
    return exchange.account.sessions(vin)


def _moment(exchange: Exchange, name: str) -> float | None:
    text = exchange.query.get(name)
    if not text:
        return None
    try:
        return parse_iso(text)
    except ValueError as error:
        raise refuse(400, "invalid_field", f"{name}: {text}") from error


def _sorted(exchange: Exchange, sessions: list[Json]) -> list[Json]:
    key = exchange.query.get("sortBy") or "chargeStartDateTime"
    order = (exchange.query.get("sortOrder") or "DESC").upper()
    if key not in SORT_KEYS or order not in {"ASC", "DESC"}:
        raise refuse(400, "invalid_field", "sortBy or sortOrder")

    def rank(session: Json) -> object:
        return parse_iso(session[key]) if key.endswith("DateTime") else session[key]

    return sorted(sessions, key=rank, reverse=order == "DESC")  # type: ignore[arg-type]  # one type per key


def history(exchange: Exchange) -> Answer:
    """GET dx/charging/history: the account's sessions in a window, page by page counted from 1."""
    since, until = _moment(exchange, "startTime"), _moment(exchange, "endTime")
    page = whole_number(exchange, "pageNo", 1)
    size = whole_number(exchange, "pageSize", DEFAULT_PAGE_SIZE)
    inside = [
        session
        for session in _chosen(exchange)
        if (since is None or parse_iso(session["chargeStartDateTime"]) >= since)
        and (until is None or parse_iso(session["chargeStartDateTime"]) <= until)
    ]
    shown = _sorted(exchange, inside)[(page - 1) * size : page * size]
    body = {"data": shown, "totalResults": len(inside)}
    return json_answer(body) if exchange.state.config.history_shape == "bare" else respond(body)


def invoice(exchange: Exchange) -> Answer:
    """GET dx/charging/invoice/{id}: the PDF of one of the owner's invoices."""
    wanted = exchange.params["id"]
    for session in exchange.account.sessions():
        for row in session.get("invoices", []):
            if row["contentId"] == wanted:
                return _pdf(session, row["fileName"])
    raise not_found()


def _pdf(session: Json, name: str) -> Answer:
    lines = ["Charging invoice", name, session["siteLocationName"], session["chargeStartDateTime"]]
    lines += [f"{fee['feeType']}: {fee['totalDue']} {fee['currencyCode']}" for fee in session["fees"]]
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Answer(200, small_pdf(lines), "application/pdf", headers)


def sessions(exchange: Exchange) -> Answer:
    """GET dx/charging/sessions: business fleets only."""
    if not exchange.state.config.business:
        raise refuse(403, "forbidden", "only available for business accounts that own a fleet of vehicles")
    models = {car.vin: car.profile.model.code for car in exchange.account.vehicles}
    rows = [business_session(row, models[row["vin"]]) for row in _chosen(exchange)]
    limit = whole_number(exchange, "limit", DEFAULT_PAGE_SIZE)
    offset = whole_number(exchange, "offset", 0, least=0)
    return respond({"data": rows[offset : offset + limit]})
