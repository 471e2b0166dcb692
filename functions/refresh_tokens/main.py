"""Topic function: one account's refresh."""

from __future__ import annotations

import flask
import functions_framework

from shared.bootstrap import push_app


@functions_framework.http
def refresh_tokens(request: flask.Request) -> flask.Response:
    """The entry point named in the manifest."""
    return push_app("refresh_tokens")(request)
