"""Topic function: the fleet's 5-minute tick."""

from __future__ import annotations

import flask
import functions_framework

from shared.bootstrap import push_app


@functions_framework.http
def start_energy_tick(request: flask.Request) -> flask.Response:
    """The entry point named in the manifest."""
    return push_app("start_energy_tick")(request)
