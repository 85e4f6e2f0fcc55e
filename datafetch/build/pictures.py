"""Brings the pictures that a manifest names from the store into a build's folder."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from datafetch.build.rules.pictures import Picture
from datafetch.build.write import Staging
from datafetch.errors import Inconsistent, ObjectNotFound
from datafetch.runtime.engine import Engine
from datafetch.store.base import ObjectStore


@dataclass(frozen=True, slots=True)
class PictureStager:
    """Makes pictures ready; those that the folder already has cost no request."""

    store: ObjectStore
    engine: Engine
    log: logging.LoggerAdapter[logging.Logger]

    def stage(self, pictures: Sequence[Picture], staging: Staging, hint: str) -> int:
        """Make all pictures ready; says how many are others than the manifest describes.

        Such a picture was stored after its manifest, by a job that is at work or was stopped.

        Raises:
            Inconsistent: a picture is missing or empty; the message names its entry.
            DatafetchError: the folder or the store failed.
        """

        def bring(picture: Picture) -> bool:
            there = staging.fingerprint(picture.key)
            if there is not None and picture.is_known(*there):
                return False
            body = self._get(picture, hint)
            staging.add(picture.key, body)
            return not self._is_described(picture, body)

        return sum(self.engine.map(bring, pictures))

    def _get(self, picture: Picture, hint: str) -> bytes:
        try:
            body = self.store.get(picture.key).body
        except ObjectNotFound as error:
            raise Inconsistent(
                f"the manifest names {picture.key} for {picture.entry}, which is not in the store",
                hint=hint,
            ) from error
        if not body:
            raise Inconsistent(f"{picture.key}, for {picture.entry}, is empty", hint=hint)
        return body

    def _is_described(self, picture: Picture, body: bytes) -> bool:
        sha256 = hashlib.sha256(body).hexdigest()
        if not picture.digest or picture.is_known(len(body), sha256):
            return True
        self.log.warning(
            "picture_not_as_described", extra={"key": picture.key, "entry": picture.entry}
        )
        return False
