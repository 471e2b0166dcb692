"""Route of the `partner_key` function: the application's public key, where Tesla looks for it."""

from __future__ import annotations

from collections.abc import Callable

from shared.edge.problems import Problem, ProblemType
from shared.edge.routes import Call, Reply, Route
from shared.platform.errors import NotFound

PATH = "/.well-known/appspecific/com.tesla.3p.public-key.pem"
KEY_MISSING = ProblemType("public-key-missing", 503, "The public key is not stored yet")
_PEM = b"-----BEGIN PUBLIC KEY-----"

ReadKey = Callable[[], bytes]


def serve(read_key: ReadKey, _call: Call) -> Reply:
    """The EC prime256v1 public key as PEM."""
    try:
        key = read_key()
    except NotFound:
        raise Problem(KEY_MISSING, "store the public key in its secret") from None
    if not key.lstrip().startswith(_PEM):
        raise Problem(KEY_MISSING, "the stored value is not a public key in PEM form")
    headers = {"Content-Type": "application/x-pem-file", "Cache-Control": "public, max-age=300"}
    return Reply(key.strip() + b"\n", headers=headers)


ROUTES: tuple[Route[ReadKey], ...] = (
    Route(
        method="GET",
        path=PATH,
        name="partnerPublicKey",
        summary="The application's public key, as Tesla fetches it",
        handler=serve,
        problems=(KEY_MISSING,),
    ),
)
