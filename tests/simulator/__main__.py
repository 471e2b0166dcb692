"""`python -m tests.simulator`: serve until SIGTERM or SIGINT; one JSON line on stdout says where."""

from __future__ import annotations

import asyncio
import signal
import sys

import msgspec

from .answers import Json
from .command_line import parse
from .config import SimulatorConfig
from .server import Server
from .state import State


def greeting(state: State) -> Json:
    """Addresses, the application's credentials and the accounts."""
    urls, config = state.urls, state.config
    return {
        "auth": urls.auth,
        "eu": urls.eu,
        "na": urls.na,
        "cn": urls.cn,
        "control": f"{urls.auth}/_sim",
        "client_id": config.client_id,
        "client_secret": config.client_secret,
        "accounts": [{"email": a.email, "region": a.region, "sub": a.sub} for a in state.world.accounts],
    }


async def serve(config: SimulatorConfig) -> None:
    """Run one simulator until a signal asks it to stop."""
    server, stop = Server(config), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await server.start()
    sys.stdout.write(msgspec.json.encode(greeting(server.state)).decode() + "\n")
    sys.stdout.flush()
    await stop.wait()
    await server.stop()


if __name__ == "__main__":
    asyncio.run(serve(parse()))
