"""Listening sockets: the auth host with the control API, and one fleet host per region."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable

from aiohttp import web

from .admission import admit
from .auth_endpoints import auth_routes
from .catalogue import NAMES, fleet_routes
from .config import REGIONS, SimulatorConfig
from .control import Control
from .control_http import PREFIX, ControlApi
from .host import Host
from .state import State, Urls

LOOPBACK = "127.0.0.1"
BACKLOG = 2048
KEEP_ALIVE_S = 75.0

Serve = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Server:
    """Four loopback sockets around one state. Ports are taken on construction, served after `start`."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._sockets = [_listen(config.port + n if config.port else 0) for n in range(1 + len(REGIONS))]
        urls = Urls(*(f"http://{LOOPBACK}:{sock.getsockname()[1]}" for sock in self._sockets))
        self.state = State(config, urls, NAMES)
        self.control = Control(self.state)
        self._runners: list[web.ServerRunner] = []

    async def start(self) -> None:
        """Begin to answer."""
        fleet = fleet_routes()
        serves: list[Serve] = [self._auth()]
        serves += [Host(self.state, region, fleet, admit).serve for region in REGIONS]
        for sock, serve in zip(self._sockets, serves, strict=True):
            server = web.Server(serve, access_log=None, keepalive_timeout=KEEP_ALIVE_S)
            runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=0.2)
            await runner.setup()
            await web.SockSite(runner, sock, backlog=BACKLOG).start()
            self._runners.append(runner)

    async def stop(self) -> None:
        """Close connections and sockets."""
        for runner in self._runners:
            await runner.cleanup()
        for sock in self._sockets:
            sock.close()

    def _auth(self) -> Serve:
        host, control = Host(self.state, "auth", auth_routes(), None), ControlApi(self.control)

        async def serve(request: web.BaseRequest) -> web.StreamResponse:
            return await (control if request.path.startswith(PREFIX) else host).serve(request)

        return serve


def _listen(port: int) -> socket.socket:
    """A loopback socket bound to `port`, 0 for a free one.

    Raises:
        OSError: the port is taken.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((LOOPBACK, port))
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock
