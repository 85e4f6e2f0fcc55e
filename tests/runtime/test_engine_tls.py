"""TLS between coordinator, scheduler and worker: who has no certificate of theirs stays outside."""

from contextlib import contextmanager

import pytest
import trustme

from datafetch.clock import CancelToken, SystemClock
from datafetch.errors import ClusterFailed, ConfigurationError
from datafetch.models.cluster_place import read_cluster_place
from datafetch.runtime.engine_cluster import ClusterEngine
from datafetch.runtime.engine_faults import why
from datafetch.runtime.engine_tls import security_of
from tests.runtime.cluster_processes import dask
from tests.runtime.cluster_work import calls, link, work

_TLS = "DASK_DISTRIBUTED__COMM__TLS__"


def files(folder) -> dict[str, str]:
    """A CA of its own, and one certificate for all three, by Dask's names in the environment."""
    folder.mkdir()
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    ca.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "own.pem")
    own = {f"{_TLS}{role}__CERT": str(folder / "own.pem") for role in ("CLIENT", "WORKER")}
    own[f"{_TLS}SCHEDULER__CERT"] = str(folder / "own.pem")
    return {f"{_TLS}CA_FILE": str(folder / "ca.pem"), **own}


@contextmanager
def configured(variables: dict[str, str]):
    """Dask's configuration, as it is when these variables are set."""
    import dask.config
    import distributed  # noqa: F401 - sets its own defaults first

    names = {
        name.removeprefix("DASK_").lower().replace("__", ".").replace("_", "-"): value
        for name, value in variables.items()
    }
    with dask.config.set(names):
        yield


def results(address, folder):
    """Four numbers, worked on at the cluster."""
    place = read_cluster_place(address, insecure=False)
    cluster = ClusterEngine(4, CancelToken(), SystemClock(), place, calls(folder))
    try:
        return sorted(cluster.spread(work(), link("r"), lambda _item: (0, 0), range(4)))
    finally:
        cluster.end_run()


def test_only_who_has_a_certificate_is_served(tmp_path):
    """Its holder gets results; one with the certificate of somebody else is refused."""
    ours, others = files(tmp_path / "ours"), files(tmp_path / "others")
    with dask(1, "tls", ours) as own:
        assert own.address.startswith("tls://")
        with configured(ours):
            assert results(own.address, tmp_path) == [(0, 0), (1, 2), (2, 4), (3, 6)]
        with configured(others), pytest.raises(ClusterFailed, match="certificate"):
            results(own.address, tmp_path)


def test_each_file_that_is_not_named_is(tmp_path):
    """By the name that the environment has for it."""
    with configured({}), pytest.raises(ConfigurationError) as failure:
        results("tls://127.0.0.1:9", tmp_path)
    assert [problem.partition(" ")[0] for problem in failure.value.problems] == [
        f"{_TLS}CA_FILE",
        f"{_TLS}CLIENT__CERT",
    ]


@pytest.mark.parametrize("role", ["client", "worker"])
@pytest.mark.parametrize(
    ("content", "said"), [(None, "cannot be read: No such file"), ("nonsense", "do not fit")]
)
def test_a_file_that_is_none_is_named(tmp_path, role, content, said):
    """A path that is wrong, or a file with something else in it."""
    ours = files(tmp_path / "ours")
    name = f"{_TLS}{role.upper()}__CERT"
    wrong = tmp_path / "wrong.pem"
    if content is not None:
        wrong.write_text(content)
    with (
        configured({**ours, name: str(wrong)}),
        pytest.raises(ConfigurationError, match=f"{name}.*{said}"),
    ):
        security_of("tls://127.0.0.1:8786", role)


def test_a_certificate_that_the_other_side_refuses_is_called_so():
    """Dask tells it as text, with the connection's addresses before it."""
    said = (
        "in <TLS (closed) local=tls://127.0.0.1:9 remote=tls://127.0.0.1:8>: SSLError: [SSL: {}] x"
    )
    refused = OSError(said.format("TLSV1_ALERT_UNKNOWN_CA"))
    assert why(refused) == "it does not accept the certificate that it was shown (UNKNOWN_CA)"
    other = OSError(said.format("TLSV1_ALERT_INTERNAL_ERROR"))
    assert why(other) == "SSLError: [SSL: TLSV1_ALERT_INTERNAL_ERROR] x"


def test_plain_addresses_need_no_files():
    """On one machine there may be none."""
    with configured({}):
        assert security_of("tcp://127.0.0.1:8786", "client") is not None


def test_a_plain_address_is_refused_where_dask_is_told_to_use_tls_only():
    """As the lines of the guide tell it; Dask itself would refuse each connection."""
    with (
        configured({"DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "true"}),
        pytest.raises(ConfigurationError, match=r"should be tls://HOST:PORT"),
    ):
        security_of("tcp://127.0.0.1:8786", "client")
