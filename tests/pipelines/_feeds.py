"""A defs folder of one's own: feeds as YAML, loaded and run by Dagster."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import dagster as dg

TYPE = "dnalyaw_pipelines.components.Feed"
NAME = "own_feeds"


def declared(folder: Path, text: str) -> dg.Definitions:
    """What Dagster makes of ``text`` as the only ``defs.yaml`` of a project in `folder`."""
    place = folder / NAME / "defs" / "feeds"
    place.mkdir(parents=True, exist_ok=True)
    (folder / NAME / "__init__.py").touch()
    (folder / NAME / "defs" / "__init__.py").touch()
    (folder / "pyproject.toml").write_text(
        f'[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "{NAME}"\n'
    )
    (place / "defs.yaml").write_text(text)
    loaded: dict[str, ModuleType] = {n: m for n, m in sys.modules.items() if n.split(".")[0] == NAME}
    for name in loaded:
        del sys.modules[name]
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        return dg.load_from_defs_folder(path_within_project=folder)
    finally:
        sys.path.remove(str(folder))


def feed(attributes: str) -> str:
    """One YAML document of a feed, its attributes a line each."""
    lines = "\n".join(f"  {line}" for line in attributes.strip().splitlines())
    return f"type: {TYPE}\nattributes:\n{lines}\n"
