"""Stores as those who came before wrote them, and the world that both they and we read.

`first_half` is a recording of datafetch itself, made by `record.py` with the code of the commit
before the stored objects were made as their readers demand; `old_site` builds what the system
in TypeScript left, which datafetch replaces.
"""

import base64
import json
from pathlib import Path

from tests.predecessors.old_site import old_site

__all__ = ["first_half", "old_site", "pack", "unpack"]

RECORDING = Path(__file__).parents[1] / "data" / "stores" / "first-half.json"


def first_half() -> dict[str, bytes]:
    """The objects that datafetch's code of before stored, of the environment `development`."""
    return unpack(RECORDING.read_text(encoding="utf-8"))


def pack(objects: dict[str, bytes]) -> str:
    """Objects as one text, a line for each; pictures in Base64."""
    packed = {}
    for key, body in sorted(objects.items()):
        picture = key.startswith("images/")
        packed[key] = {"base64": base64.b64encode(body).decode()} if picture else body.decode()
    return json.dumps(packed, ensure_ascii=False, indent=0) + "\n"


def unpack(text: str) -> dict[str, bytes]:
    """The objects that were packed."""
    return {
        key: body.encode() if isinstance(body, str) else base64.b64decode(body["base64"])
        for key, body in json.loads(text).items()
    }
