"""Makes the context of a job's work from the parts, for every kind of run."""

import logging

from datafetch.factory import Parts
from datafetch.job import JobContext, S, WaitForLease
from datafetch.models.places import Environment
from datafetch.models.run import RunOptions
from datafetch.ops.dead_letters import DeadLetters
from datafetch.runtime.progress import Progress
from datafetch.settings import Settings
from datafetch.store.base import ObjectStore


def make_context(
    parts: Parts,
    settings: Settings,
    group: S,
    *,
    run_id: str,
    options: RunOptions,
    store: ObjectStore,
    letters: DeadLetters,
    log: logging.LoggerAdapter[logging.Logger],
    wait_for_lease: WaitForLease,
) -> JobContext[S]:
    """The context of one run's work; `group` is the group of the job's own settings.

    Progress, remarks and counts of output go nowhere until the caller sets where they go.
    """
    return JobContext(
        run_id=run_id,
        options=options,
        settings=group,
        store=store,
        keys=parts.keys,
        urls=parts.urls,
        http=parts.http,
        clock=parts.clock,
        cancel=parts.cancel,
        engine=parts.engine,
        dead_letters=letters,
        log=log,
        progress=Progress(),
        production=settings.env is Environment.PRODUCTION,
        max_failure_ratio=settings.max_failure_ratio,
        wait_for_lease=wait_for_lease,
    )
