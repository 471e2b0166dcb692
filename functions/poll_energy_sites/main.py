"""Topic function: one shard of the fleet, polled once."""

from __future__ import annotations

import flask
import functions_framework

from shared.bootstrap import push_app


@functions_framework.http
def poll_energy_sites(request: flask.Request) -> flask.Response:
    """The entry point named in the manifest."""
    return push_app("poll_energy_sites")(request)
