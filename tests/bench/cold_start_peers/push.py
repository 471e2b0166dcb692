"""A function that takes a ping: fetches the issuer's keys, checks the token, reads the envelope."""

from __future__ import annotations

import os

import flask
import functions_framework
import jwt
import msgspec
import requests

_TIMEOUT_S = 5


@functions_framework.http
def peer(request: flask.Request) -> flask.Response:
    """204 for a ping of the pusher's account, 401 for one of another."""
    token = request.headers["Authorization"].removeprefix("Bearer ")
    entries = requests.get(os.environ["OIDC_JWKS_URL"], timeout=_TIMEOUT_S).json()["keys"]
    key = {entry["kid"]: jwt.PyJWK(entry) for entry in entries}[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=os.environ["OIDC_AUDIENCE"])
    ping = msgspec.json.decode(request.get_data())["message"]["attributes"]["ping"] == "true"
    return flask.Response(status=204 if ping and claims["email"] == os.environ["PUSHER"] else 401)
