"""Topic function: account-level data of an order, then one message per vehicle."""

from __future__ import annotations

import flask
import functions_framework

from shared.bootstrap import push_app


@functions_framework.http
def fetch_order(request: flask.Request) -> flask.Response:
    """The entry point named in the manifest."""
    return push_app("fetch_order")(request)
