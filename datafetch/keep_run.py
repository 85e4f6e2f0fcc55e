"""A run that stores logos that were found on demand, under the lease of the logo job.

It is no run of the job: it leaves no state, no history and no slot, and nobody is told of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from datafetch.errors import DatafetchError, LeaseHeld, Unexpected
from datafetch.factory import Parts
from datafetch.job import JobContext, Remarks
from datafetch.job_groups import logo_group
from datafetch.logos.keeping import LogoBatch, LogoKeeping
from datafetch.logos.on_demand import FoundLogo
from datafetch.logos.rules.entries import Entry
from datafetch.models.job_settings import LogoSettings
from datafetch.models.run import JobName, JobReport, Operation, RunOptions, RunResult
from datafetch.operation_run import OperationRun
from datafetch.ops.dead_letters import DeadLetters
from datafetch.ops.lease import HeldLease
from datafetch.ops.lease_keeper import BRIEF, LeaseKeeper
from datafetch.run_context import make_context
from datafetch.runtime.supervise import STOP_S
from datafetch.settings import Settings
from datafetch.store.fenced import FencedStore
from datafetch.store.output_limit import LimitedStore, OutputLimit

_LIMIT_S = 300.0
"""Seconds for which the lease is renewed at most: a batch is a few pictures and the manifest."""


@dataclass(frozen=True, slots=True)
class KeptLogos:
    """How the run ended; `entries` has the entry of each domain of the batch that has one now."""

    result: RunResult
    entries: Mapping[str, Entry] = field(default_factory=dict)


class KeepRun(OperationRun):
    """Stores logos that were found on demand; while another run has the lease it does nothing."""

    def __init__(
        self,
        settings: Settings,
        parts: Parts,
        found: Sequence[FoundLogo],
        without: Mapping[str, str],
    ) -> None:
        super().__init__(
            settings,
            parts,
            Operation.LOGOS,
            known_as=JobName.LOGOS.value,
            dry_run=False,
            id_end=BRIEF,
        )
        batch = LogoBatch(tuple(found), without, settings.logo_on_demand_max)
        self._keeping = LogoKeeping(batch)
        self._output = OutputLimit(settings.max_output_mb)
        self._remarks = Remarks()
        self._lease: HeldLease | None = None
        self._keeper = LeaseKeeper(
            parts.leases,
            parts.clock,
            parts.cancel,
            self.run_id,
            self.log,
            limit_s=_LIMIT_S + STOP_S,
        )

    def run(self) -> KeptLogos:
        """See `DataFetchManager.keep_logos`."""
        result = self.supervised(self._run)
        self.finish(result)
        return KeptLogos(result, self._keeping.entries if result.success else {})

    def _run(self) -> RunResult:
        try:
            lease = self._lease = self._keeper.take(JobName.LOGOS)
        except LeaseHeld as held:
            self.log.debug("logos_locked", extra={"error": str(held)})
            return self.result(JobReport(failure=held))
        except DatafetchError as error:
            return self.result(JobReport(failure=error))
        except Exception as error:
            self.log.exception("unexpected_error")
            return self.result(JobReport(failure=Unexpected.of(error)))
        try:
            report = self.carry_out(lambda: self._keeping.run(self._context(lease)))
            lease.retire()
            result = self.result(report.noting(*self._remarks.notes()))
        finally:
            left = self._keeper.give_back(lease)
        return replace(result, notes=(*result.notes, left)) if left else result

    def finish(self, result: RunResult) -> None:
        """Write to the log what was stored; when nothing could be stored, the caller logs why."""
        if result.success:
            about = {"changed": result.items_changed, "skipped": result.items_skipped}
            self.log.info("logos_kept", extra=about)

    def _left(self) -> RunResult:
        """See `OperationRun._left`; the lease ends by itself."""
        result = super()._left()
        if self._lease is None:
            return result
        return replace(result, notes=(*result.notes, self._keeper.leave(self._lease)))

    def _context(self, lease: HeldLease) -> JobContext[LogoSettings]:
        parts = self._parts
        store = LimitedStore(FencedStore(parts.store, lease), self._output)
        context = make_context(
            parts,
            self._settings,
            logo_group(self._settings),
            run_id=self.run_id,
            options=RunOptions(),
            store=store,
            letters=DeadLetters.unread(store, parts.keys, JobName.LOGOS, parts.clock),
            log=self.log,
            wait_for_lease=self._keeper.wait_for,
        )
        return replace(context, so_far=self._so_far, remarks=self._remarks, output=self._output)
