"""Stores logos that were found on demand, as the logo job does: pictures first, then the manifest."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from datafetch.job import JobContext
from datafetch.logos.manifest import LogoManifest
from datafetch.logos.model import ON_DEMAND, Candidate, Logo
from datafetch.logos.negative_cache import NegativeCache
from datafetch.logos.on_demand import FoundLogo
from datafetch.logos.rules.choice import OwnProvider, may_replace
from datafetch.logos.rules.entries import Entry
from datafetch.models.job_settings import LogoSettings
from datafetch.models.json import compact_json
from datafetch.models.run import JobReport
from datafetch.runtime.engine import together
from datafetch.store.base import IMAGE_CACHE


@dataclass(frozen=True, slots=True)
class LogoBatch:
    """What one run stores.

    Attributes:
        found: the logos; see `FoundLogo`.
        without: why a domain has no logo, by domain; each counts as one more attempt.
        most_strangers: how many logos that only visitors asked for the store may hold in all.
    """

    found: tuple[FoundLogo, ...] = ()
    without: Mapping[str, str] = field(default_factory=dict)
    most_strangers: int = 0


class LogoKeeping:
    """Stores one batch.

    Attributes:
        entries: after `run`, the stored entry of each domain of the batch that has one now.
    """

    def __init__(self, batch: LogoBatch) -> None:
        self._batch = batch
        self.entries: dict[str, Entry] = {}

    def run(self, context: JobContext[LogoSettings]) -> JobReport:
        """Write the pictures, the manifest, and which domains have no logo.

        A logo that somebody else has stored since the search is replaced only by a larger one. A
        new logo that only visitors asked for is left out when the store holds `most_strangers`.

        Raises:
            DatafetchError: it could not be stored; stored data is as good as before.
        """
        manifest, negative = LogoManifest(context), NegativeCache(context)
        together(manifest.load, negative.load)
        strangers = manifest.on_demand_count()
        chosen: list[FoundLogo] = []
        for item in self._batch.found:
            entry = manifest.get(item.domain)
            new_stranger = item.stranger and entry is None
            if new_stranger and strangers >= self._batch.most_strangers:
                reason = "LOGO_ON_DEMAND_MAX logos are stored that nobody but visitors asked for"
                context.log.debug("logo_skipped", extra={"domain": item.domain, "reason": reason})
            elif replaces(item, entry):
                chosen.append(_marked(item) if new_stranger else item)
                strangers += new_stranger
        for _ in context.engine.map(lambda item: _put(context, item), chosen):
            pass
        for item in chosen:
            manifest.put(item.domain, item.logo)
            negative.drop(item.domain)
        for domain, reason in self._batch.without.items():
            if not isinstance(manifest.get(domain), Logo):
                negative.add(domain, reason)
        manifest.save()
        negative.save()
        stored = {item.domain: manifest.get(item.domain) for item in self._batch.found}
        self.entries = {domain: entry for domain, entry in stored.items() if entry is not None}
        changed = sum(bool(item.body) for item in chosen)
        return JobReport(
            processed=len(self._batch.found) + len(self._batch.without),
            changed=changed,
            skipped=len(self._batch.found) - len(chosen) + len(self._batch.without),
            change_detected=changed > 0,
        )


def replaces(item: FoundLogo, entry: Entry | None) -> bool:
    """Whether a found logo takes the place of the entry that is stored now."""
    if not item.body and not (isinstance(entry, Logo) and entry.sha256 == item.logo.sha256):
        return False  # The stored logo that it confirms is gone.
    if entry is None or entry == item.before:
        return True
    if not isinstance(entry, Logo):
        return False
    known = item.before.sha256 if isinstance(item.before, Logo) else None
    if entry.sha256 in (known, item.logo.sha256):
        return True
    return item.logo.provider is not None and may_replace(
        _candidate(item.logo), entry, OwnProvider.SILENT
    )


def _candidate(logo: Logo) -> Candidate:
    """The logo as the rules compare it."""
    assert logo.provider is not None
    return Candidate(
        source=logo.provider,
        url="",
        format="svg" if logo.content_type == "image/svg+xml" else "",
        width=logo.width,
        height=logo.height,
        size=logo.size,
        sha256=logo.sha256,
    )


def _marked(item: FoundLogo) -> FoundLogo:
    return replace(item, logo=replace(item.logo, others=compact_json({ON_DEMAND: True})))


def _put(context: JobContext[LogoSettings], item: FoundLogo) -> None:
    if item.body:
        context.store.put(
            item.logo.key,
            item.body,
            content_type=item.logo.content_type,
            cache_control=IMAGE_CACHE,
        )
