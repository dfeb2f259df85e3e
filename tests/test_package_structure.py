"""The conventions of the package, held by tests instead of by memory."""

from __future__ import annotations

import dataclasses
import enum
import importlib
import importlib.metadata
import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest

import plkd

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "plkd"
MODULES = sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py"))
NAMESPACES = ("plkd", "plkd.pp", "plkd.tl", "plkd.pl", "plkd.metrics")
MAX_POSITIONAL = 3
MAX_LINES = 300


def public_names(namespace: str) -> dict[str, Any]:
    """Functions and classes that a user reaches as ``namespace.name``."""
    parent, _, name = namespace.rpartition(".")
    home = getattr(importlib.import_module(parent), name) if parent else plkd
    names = getattr(home, "__all__", None)
    assert names, f"{namespace} has no __all__"
    reached = {f"{namespace}.{each}": getattr(home, each) for each in names}
    return {key: thing for key, thing in reached.items() if callable(thing)}


def public_functions(namespace: str) -> dict[str, FunctionType]:
    """Functions of a namespace and the public methods of its classes."""
    found: dict[str, FunctionType] = {}
    for key, thing in public_names(namespace).items():
        if inspect.isclass(thing):
            for name, member in vars(thing).items():
                bound = isinstance(member, classmethod | staticmethod)
                plain = member.__func__ if bound else member
                if not name.startswith("_") and inspect.isfunction(plain):
                    found[f"{key}.{name}"] = plain
        else:
            found[key] = thing
    return found


def own_parameters(function: Any) -> list[inspect.Parameter]:
    every = inspect.signature(function).parameters.values()
    return [p for p in every if p.name not in ("self", "cls")]


def documented(doc: str, section: str) -> set[str]:
    """Names before the colon, or alone, at the left edge of a numpydoc section."""
    match = re.search(rf"^{section}\n-+\n(.*?)(?=^\S[^\n]*\n-+$|\Z)", doc, re.DOTALL | re.MULTILINE)
    if match is None:
        return set()
    heads = re.findall(r"^(\S[^\n]*)$", match.group(1), re.MULTILINE)
    return {name.strip(" *") for head in heads for name in head.split(":")[0].split(",")}


def missing_sections(thing: Any, parameters: list[inspect.Parameter]) -> list[str]:
    """What the docstring of a function or class leaves out."""
    doc = inspect.getdoc(thing) or ""
    if not doc.strip():
        return ["a docstring"]
    described = documented(doc, "Parameters") | documented(doc, "Attributes")
    missing = [p.name for p in parameters if p.name not in described]
    if not inspect.isclass(thing):
        returned = inspect.signature(thing).return_annotation
        if returned not in (None, "None", "Self") and not re.search(
            r"^(Returns|Yields)\n-+$", doc, re.MULTILINE
        ):
            missing.append("Returns")
    return missing


def is_record(thing: Any) -> bool:
    """A dataclass, named tuple or enumeration: made by plkd more often than by its users."""
    return dataclasses.is_dataclass(thing) or issubclass(thing, tuple | enum.Enum)


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_public_functions_are_documented(namespace: str) -> None:
    functions = public_functions(namespace)
    bad = {key: missing_sections(f, own_parameters(f)) for key, f in functions.items()}
    assert not {key: missing for key, missing in bad.items() if missing}


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_public_classes_are_documented(namespace: str) -> None:
    classes = {key: c for key, c in public_names(namespace).items() if inspect.isclass(c)}
    bad = {
        key: missing_sections(c, [] if issubclass(c, enum.Enum) else own_parameters(c))
        for key, c in classes.items()
    }
    assert not {key: missing for key, missing in bad.items() if missing}


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_few_positional_arguments(namespace: str) -> None:
    classes = public_names(namespace).items()
    constructors = {k: c for k, c in classes if inspect.isclass(c) and not is_record(c)}
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    counts = {
        key: sum(p.kind in positional for p in own_parameters(f))
        for key, f in {**public_functions(namespace), **constructors}.items()
    }
    assert not {key: n for key, n in counts.items() if n > MAX_POSITIONAL}


@pytest.mark.parametrize("name", ["CellAnnotator", "tl.annotate", "tl.evaluate"])
def test_entry_points_are_reachable(name: str) -> None:
    thing: Any = plkd
    for part in name.split("."):
        assert part in dir(thing)
        thing = getattr(thing, part)
    assert callable(thing)


