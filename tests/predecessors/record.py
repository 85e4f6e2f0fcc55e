"""Records the store that an earlier datafetch writes: `python -m tests.predecessors.record CHECKOUT`.

CHECKOUT is a folder with the earlier code and its own `.venv`, such as a worktree:

    git worktree add ../before COMMIT && (cd ../before && bash -c '. scripts/env.sh')
    .venv/bin/python -m tests.predecessors.record ../before

The recording that is kept was made with the last commit before the lists were made as their
readers demand (addresses that are relative, notes without one, checksums of our own). It is not
renewed: what that code wrote does not change.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.predecessors import RECORDING, pack
from tests.predecessors.world import make_world
from tests.processes import clean_environment
from tests.readers.places import Folder


def main() -> None:
    """Run the earlier command in the world, and keep what it stored."""
    checkout = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder, make_world() as world:
        variables = clean_environment(
            **world.environment(),
            PYTHONPATH=str(checkout),
            DATAFETCH_STORE="file:./store",
            DATAFETCH_ENV="development",
            S3_CDN_URL="https://cdn.example.org",
            LOGO_BATCH_DELAY_MS="0",
            GITHUB_STATS_PENDING_DELAY_MS="1",
        )
        python = checkout / ".venv" / "bin" / "python"
        command = [str(python), "-m", "datafetch", "prefetch-dev"]
        subprocess.run(command, cwd=folder, env=variables, check=True)
        objects = Folder(Path(folder) / "store").objects()
    RECORDING.parent.mkdir(parents=True, exist_ok=True)
    RECORDING.write_text(pack(objects), encoding="utf-8")


if __name__ == "__main__":
    main()
