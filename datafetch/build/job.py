"""Prefetch for builds: checks what the store holds and writes the files that a site is built from.

It reads the store only. No upstream is asked, and nothing is written but one folder: files under
names without environment, or, as a mirror, objects under their keys.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

from datafetch.bookmarks.rules.list import PAGE_SIZE
from datafetch.build.mirror import MirrorStaging
from datafetch.build.read import Dataset, SettledReader
from datafetch.build.request import PrefetchRequest
from datafetch.build.rules.checks import (
    check_age,
    check_mapping,
    check_page,
    read_index,
    read_items,
)
from datafetch.build.rules.github_checks import check_summary, check_weekly, read_activity
from datafetch.build.rules.mirror_pages import MirrorPage, in_order
from datafetch.build.rules.pictures import ManifestPicture, read_logos, read_opengraph
from datafetch.build.rules.preview import differing_note, plan_note, unstored_note
from datafetch.build.rules.readers import check_readable
from datafetch.build.write import PictureStager, Staging, sweep_output
from datafetch.clock import Clock, to_ms
from datafetch.errors import ObjectNotFound, UsageError
from datafetch.models.run import JobReport
from datafetch.runtime.engine import Engine
from datafetch.store.base import ObjectStore, StoredObject
from datafetch.store.keys import IMAGES_PREFIX, Keys
from datafetch.store.public_urls import PublicUrls


class _Checked(NamedTuple):
    """The checked objects of a dataset.

    Attributes:
        objects: content by key, in the order in which they are written.
        last_fetched_at: epoch ms; None when it is not known.
        pages: written before the objects, into a mirror only.
    """

    objects: Mapping[str, bytes]
    last_fetched_at: int | None
    pages: Sequence[MirrorPage] = ()


@dataclass(frozen=True)
class Prefetch:
    """Writes a build's files; each public method writes one part, after all of it was checked."""

    store: ObjectStore
    keys: Keys
    clock: Clock
    log: logging.LoggerAdapter[logging.Logger]
    request: PrefetchRequest
    engine: Engine
    urls: PublicUrls
    max_output_mb: int

    @cached_property
    def _reader(self) -> SettledReader:
        return SettledReader(self.store, self.keys, self.clock, self.log)

    # -------------------------------------------------------------- bookmarks

    def bookmarks(self) -> JobReport:
        """Write the list, its slug mapping and its index; into a mirror also its pages.

        Raises:
            ObjectNotFound, CorruptObject, Inconsistent: an object is missing or broken, or
                they do not agree, or are being published right now.
            Stale: the list was fetched longer ago than was asked for.
            OutputRefused: the files that differ would be more than a run may write.
            DatafetchError: the folder or the store failed. The files are as they were,
                unless the folder failed while they were moved to their places.
        """
        dataset = Dataset(
            "bookmarks",
            "the bookmark list",
            self.keys.bookmarks_index(),
            command="datafetch bookmarks",
            repair="datafetch bookmarks --force",
        )
        names = {
            self.keys.bookmarks(): "bookmarks/bookmarks.json",
            self.keys.slug_mapping(): "bookmarks/slug-mapping.json",
            self.keys.bookmarks_index(): "bookmarks/index.json",
        }
        return self._write(dataset, self._check_bookmarks, names)

    def _check_bookmarks(self, dataset: Dataset, found: StoredObject) -> _Checked:
        keys = self.keys
        index = read_index(found.info.key, found.body)
        # Readers demand a number: one that nobody knows is written as 0.
        fetched_at = index.last_fetched_at or None
        age_s = None if fetched_at is None else self.clock.now() - fetched_at / 1000
        check_age(dataset.title, age_s, self.request.max_age_s, dataset.command)
        bodies = self._get_all(dataset, (keys.bookmarks(), keys.slug_mapping()))
        items = read_items(keys.bookmarks(), bodies[keys.bookmarks()], index)
        check_readable(keys.bookmarks(), items)
        check_mapping(keys.slug_mapping(), bodies[keys.slug_mapping()], index, items)

        def check(number: int) -> MirrorPage:
            key = keys.bookmark_page(number)
            body = self._reader.get(dataset, key).body
            wanted = items[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
            check_page(key, body, wanted)
            return MirrorPage(key, body, wanted)

        checked = self.engine.map(check, range(1, index.total_pages + 1))
        pages = [page for page in checked if self.request.mirror]
        return _Checked({**bodies, found.info.key: found.body}, fetched_at, pages)

    # ----------------------------------------------------------------- github

    def github(self) -> JobReport:
        """Write the activity, both summaries and the weekly aggregate.

        Raises:
            ObjectNotFound, CorruptObject, Inconsistent, Stale, DatafetchError: as `bookmarks`.
        """
        dataset = Dataset(
            "github",
            "the GitHub activity",
            self.keys.github_activity(),
            command="datafetch github",
            repair="datafetch github",
        )
        folder, keys = "github-activity", self.keys
        names = {
            keys.github_summary(): f"{folder}/github_stats_summary.json",
            keys.github_summary_all_time(): f"{folder}/github_stats_summary_all_time.json",
            keys.github_weekly(): f"{folder}/aggregated_weekly_activity.json",
            keys.github_activity(): f"{folder}/activity_data.json",
        }
        return self._write(dataset, self._check_github, names)

    def _check_github(self, dataset: Dataset, found: StoredObject) -> _Checked:
        keys = self.keys
        totals = read_activity(found.info.key, found.body)
        modified = found.info.last_modified
        age_s = found.age_s
        if age_s is None and modified is not None:
            # Our clock serves where the store's does not tell the age.
            age_s = self.clock.now() - modified.timestamp()
        check_age(dataset.title, age_s, self.request.max_age_s, dataset.command)
        trailing, all_time, weekly = (
            keys.github_summary(),
            keys.github_summary_all_time(),
            keys.github_weekly(),
        )
        bodies = self._get_all(dataset, (trailing, all_time, weekly))
        check_summary(trailing, bodies[trailing], totals.trailing)
        lines = check_summary(all_time, bodies[all_time], totals.all_time)
        check_weekly(weekly, bodies[weekly], lines)
        fetched_at = None if modified is None else to_ms(modified.timestamp())
        return _Checked({**bodies, found.info.key: found.body}, fetched_at)

    # --------------------------------------------------------------- pictures

    def logos(self) -> JobReport:
        """Write the logo manifest and its pictures, each under its key; only with `full`.

        Raises:
            ObjectNotFound, CorruptObject, Inconsistent: the manifest or a picture is missing
                or broken.
            UsageError: `full` was not asked for.
            DatafetchError: as `bookmarks`.
        """
        dataset = Dataset(
            "logos",
            "the logo manifest",
            self.keys.logo_manifest(),
            command="datafetch logos",
            repair="datafetch logos --force",
            in_one=True,
        )
        return self._write_pictures(dataset, partial(read_logos, folder=IMAGES_PREFIX))

    def opengraph(self) -> JobReport:
        """Write the OpenGraph manifest and its pictures, each under its key; only with `full`.

        Raises:
            ObjectNotFound, CorruptObject, Inconsistent, UsageError, DatafetchError: as `logos`;
                also when a URL of the manifest is not below the public base URL.
        """
        dataset = Dataset(
            "opengraph",
            "the OpenGraph manifest",
            self.keys.opengraph_manifest(),
            command="datafetch refresh-opengraph",
            repair="datafetch refresh-opengraph --force",
            in_one=True,
        )
        read = partial(read_opengraph, key_of=self.urls.key_of, folder=IMAGES_PREFIX)
        return self._write_pictures(dataset, read)

    def _write_pictures(
        self, dataset: Dataset, read: Callable[[str, bytes], list[ManifestPicture]]
    ) -> JobReport:
        if not self.request.full:
            raise UsageError("manifests and pictures are written with --full only")
        name = dataset.commit if self.request.mirror else f"image-data/{dataset.name}/manifest.json"
        return self._excusing(
            dataset,
            (name, "the pictures that it names"),
            lambda: self._bring_pictures(dataset, read, name),
        )

    def _bring_pictures(
        self, dataset: Dataset, read: Callable[[str, bytes], list[ManifestPicture]], name: str
    ) -> JobReport:
        stager = PictureStager(self.store, self.engine, self.log)
        with self._staging(dataset) as staging:

            def bring(found: StoredObject) -> tuple[int, int]:
                staging.clear()
                counts = stager.stage(read(found.info.key, found.body), staging)
                staging.add(name, found.body)
                return counts

            count, differing = self._reader.read(dataset, bring)
            changed = self._commit(staging)
            notes = self._plan_notes(staging, count + 1)
        if differing:
            notes = (*notes, differing_note(differing, dataset.title, dataset.command))
        return self._report(count + 1, changed, notes=notes)

    # ------------------------------------------------------------------ steps

    def _get_all(self, dataset: Dataset, keys: Sequence[str]) -> dict[str, bytes]:
        def get(key: str) -> tuple[str, bytes]:
            return key, self._reader.get(dataset, key).body

        return dict(self.engine.map(get, keys))

    def _staging(self, dataset: Dataset) -> Staging:
        request = self.request
        if not request.mirror:
            return Staging(
                request.folder, max_output_mb=self.max_output_mb, dry_run=request.dry_run
            )
        record = f"{dataset.name}{self.keys.suffix}"
        return MirrorStaging(
            request.folder,
            record,
            self.log,
            max_output_mb=self.max_output_mb,
            dry_run=request.dry_run,
        )

    def _commit(self, staging: Staging) -> int:
        """Move the files to their places, and remove what killed builds have left beside them."""
        changed = staging.commit()
        if not self.request.dry_run:
            sweep_output(self.request.folder)
        return changed

    def _write(
        self,
        dataset: Dataset,
        check: Callable[[Dataset, StoredObject], _Checked],
        names: Mapping[str, str],
    ) -> JobReport:
        """Write the checked objects: under their keys into a mirror, else as `names` says by key."""
        return self._excusing(
            dataset, tuple(names.values()), lambda: self._write_checked(dataset, check, names)
        )

    def _write_checked(
        self,
        dataset: Dataset,
        check: Callable[[Dataset, StoredObject], _Checked],
        names: Mapping[str, str],
    ) -> JobReport:
        checked = self._reader.read(dataset, lambda commit: check(dataset, commit))
        with self._staging(dataset) as staging:
            if isinstance(staging, MirrorStaging):
                for write in in_order(checked.pages, staging.content):
                    staging.add(write.key, write.body, interim=write.interim)
            for key, body in checked.objects.items():
                staging.add(key if self.request.mirror else names[key], body)
            changed = self._commit(staging)
            count = len(checked.pages) + len(checked.objects)
            notes = self._plan_notes(staging, count)
        return self._report(count, changed, last_fetched_at=checked.last_fetched_at, notes=notes)

    def _excusing(
        self, dataset: Dataset, files: Sequence[str], write: Callable[[], JobReport]
    ) -> JobReport:
        """Call `write` and return its report; excuse a missing dataset in a dry run after the jobs.

        The jobs of that dry run stored nothing, so the report says which files would be written.
        When the jobs before were no dry run, the error points to the result of the dataset's job,
        instead of advising to run that job again.

        Raises:
            DatafetchError: as `write`.
        """
        request = self.request
        try:
            return write()
        except ObjectNotFound as missing:
            if missing.key != dataset.commit or not request.after_jobs:
                raise
            if not request.dry_run:
                raise _never_stored(dataset, self.store.name) from missing
        note = unstored_note(dataset.commit, files, str(request.folder), self.store.name)
        return JobReport(notes=(f"{note}: `{dataset.command}` stores it",))

    def _plan_notes(self, staging: Staging, files: int) -> tuple[str, ...]:
        """What a dry run would have done to the folder."""
        request = self.request
        if not request.dry_run:
            return ()
        folder = str(request.folder)
        return (plan_note(staging.plan(), files, folder, after_jobs=request.after_jobs),)

    def _report(
        self,
        files: int,
        changed: int,
        *,
        last_fetched_at: int | None = None,
        notes: tuple[str, ...] = (),
    ) -> JobReport:
        event = "prefetch_planned" if self.request.dry_run else "prefetch_written"
        self.log.info(event, extra={"files": files, "changed": changed})
        return JobReport(
            processed=files,
            changed=changed,
            change_detected=changed > 0,
            last_fetched_at=last_fetched_at,
            notes=notes,
        )


def _never_stored(dataset: Dataset, store: str) -> ObjectNotFound:
    """The error of a dataset that is not there although its job ran just before."""
    return ObjectNotFound(
        f"{dataset.commit} is not in {store}: `{dataset.command}` ran just now and did not store it",
        key=dataset.commit,
        hint="Its own result says why; do what that says, and run this again.",
    )
