"""Imports go downward only: the layers of docs/design.md, checked on the text of every module."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"
ROOT = "rhosocial.activerecord"
BACKEND = f"{ROOT}.backend"

# From the lowest layer to the highest; the first pattern that fits a module places it.  A facade re-exports the layers
# below it, so it stands above them, and only what stands above it may use it.
LAYERS = (
    (
        "0: facts and tools",
        "backend.typing backend.errors backend.helpers backend.rule backend.keyword blocking codegen",
    ),
    (
        "1: SQL and columns as data",
        "backend.node backend.expression backend.arithmetic backend.pattern backend.cast backend.case backend.json_path"
        " backend.window backend.moment backend.grouping backend.result backend.function backend.functions"
        " backend.aggregates backend.ranking backend.subquery backend.number backend.writer backend.scope"
        " backend.row_value backend.statement backend.schema backend.lexer backend.names backend.column_type"
        " backend.member backend.typed_path backend.codec backend.json_change",
    ),
    (
        "2: one database's spelling",
        "backend.dialect backend.constructs backend.mapping backend.converter backend.document backend.parameter"
        " backend.stored_as backend.encryption backend.many",
    ),
    (
        "3: connections and statements",
        "backend.fork backend.gate backend.worker backend.closer backend.stock backend.loan backend.pool backend.stream"
        " backend.context backend.manager backend.hook backend.transaction backend.part backend.calls backend.setting"
        " backend.driver backend.adapt backend.sender backend.base backend.registry",
    ),
    ("3: its facade", "backend"),
    ("4a: one database each", "backend.impl backend.impl.*"),
    (
        "4b: a class seen as a table",
        "table scope source violation named_row plan inheritance partial hydrate checks peers state",
    ),
    (
        "5: questions, links, hooks",
        "query builder join rows stream cursor page raw_query dict_query change returning aggregate selection shape"
        " schema relation relation.* events hooks",
    ),
    (
        "6: rows with behaviour",
        "model given locate lookup finding bulk bulk_update upsert counter retrying taken writing verify"
        " told saved record crypto field field.*",
    ),
    ("6: the facade", ROOT),
    (
        "7: users of the library inside it",
        "testing testing.* profiler logger relations fields interface transaction transaction.*",
    ),
)
THIRD_PARTY = {"pydantic", "pydantic_core", "annotated_types", "typing_extensions"}  # Pydantic and what it stands on.
EXTRAS = {"cryptography": f"{BACKEND}.encryption"}  # What an extra brings, and the module that imports it when asked.

TEST_TOOLS = {"pytest", "polyfactory", "faker"}  # What the extra for tests brings.

Import = tuple[str, str, int]
"""What is imported, the module or a name in it, and the line."""


def layer_of(module: str) -> int:
    """The place of a module in `LAYERS`, or -1 where it has none."""
    name = module.removeprefix(f"{ROOT}.")
    fits = (i for i, (_, patterns) in enumerate(LAYERS) if any(fnmatchcase(name, p) for p in patterns.split()))
    return next(fits, -1)


# An engine's folder may be reached under a second name.
SECOND_NAMES = {f"{BACKEND}.impl.postgresql": f"{BACKEND}.impl.postgres"}

IMPL, USERS = layer_of(f"{BACKEND}.impl"), layer_of(f"{ROOT}.testing")


def modules(source: Path) -> dict[str, Path]:
    """The library's modules below `source` by their dotted names."""
    files = (source / ROOT.replace(".", "/")).rglob("*.py")
    return {".".join(f.relative_to(source).with_suffix("").parts).removesuffix(".__init__"): f for f in files}


