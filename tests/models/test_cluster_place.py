"""What `DATAFETCH_CLUSTER` may say, and what is said of anything else."""

import pytest

from datafetch.models.cluster_place import ClusterPlace, read_cluster_place

GOOD = {
    "local[1]": ClusterPlace("local[1]", local=1),
    "local[004]": ClusterPlace("local[4]", local=4),
    "local[256]": ClusterPlace("local[256]", local=256),
    "tls://sched:9000": ClusterPlace("tls://sched:9000", address="tls://sched:9000"),
    "tls://Sched.Example.": ClusterPlace(
        "tls://sched.example:8786", address="tls://sched.example:8786"
    ),
    "tls://[FD00::7]:9": ClusterPlace("tls://[fd00::7]:9", address="tls://[fd00::7]:9"),
    "tcp://localhost": ClusterPlace("tcp://localhost:8786", address="tcp://localhost:8786"),
    "tcp://a.localhost:1": ClusterPlace("tcp://a.localhost:1", address="tcp://a.localhost:1"),
    "tcp://127.9.9.9:65535": ClusterPlace("tcp://127.9.9.9:65535", address="tcp://127.9.9.9:65535"),
    "tcp://[::1]:8786": ClusterPlace("tcp://[::1]:8786", address="tcp://[::1]:8786"),
}

BAD = {
    "": "should be tls://HOST:PORT or local[N]",
    "dask": "should be tls://HOST:PORT or local[N]",
    "sched:8786": "should be tls://HOST:PORT or local[N]",
    "http://sched:8787": "should be tls://HOST:PORT or local[N]",
    "inproc://sched": "should be tls://HOST:PORT or local[N]",
    "TLS://sched:8786": "should be tls://HOST:PORT or local[N]",
    "tls://": "names no host",
    "tls://sched:0": "a port from 1 to 65535",
    "tls://sched:65536": "a port from 1 to 65535",
    "tls://sched:port": "a port from 1 to 65535",
    "tls://sched:8786/": "a port from 1 to 65535",
    "tls://sched/hush": "names no host",
    "tls://a,b:1": "names no host",
    "tls://me:hush@sched:1": "takes no user and password",
    "tls://sc hed:1": "names no host",
    "local": "should be local[N]",
    "local[]": "should be local[N]",
    "local[-1]": "should be local[N]",
    "local[two]": "should be local[N]",
    "local[2]x": "should be local[N]",
    "local[٢]": "should be local[N]",
    "local[0]": "1 to 256 worker processes",
    "local[257]": "1 to 256 worker processes",
    "local[1000]": "1 to 256 worker processes",
}

BEYOND = (
    "tcp://sched:8786",
    "tcp://10.0.0.4",
    "tcp://0.0.0.0:8786",
    "tcp://[fd00::7]:8786",
    "tcp://[::]:8786",
    "tcp://[::ffff:127.0.0.1]:8786",
    "tcp://localhost.example:8786",
    "tcp://127.0.0.1.example",
)
"""Plain addresses that are not, or may not be, this machine."""


@pytest.mark.parametrize(("text", "place"), GOOD.items())
@pytest.mark.parametrize("insecure", [False, True])
def test_a_cluster_is_read(text: str, place: ClusterPlace, insecure: bool) -> None:
    """Port 8786 is Dask's own; what needs no permission is read alike with it."""
    assert read_cluster_place(text, insecure) == place


@pytest.mark.parametrize(("text", "said"), BAD.items())
@pytest.mark.parametrize("insecure", [False, True])
def test_what_names_no_cluster_is_told_without_repeating_it(
    text: str, said: str, insecure: bool
) -> None:
    """The sentence says what to write, and shows nothing of a password."""
    with pytest.raises(ValueError, match=r".") as caught:
        read_cluster_place(text, insecure)
    assert said in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("text", BEYOND)
def test_plain_tcp_to_another_machine_needs_permission(text: str) -> None:
    """Without it it is refused with the reason and the setting; with it it is marked as insecure."""
    with pytest.raises(ValueError, match=r"travel unencrypted.*DATAFETCH_CLUSTER_INSECURE=true"):
        read_cluster_place(text, insecure=False)
    place = read_cluster_place(text, insecure=True)
    assert place.insecure
    assert not place.tls


def test_only_tls_counts_as_tls() -> None:
    """Loopback is neither insecure nor encrypted, and workers that are started here have no address."""
    assert read_cluster_place("tls://sched", insecure=True).tls
    for text in ("tcp://127.0.0.1", "local[2]"):
        place = read_cluster_place(text, insecure=True)
        assert not place.tls
        assert not place.insecure
