"""Topic function: one PDF from one snapshot."""

from __future__ import annotations

from pathlib import Path

import flask
import functions_framework

from shared.bootstrap import push_app


@functions_framework.http
def build_report(request: flask.Request) -> flask.Response:
    """The entry point named in the manifest."""
    return push_app("build_report", Path(__file__).parent)(request)
