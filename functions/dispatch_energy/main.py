"""Topic function: one shard of one dispatch, one step further."""

from __future__ import annotations

import flask
import functions_framework

from shared.bootstrap import push_app


@functions_framework.http
def dispatch_energy(request: flask.Request) -> flask.Response:
    """The entry point named in the manifest."""
    return push_app("dispatch_energy")(request)
