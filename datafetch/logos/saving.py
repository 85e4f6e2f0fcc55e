"""Saves the results of a logo run: a whole run saves its manifest, a share lays its results into it.

A share does so while it has the dataset's lease.
"""

from typing import Protocol

from datafetch.errors import LeaseHeld, ObjectNotFound
from datafetch.job import JobContext
from datafetch.logos.manifest import SAVE_EVERY, SAVE_PAUSE_S, LogoManifest
from datafetch.logos.negative_cache import NegativeCache
from datafetch.logos.rules.entries import Entry
from datafetch.logos.rules.settle import bare, settled
from datafetch.models.job_settings import LogoSettings
from datafetch.models.own_result import OwnResult
from datafetch.models.run import JobName
from datafetch.runtime.checkpoints import Checkpoints


class Saving(Protocol):
    """Saves the results of one run."""

    def now_and_then(self) -> bool:
        """Save the results so far, if it is time for that; return whether they were saved.

        Raises:
            BaseMoved, LeaseLost, StoreError: as `Publisher.publish`.
        """
        ...

    def save(self, wait_s: float) -> str | None:
        """Save all results, and make objects that are missing; return why that has to wait, or None.

        A share waits at most `wait_s` seconds for the dataset's lease, and returns why it did not
        get it.

        Raises:
            BaseMoved, LeaseLost, StoreError: as `Publisher.publish`.
            Cancelled: the run was asked to stop while it waited.
        """
        ...


class WholeSaving:
    """Saves the results of a whole run, which has the lease of the dataset."""

    def __init__(self, manifest: LogoManifest, negative: NegativeCache) -> None:
        self._manifest = manifest
        self._negative = negative

    def now_and_then(self) -> bool:
        """See `Saving.now_and_then`."""
        return self._manifest.save_now_and_then()

    def save(self, wait_s: float) -> str | None:  # noqa: ARG002 - it has the lease already
        """See `Saving.save`; it never has to wait."""
        self._manifest.save()
        self._negative.save()
        return None


class ShareSaving:
    """Lays the results of a share into the stored objects, under the lease of the dataset.

    `manifest` and `negative` are the share's own copies, which it has read and changed. They are
    not stored: only what changed in them is laid into the stored ones.
    """

    def __init__(
        self,
        context: JobContext[LogoSettings],
        manifest: LogoManifest,
        negative: NegativeCache,
    ) -> None:
        self._context = context
        self._manifest = manifest
        self._negative = negative
        self._checkpoints = Checkpoints(context.clock, SAVE_PAUSE_S)

    def now_and_then(self) -> bool:
        """See `Saving.now_and_then`; nothing is saved while another run has the lease."""
        enough = max(SAVE_EVERY, self._manifest.fifth)
        if self._manifest.unsaved < enough or not self._checkpoints.due():
            return False
        with self._checkpoints.timed():
            return self.save(0.0) is None

    def save(self, wait_s: float) -> str | None:
        """See `Saving.save`; the lease is not taken when there is nothing to save."""
        if not (self._manifest.is_to_be_saved or self._negative.is_to_be_saved):
            self._manifest.make_blog_manifest()
            return None
        try:
            with self._context.wait_for_lease(JobName.LOGOS, wait_s) as fence:
                self._bring(self._context.under(fence))
        except LeaseHeld as held:
            self._context.log.warning("merge_put_off", extra={"reason": str(held)})
            return str(held)
        self._negative.note_saved()
        return None

    def _bring(self, context: JobContext[LogoSettings]) -> None:
        manifest, negative = LogoManifest(context), NegativeCache(context)
        manifest.load()
        negative.load()
        for domain, own in self._manifest.own_results():
            bring(context, manifest, domain, own)
        manifest.claim(self._manifest.claimed)
        self._negative.bring_into(negative)
        manifest.save()
        self._manifest.note_saved(manifest)
        negative.save()


def bring(
    context: JobContext[LogoSettings], manifest: LogoManifest, domain: str, own: OwnResult[Entry]
) -> None:
    """Lay a share's result for one domain, `own`, into the manifest as it is stored now.

    When another run has stored another logo meanwhile, the later of the two logos stays, unless its
    picture was removed. The picture of the logo that does not stay is removed.

    Raises:
        StoreError: the store did not answer.
    """
    stored, key = manifest.get(domain), own.after.key
    logo = settled(own, stored)
    moved = stored is not None and bare(stored) != bare(own.before) and stored.key != key
    if logo is not None and (not moved or _is_there(context, logo.key)):
        manifest.put(domain, logo)
    elif moved and key is not None and (own.before is None or own.before.key != key):
        manifest.drop_picture(key)


def _is_there(context: JobContext[LogoSettings], key: str) -> bool:
    try:
        context.store.head(key)
    except ObjectNotFound:
        return False
    return True


def saving_of(
    context: JobContext[LogoSettings], manifest: LogoManifest, negative: NegativeCache
) -> Saving:
    """What saves the results of this context's run: as a whole run, or as a share."""
    if context.options.shard is None:
        return WholeSaving(manifest, negative)
    return ShareSaving(context, manifest, negative)
