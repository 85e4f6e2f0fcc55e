"""Which variables the system before datafetch read that mean nothing here, and what to do instead.

The names are those that its updater and its scheduler read in any version of 2025 and 2026. Names
that only its web site reads (`SENTRY_DSN`, `NEXT_PUBLIC_…`) are not among them, nor those that
other programs use as well (`DEBUG`, `VERBOSE`).
"""

from collections.abc import Iterable, Mapping

_DRY_RUN = "this does not keep datafetch from writing, but --dry-run and DRY_RUN=true do"
_MEMORY = "memory is bounded without a budget"
_PREVIEWS = "previews are a job of their own, datafetch refresh-opengraph with --missing or --limit"
_CRON = "runs are started by cron"
_BUILD = "datafetch prefetch-build reads the store alone"
_OPTIONS = "only commands with --dry-run, and prefetch-build, do not write"
_VERBOSE = "datafetch COMMAND --verbose says more"
_NO_SUCH_JOB = "datafetch has no such job, keep the old one for it"
_PICTURES = "pictures are checked and stored in every environment, by datafetch logos"


def _table(rows: Mapping[str, Iterable[str]]) -> dict[str, str]:
    return {name: instead for instead, names in rows.items() for name in names}


INSTEAD = _table(
    {
        _DRY_RUN: ("S3_READ_ONLY", "S3_TEST_MODE"),
        _OPTIONS: ("S3_FORCE_WRITE", "IS_DATA_UPDATER"),
        _MEMORY: (
            *("TOTAL_PROCESS_MEMORY_BUDGET_BYTES", "IMAGE_RAM_BUDGET_BYTES"),
            *("SERVER_CACHE_BUDGET_BYTES", "MEMORY_WARNING_THRESHOLD"),
            *("MEMORY_CRITICAL_THRESHOLD", "MEMORY_PRESSURE_WARNING", "MEMORY_PRESSURE_CRITICAL"),
            *("IMAGE_STREAM_THRESHOLD_BYTES", "ABSOLUTE_BINARY_WRITE_MAX_BYTES"),
            *("MAX_IMAGE_SIZE_BYTES", "IMAGE_RSS_THRESHOLD", "IMAGE_HEAP_THRESHOLD"),
        ),
        _PREVIEWS: (
            *("SELECTIVE_OG_REFRESH", "BOOKMARK_METADATA_ONLY_REFRESH"),
            "BOOKMARK_METADATA_REFRESH_LIMIT",
        ),
        _CRON: ("BOOKMARKS_PRELOAD_DELAY_MS", "BOOKMARKS_PRELOAD_INTERVAL_MS"),
        _BUILD: ("BOOKMARKS_SKIP_EXTERNAL_FETCH", "SKIP_EXTERNAL_LOGO_FETCH"),
        _PICTURES: ("DEV_DISABLE_IMAGE_PROCESSING", "DEV_STREAM_IMAGES_TO_S3"),
        _VERBOSE: (
            *("DEBUG_BOOKMARKS", "DEBUG_BOOKMARKS_SERVICE", "DEBUG_LOGOS", "DEBUG_S3"),
            "DEBUG_SLUG_MANAGER",
        ),
        _NO_SUCH_JOB: (
            *("S3_BOOKS_CRON", "S3_BOOKMARK_TAGS_CRON", "S3_BOOKMARK_TAGS_RETROFIT_CRON"),
        ),
        "a CSV that cannot be read is kept aside and made anew by every datafetch github": (
            "AUTO_REPAIR_CSV_FILES",
        ),
        "the text of a page is what the bookmark server has read": ("EXTRACT_BOOKMARK_CONTENT",),
        "datafetch logos --force": ("FORCE_LOGOS",),
        "datafetch prefetch-build --mirror FOLDER makes such a copy": ("LOCAL_S3_CACHE_DIR",),
    }
)
"""What to do in place of each variable, by its name."""
