"""HTTP function: the owner's consent at Tesla."""

from __future__ import annotations

import flask
import functions_framework

from shared.bootstrap import http_app


@functions_framework.http
def handle_oauth(request: flask.Request) -> flask.Response:
    """The entry point named in the manifest."""
    return http_app("oauth")(request)
