"""The only place that makes the keys of objects, and says which of them the public may read."""

import hashlib
from dataclasses import dataclass

from datafetch.models.places import Environment
from datafetch.models.shard import Shard
from datafetch.store.paths import is_key
from datafetch.urls import well_formed

SUFFIXES = tuple(environment.suffix for environment in Environment)
"""The suffixes of all environments. Keys of pictures have none: all environments share them."""

IMAGES_PREFIX = "images/"
BOOKMARKS_PREFIX = "json/bookmarks/"
_GITHUB_PREFIX = "json/github-activity/"
_MANIFESTS_PREFIX = "json/image-data/"
_OPENGRAPH_PREFIX = "json/opengraph/"
STATE_PREFIX = "json/datafetch/"
LOCKS_PREFIX = f"{STATE_PREFIX}locks/"

_PUBLIC_PREFIXES = (IMAGES_PREFIX, BOOKMARKS_PREFIX, _MANIFESTS_PREFIX, _OPENGRAPH_PREFIX)
_CORRUPT = ".corrupt-"
_LONGEST_BESIDE = 900
"""Bytes of a key to which something can be added; S3 takes 1,024, a prefix of the store included."""

_LOGO_SOURCES = {"duckduckgo": "ddg"}
"""What keys call a source whose name is another one everywhere else."""


def is_public(key: str) -> bool:
    """Whether the site's visitors read this object, so that `S3_OBJECT_ACL` applies to it."""
    if _CORRUPT in key:
        return False
    if key.startswith(_GITHUB_PREFIX):
        return key.endswith(".json")
    return key.startswith(_PUBLIC_PREFIXES)


