"""HTTP function: orders, from creation to erasure."""

from __future__ import annotations

import flask
import functions_framework

from shared.bootstrap import http_app


@functions_framework.http
def handle_orders(request: flask.Request) -> flask.Response:
    """The entry point named in the manifest."""
    return http_app("orders")(request)
