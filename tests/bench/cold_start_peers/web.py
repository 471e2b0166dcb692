"""A function that answers its health check. Loads what the variable LIBRARIES names, separated by commas."""

from __future__ import annotations

import importlib
import os

import flask
import functions_framework

for library in os.environ["LIBRARIES"].split(","):
    importlib.import_module(library)


@functions_framework.http
def peer(_request: flask.Request) -> flask.Response:
    """The whole answer."""
    return flask.Response(b'{"status":"ok"}', mimetype="application/json")
