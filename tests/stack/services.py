"""The parts of a stack that run on its event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Mapping
from pathlib import Path

from shared.manifest import Function, Manifest
from tests.stack.blobs import BlobDownloads
from tests.stack.config import StackConfig
from tests.stack.delivery import Deliverer
from tests.stack.gateway import Gateway, Upstream, new_session
from tests.stack.identity import Identity
from tests.stack.messaging import Messaging
from tests.stack.processes import FunctionProcess, Launch
from tests.stack.pump import Subscription
from tests.stack.routing import routes_of
from tests.stack.scheduler import Scheduler

_LEASE_MARGIN_S = 10.0
_GATEWAY_MARGIN_S = 1.0


class Services:
    """Function processes, gateway, deliverer and scheduler; every method but `tick` runs on the loop."""

    def __init__(
        self,
        config: StackConfig,
        manifest: Manifest,
        environment: Mapping[str, str],
        *,
        identity: Identity,
        messaging: Messaging,
        downloads: BlobDownloads | None,
        lifeline: int,
    ) -> None:
        """Put the parts together. Sockets of the functions are open from here on.

        Raises:
            BadCronLine: A schedule of the manifest cannot be read.
        """
        self._config, self._manifest, self._environment = config, manifest, environment
        self.deaths: list[tuple[str, int]] = []
        self.functions = {name: self._function(name, item, lifeline) for name, item in manifest.functions.items()}
        upstreams = {
            name: Upstream(self.functions[name].url, item.timeout_s + _GATEWAY_MARGIN_S)
            for name, item in manifest.functions.items()
        }
        audience = environment["OIDC_AUDIENCE"]
        self._gateway = Gateway(
            routes_of(manifest), upstreams, identity, audience=audience, downloads=downloads, health=self._health
        )
        self.deliverer = Deliverer(
            self._subscriptions(), messaging, lambda: identity.token(environment["PUSHER"], audience), config.delivery
        )
        self.scheduler = Scheduler(messaging.bus, _schedules(manifest), config.tick_s)
        self._ticking: asyncio.Task[None] | None = None

    async def start(self, listening: socket.socket) -> None:
        """Start everything; the functions may still be loading when this returns."""
        await self._gateway.start(listening)
        await asyncio.gather(*(function.start() for function in self.functions.values()))

    async def ready(self) -> None:
        """Wait for every function, then begin to deliver and to tick. Raises FunctionFailed."""
        async with new_session(limit=0) as session:
            await asyncio.gather(
                *(function.ready(session, self._config.ready_s) for function in self.functions.values())
            )
        await self.deliverer.start()
        self._ticking = asyncio.create_task(self.scheduler.run())

    async def stop(self) -> None:
        """Stop in the order that loses nothing: sources, requests under way, functions."""
        if self._ticking:
            self._ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticking
        await self.deliverer.stop(self._config.stop_s)
        await self._gateway.stop()
        await asyncio.gather(*(function.stop(self._config.stop_s) for function in self.functions.values()))

    def _function(self, name: str, item: Function, lifeline: int) -> FunctionProcess:
        launch = Launch(
            name=name,
            entry=item.entry,
            source=self._config.functions_dir.resolve() / name / "main.py",
            threads=self._concurrency(item),
            workers=self._config.workers.get(name, 1),
            environment=self._environment,
            log=log_path(self._config.state_dir, name),
        )
        return FunctionProcess(launch, lifeline, lambda *death: self.deaths.append(death))

    def _concurrency(self, item: Function) -> int:
        return min(item.concurrency, self._config.threads)

    def _subscriptions(self) -> list[Subscription]:
        project = self._environment.get("GOOGLE_CLOUD_PROJECT", "local")
        subscriptions = []
        for topic_name, (name, topic) in self._manifest.topics().items():
            item, delivery = self._manifest.functions[name], self._config.delivery
            subscription = Subscription(
                topic=topic_name,
                name=f"projects/{project}/subscriptions/{topic_name}",
                url=self.functions[name].url,
                concurrency=self._concurrency(item) * self._config.workers.get(name, 1),
                timeout_s=item.timeout_s,
                attempts=self._config.attempts(topic),
                lease_s=delivery.lease_s or item.timeout_s + _LEASE_MARGIN_S,
            )
            subscriptions.append(subscription)
        return subscriptions

    def _health(self) -> dict[str, object]:
        return {
            name: {"url": function.url, "pid": function.pid, "restarts": function.restarts}
            for name, function in self.functions.items()
        }


def log_path(state_dir: Path, name: str) -> Path:
    """Where a process writes what it has to say."""
    return state_dir / "logs" / f"{name}.log"


def _schedules(manifest: Manifest) -> dict[str, str]:
    return {name: topic.schedule for name, (_, topic) in manifest.topics().items() if topic.schedule}
