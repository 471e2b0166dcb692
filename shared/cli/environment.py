"""The environment of an action: what the variables of the three documented command lines mean to our settings.

`ENV` names the Google Cloud project where `GOOGLE_CLOUD_PROJECT` does not (``bnc-cpt-<env>``; `PROJECT_PREFIX`
changes the beginning). `TESLA_CLIENT_ID` and `TESLA_CLIENT_SECRET` take the place of the secrets, and then nothing of
Google Cloud is asked for. The state of one machine lies in the project, wherever the user stands.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path

from shared.settings import BadSettings, Settings

_ENVIRONMENTS = ("dev", "tst", "prd")
_STATE = Path(__file__).resolve().parents[2] / Settings.state_dir


def prepare(environ: MutableMapping[str, str]) -> None:
    """Fill in what settings need and the caller left out. Raises BadSettings."""
    chosen = environ.get("ENV", "")
    if chosen and chosen not in _ENVIRONMENTS:
        raise BadSettings(f"ENV must be one of {', '.join(_ENVIRONMENTS)}")
    if environ.get("TESLA_CLIENT_ID") and environ.get("TESLA_CLIENT_SECRET"):
        environ["BACKEND"] = "embedded"
        environ["SECRET_BNC_CPT_TESLA_CLIENT_ID"] = environ["TESLA_CLIENT_ID"]
        environ["SECRET_BNC_CPT_TESLA_CLIENT_SECRET"] = environ["TESLA_CLIENT_SECRET"]
        environ["TESLA_CLIENT_ID_SECRET"] = "bnc-cpt-tesla-client-id"
        environ["TESLA_CLIENT_SECRET_SECRET"] = "bnc-cpt-tesla-client-secret"
    if chosen and not environ.get("GOOGLE_CLOUD_PROJECT"):
        environ["GOOGLE_CLOUD_PROJECT"] = f"{environ.get('PROJECT_PREFIX', 'bnc-cpt')}-{chosen}"
    if environ.get("GOOGLE_CLOUD_PROJECT"):
        environ.setdefault("BUCKET", f"{environ['GOOGLE_CLOUD_PROJECT']}-orders")
    elif not environ.get("BACKEND"):
        environ["BACKEND"] = "embedded"
    if not environ.get("STATE_DIR"):
        environ["STATE_DIR"] = str(_STATE)
    environ.setdefault("PUBLIC_URL", f"https://{environ.get('DOMAIN') or 'localhost.invalid'}")
