"""The documentation is true: every code block of the READMEs and docs/ is run or checked.

- `python` blocks of a page run in order, as one program, in an empty folder.  A statement that is meant to fail says so
  in a comment on one of its lines, ``# raises IntegrityError``; it must raise that error or a subclass of it.
- `console` and `sh` blocks hold commands, each of which must be one of COMMANDS.  Where a ``$ `` stands before the
  commands, the other lines are output.
- `toml` and `json` blocks must parse, `sql` and `text` blocks are not code.  Any other tag, or none, is an error.
"""

from __future__ import annotations
import __future__

import ast
import importlib
import inspect
import io
import json
import pkgutil
import re
import shlex
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest

PROJECT = Path(__file__).parents[1]
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md")), *PROJECT.glob("packages/*/README.md")]
NAMES = [str(page.relative_to(PROJECT)) for page in PAGES]

PROSE = ("sql", "text")
PARSED: dict[str, Callable[[str], Any]] = {"toml": tomllib.loads, "json": json.loads}

FENCE = re.compile(r"^(?P<indent>[ >]*)(?P<ticks>`{3,}|~{3,})[ ]*(?P<tag>[^\s`]*)[^`]*$")
RAISES = re.compile(r"# raises (\w+)")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its language, its text, and the line of the page on which the text begins."""

    tag: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found: list[Block] = []
    lines = iter(enumerate(page.read_text(encoding="utf-8").splitlines(), start=1))
    for number, line in lines:
        fence = FENCE.match(line)
        if fence:
            found.append(Block(fence["tag"], _body(lines, fence, f"{page.name}, line {number}"), number + 1))
    return found


def _body(lines: Iterator[tuple[int, str]], fence: re.Match[str], where: str) -> str:
    body = []
    for _, line in lines:
        if line.strip(" >").startswith(fence["ticks"]) and not line.strip(" >`~"):
            return "".join(body)
        body.append(line.removeprefix(fence["indent"]) + "\n")
    raise AssertionError(f"{where}: the block has no end")


# Running a page.  This part runs in a process of its own: `python tests/test_docs.py PAGE`.


def run_page(page: Path) -> None:
    """Run the python blocks of a page as one program; what goes wrong is raised with the page's own line numbers."""
    module = ModuleType("__main__")
    sys.modules["__main__"] = module  # Pydantic looks for the names of annotations there.
    dropped: list[BaseException | None] = []
    sys.unraisablehook = lambda what: dropped.append(what.exc_value)
    for block in blocks(page):
        if block.tag == "python":
            _run_block(block, page, module.__dict__)
    if dropped:
        raise AssertionError(f"{page.name}: raised where no statement stands, in a finaliser") from dropped[0]


def _run_block(block: Block, page: Path, scope: dict[str, Any]) -> None:
    source = "\n" * (block.line - 1) + block.text
    statements = ast.parse(source, str(page)).body
    errors = {
        token.start[0]: named[1]
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT and (named := RAISES.match(token.string))
    }
    for statement in statements:
        future = __future__.annotations.compiler_flag if scope.get("annotations") is __future__.annotations else 0
        code = compile(ast.Module([statement], []), str(page), "exec", flags=future, dont_inherit=True)
        lines = range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
        expected = next((errors.pop(line) for line in lines if line in errors), None)
        if expected is None:
            exec(code, scope)
        else:
            _run_failing(code, scope, expected, f"{page.name}, line {statement.lineno}")
    if errors:
        raise AssertionError(f"{page.name}, line {min(errors)}: '# raises' stands on no statement's line")


def _run_failing(code: Any, scope: dict[str, Any], expected: str, where: str) -> None:
    try:
        exec(code, scope)
    except Exception as error:
        if expected not in [cls.__name__ for cls in type(error).__mro__]:
            raise
        return
    raise AssertionError(f"{where}: {expected} was to be raised, but nothing was")


def process(page: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """A page run by a fresh interpreter in `folder`, where a warning about a resource left open is an error."""
    command = [sys.executable, "-W", "error::ResourceWarning", __file__, str(page)]
    return subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100)


# Checking a page.


def make_targets() -> set[str]:
    """The targets that the Makefile offers by name."""
    text = (PROJECT / "Makefile").read_text(encoding="utf-8")
    return set(" ".join(re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)).split())


def is_make(words: list[str]) -> bool:
    """``make demo``, with settings of the Makefile's variables or without."""
    return bool(words) and all(word in make_targets() or re.match(r"(ARGS|PYTHON)=", word) for word in words)


def is_install(words: list[str]) -> bool:
    """``pip install rhosocial-activerecord[extra]``: this package, and extras that it has."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name = re.fullmatch(r"install ([\w-]+)(?:\[([\w,-]+)\])?", " ".join(words))
    extras = set(name[2].split(",")) if name and name[2] else set()
    return name is not None and name[1] == project["name"] and extras <= set(project["optional-dependencies"])


def is_module(words: list[str]) -> bool:
    """``python -m demo``: a program that lies in the project."""
    return len(words) >= 2 and words[0] == "-m" and (PROJECT / words[1] / "__main__.py").is_file()


COMMANDS: dict[str, Callable[[list[str]], bool]] = {"make": is_make, "pip": is_install, "python": is_module}


def commands(block: Block) -> list[str]:
    """The commands of a `console` or `sh` block."""
    lines = [line for line in block.text.splitlines() if line.strip() and not line.startswith("#")]
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")] or lines


def complaints(page: Path) -> list[str]:
    """One sentence for each block of a page that can be found wrong without running it."""
    found = []
    for block in blocks(page):
        where = f"{page.name}, line {block.line}"
        if block.tag in ("console", "sh"):
            if not commands(block):
                found.append(f"{where}: a {block.tag} block without a command")
            for command in commands(block):
                words = shlex.split(command)
                if words[0] not in COMMANDS or not COMMANDS[words[0]](words[1:]):
                    found.append(f"{where}: nobody checks the command {command!r}, or it does not exist")
        elif block.tag in PARSED:
            try:
                PARSED[block.tag](block.text)
            except ValueError as error:
                found.append(f"{where}: not {block.tag}: {error}")
        elif block.tag not in ("python", *PROSE):
            found.append(
                f"{where}: a block tagged {block.tag!r}; use python, console, sh, {', '.join((*PARSED, *PROSE))}"
            )
    return found


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_the_python_of_the_page_runs(page: Path, tmp_path: Path) -> None:
    child = process(page, tmp_path)

    assert child.returncode == 0, child.stderr


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_the_other_blocks_of_the_page_are_right(page: Path) -> None:
    assert complaints(page) == []


def public_members() -> Iterator[tuple[str, Any]]:
    """Each public class, function, method and property of the library, with its name."""
    package = importlib.import_module("rhosocial.activerecord")
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            own = getattr(value, "__module__", None) == info.name and callable(value)
            if own and not name.startswith("_"):
                yield f"{info.name}.{name}", value
                yield from ((f"{info.name}.{name}.{m}", getattr(value, m)) for m in public_methods(value))


def public_methods(value: Any) -> list[str]:
    """The public methods and properties that a class itself defines; none where `value` is no class."""
    kinds = (FunctionType, property, classmethod, staticmethod)
    members = vars(value).items() if inspect.isclass(value) else ()
    return [name for name, member in members if isinstance(member, kinds) and not name.startswith("_")]


def test_every_public_name_has_a_docstring() -> None:
    # `getdoc` counts what a method inherits from the one it overrides.
    assert [name for name, member in public_members() if not inspect.getdoc(member)] == []


# The tests of the tests.


def page_of(folder: Path, *lines: str) -> Path:
    """A page with these lines."""
    page = folder / "page.md"
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return page


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["# A", "", "```python", "x = 1", "assert x == 2", "```"], ["page.md", "line 5", "assert x == 2"]),
        (["```python", "x = (", "```"], ["page.md", "SyntaxError"]),
        (["```python", "x = 1", "```", "~~~python", "print(y)", "~~~"], ["line 5", "NameError"]),
        (["```python", "int('1')  # raises ValueError", "```"], ["line 2: ValueError was to be raised"]),
        (["```python", "int('x')  # raises KeyError", "```"], ["line 2", "ValueError: invalid literal"]),
        (["```python", "# raises KeyError", "int('1')", "```"], ["line 2: '# raises' stands on no statement's line"]),
        (["```python", "f = open('f', 'w')", "del f", "```"], ["ResourceWarning: unclosed file"]),
        (["```python", "x = 1"], ["line 1: the block has no end"]),
    ],
)
def test_a_wrong_page_fails(tmp_path: Path, lines: list[str], words: list[str]) -> None:
    child = process(page_of(tmp_path, *lines), tmp_path)

    assert child.returncode != 0
    assert [word for word in words if word not in child.stderr] == []


def test_a_right_page_passes(tmp_path: Path) -> None:
    page = page_of(
        tmp_path,
        *("```python", "from pathlib import Path", "import pydantic", "text = '# raises ValueError'", "```"),
        *("- as a list has it:", "", "  ```python", "  class Later(pydantic.BaseModel):", "      it: 'Text'", "  ```"),
        *("````python", "Text = str", "assert Later(it='```').it == '```'", "````"),
        *(
            "```python",
            "Path(",
            "    text / 1,  # raises Exception",
            ")",
            "assert not list(Path('new').glob('*'))",
            "```",
        ),
    )
    child = process(page, tmp_path)

    assert child.returncode == 0, child.stderr
    assert complaints(page) == []


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (["```", "x = 1", "```"], "page.md, line 2: a block tagged ''"),
        (["```py", "x = 1", "```"], "page.md, line 2: a block tagged 'py'"),
        (["```console", "$ make nonsense", "```"], "page.md, line 2: nobody checks the command 'make nonsense'"),
        (["```sh", "pip install other-package", "```"], "nobody checks the command 'pip install other-package'"),
        (["```sh", "pip install 'rhosocial-activerecord[none]'", "```"], "nobody checks the command"),
        (["```sh", "python -m nonsense", "```"], "nobody checks the command"),
        (["```sh", "rm -rf build", "```"], "nobody checks the command 'rm -rf build'"),
        (["```console", "# make test", "```"], "a console block without a command"),
        (["```toml", "a = ", "```"], "page.md, line 2: not toml"),
        (["```json", "{'a': 1}", "```"], "page.md, line 2: not json"),
    ],
)
def test_a_wrong_block_is_named(tmp_path: Path, lines: list[str], complaint: str) -> None:
    (found,) = complaints(page_of(tmp_path, *lines))

    assert complaint in found


def test_right_commands_pass(tmp_path: Path) -> None:
    page = page_of(
        tmp_path,
        *("```console", "$ make demo", "a table", "$ make test ARGS='-k pool'", "```"),
        *(
            "```console",
            "make demo",
            "make test",
            "```",
            "```sh",
            "# the package",
            "pip install 'rhosocial-activerecord[demo]'",
            "```",
        ),
        *("```toml", "a = 1", "```", "```json", '{"a": 1}', "```", "```sql", "SELECT", "```"),
    )

    assert complaints(page) == []


if __name__ == "__main__":
    run_page(Path(sys.argv[1]))
