"""Topic function: publishes what is due, nothing else."""

from __future__ import annotations

import flask
import functions_framework

from shared.bootstrap import push_app


@functions_framework.http
def publish_due(request: flask.Request) -> flask.Response:
    """The entry point named in the manifest."""
    return push_app("housekeeping")(request)