@dataclass(frozen=True, slots=True)
class Keys:
    """Makes the keys of objects for one environment.

    Attributes:
        suffix: empty in production, `-dev` in development, `-test` in test.
    """

    suffix: str = ""

    # -------------------------------------------------------------- bookmarks

    def bookmarks(self) -> str:
        """The whole list."""
        return f"{BOOKMARKS_PREFIX}bookmarks{self.suffix}.json"

    def bookmarks_index(self) -> str:
        """The index: the commit point of the bookmarks."""
        return f"{BOOKMARKS_PREFIX}index{self.suffix}.json"

    def bookmark_pages_prefix(self) -> str:
        """What the key of every page starts with."""
        return f"{BOOKMARKS_PREFIX}pages{self.suffix}/"

    def bookmark_page(self, number: int) -> str:
        """Page `number`, from 1."""
        return f"{self.bookmark_pages_prefix()}page-{number}.json"

    def tags_prefix(self) -> str:
        """What the key of every tag's object starts with."""
        return f"{BOOKMARKS_PREFIX}tags{self.suffix}/"

    def tag_index(self, slug: str) -> str:
        """The index of one tag."""
        return f"{self.tags_prefix()}{slug}/index.json"

    def tag_page(self, slug: str, number: int) -> str:
        """Page `number` of one tag, from 1."""
        return f"{self.tags_prefix()}{slug}/page-{number}.json"

    def bookmarks_by_id_prefix(self) -> str:
        """What the key of every single bookmark starts with."""
        return f"{BOOKMARKS_PREFIX}by-id{self.suffix}/"

    def bookmark_by_id(self, bookmark_id: str) -> str:
        """One bookmark; the id was checked to be a safe path segment."""
        return f"{self.bookmarks_by_id_prefix()}{bookmark_id}.json"

    def slug_mapping(self) -> str:
        """The slug mapping: slugs by bookmark id, and ids by slug."""
        return f"{BOOKMARKS_PREFIX}slug-mapping{self.suffix}.json"

    def slug_shards_prefix(self) -> str:
        """What the key of every slug shard starts with; older systems wrote them, we only delete."""
        return f"{BOOKMARKS_PREFIX}slug-shards{self.suffix}/"

    def bookmarks_old_lock(self) -> str:
        """The lock of the system before datafetch; only read, never obeyed or written."""
        return f"{BOOKMARKS_PREFIX}refresh-lock{self.suffix}.json"

    def bookmarks_heartbeat(self) -> str:
        """When the last bookmark run ended, and how."""
        return f"{BOOKMARKS_PREFIX}heartbeat{self.suffix}.json"

    # ----------------------------------------------------------------- github

    def github_activity(self) -> str:
        """The activity: the commit point of the GitHub dataset."""
        return f"{_GITHUB_PREFIX}activity_data{self.suffix}.json"

    def github_summary(self) -> str:
        """Summary of the trailing year."""
        return f"{_GITHUB_PREFIX}github_stats_summary{self.suffix}.json"

    def github_summary_all_time(self) -> str:
        """Summary of all years."""
        return f"{_GITHUB_PREFIX}github_stats_summary_all_time{self.suffix}.json"

    def github_weekly(self) -> str:
        """Lines by week over all repositories."""
        return f"{_GITHUB_PREFIX}aggregated_weekly_activity{self.suffix}.json"

    def github_csv_prefix(self) -> str:
        """What the key of every repository's CSV starts with."""
        return f"{_GITHUB_PREFIX}repo_raw_weekly_stats{self.suffix}/"

    def github_csv(self, name: str) -> str:
        """The CSV of one repository, by its file name without extension (`owner_repo`)."""
        return f"{self.github_csv_prefix()}{name}.csv"

    # ------------------------------------------------------------------ logos

    def logo_images_prefix(self) -> str:
        """What the key of every logo's picture starts with."""
        return f"{IMAGES_PREFIX}logos/"

    def logo(self, domain: str, source: str, extension: str) -> str:
        """The key of a logo's picture: `images/logos/{name}_{source}_{hash}.{extension}`.

        `name` is the domain with each dot replaced by `_`, `source` is the provider that the
        picture came from (`google`, `ddg` for `duckduckgo`, `direct`), and `hash` is the first 8
        hex digits of the domain's SHA-256. The key is the same in every environment.
        """
        name, source = domain.replace(".", "_"), _LOGO_SOURCES.get(source, source)
        return f"{self.logo_images_prefix()}{name}_{source}_{_sha256(domain)[:8]}.{extension}"

    def logo_manifest(self) -> str:
        """The manifest, with an entry for each logo: the commit point of the logos."""
        return f"{_MANIFESTS_PREFIX}logos/manifest{self.suffix}.json"

    def logo_failed_domains(self) -> str:
        """Domains that have no logo: the negative cache."""
        return f"json/rate-limit/logo-failed-domains{self.suffix}.json"

    # -------------------------------------------------------------- opengraph

    def opengraph_metadata(self, url_hash: str) -> str:
        """Metadata of one page, by the SHA-256 of its URL."""
        return f"{_OPENGRAPH_PREFIX}metadata/{url_hash}.json"

    def opengraph_override(self, url_hash: str) -> str:
        """What people wrote by hand for one page; read, never written."""
        return f"{_OPENGRAPH_PREFIX}overrides/{url_hash}.json"

    def opengraph_images_prefix(self) -> str:
        """What the key of every page's picture starts with."""
        return f"{IMAGES_PREFIX}opengraph/"

    def opengraph_image(self, host: str, url: str, bookmark_id: str, extension: str) -> str:
        """The key of a page's picture: `images/opengraph/{name}-{hash}.{extension}`.

        `name` is the host without `www.`, with each dot replaced by `-`, and `hash` is the first 8
        hex digits of the SHA-256 of `{url}:{bookmark_id}`. The key is the same in every
        environment.

        Args:
            host: the host of `url`, as browsers write it.
            url: the bookmark's, as it is stored.
            bookmark_id: the bookmark's.
            extension: the picture's, without a dot.
        """
        name = host.removeprefix("www.").replace(".", "-")
        return f"{self._opengraph_stem(name, f'{url}:{bookmark_id}')}.{extension}"

    def opengraph_image_stems(
        self, host: str, url: str, address: str, bookmark_id: str
    ) -> tuple[str, ...]:
        """The keys that the picture of a bookmark may have, without extension; today's is first.

        Earlier releases hashed the page's address in place of the bookmark's URL, and kept `www.`
        in the name. The site that wrote these pictures before hashed the id alone for a while.

        Args:
            host: as in `opengraph_image`.
            url: as in `opengraph_image`.
            address: the page's: `url` as browsers write it, without its fragment.
            bookmark_id: as in `opengraph_image`.
        """
        name, long_name = host.removeprefix("www.").replace(".", "-"), host.replace(".", "-")
        written, read = f"{url}:{bookmark_id}", f"{address}:{bookmark_id}"
        stems = (
            self._opengraph_stem(name, written),
            self._opengraph_stem(long_name, read),
            self._opengraph_stem(name, read),
            self._opengraph_stem(f"{name}-bookmark", bookmark_id),
        )
        return tuple(dict.fromkeys(stems))

    def _opengraph_stem(self, name: str, hashed: str) -> str:
        return f"{self.opengraph_images_prefix()}{name}-{_sha256(hashed)[:8]}"

    def opengraph_manifest(self) -> str:
        """CDN URLs of all pages' pictures: the commit point of the OpenGraph dataset."""
        return f"{_MANIFESTS_PREFIX}opengraph/manifest{self.suffix}.json"

    # ------------------------------------------------------------------- blog

    def blog_manifest(self) -> str:
        """The manifest of the blog's pictures. Others write it; we add an empty one if missing."""
        return f"{_MANIFESTS_PREFIX}blog/manifest{self.suffix}.json"

    # -------------------------------------------------------------- own state

    def job_state(self, job: str) -> str:
        """The state of one job: how its last run began and ended."""
        return f"{STATE_PREFIX}jobs/{job}{self.suffix}.json"

    @staticmethod
    def shards_prefix() -> str:
        """What the key of every share's record starts with, of all jobs and environments."""
        return f"{STATE_PREFIX}shards/"

    def shard(self, job: str, shard: Shard) -> str:
        """The state of one share of a job: how its last run began and ended."""
        return f"{self.shards_prefix()}{job}{self.suffix}/{shard.name}.json"

    def history(self, job: str) -> str:
        """The newest runs of one job."""
        return f"{STATE_PREFIX}history/{job}{self.suffix}.json"

    def dataset(self, name: str) -> str:
        """The state of a dataset: what its job remembers between runs."""
        return f"{STATE_PREFIX}datasets/{name}{self.suffix}.json"

    def share_of_dataset(self, name: str, shard: Shard) -> str:
        """A share's results that are not in the dataset yet; removed when they are."""
        return self.dataset(f"{name}-{shard.name}")

    @staticmethod
    def publish_journals_prefix() -> str:
        """What the key of every journal starts with, in all environments."""
        return f"{STATE_PREFIX}publish/"

    def publish_journal(self, name: str) -> str:
        """The journal of a publish under way of a dataset."""
        return f"{self.publish_journals_prefix()}{name}{self.suffix}.json"

    def dead_letters(self, job: str) -> str:
        """The items that failed in one job and wait for another attempt."""
        return f"{STATE_PREFIX}dead-letters/{job}{self.suffix}.json"

    def lock(self, job: str) -> str:
        """The lease of one job."""
        return f"{LOCKS_PREFIX}{job}{self.suffix}.json"

    @staticmethod
    def probe(name: str) -> str:
        """An object by which the store's server is asked whether it keeps conditions."""
        return f"{STATE_PREFIX}probe/{name}.json"

    def breakers(self) -> str:
        """The breakers of all hosts."""
        return f"{STATE_PREFIX}breakers{self.suffix}.json"

    def pauses(self) -> str:
        """Which jobs are on pause, until when and why."""
        return f"{STATE_PREFIX}paused{self.suffix}.json"

    def bookmarks_backup_prefix(self) -> str:
        """What the key of every backup of the bookmarks starts with."""
        return f"{STATE_PREFIX}backup/bookmarks{self.suffix}/"

    def bookmarks_backup(self, time: str) -> str:
        """A backup: the master as it was until it was replaced at `time`."""
        return f"{self.bookmarks_backup_prefix()}{time}.json"

    def shared_backup(self) -> str:
        """Which backup of the bookmarks the shares of a job have made together."""
        return f"{self.shards_prefix()}bookmarks{self.suffix}/backup.json"

    @staticmethod
    def corrupt(key: str, time: str) -> str:
        """The copy of an object that cannot be read; never public.

        It stands beside the object, under its key and a suffix. When such a key would be too long,
        or one that we cannot write (`is_key`; other tools name objects, too), the copy is named by
        the first 16 hex digits of the SHA-256 of the object's key, in the folder `aside/`.
        """
        if len(well_formed(key).encode()) > _LONGEST_BESIDE or not is_key(f"{key}{_CORRUPT}"):
            key = f"{STATE_PREFIX}aside/{_sha256(key)[:16]}"
        return f"{key}{_CORRUPT}{time}"


def _sha256(text: str) -> str:
    return hashlib.sha256(well_formed(text).encode()).hexdigest()


_COMMITS = frozenset(
    key
    for keys in map(Keys, SUFFIXES)
    for key in (
        keys.bookmarks_index(),
        keys.bookmarks(),
        keys.github_activity(),
        keys.logo_manifest(),
        keys.opengraph_manifest(),
    )
)


def is_commit(key: str) -> bool:
    """Whether `key` names a commit object or the bookmarks' master."""
    return key in _COMMITS
