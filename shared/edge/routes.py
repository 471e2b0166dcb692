"""What a route is: declared once as data, read by the router, the OpenAPI document and the tests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import inspect

from shared.accounts.grants import Grant
from shared.edge.problems import ProblemType

S = TypeVar("S")

_PARAMETER = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")


class Auth(Enum):
    """Who may call a route."""

    PUBLIC = "public"
    GRANT = "grant"
    """The bearer of an order's or enrolment's grant."""
    OPERATOR = "operator"
    """An OIDC identity on the list of operators."""
    CREATOR = "creator"
    """Everyone where settings.orders_require is "none", else whom the lists of creators or operators name."""
    GRANT_OR_CREATOR = "grant or creator"
    """The bearer of a grant; callers without one as with CREATOR. The handler says what needs the grant."""


class Call(msgspec.Struct, frozen=True):
    """One call, decoded and admitted.

    `body` and `query` have the route's types (None where it has none). `principal` is the operator's or creator's
    e-mail address, the grant's key, or empty. `url` is this path on the service's public URL, without the query.
    `wants_html`: the caller prefers a page to data, as browsers do.
    """

    path: Mapping[str, str]
    body: Any
    query: Any
    grant: Grant | None
    principal: str
    url: str
    trace: str
    wants_html: bool = False


class Reply(msgspec.Struct, frozen=True):
    """What a handler answers: `html`, or `body` (bytes as they are, anything else as JSON), or nothing.

    `status` overrides the route's, `headers` the standard ones. `subject` is the id of the object that this answer
    created: a kept answer is erased with it.
    """

    body: Any = None
    status: int | None = None
    headers: Mapping[str, str] = {}
    html: str | None = None
    subject: str = ""


class Route(msgspec.Struct, Generic[S], frozen=True, kw_only=True):
    """One operation. Raises ValueError at construction for a declaration that could not work.

    Attributes:
        method: GET, POST, PUT, PATCH or DELETE.
        path: werkzeug rule, such as "/api/v1/orders/<order_id>".
        name: the operationId.
        summary: one sentence for the OpenAPI document.
        handler: gets the services and the call.
        auth: who may call.
        body: msgspec struct of the JSON body; it forbids unknown fields at every level.
        query: msgspec struct of the query parameters.
        answer: msgspec struct of the JSON answer.
        status: of a successful answer.
        otherwise: a second status of a successful answer, of the same form; None where there is none.
        problems: the route's own, beyond the general ones.
        idempotent: whether an Idempotency-Key is honoured.
        page: whether callers that want HTML get a page instead of the answer.
        grant_subject: path parameter that must equal the grant's subject; None where the path names no such object.
    """

    method: str
    path: str
    name: str
    summary: str
    handler: Callable[[S, Call], Reply]
    auth: Auth = Auth.PUBLIC
    body: type | None = None
    query: type | None = None
    answer: type | None = None
    status: int = 200
    otherwise: int | None = None
    problems: tuple[ProblemType, ...] = ()
    idempotent: bool = False
    page: bool = False
    grant_subject: str | None = "order_id"

    def __post_init__(self) -> None:
        if self.auth is Auth.GRANT and self.grant_subject and self.grant_subject not in self.parameters:
            raise ValueError(f"route {self.name}: its path has no {self.grant_subject}; say grant_subject=None")
        if self.body is not None:
            for lenient in _lenient_structs(self.body):
                raise ValueError(f"route {self.name}: {lenient} must forbid unknown fields")

    @property
    def parameters(self) -> list[str]:
        """Names of the path's parameters, in order."""
        return _PARAMETER.findall(self.path)

    @property
    def template(self) -> str:
        """The path as OpenAPI writes it, "/api/v1/orders/{order_id}"."""
        return _PARAMETER.sub(r"{\1}", self.path)


def _lenient_structs(kind: type) -> Iterator[str]:
    """Names of the struct types within `kind` that would ignore unknown fields."""
    seen: set[type] = set()
    queue: list[Any] = [inspect.type_info(kind)]
    while queue:
        item = queue.pop()
        if isinstance(item, inspect.StructType):
            if item.cls in seen:
                continue
            seen.add(item.cls)
            if not item.forbid_unknown_fields:
                yield item.cls.__name__
            queue += [part.type for part in item.fields]
        elif isinstance(item, inspect.Type):
            queue += _parts(item)


def _parts(item: inspect.Type) -> list[inspect.Type]:
    """The types a container, union or mapping is made of."""
    found: list[inspect.Type] = []
    for name in item.__struct_fields__:
        value = getattr(item, name)
        found += [
            part for part in (value if isinstance(value, tuple) else (value,)) if isinstance(part, inspect.Type)
        ]
    return found
