"""Writes a build's objects as a copy of the store: each under its key, and none that is stale.

What was written is recorded in the folder, by dataset, with the hash of each file; while files are
replaced, with the hashes of old and new. So a later build removes what the store no longer has, and
leaves alone what somebody else put there or changed. A folder store reads past the records, since
their names are reserved.
"""

import hashlib
import logging
import os
from contextlib import suppress
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from datafetch.build.rules.preview import FolderPlan
from datafetch.build.write import Staging, translated
from datafetch.errors import StoreError
from datafetch.regular_files import open_regular
from datafetch.store.base import LARGEST_OBJECT, encode_json
from datafetch.store.paths import RESERVED, check_key, old_path_of, path_of

_RECORD = TypeAdapter(dict[str, str])
_RECORD_NAME = f"{RESERVED}mirror-"


class MirrorStaging(Staging):
    """Temporary files of one dataset in a mirror, named by their keys; see `Staging`."""

    def __init__(
        self,
        folder: Path,
        dataset: str,
        log: logging.LoggerAdapter[logging.Logger],
        *,
        max_output_mb: int,
        dry_run: bool = False,
    ) -> None:
        """`dataset` is its name with the environment's suffix: each has a record of its own."""
        super().__init__(folder, max_output_mb=max_output_mb, dry_run=dry_run)
        self._record = folder / f"{_RECORD_NAME}{dataset}.json"
        self._log = log
        self._removed: list[str] = []

    def path_of(self, name: str) -> Path:
        """The place where a folder store keeps the object of that key."""
        return path_of(self._folder, name)

    def content(self, key: str) -> bytes | None:
        """What the mirror has under the key; None when it has nothing.

        Raises:
            DatafetchError: it cannot be read, or is no file.
        """
        path = self.path_of(key)
        with translated(path):
            try:
                with open_regular(path) as file:
                    return file.read(LARGEST_OBJECT)
            except FileNotFoundError:
                return None

    def commit(self) -> int:
        """Move the files to their places, then remove stale ones; return how many of both.

        The record first names the old files and the new ones, each with the hashes of all contents
        that it may have meanwhile, and the new ones alone at the end: whenever the build is killed,
        the next one knows what it may remove.

        Raises:
            DatafetchError: the folder cannot be written to.
        """
        recorded, wanted = self._read(self._record) or {}, dict(self._wanted)
        stale = self._stale(recorded, wanted)
        if self._dry_run:
            self._removed = stale
            return super().commit() + len(stale)
        self._write(_either(recorded, self._interim, wanted))
        count = super().commit()
        for path in [self.path_of(key) for key in stale] + self._under_old_names(recorded):
            self._remove(path)
        self._write(wanted)
        return count + len(stale)

    def plan(self) -> FolderPlan:
        """See `Staging.plan`; what `commit` would have removed is known after it was called."""
        return super().plan()._replace(removed=self._removed)

    def _stale(self, recorded: dict[str, str], wanted: dict[str, str]) -> list[str]:
        """The keys of files that an earlier build wrote, nobody changed, and no dataset has."""
        gone = recorded.keys() - wanted.keys()
        # All environments share pictures, so what another one's record names stays.
        for other in self._folder.glob(f"{_RECORD_NAME}*.json") if gone else ():
            named = self._read(other)
            if named is None:
                return []
            if other != self._record:
                gone -= named.keys()
        return [key for key in sorted(gone) if self._is_ours(self.path_of(key), recorded[key])]

    def _under_old_names(self, recorded: dict[str, str]) -> list[Path]:
        """Files of an earlier version, which gave some keys names that Windows does not take."""
        old = {key: old_path_of(self._folder, key) for key in recorded}
        return [path for key, path in old.items() if path and self._is_ours(path, recorded[key])]

    def _is_ours(self, path: Path, hashes: str) -> bool:
        """Whether a file is there as an earlier build wrote it.

        `hashes` are those that the record has of it, with spaces between.
        """
        with translated(path):
            if not path.is_file():
                return False
            with open_regular(path) as file:
                return hashlib.file_digest(file, "sha256").hexdigest() in hashes.split()

    def _remove(self, path: Path) -> None:
        """Remove a file, and the folders that are empty without it."""
        with translated(path):
            path.unlink(missing_ok=True)
        for folder in path.parents:
            if folder == self._folder:
                return
            with suppress(OSError):
                folder.rmdir()
                continue
            return

    def _read(self, path: Path) -> dict[str, str] | None:
        """A record; empty when there is none, None when it is not one.

        Raises:
            DatafetchError: it cannot be read, or is no file.
        """
        with translated(path):
            try:
                with open_regular(path) as file:
                    too_large = os.fstat(file.fileno()).st_size > LARGEST_OBJECT
                    text = b"" if too_large else file.read()
            except FileNotFoundError:
                return {}
        try:
            record = _RECORD.validate_json(text)
            for key in record:
                check_key(key)
        except (ValidationError, StoreError):
            self._log.warning("mirror_record_unreadable", extra={"file": str(path)})
            return None
        return record

    def _write(self, record: dict[str, str]) -> None:
        """Write the record, unless it is there already."""
        with Staging(self._folder) as staging:
            staging.add(self._record.name, encode_json(dict(sorted(record.items()))))
            staging.commit()


def _either(*records: dict[str, str]) -> dict[str, str]:
    """The record of files of which each is as one of the records says; hashes have spaces between."""
    hashes: dict[str, dict[str, None]] = {}
    for record in records:
        for key, recorded in record.items():
            hashes.setdefault(key, {}).update(dict.fromkeys(recorded.split()))
    return {key: " ".join(found) for key, found in hashes.items()}
