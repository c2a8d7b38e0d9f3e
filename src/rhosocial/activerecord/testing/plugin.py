"""Pytest plugin: each `async def` test runs twice, once in each face of the library.

The plugin is found by its entry point and leaves async tests alone until a project's pytest settings say
``activerecord_faces = true``, since they may be none of its business.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Coroutine, Generator, Iterator
from typing import Any

import pytest

from ..blocking import run

FACES = ("blocking", "awaiting")
"""How a test may be run: stepped by `blocking.run`, or awaited in an event loop of its own."""

SETTING = "activerecord_faces"

FaceRun = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(params=FACES)
def face(request: pytest.FixtureRequest) -> str:
    """The name of the face that the test runs in, "blocking" or "awaiting"."""
    name: str = request.param
    return name


@pytest.fixture
def face_run(face: str) -> Iterator[FaceRun]:
    """A function that gives a coroutine's result in the test's face.

    The test and all its fixtures share one event loop in the awaiting face; it is closed after them.
    """
    if face == "blocking":
        yield run
        return
    with asyncio.Runner(debug=False) as runner:
        yield runner.run


@pytest.fixture
def rolled_back() -> Iterator[Any]:
    """A `Sandbox` around the test: what it writes through models is rolled back after it.

    Ask for it after what configures the models and makes their tables.
    """
    from .sandbox import Sandbox  # Only where a test asks for it: most projects' tests have no models.

    with Sandbox() as sandbox:
        yield sandbox


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the setting that switches the plugin on."""
    parser.addini(SETTING, "run every async test twice: stepped as blocking code, and awaited", type="bool")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", "face(name, *, reason): run this test in one face only, and say why")


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, name: str, obj: Any) -> None:
    """Make async tests ask for `face_run`, so that there is one item for each face."""
    if collector.config.getini(SETTING) and collector.istestfunction(obj, name) and _is_async(obj):
        pytest.mark.usefixtures("face_run")(obj)


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Keep the one face that the marker names."""
    definition = metafunc.definition
    marker = definition.get_closest_marker("face")
    if marker is None or "face" not in metafunc.fixturenames:
        return
    if len(marker.args) != 1 or marker.args[0] not in FACES or not marker.kwargs.get("reason"):
        usage = f"the marker face takes one of {FACES} and a reason: face({FACES[0]!r}, reason='…')"
        pytest.fail(f"{definition.nodeid}: {usage}", pytrace=False)
    definition.add_marker(pytest.mark.parametrize("face", marker.args, indirect=True))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Put a plain function in an async test's place for the length of the call."""
    test: Any = pyfuncitem.obj
    face_run: Any = pyfuncitem.funcargs.get("face_run")
    if face_run is None or not _is_async(test):
        return (yield)
    body = _body(test)
    place: tuple[Any, str] = (pyfuncitem, "obj") if body is test else (test.hypothesis, "inner_test")
    setattr(*place, _plain(body, face_run))
    try:
        return (yield)
    finally:
        setattr(*place, body)


def _is_async(test: Any) -> bool:
    return inspect.iscoroutinefunction(_body(test))


def _body(test: Any) -> Any:
    # Hypothesis wraps a test and offers runners this place to put their own version of it.
    return test.hypothesis.inner_test if hasattr(test, "hypothesis") else test


def _plain(body: Callable[..., Coroutine[Any, Any, None]], face_run: FaceRun) -> Callable[..., None]:
    @functools.wraps(body)
    def test(*args: Any, **kwargs: Any) -> None:
        __tracebackhide__ = True
        face_run(body(*args, **kwargs))

    return test
