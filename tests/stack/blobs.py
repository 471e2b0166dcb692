"""Signed downloads of the embedded blob store, as Cloud Storage serves them in production."""

from __future__ import annotations

import asyncio

from aiohttp import web

from shared.platform.embedded.blobs import FolderBlobs
from shared.platform.embedded.signed_urls import UrlSigner
from shared.platform.errors import NotFound
from shared.platform.limits import attachment
from tests.stack.problems import problem


class BlobDownloads:
    """Answers GET of an object whose URL is signed and not expired."""

    def __init__(self, blobs: FolderBlobs, signer: UrlSigner) -> None:
        """Serve these objects to the holders of URLs of that signer."""
        self._blobs, self._signer = blobs, signer

    async def serve(self, request: web.Request) -> web.Response:
        """The object, or 403 (signature or time), or 404 (no object)."""
        name = request.match_info["name"]
        if not self._signer.verify(name, request.query):
            return problem(request, 403, "Forbidden", "the URL is not signed by this service, or has expired")
        info = await asyncio.to_thread(self._blobs.stat, name)
        try:
            data = await asyncio.to_thread(self._blobs.get, name)
        except NotFound:
            info = None
        if info is None:
            return problem(request, 404, "Not found", "there is no such object")
        headers = {"Content-Type": info.content_type, "Cache-Control": "private, no-store"}
        if "filename" in request.query:
            headers["Content-Disposition"] = attachment(request.query["filename"])
        return web.Response(body=data, headers=headers)
