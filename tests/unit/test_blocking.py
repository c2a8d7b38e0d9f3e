"""One awaitable core, two faces: what `blocking` promises."""

from __future__ import annotations

import asyncio
import inspect
import threading
from typing import Any

import pytest

from rhosocial.activerecord.blocking import blocking, is_blocking, plain_name, renew_faces, run, running_loop


class Account:
    """A class with two faces, as the library's own are made."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        renew_faces(cls)

    async def asave(self, note: str = "", *, times: int = 1) -> str:
        """The words that were saved."""
        return f"saved {note}" * times

    save = blocking(asave)

    async def __aenter__(self) -> str:
        return "entered"

    __enter__ = blocking(__aenter__)

    async def __aexit__(self, *error: object) -> bool:
        return error[0] is ValueError

    __exit__ = blocking(__aexit__)


class Loud(Account):
    """Overrides the core and calls its base's."""

    async def asave(self, note: str = "", *, times: int = 1) -> str:
        return (await super().asave(note, times=times)).upper()


async def suspends() -> None:
    await asyncio.sleep(0)


async def face_of_caller() -> bool:
    return is_blocking()


class TestRun:
    def test_gives_the_result(self) -> None:
        async def answer() -> int:
            return 42

        assert run(answer()) == 42

    def test_lets_the_cores_error_through_unchanged(self) -> None:
        error = LookupError("gone")

        async def fail() -> None:
            raise error

        with pytest.raises(LookupError) as caught:
            run(fail())

        assert caught.value is error
        assert not is_blocking()

    def test_a_core_that_suspends_is_closed_and_named(self) -> None:
        closed = []

        async def wait() -> None:
            try:
                await suspends()
            finally:
                closed.append(True)

        with pytest.raises(RuntimeError, match="wait waited for an event loop inside a blocking call; use"):
            run(wait())

        assert closed == [True]
        assert not is_blocking()

    def test_works_inside_a_running_loop(self) -> None:
        async def main() -> tuple[bool, bool, bool]:
            return is_blocking(), run(face_of_caller()), is_blocking()

        assert asyncio.run(main()) == (False, True, False)

    def test_refuses_a_core_that_suspends_inside_a_running_loop_and_the_loop_lives_on(self) -> None:
        async def main() -> str:
            with pytest.raises(RuntimeError, match="inside a blocking call"):
                run(suspends())
            await suspends()
            return "alive"

        assert asyncio.run(main()) == "alive"

    def test_nests(self) -> None:
        async def outer() -> tuple[bool, bool, bool]:
            return is_blocking(), run(face_of_caller()), is_blocking()

        assert run(outer()) == (True, True, True)


class TestIsBlocking:
    def test_plain_code_is_not_stepped(self) -> None:
        assert not is_blocking()

    def test_awaited_code_is_not_blocking(self) -> None:
        assert not asyncio.run(face_of_caller())

    def test_a_loop_started_below_a_blocking_call_is_awaiting_code(self) -> None:
        async def hook() -> list[bool]:
            return [is_blocking(), await asyncio.to_thread(is_blocking)]

        async def core() -> list[bool]:
            def start_loop() -> list[bool]:
                return asyncio.run(hook())

            return [is_blocking(), *start_loop(), is_blocking()]

        assert run(core()) == [True, False, False, True]

    def test_a_blocking_call_below_that_loop_is_blocking_again(self) -> None:
        async def hook() -> bool:
            return run(face_of_caller())

        async def core() -> bool:
            def start_loop() -> bool:
                return asyncio.run(hook())

            return start_loop()

        assert run(core())

    def test_a_thread_started_below_a_blocking_call_has_a_face_of_its_own(self) -> None:
        seen = []

        async def core() -> bool:
            thread = threading.Thread(target=lambda: seen.append(is_blocking()))
            thread.start()
            thread.join()
            return is_blocking()

        assert run(core())
        assert seen == [False]

    def test_tasks_born_below_a_blocking_call_are_awaiting_code(self) -> None:
        async def main() -> bool:
            async def core() -> asyncio.Task[bool]:
                return asyncio.create_task(face_of_caller())

            return await run(core())

        assert asyncio.run(main()) is False

    def test_threads_do_not_disturb_each_other(self) -> None:
        wrong: list[Any] = []

        def work() -> None:
            for _ in range(200):
                if not run(face_of_caller()) or is_blocking() or asyncio.run(face_of_caller()):
                    wrong.append(threading.current_thread().name)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert wrong == []


