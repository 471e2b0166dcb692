"""HTTP function: energy sites, enrolment, the fleet, tariffs, signals and dispatches."""

from __future__ import annotations

from pathlib import Path

import flask
import functions_framework

from shared.bootstrap import http_app


@functions_framework.http
def handle_energy(request: flask.Request) -> flask.Response:
    """The entry point named in the manifest."""
    return http_app("energy", Path(__file__).parent)(request)