@pytest.mark.parametrize("namespace", ["plkd", "plkd.tools", "plkd.model"])
def test_unknown_names_are_refused(namespace: str) -> None:
    with pytest.raises(AttributeError, match=f"'{namespace}' has no attribute 'no_such_name'"):
        _ = importlib.import_module(namespace).no_such_name


def test_version_is_that_of_the_installed_package() -> None:
    assert plkd.__version__ == importlib.metadata.version("plkd")


HEAVY = {"anndata", "lightning", "matplotlib", "pandas", "scanpy", "scipy", "sklearn", "torch"}


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import plkd", HEAVY | {"numpy"}),
        ("import plkd.cli", HEAVY | {"numpy"}),
        ("import plkd; plkd.tl.annotate", {"lightning", "matplotlib", "scanpy", "sklearn"}),
        ("import plkd.networks.teacher", {"anndata", "lightning", "pandas", "scanpy", "sklearn"}),
        ("import plkd.data, plkd.metrics", {"lightning", "matplotlib", "scanpy", "torch"}),
    ],
)
def test_imports_stay_light(statement: str, unwanted: set[str]) -> None:
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not unwanted & set(done.stdout.split())


def test_tools_are_functions_although_modules_bear_their_names() -> None:
    code = (
        "import plkd.tools.annotate, plkd.tools.evaluate, plkd\n"
        "print(type(plkd.tl.annotate).__name__, type(plkd.tl.evaluate).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["function", "function"], done.stderr


@pytest.mark.parametrize("module", MODULES)
def test_files_stay_small(module: str) -> None:
    lines = (SOURCE / module).read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MAX_LINES


@pytest.mark.parametrize("module", MODULES)
def test_files_say_what_they_hold(module: str) -> None:
    assert Path(module).stem.strip("_") not in {"utils", "util", "helpers", "misc", "common"}
    if module != "__main__.py":
        name = "plkd." + module.removesuffix(".py").replace("/", ".")
        assert (sys.modules.get(name) or _imported(name)).__doc__


def _imported(name: str) -> ModuleType:
    return importlib.import_module(name.removesuffix(".__init__"))


def modules_of_map(text: str) -> set[str]:
    """Python files named by the first fenced block that opens with the line ``src/plkd/``.

    One file a line, its name first; folders end in a slash; depth is told by indentation.
    """
    match = re.search(r"^```\w*\nsrc/plkd/[^\n]*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert match, "README.md has no fenced block that opens with src/plkd/"
    files: set[str] = set()
    folders: list[tuple[int, str]] = []
    for line in filter(str.strip, match.group(1).splitlines()):
        depth, name = len(line) - len(line.lstrip()), line.split()[0]
        while folders and folders[-1][0] >= depth:
            folders.pop()
        if name.endswith("/"):
            folders.append((depth, name))
        elif name.endswith(".py"):
            files.add("".join(folder for _, folder in folders) + name)
    return files


def test_map_is_read_by_indentation() -> None:
    lines = [
        "src/plkd/",
        "  a.py   one",
        "  data/   two",
        "    b.py",
        "    x/",
        "      y.py",
        "  c.py",
    ]
    text = "\n".join(["Text.", "```", *lines, "```", ""])
    assert modules_of_map(text) == {"a.py", "data/b.py", "data/x/y.py", "c.py"}


def test_readme_maps_the_source() -> None:
    named = modules_of_map((ROOT / "README.md").read_text(encoding="utf-8"))
    hand_on_only = {"__init__.py", "__main__.py"}
    assert named == {module for module in MODULES if Path(module).name not in hand_on_only}


def test_paper_map_names_what_exists() -> None:
    text = (ROOT / "docs" / "paper-map.md").read_text(encoding="utf-8")
    missing = []
    for dotted in sorted(set(re.findall(r"`(plkd(?:\.\w+)+)`", text))):
        thing: Any = plkd
        home = "plkd"
        for part in dotted.split(".")[1:]:
            home = f"{home}.{part}"
            try:
                thing = getattr(thing, part, None) or importlib.import_module(home)
            except ImportError:
                missing.append(dotted)
                break
    assert not missing
