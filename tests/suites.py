"""Public test data that some workshops keep beside a checkout; whoever needs it skips elsewhere."""

import json
import subprocess
from pathlib import Path
from typing import Any

_BESIDE = Path(__file__).parents[2]
SUITES = _BESIDE / "shared" / "suites"
_HTML5LIB = _BESIDE / ".mirror" / "html5lib+html5lib-tests" / "repo"
"""A bare clone of github.com/html5lib/html5lib-tests."""

NO_SUITES = "the public test suites are not here"
NO_HTML5LIB = "a clone of html5lib-tests is not here"

has_suites = SUITES.exists()
has_html5lib = _HTML5LIB.exists()


def html5lib_tests(name: str) -> list[dict[str, Any]]:
    """The cases of one of html5lib's files on how a tokenizer reads markup."""
    shown = subprocess.run(
        ["git", "-C", str(_HTML5LIB), "show", f"HEAD:tokenizer/{name}.test"],
        check=True,
        capture_output=True,
    )
    cases = json.loads(shown.stdout)["tests"]
    assert isinstance(cases, list)
    return cases
