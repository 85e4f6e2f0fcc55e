"""Checks that the cluster of `DATAFETCH_CLUSTER` can do work, and that strangers cannot use it."""

import os
from collections.abc import Iterator

from datafetch import __version__
from datafetch.doctor.findings import Finding, Group, fail, ok, warn
from datafetch.doctor.versions import version_of
from datafetch.errors import ConfigurationError
from datafetch.job_groups import dask_problems
from datafetch.models.cluster_place import ClusterPlace
from datafetch.models.text import one_line
from datafetch.redaction import redact

_NAME = "cluster"
_SOME = 3
"""Workers that a finding names, at most; of more only the number is told."""

_EVERYWHERE = ("0.0.0.0", "[::]", "://:")  # noqa: S104 - looked for, not listened at


class ClusterCheck:
    """Asks the scheduler; for `local[N]` it only checks that the libraries are installed."""

    name = _NAME
    group = Group.MACHINE
    limit_s = 20.0

    def __init__(self, place: ClusterPlace) -> None:
        self._place = place

    def look(self) -> Iterator[Finding]:
        """A finding for the cluster, and one for each thing that is wrong with it.

        Raises:
            ClusterFailed: the scheduler cannot be reached.
            ConfigurationError: the extra is not installed, or a TLS file cannot be used.
        """
        place = self._place
        if problems := [*dask_problems()]:
            raise ConfigurationError(problems)
        version = version_of("distributed")
        if place.local is not None:
            yield _of_local(place.local, version)
            return
        from datafetch.runtime.engine_look import look_at

        found = look_at(place)
        others = {
            address: theirs for address, theirs in found.versions.items() if theirs != __version__
        }
        if found.scheduler_unable:
            yield fail(
                _NAME,
                f"the scheduler of {place.text} cannot run datafetch: {found.scheduler_unable}",
                f"Install datafetch {__version__} where it runs, and start it anew.",
            )
        if found.unable:
            yield fail(
                _NAME,
                f"{place.text}: workers cannot run datafetch: {_some(found.unable)}",
                f"Install datafetch {__version__} where they run.",
            )
        if others:
            yield fail(
                _NAME,
                f"{place.text}: workers have another version than {__version__}: {_some(others)}",
                "Install the same version everywhere, and start the workers anew.",
            )
        if not (found.versions or found.unable):
            yield warn(
                _NAME,
                f"{place.text} answers, and has no workers",
                "Start some with `datafetch worker`; a run waits a minute for them.",
            )
        elif not (others or found.unable or found.scheduler_unable):
            count = len(found.versions)
            workers = "1 worker" if count == 1 else f"{count} workers"
            yield ok(_NAME, f"{place.text}: {workers}, distributed {version} here")
        yield from _of_doors(place, found.listens)


def _of_local(count: int, version: str) -> Finding:
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    processors = processors or os.cpu_count() or 1
    said = f"{count} worker processes for each run, distributed {version}"
    if count > processors:
        return warn(
            _NAME,
            f"{said}; this machine has {processors} processors",
            f"local[{processors}] is as fast, and takes less memory.",
        )
    return ok(_NAME, said)


def _of_doors(place: ClusterPlace, listens: tuple[str, ...]) -> Iterator[Finding]:
    everywhere = [at for at in listens if any(form in at for form in _EVERYWHERE)]
    if everywhere and not place.tls:
        yield warn(
            _NAME,
            f"the scheduler listens at all addresses without TLS ({everywhere[0]}): whoever "
            "reaches it can run code on the workers, with the settings' secrets",
            "Have it use TLS, or listen at 127.0.0.1; `datafetch guide scale` shows how.",
        )
    elif place.insecure:
        yield warn(
            _NAME,
            f"{place.text}: settings and secrets travel unencrypted",
            "Use tls://; `datafetch guide scale` shows how.",
        )


def _some(told: dict[str, str]) -> str:
    named = [f"{address} ({said})" for address, said in sorted(told.items())[:_SOME]]
    more = len(told) - len(named)
    return one_line(redact(", ".join(named)), 400) + (f" and {more} more" if more else "")
