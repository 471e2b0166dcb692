"""HTTP function: the application's public key under /.well-known, and nothing else."""

from __future__ import annotations

import flask
import functions_framework

from shared.bootstrap import http_app


@functions_framework.http
def serve_partner_key(request: flask.Request) -> flask.Response:
    """The entry point named in the manifest."""
    return http_app("partner_key")(request)
