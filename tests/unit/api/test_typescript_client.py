"""The TypeScript client knows every operation and every body of the API as it is now."""

from __future__ import annotations

import json
import re
from pathlib import Path

from api.app import routed

CLIENT = Path(__file__).parents[3] / "clients" / "typescript"
SCHEMA = (CLIENT / "src" / "schema.d.ts").read_text(encoding="utf-8")


def _names(interface: str, depth: int) -> set[str]:
    """What stands at this depth of four spaces within the exported interface."""
    begin = SCHEMA.index(f"export interface {interface} {{")
    body = SCHEMA[begin : SCHEMA.index("\n}\n", begin)]
    return set(re.findall(rf'^ {{{4 * depth}}}"?([A-Za-z_][\w-]*)"?: ', body, re.M))


def test_it_has_the_operations_of_the_api_and_no_others() -> None:
    paths = routed().openapi()["paths"].values()
    operations = {each["operationId"] for path in paths for each in path.values() if "operationId" in each}
    assert _names("operations", 1) == operations, "scripts/client.sh makes it anew"


def test_it_has_the_bodies_of_the_api() -> None:
    schemas = set(routed().openapi()["components"]["schemas"])
    assert schemas <= _names("components", 2), "scripts/client.sh makes it anew"


def test_what_it_builds_on_is_pinned() -> None:
    package = json.loads((CLIENT / "package.json").read_text(encoding="utf-8"))
    assert all(re.fullmatch(r"[0-9.]+", version) for version in package["dependencies"].values())
