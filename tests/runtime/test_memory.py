"""What is told to the C library, and to the collector."""

import os
import subprocess
import sys

import pytest

_THREADS = """
import sys, threading
from datafetch.runtime.memory import spare_memory
spare_memory()
gate = threading.Barrier(9)
def work():
    blocks = [bytearray(20_000) for _ in range(50)]
    gate.wait()
    gate.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
gate.wait()
import ctypes, os, tempfile
libc = ctypes.CDLL(None)
with tempfile.NamedTemporaryFile() as file:
    libc.fopen.restype = ctypes.c_void_p
    stream = ctypes.c_void_p(libc.fopen(file.name.encode(), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    print(file.read().count(b"<heap nr="))
gate.wait()
"""


_LARGE_BLOCKS = """
import ctypes
from datafetch.runtime.memory import spare_memory
spare_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in "arena ordblks smblks hblks hblkhd".split()]
    _fields_ += [("rest", ctypes.c_int * 5)]
libc.mallinfo.restype = Info
def mapped(size):
    before = libc.mallinfo().hblks
    blocks = [libc.malloc(size) for _ in range(100)]
    during = libc.mallinfo().hblks
    for block in blocks:
        libc.free(block)
    return during - before > 50
print(mapped(65_536), mapped(1_000_000), mapped(65_536), mapped(65_500))
"""

_with_glibc = pytest.mark.skipif(
    not hasattr(os, "confstr") or "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""),
    reason="other C libraries have no arenas, and give back as they like",
)


@_with_glibc
def test_blocks_of_64_kib_go_back_when_they_are_freed() -> None:
    """Without a limit of our own, glibc keeps blocks as large as the largest that was ever freed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", _LARGE_BLOCKS], env=kept, capture_output=True, check=True
    )
    assert done.stdout.split() == [b"True", b"True", b"True", b"False"]


@_with_glibc
@pytest.mark.parametrize(("variables", "one"), [({}, True), ({"MALLOC_ARENA_MAX": "4"}, False)])
def test_threads_share_one_arena_unless_the_user_says_otherwise(
    variables: dict[str, str], *, one: bool
) -> None:
    """Ten thousand logos took a quarter more memory than a hundred: each thread's arena kept its own peak."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", _THREADS], env=kept | variables, capture_output=True, check=True
    )
    assert (int(done.stdout) == 1) == one


_COLLECTED = """
import gc, weakref
from datafetch.runtime.memory import hold_collector, release_collector
class Node: pass
def cycle():
    node = Node(); node.self = node
    return weakref.ref(node)
hold_collector()
early = [cycle() for _ in range(5000)]
assert not gc.isenabled()
release_collector()
late = cycle()
filler = [[] for _ in range(5000)]
gc.collect()
print(all(ref() for ref in early), late(), gc.isenabled())
"""


def test_what_the_start_left_is_not_walked_again() -> None:
    """Each walk over what the libraries made at the start cost a run time, and found nothing."""
    done = subprocess.run([sys.executable, "-c", _COLLECTED], capture_output=True, check=True)
    assert done.stdout.decode().split() == ["True", "None", "True"]
