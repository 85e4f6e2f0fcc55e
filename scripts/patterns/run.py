"""Names each pattern of the package that its form makes slow on some text; part of `scripts/check`.

    python -m scripts.patterns.run

Exit code 1: there is one. `tests/test_patterns.py` tries more texts.
"""

import sys
from pathlib import Path

from scripts.patterns.attacks import suspected
from scripts.patterns.collect import collect_module
from scripts.patterns.growth import slow_on

_PACKAGE = Path(__file__).resolve().parents[2] / "datafetch"
_SHOWN = 60


def main(package: Path = _PACKAGE) -> int:
    """Look through the package; return the exit code."""
    slow_ones = 0
    for path in sorted(package.rglob("*.py")):
        for found in collect_module(path, package):
            for use in sorted(found.uses):
                slow = slow_on(found.pattern, found.flags, use, suspected)
                if slow is not None:
                    slow_ones += 1
                    text = f"{slow[:_SHOWN]!r}… ({len(slow)} characters)"
                    print(f"{found.place}: {use} of {found.pattern!r} is slow on {text}")
    return min(slow_ones, 1)


if __name__ == "__main__":
    sys.exit(main())
