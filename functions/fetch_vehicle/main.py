"""Topic function: one vehicle's modules into a snapshot."""

from __future__ import annotations

import flask
import functions_framework

from shared.bootstrap import push_app


@functions_framework.http
def fetch_vehicle(request: flask.Request) -> flask.Response:
    """The entry point named in the manifest."""
    return push_app("fetch_vehicle")(request)
