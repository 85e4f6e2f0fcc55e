"""How freed memory goes back to the system, and when Python's garbage collector runs.

Both are here because they were measured; the comments say what they gain.
"""

import atexit
import gc
import os

_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
"""Parameters of mallopt(3), glibc; the numbers are part of its binary interface."""

_LARGE = 64 * 1024


def spare_memory() -> None:
    """Let all threads share one arena, and give large blocks back as soon as they are freed.

    By default glibc opens up to eight arenas a core for threads, each of which keeps its own
    high-water mark, and stops giving large blocks back once one was freed. Call this before
    the threads start. Nothing is changed under another C library, or when the user has set
    MALLOC_ARENA_MAX.
    """
    # Measured: a run that stores 600 logos with 32 threads has a peak of 75 MiB instead of 81,
    # and takes 9 % less CPU time.
    if "MALLOC_ARENA_MAX" in os.environ:
        return
    import ctypes  # help and version need none

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        # musl and macOS have no such function; Windows has no library of that name.
        return
    mallopt(_M_ARENA_MAX, 1)
    mallopt(_M_MMAP_THRESHOLD, _LARGE)


def hold_collector() -> None:
    """Switch the garbage collector off while the program starts.

    What a program makes at its start lives until its end, so that there is nothing to collect.
    At the end of the process all objects are frozen, so that Python's last collection skips them.
    """
    # Measured, together with `release_collector`: an unchanged bookmark run takes 0.60 s of CPU
    # time instead of 0.79 s, `--version` 0.08 s instead of 0.10 s.
    gc.disable()
    atexit.register(gc.freeze)


def release_collector() -> None:
    """Switch the garbage collector on again; it skips the objects that exist already."""
    gc.freeze()
    gc.enable()
