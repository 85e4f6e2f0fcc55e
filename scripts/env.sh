# shellcheck shell=bash
# Sourced by the other scripts: goes to the project's root and makes .venv from the lock file,
# once for each state of it. Needs uv, or Python 3.11 or newer with venv.
# PYTHON=python3.12 scripts/…   makes .venv with that Python; without PYTHON it is the newest found
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say_what_to_install() {
  echo "datafetch needs Python 3.11 or newer with venv (Debian, Ubuntu: apt-get install python3-venv), or uv (pipx install uv)." >&2
  if [ -n "${PYTHON:-}" ]; then
    echo "PYTHON=$PYTHON is not such a Python: unset PYTHON, or name another." >&2
  fi
  exit 69
}

# Everything is locked, so nothing is resolved: a package that came out since cannot get in.
LOCKED=(--require-hashes --no-deps -r requirements.lock)
# The package itself, in place, built by the locked hatchling.
OURSELVES=(--no-deps --no-build-isolation -e .)

find_python() {
  local name names=(python3.14 python3.13 python3.12 python3.11 python3 python)
  if [ -n "${PYTHON:-}" ]; then
    names=("$PYTHON")
  fi
  for name in "${names[@]}"; do
    # Where .venv is activated it is found first, and is about to go: its base Python stays.
    if "$name" -c 'import sys, venv, ensurepip; sys.version_info >= (3, 11) or sys.exit(1); print(sys._base_executable)' 2>/dev/null; then
      return
    fi
  done
  return 1
}

# Whether uv has such a Python, or fetches one, and it is new enough: a throw-away environment tells.
uv_finds_python() {
  local trial found=0
  trial=$(mktemp -d)
  uv venv --quiet --python "${PYTHON:->=3.11}" "$trial/venv" &&
    "$trial/venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || found=1
  rm -rf "$trial"
  return "$found"
}

make_with_uv() {
  echo "Making .venv from requirements.lock with $(uv --version | cut -d' ' -f1,2) (about a minute, once)…" >&2
  uv venv --quiet --python "${PYTHON:->=3.11}" .venv
  uv pip install --quiet --python .venv/bin/python "${LOCKED[@]}"
  uv pip install --quiet --python .venv/bin/python "${OURSELVES[@]}"
}

make_with_pip() {
  local pip=(.venv/bin/python -m pip --disable-pip-version-check)
  "$1" -m venv .venv
  echo "Making .venv from requirements.lock with $("${pip[@]}" --version | cut -d' ' -f1,2) of $("$1" --version) (about a minute, once)…" >&2
  "${pip[@]}" install --quiet "${LOCKED[@]}"
  "${pip[@]}" install --quiet "${OURSELVES[@]}"
}

make_environment() {
  local python
  if command -v uv >/dev/null 2>&1; then
    uv_finds_python || say_what_to_install
    rm -rf .venv
    make_with_uv
  else
    python=$(find_python) || say_what_to_install
    rm -rf .venv
    make_with_pip "$python"
  fi
}

state="$(cat requirements.lock pyproject.toml | cksum)${PYTHON:+ $PYTHON}"
if [ "$(cat .venv/made-from 2>/dev/null)" != "$state" ]; then
  make_environment
  echo "$state" >.venv/made-from
fi
export PATH="$PWD/.venv/bin:$PATH"
