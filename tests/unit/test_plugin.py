"""The pytest plugin: one async test, two faces."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

PLUGIN = "rhosocial.activerecord.testing.plugin"


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project of its own whose settings switch the plugin on."""
    pytester.makefile(".ini", pytest="[pytest]\nactiverecord_faces = true\n")
    return pytester


def result_of(project: pytest.Pytester, source: str, *args: str) -> pytest.RunResult:
    """What pytest says of a test module with this text."""
    project.makepyfile(source)
    return project.runpytest("-p", PLUGIN, "-v", *args)


def test_an_async_test_runs_once_in_each_face(project: pytest.Pytester) -> None:
    result = result_of(
        project,
        """
        from rhosocial.activerecord.blocking import is_blocking, running_loop

        async def test_it(face):
            assert is_blocking() == (face == "blocking")
            assert (running_loop() is None) == (face == "blocking")
        """,
    )

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*::test_it[[]blocking[]] PASSED*", "*::test_it[[]awaiting[]] PASSED*"])


def test_an_async_test_that_asks_for_no_fixture_runs_in_both_faces_too(project: pytest.Pytester) -> None:
    result = result_of(project, "async def test_it(): assert True")

    result.assert_outcomes(passed=2)


def test_async_methods_and_parameters_work(project: pytest.Pytester) -> None:
    result = result_of(
        project,
        """
        import pytest

        class TestIt:
            number = 1

            @pytest.mark.parametrize("n", [1, 2])
            async def test_it(self, n, tmp_path):
                assert self.number <= n and tmp_path.is_dir()
        """,
    )

    result.assert_outcomes(passed=4)


def test_a_plain_test_runs_once(project: pytest.Pytester) -> None:
    result = result_of(project, "def test_it(): assert True")

    result.assert_outcomes(passed=1)


def test_a_failing_assertion_fails_in_both_faces_and_is_explained(project: pytest.Pytester) -> None:
    result = result_of(
        project,
        """
        async def test_it():
            got = 1
            assert got == 2
        """,
    )

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*assert 1 == 2*"])


def test_a_test_that_suspends_fails_in_the_blocking_face_only(project: pytest.Pytester) -> None:
    result = result_of(
        project,
        """
        import asyncio

        async def test_it():
            await asyncio.sleep(0)
        """,
    )

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*test_it waited for an event loop inside a blocking call*"])


def test_the_marker_keeps_one_face(project: pytest.Pytester) -> None:
    result = result_of(
        project,
        """
        import asyncio
        import pytest

        @pytest.mark.face("awaiting", reason="it sleeps")
        async def test_it():
            await asyncio.sleep(0)
        """,
    )

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*::test_it[[]awaiting[]] PASSED*"])


@pytest.mark.parametrize("arguments", ['"awaiting"', '"sideways", reason="x"', 'reason="x"', '"awaiting", reason=""'])
def test_the_marker_without_a_face_and_a_reason_is_an_error(project: pytest.Pytester, arguments: str) -> None:
    result = result_of(
        project,
        f"""
        import pytest

        @pytest.mark.face({arguments})
        async def test_it():
            pass
        """,
    )

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*::test_it: the marker face takes one of*and a reason*"])


def test_a_plain_fixture_reaches_the_face_and_the_loop_of_its_test(project: pytest.Pytester) -> None:
    result = result_of(
        project,
        """
        import pytest
        from rhosocial.activerecord.blocking import is_blocking, running_loop

        async def look():
            return is_blocking(), running_loop()

        @pytest.fixture
        def seen(face_run):
            return face_run(look())

        async def test_async(seen):
            assert seen == await look()

        def test_plain(seen, face):
            assert seen[0] == (face == "blocking")
        """,
    )

    result.assert_outcomes(passed=4)


def test_a_property_test_may_be_async(project: pytest.Pytester) -> None:
    result = result_of(
        project,
        """
        from hypothesis import given, settings, strategies as st
        from rhosocial.activerecord.blocking import is_blocking

        seen = {True: 0, False: 0}

        class TestIt:
            @settings(database=None, max_examples=10)
            @given(n=st.integers())
            async def test_it(self, n):
                assert isinstance(n, int)
                seen[is_blocking()] += 1

        def test_both_ran():
            assert min(seen.values()) >= 5

        @settings(database=None)
        @given(n=st.integers())
        async def test_wrong(n):
            assert n < 100
        """,
        "--hypothesis-seed=1",
    )

    result.assert_outcomes(passed=3, failed=2)
    result.stdout.fnmatch_lines(["*n=100*"])


def test_without_the_setting_other_peoples_async_tests_are_left_alone(pytester: pytest.Pytester) -> None:
    result = result_of(
        pytester,
        """
        import pytest

        @pytest.fixture
        def face():
            return "my own"

        @pytest.fixture(params=[1])
        def one(request):
            return request.param

        def test_face(face, one):
            assert face == "my own"

        async def test_it():
            pass
        """,
    )

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*async def functions are not natively supported*"])


def test_the_fixtures_need_no_setting(pytester: pytest.Pytester) -> None:
    result = result_of(
        pytester,
        """
        async def one():
            return 1

        def test_it(face_run):
            assert face_run(one()) == 1
        """,
    )

    result.assert_outcomes(passed=2)


def test_the_entry_point_has_the_name_that_keeps_pytest_from_loading_the_plugin_twice() -> None:
    settings = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))

    assert settings["project"]["entry-points"]["pytest11"] == {PLUGIN: PLUGIN}
