# Sourced by the other scripts: goes to the project's root and makes .venv from the lock file,
# once for each state of it. Needs uv, or Python 3.11 or newer with venv.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say_what_to_install() {
  echo "datafetch needs Python 3.11 or newer with venv (Debian, Ubuntu: apt-get install python3-venv), or uv (pipx install uv)." >&2
  exit 69
}

find_python() {
  local name
  for name in python3.14 python3.13 python3.12 python3.11 python3 python; do
    if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  return 1
}

make_environment() {
  local python
  rm -rf .venv
  if command -v uv >/dev/null 2>&1; then
    uv venv --quiet --python '>=3.11' .venv
    uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements.lock
    uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e .
  else
    python=$(find_python) || say_what_to_install
    "$python" -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
  fi
}

state=$(cat requirements.lock pyproject.toml | cksum)
if [ "$(cat .venv/made-from 2>/dev/null)" != "$state" ]; then
  echo "Making .venv from requirements.lock (about a minute, once)…" >&2
  make_environment
  echo "$state" >.venv/made-from
fi
export PATH="$PWD/.venv/bin:$PATH"
