"""What a run is to do: what was asked of it, and what the settings add to that."""

from dataclasses import replace

from datafetch.errors import UsageError
from datafetch.models.places import Environment
from datafetch.models.run import SHARED_JOBS, JobName, RunOptions
from datafetch.settings import Settings


def options_of_run(asked: RunOptions, settings: Settings, *, limit_is_called: str) -> RunOptions:
    """The options of a run: those asked for, `DRY_RUN`, `S3_TEST_LIMIT`, and the settings' share.

    `limit_is_called` is how the user has written the option that limits the items.

    Raises:
        UsageError: a limit was asked for in production, or items were named for a scheduled run or
            for a share.
    """
    if asked.limit is not None and settings.env is Environment.PRODUCTION:
        raise UsageError(
            f"{limit_is_called} is refused in production: it would cut the dataset",
            hint="Leave it out, or set DATAFETCH_ENV=development.",
        )
    if asked.scheduled and (asked.only or asked.restore is not None):
        raise UsageError(
            "a scheduled run is for all items, not for those that are named, nor for a backup",
            hint="Name none, or leave --scheduled out: a run by hand takes no slot.",
        )
    if asked.shard is not None and asked.only:
        raise UsageError(
            "a share is for all of its items, not for those that are named",
            hint="Name none, or leave --shard out.",
        )
    return replace(
        asked,
        dry_run=asked.dry_run or settings.dry_run,
        limit=settings.test_limit if asked.limit is None else asked.limit,
        shard=asked.shard or settings.share,
    )


def options_of_job(options: RunOptions, job: JobName) -> RunOptions:
    """The options of one job's run: it works on a share only where the job can be shared.

    A run for items that were named is for all of them, whatever share the settings say.
    """
    is_share = job in SHARED_JOBS and not options.only and options.restore is None
    return options if is_share else replace(options, shard=None)