def imports(module: str, path: Path, known: dict[str, Path]) -> Iterator[Import]:
    """Every import of a module, also in functions and under TYPE_CHECKING."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "", node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            target = ".".join([*parents, *([node.module] if node.module else [])])
            for alias in node.names:
                submodule = f"{target}.{alias.name}"
                yield (submodule, "", node.lineno) if submodule in known else (target, alias.name, node.lineno)


def problems(source: Path) -> list[str]:
    """One sentence for each import that goes the wrong way, and for each module without a layer."""
    known = modules(source)
    found = [
        f"{name} has no layer: put it into LAYERS in {Path(__file__).name}, at the lowest layer whose modules it needs,"
        " and into docs/design.md"
        for name in known
        if layer_of(name) < 0
    ]
    graph: dict[str, set[str]] = {}
    for name, path in known.items():
        for target, attribute, line in imports(name, path, known):
            if target.split(".")[0] != ROOT.split(".")[0]:
                found += foreign(name, target, line)
                continue
            graph.setdefault(name, set()).add(target)
            complaint = against(name, target, attribute)
            if complaint:
                found.append(f"{name}, line {line}: imports {target}{'.' * bool(attribute)}{attribute}, {complaint}")
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found.append("modules import each other in a circle: " + " <- ".join(error.args[1]))
    return found


def against(name: str, target: str, attribute: str) -> str:
    """What speaks against an import between two modules of the library; empty where nothing does."""
    here, there = layer_of(name), layer_of(target)
    if here == IMPL:
        own = SECOND_NAMES.get(name, ".".join(name.split(".")[:5]))
        allowed = f"{target}.".startswith(f"{own}.") or (target == BACKEND and not attribute.startswith("_"))
        return "" if allowed else f"not a public name of {BACKEND}"
    if here == USERS:
        return "a private name" if attribute.startswith("_") else ""
    if there == IMPL:
        return "an implementation, which the core finds by its entry point"
    return "a layer above it" if there > here >= 0 else ""


def foreign(name: str, target: str, line: int) -> list[str]:
    """What speaks against an import from outside the library."""
    package, here = target.split(".")[0], layer_of(name)
    if EXTRAS.get(package) == name:
        return []
    driver = package == "sqlite3" or package not in sys.stdlib_module_names | THIRD_PARTY
    if not driver or here == IMPL or (here == USERS and package in TEST_TOOLS):
        return []
    return [f"{name}, line {line}: imports {package}, but the core needs Pydantic alone, and drivers belong in impl/"]


def test_imports_go_downward_only() -> None:
    assert problems(SOURCE) == []


def strange_imports(folder: Path) -> list[str]:
    """One sentence for each import of the library in a package of its own that is no public name of the backends."""
    found = []
    for path in folder.rglob("*.py"):
        for target, attribute, line in imports("package", path, {}):
            if f"{target}.".startswith(f"{ROOT}.") and (target != BACKEND or attribute.startswith("_")):
                found.append(f"{path.name}, line {line}: imports {target} {attribute}")
        found += [
            f"{path.name}, line {node.lineno}: uses {node.attr}"
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "ar" and node.attr.startswith("_")
        ]
    return found


def test_a_package_of_its_own_uses_public_names_of_the_backends_alone(tmp_path: Path) -> None:
    assert strange_imports(SOURCE.parent / "packages") == []
    wrong = (
        f"from {BACKEND} import _secret\nfrom {ROOT} import plan\nimport {BACKEND}.pool\nimport {BACKEND} as ar\nar._x"
    )
    (tmp_path / "wrong.py").write_text(wrong, encoding="utf-8")
    assert len(strange_imports(tmp_path)) == 4


def test_importing_the_library_brings_in_neither_an_event_loop_nor_a_driver() -> None:
    heavy = {"asyncio", "sqlite3", "pytest"}
    code = f"import sys, {ROOT}, {BACKEND}; print(sorted({heavy!r} & set(sys.modules)))"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert child.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("path", "text", "complaint"),
    [
        (
            "backend/errors.py",
            "from .dialect import Dialect",
            "errors, line 1: imports .*dialect.Dialect, a layer above",
        ),
        ("backend/errors.py", "def f():\n    from ..plan import Plan", "errors, line 2: .*plan.Plan, a layer above it"),
        (
            "backend/pool.py",
            "from . import Dialect",
            r"imports rhosocial\.activerecord\.backend\.Dialect, a layer above",
        ),
        (
            "backend/expression.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from . import base",
            "expression, line 3: imports .*backend.base, a layer above it",
        ),
        ("plan.py", "import rhosocial.activerecord.record", "imports rhosocial.activerecord.record, a layer above it"),
        ("plan.py", "from .backend.impl.sqlite import SQLiteBackend", "an implementation"),
        ("record.py", "def f():\n    from .backend.impl import sqlite", "record, line 2: .*an implementation"),
        ("backend/impl/sqlite/dialect.py", "from ...dialect import Dialect", "not a public name"),
        ("backend/impl/sqlite/dialect.py", "from ... import _secret", "not a public name"),
        ("backend/impl/sqlite/dialect.py", "from ..mysql import mapping", "not a public name"),
        ("testing/plugin.py", "from ..blocking import _face", "a private name"),
        ("query.py", "import psycopg", "imports psycopg, but the core needs Pydantic alone"),
        ("backend/base.py", "def f():\n    import sqlite3", "base, line 2: imports sqlite3"),
        ("backend/novel.py", "", r"backend\.novel has no layer: put it into LAYERS"),
    ],
)
def test_a_wrong_import_is_caught(tmp_path: Path, path: str, text: str, complaint: str) -> None:
    plant(tmp_path, path, text)

    assert len(problems(tmp_path)) == 1
    with pytest.raises(AssertionError, match=complaint):
        raise AssertionError(problems(tmp_path)[0])


def test_a_circle_within_a_layer_is_caught(tmp_path: Path) -> None:
    plant(tmp_path, "backend/pool.py", "from .worker import Worker")
    plant(tmp_path, "backend/worker.py", "from .pool import Lease")

    (problem,) = problems(tmp_path)
    assert problem.startswith("modules import each other in a circle: ")


def test_right_imports_pass(tmp_path: Path) -> None:
    plant(tmp_path, "backend/impl/sqlite/backend.py", "import sqlite3\nfrom ... import Dialect\nfrom . import dialect")
    plant(tmp_path, "backend/base.py", "import asyncio\nfrom ..blocking import run\nfrom .pool import ConnectionPool")
    plant(tmp_path, "testing/plugin.py", "import pytest\nfrom .. import ActiveRecord\nfrom ..blocking import run")
    plant(tmp_path, "record.py", "import pydantic\nfrom .query import Query\nfrom .backend import ConnectionConfig")

    assert problems(tmp_path) == []


EMPTY = """
__init__ blocking plan query record backend/__init__ backend/base backend/dialect backend/pool
backend/impl/sqlite/__init__ backend/impl/sqlite/dialect backend/impl/mysql/__init__ backend/impl/mysql/mapping
"""


def plant(source: Path, path: str, text: str) -> None:
    """Write one module of a made-up library, and beside it the empty modules that the tests name."""
    for name in (*(f"{stem}.py" for stem in EMPTY.split()), path):
        file = source / ROOT.replace(".", "/") / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    file.write_text(text, encoding="utf-8")
