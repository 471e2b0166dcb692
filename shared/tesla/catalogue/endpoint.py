"""What the catalogue says of an endpoint."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

import msgspec

PDF = "body is a PDF"
"""Response root of an endpoint that answers with a file instead of JSON."""
WHOLE_BODY = "*"
"""Body field of an endpoint whose value is the body itself."""


class Price(StrEnum):
    """Price category of an answer below 500 (specs: of a successful one). Prices are settings.

    Energy endpoints name a category that is not public; they are counted apart (reported as free of charge).
    """

    FREE = "free"
    DATA = "data"
    COMMAND = "command"
    WAKE = "wake"
    SPECS = "specs"
    ENERGY = "energy"


class Contract(StrEnum):
    """How energy writes and scopes look: as Tesla publishes them, or as in `energy:read energy:write` recipes."""

    PUBLISHED = "published"
    BRIEF = "brief"

    @property
    def other(self) -> Contract:
        """The contract to try when this one is not known to Tesla."""
        return Contract.BRIEF if self is Contract.PUBLISHED else Contract.PUBLISHED


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint.

    Attributes:
        name: Its name in orders, logs and the ledger.
        method: HTTP method.
        path: Path with `{vin}`, `{content_id}` or `{energy_site_id}`.
        token: Whose token it takes.
        scopes: Any one of them lets a token in; none are needed where it is empty.
        price: What an answer costs.
        query: The documented query parameters; the client sends no others.
        needs: Those of them without which Tesla answers with an error only.
        kinds: Documented values of the query parameter `kind`.
        body: The documented fields of the JSON body, dots for nesting, `*` for a body that is the value itself.
        root: Where the payload stands in the answer. `/dx/*` bodies also come without `response`.
        nullable: A success may carry nothing: null, an empty object or an empty body.
        business: Only accounts that own a business fleet are served.
        contract: The energy contract that it belongs to.
        documented: Whether Tesla documents it; what is not documented may vanish.
    """

    name: str
    method: Literal["GET", "POST", "PUT"]
    path: str
    token: Literal["user", "partner"] = "user"
    scopes: tuple[str, ...] = ()
    price: Price = Price.DATA
    query: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    root: str = "response"
    nullable: bool = False
    business: bool = False
    contract: Contract | Literal["both"] = "both"
    documented: bool = True

    @property
    def pdf(self) -> bool:
        """Whether a good answer is a PDF, not JSON."""
        return self.root == PDF

    def body_with(self, value: Any) -> Any:
        """The JSON body that carries `value` in the endpoint's only field. Raises ValueError where it has others."""
        if len(self.body) != 1:
            raise ValueError(f"{self.name} has no single field in its body")
        if self.body[0] == WHOLE_BODY:
            return value
        for name in reversed(self.body[0].split(".")):
            value = {name: value}
        return value
