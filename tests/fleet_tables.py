"""The tables of docs/fleet-api.md: the catalogue, the two energy contracts, the failures."""

from __future__ import annotations

from collections.abc import Iterator

from shared.orders.fetching import IN_WORDS
from shared.tesla.catalogue import ENDPOINTS, ENERGY_SCOPES, Contract, Endpoint, EnergyAction, energy_endpoint
from shared.tesla.catalogue.endpoint import WHOLE_BODY
from tests.markdown import code, table
from tests.tesla_failures import FAILURES, Failure


def endpoints() -> str:
    """Every endpoint of the catalogue."""
    rows = [
        (
            f"`{item.name}`",
            f"`{item.method} {item.path}`",
            "; ".join(_sent(item)),
            item.token,
            code(item.scopes, " or "),
            item.price.value,
            item.root if item.pdf else f"`{item.root}`",
            ", ".join(_remarks(item)),
        )
        for item in ENDPOINTS.values()
    ]
    head = ("endpoint", "call", "parameters", "token", "scope", "price", "payload", "remarks")
    return table(head, rows)


def energy_contracts() -> str:
    """What differs, side by side: scopes, and the writes that are not the same in both."""
    pairs = [ENERGY_SCOPES[contract] for contract in Contract]
    rows = [
        (name, *(f"`{pair[place]}`" for pair in pairs)) for place, name in enumerate(("read scope", "write scope"))
    ]
    for action in EnergyAction:
        writes = [_write(action, contract) for contract in Contract]
        if len(set(writes)) > 1:
            rows.append((f"`{action}`", *writes))
    return table(("", *Contract), rows)


def failures() -> str:
    """Every failure and what it comes to."""
    head = ("Tesla's answer", "outcome", "reason", "sent", "billed", "later", "the owner reads", "beyond that")
    return table(head, [_failure(row) for row in FAILURES])


def _sent(endpoint: Endpoint) -> Iterator[str]:
    if endpoint.query:
        yield f"query {code(endpoint.query)}"
    if endpoint.kinds:
        yield f"`kind` is {code(endpoint.kinds, ' or ')}"
    if endpoint.body:
        yield f"body: {_body(endpoint)}"


def _body(endpoint: Endpoint) -> str:
    return "the value itself" if endpoint.body == (WHOLE_BODY,) else code(endpoint.body)


def _remarks(endpoint: Endpoint) -> Iterator[str]:
    if endpoint.nullable:
        yield "may be empty"
    if endpoint.business:
        yield "business fleets only"
    if endpoint.contract != "both":
        yield f"contract `{endpoint.contract}`"
    if not endpoint.documented:
        yield "undocumented"


def _write(action: EnergyAction, contract: Contract) -> str:
    endpoint = energy_endpoint(action, contract)
    return f"`{endpoint.method} …/{endpoint.path.rsplit('/', 1)[1]}`, body: {_body(endpoint)}"


def _failure(row: Failure) -> tuple[str, ...]:
    counts = (str(row.calls), str(row.billed))
    if row.outcome is None:
        return row.condition, "a good answer", "", *counts, "", "", row.operator
    reason = row.outcome.reason
    read = ENDPOINTS[row.endpoint].method == "GET"
    later = "tried again" if row.outcome.retryable and read else "no"
    words = (f"`{row.outcome.__name__}`", f"`{reason}`")
    return row.condition, *words, *counts, later, IN_WORDS.get(reason, ""), row.operator
