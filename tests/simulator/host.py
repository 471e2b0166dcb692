"""One HTTP host of the simulator: route, fault, handler, ledger, answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from inspect import isawaitable
from urllib.parse import unquote

from aiohttp import web

from .answers import Answer, Refusal, refuse
from .fault_answers import spoil
from .faults import Fault
from .ledger import Call
from .prices import is_billed, price_usd
from .routes import RouteTable
from .state import Endpoint, Exchange, State

Admission = Callable[[Exchange, Endpoint], None]


class Host:
    """Serves one listening socket. `name` is auth, eu, na or cn."""

    def __init__(self, state: State, name: str, routes: RouteTable[Endpoint], admission: Admission | None) -> None:
        self.state, self.name = state, name
        self._routes, self._admission = routes, admission

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request and write it into the ledger."""
        path = request.rel_url.raw_path
        endpoint, params = self._routes.find(request.method, path) or (self._unknown(path), {})
        exchange = await self._read(request, path, params)
        if self._admission is not None and self.state.config.latency_ms:
            await asyncio.sleep(self.state.config.latency_ms / 1000)
        answer, fault = await self._answer(exchange, endpoint)
        self._record(exchange, endpoint.name, answer, fault)
        if fault is not None and fault.kind == "drop" and request.transport is not None:
            request.transport.abort()
        return _response(answer)

    async def _read(self, request: web.BaseRequest, path: str, params: dict[str, str]) -> Exchange:
        body = await request.read() if request.body_exists else b""
        return Exchange(
            state=self.state,
            host=self.name,
            method=request.method,
            path=path,
            params={key: unquote(value) for key, value in params.items()} if params else params,
            query_string=request.rel_url.raw_query_string,
            body=body,
            content_type=request.content_type if body else "",
            authorization=request.headers.get("Authorization", ""),
        )

    async def _answer(self, exchange: Exchange, endpoint: Endpoint) -> tuple[Answer, Fault | None]:
        """The answer and the fault that spoilt it; a caller that is not admitted meets no fault."""
        try:
            if self._admission is not None and endpoint.token != "none":
                self._admission(exchange, endpoint)
            self._check_limit(exchange, endpoint)
        except Refusal as refusal:
            return refusal.answer, None
        car = exchange.vehicle()
        fault = self.state.faults.take(endpoint.name, exchange.path, car.vin if car else None, self.name)
        if fault is None:
            return await _handle(exchange, endpoint), None
        if fault.kind == "slow":
            await asyncio.sleep(fault.delay_s)
        real = await _handle(exchange, endpoint) if fault.takes_effect() else None
        return spoil(fault, real), fault

    def _check_limit(self, exchange: Exchange, endpoint: Endpoint) -> None:
        """Refuse a call over Tesla's limit, where limits are enforced."""
        if not self.state.config.enforce_limits:
            return
        device = exchange.params.get("tag") or exchange.params.get("site_id", "")
        answer = self.state.limiter.check(endpoint.name, device, self.state.clock.now())
        if answer is not None:
            raise Refusal(answer)

    def _unknown(self, path: str) -> Endpoint:
        """Stands in for what the catalogue lacks: 405 where another method exists, else 404."""
        status, error = (405, "method not allowed") if self._routes.methods(path) else (404, "not_found")

        def answer(_: Exchange) -> Answer:
            raise refuse(status, error)

        return Endpoint("unknown", answer, token="none")

    def _record(self, exchange: Exchange, name: str, answer: Answer, fault: Fault | None) -> None:
        ledger, car = self.state.ledger, exchange.vehicle()
        unheard = fault is not None and fault.kind == "drop" and not fault.takes_effect()
        status = 0 if unheard else answer.status
        fleet = self._admission is not None
        ledger.add(
            Call(
                index=len(ledger),
                at_s=self.state.clock.now(),
                host=self.name,
                method=exchange.method,
                path=exchange.path,
                endpoint=name,
                query=exchange.query,
                vin=car.vin if car else None,
                sub=exchange.sub,
                token=exchange.principal.kind if exchange.principal else None,
                status=status,
                billed=fleet and is_billed(status),
                price_usd=price_usd(name, status) if fleet else 0.0,
                fault=fault.kind if fault else None,
                body=exchange.body.decode(errors="replace") if fleet and exchange.body else "",
            )
        )


async def _handle(exchange: Exchange, endpoint: Endpoint) -> Answer:
    """The endpoint's own answer, refusals included."""
    try:
        answer = endpoint.handler(exchange)
        return await answer if isawaitable(answer) else answer
    except Refusal as refusal:
        return refusal.answer


def _response(answer: Answer) -> web.Response:
    headers = {"Content-Type": answer.content_type, **answer.headers}
    return web.Response(status=answer.status, body=answer.body, headers=headers)
