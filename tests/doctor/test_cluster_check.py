"""What the doctor says of a cluster: who is there, in which version, and who else may come in."""

import pytest

from datafetch import __version__
from datafetch.doctor.cluster_check import ClusterCheck
from datafetch.doctor.findings import Status
from datafetch.errors import ClusterFailed, ConfigurationError
from datafetch.models.cluster_place import read_cluster_place
from tests.runtime.cluster_processes import dask


def found(text: str, *, insecure: bool = False) -> list[tuple[Status, str]]:
    """What is found of the cluster that the setting names."""
    check = ClusterCheck(read_cluster_place(text, insecure))
    return [(finding.status, finding.detail) for finding in check.look()]


def test_a_scheduler_is_asked_for_its_workers():
    """None is a warning; those without datafetch are named; else their number is told."""
    with dask() as own:
        assert found(own.address) == [(Status.WARN, f"{own.address} answers, and has no workers")]
        own.worker()
        ((status, said),) = found(own.address)
        assert status is Status.OK
        assert f"{own.address}: 1 worker," in said
        own.worker("without")
        ((status, said),) = found(own.address)
        assert status is Status.FAIL
        assert "cannot run datafetch: tcp://127.0.0.1:" in said
        assert __version__ not in said


def test_a_scheduler_that_anybody_reaches_is_warned_of():
    """Without TLS whoever sends it a task runs code on the workers."""
    with dask(anywhere=True) as own:
        ((_, no_workers), (status, said)) = found(own.address)
    assert "no workers" in no_workers
    assert status is Status.WARN
    assert "listens at all addresses without TLS" in said


def test_a_scheduler_without_datafetch_is_named():
    """Such as one of Dask's own image, whose workers are as they should be."""
    with dask(1, without=True) as own:
        ((status, said),) = found(own.address)
    assert status is Status.FAIL
    assert f"the scheduler of {own.address} cannot run datafetch: No module named" in said


def test_a_scheduler_that_is_not_there_is_named():
    """As for a run."""
    with pytest.raises(ClusterFailed, match=r"tcp://127\.0\.0\.1:9 cannot be reached"):
        found("tcp://127.0.0.1:9")


def test_files_of_tls_that_are_missing_are_named():
    """By the names that Dask has for them."""
    with pytest.raises(ConfigurationError, match="DASK_DISTRIBUTED__COMM__TLS__CA_FILE"):
        found("tls://127.0.0.1:9")


@pytest.mark.parametrize(("count", "status"), [(1, Status.OK), (250, Status.WARN)])
def test_processes_of_this_machine_are_compared_with_its_processors(count, status):
    """Nothing is started for that."""
    ((found_status, said),) = found(f"local[{count}]")
    assert found_status is status
    assert said.startswith(f"{count} worker processes for each run")
