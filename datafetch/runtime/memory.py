"""The process's memory: little is held back by the C library, and what stays is not walked in vain."""

import atexit
import ctypes
import gc
import os

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
"""Parameters of mallopt(3), glibc; the numbers are part of its binary interface."""

_LARGE = 64 * 1024


def spare_memory() -> None:
    """Let all threads share one arena, and give large blocks back as soon as they are freed.

    By default glibc opens up to eight arenas a core for threads, each of which keeps its own
    high-water mark, and stops giving large blocks back once one was freed. Threads that wait
    for a network do not crowd one arena. Call it before they start. Other C libraries, and
    whoever set MALLOC_ARENA_MAX, are left alone.
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        # musl and macOS have no such function; Windows has no library of that name.
        return
    mallopt(_M_ARENA_MAX, 1)
    mallopt(_M_MMAP_THRESHOLD, _LARGE)
    mallopt(_M_TRIM_THRESHOLD, _LARGE)


def hold_collector() -> None:
    """Collect nothing while the program starts: what that makes stays for good.

    Nor is all of it walked once more when Python ends; the system takes the memory as a whole.
    """
    gc.disable()
    atexit.register(gc.freeze)


def release_collector() -> None:
    """The program has started: from now on collect, but leave out what is there already."""
    gc.freeze()
    gc.enable()