class TestRunningLoop:
    def test_is_none_outside_a_loop(self) -> None:
        assert running_loop() is None

    def test_is_the_loop_that_runs_here(self) -> None:
        async def main() -> bool:
            return running_loop() is asyncio.get_running_loop()

        assert asyncio.run(main())


class TestBlocking:
    def test_both_faces_give_the_same(self) -> None:
        account = Account()

        assert account.save("a", times=2) == "saved asaved a"
        assert asyncio.run(account.asave("a", times=2)) == "saved asaved a"

    def test_the_blocking_face_looks_like_a_method_of_its_own(self) -> None:
        assert Account.save.__name__ == "save"
        assert Account.save.__qualname__ == "Account.save"
        assert Account.save.__doc__ == "The words that were saved."
        assert list(inspect.signature(Account.save).parameters) == ["self", "note", "times"]
        assert not inspect.iscoroutinefunction(Account.save)

    def test_one_pair_of_cores_serves_with_and_async_with(self) -> None:
        async def main() -> str:
            async with Account() as word:
                raise ValueError("swallowed by the core")
            return word

        with Account() as word:
            raise ValueError("swallowed by the core")

        assert word == "entered"
        assert asyncio.run(main()) == "entered"

    def test_an_error_that_the_core_does_not_swallow_passes(self) -> None:
        with pytest.raises(KeyError), Account():
            raise KeyError("mine")

    @pytest.mark.parametrize(
        ("core", "face"), [("asave", "save"), ("__aenter__", "__enter__"), ("save", "save"), ("__init__", "__init__")]
    )
    def test_the_name_of_a_core_gives_the_name_of_its_face(self, core: str, face: str) -> None:
        assert plain_name(core) == face


class TestRenewFaces:
    def test_an_overridden_core_is_reached_by_both_faces_and_super_works(self) -> None:
        assert Loud().save("a") == "SAVED A"
        assert asyncio.run(Loud().asave("a")) == "SAVED A"

    def test_the_base_keeps_its_own_face(self) -> None:
        assert Account().save("a") == "saved a"

    def test_super_works_below_a_second_override(self) -> None:
        class Twice(Loud):
            async def asave(self, note: str = "", *, times: int = 1) -> str:
                return await super().asave(note, times=2 * times)

        assert Twice().save("a") == "SAVED ASAVED A"

    def test_the_base_face_called_by_name_runs_the_base_core(self) -> None:
        assert Account.save(Loud(), "a") == "saved a"

    def test_a_subclass_that_overrides_nothing_inherits_the_renewed_face(self) -> None:
        class Quiet(Loud):
            pass

        assert Quiet().save("a") == "SAVED A"

    def test_the_core_of_a_mixin_is_reached_by_both_faces(self) -> None:
        class Stamped:
            async def asave(self, note: str = "", *, times: int = 1) -> str:
                return "stamped, " + await super().asave(note, times=times)

        class StampedAccount(Stamped, Account):
            pass

        assert asyncio.run(StampedAccount().asave("a")) == "stamped, saved a"
        assert StampedAccount().save("a") == "stamped, saved a"

    def test_two_overriding_branches_meet_in_both_faces(self) -> None:
        class Polite(Account):
            async def asave(self, note: str = "", *, times: int = 1) -> str:
                return "please, " + await super().asave(note, times=times)

        class PoliteAndLoud(Polite, Loud):
            pass

        assert asyncio.run(PoliteAndLoud().asave("a")) == "please, SAVED A"
        assert PoliteAndLoud().save("a") == "please, SAVED A"

    def test_overriding_only_the_face_is_refused_when_the_class_is_made(self) -> None:
        with pytest.raises(TypeError, match=r"Wrong\.save overrides a blocking face: override asave; save follows"):

            class Wrong(Account):
                def save(self, note: str = "", *, times: int = 1) -> str:
                    return "never seen by awaiting callers"

    def test_overriding_core_and_face_is_refused_too(self) -> None:
        with pytest.raises(TypeError, match="save"):

            class Both(Account):
                async def asave(self, note: str = "", *, times: int = 1) -> str:
                    return "core"

                def save(self, note: str = "", *, times: int = 1) -> str:
                    return "face"

    def test_writing_the_face_out_is_allowed(self) -> None:
        class Spelled(Account):
            async def asave(self, note: str = "", *, times: int = 1) -> str:
                return "spelled out"

            save = blocking(asave)

        assert Spelled().save() == "spelled out"

    def test_other_names_that_begin_with_an_a_are_left_alone(self) -> None:
        class Adder(Account):
            def add(self) -> int:
                return 1

            async def dd(self) -> int:
                return 2

        assert Adder().add() == 1
        assert inspect.iscoroutinefunction(Adder.dd)
