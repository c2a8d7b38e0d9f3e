"""Where models are stored: configure, class attributes, overrides, inheritance, changes at run time."""

from __future__ import annotations

import gc
import os
import pathlib
import warnings
import weakref
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from rhosocial.activerecord import ActiveRecord
from rhosocial.activerecord import model as model_module
from rhosocial.activerecord.backend import ConfigurationError, ConnectionConfig, DatabaseError, close_backends
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_backends()


def model(name: str, table: str | None = None, base: Any = ActiveRecord) -> Any:
    namespace: dict[str, Any] = {"__annotations__": {"id": int, "name": str}, "__module__": __name__}
    if table is not None:
        namespace["__table_name__"] = table
    return type(ActiveRecord)(name, (base,), namespace)


def memory() -> ConnectionConfig:
    return ConnectionConfig(database=":memory:")


async def test_configure_takes_a_config_and_a_class_also_by_position(tmp_path: pathlib.Path) -> None:
    users, posts = model("User", "users"), model("Post", "posts")
    config = ConnectionConfig(database=str(tmp_path / "app.db"))

    first = users.configure(config, SQLiteBackend)
    second = posts.configure(config=config, backend_class=SQLiteBackend)

    assert first is second is users.backend() is posts.backend()
    assert (users.__backend__, users.__backend_class__, users.__connection_config__) == (first, SQLiteBackend, config)
    await users.acreate_table()
    await users.acreate(name="Ann")
    assert os.path.exists(tmp_path / "app.db")


async def test_configure_takes_a_url(tmp_path: pathlib.Path) -> None:
    users, posts = model("User", "users"), model("Post", "posts")
    url = f"sqlite:///{tmp_path}/app.db"

    assert users.configure(url) is posts.configure(url)
    await users.acreate_table()
    assert (await users.acreate(name="Ann")).id == 1


def test_configure_opens_nothing(tmp_path: pathlib.Path) -> None:
    model("User", "users").configure(f"sqlite:///{tmp_path}/none.db")

    assert list(tmp_path.iterdir()) == []


def test_a_configuration_is_inherited_and_may_be_overridden() -> None:
    base = model("Base")
    dogs, cats = model("Dog", "dogs", base), model("Cat", "cats", base)
    given = base.configure(memory(), SQLiteBackend)
    own = cats.configure(memory(), SQLiteBackend)

    assert dogs.backend() is given
    assert cats.backend() is own is not given
    again = base.configure(memory(), SQLiteBackend)
    assert dogs.backend() is again
    assert cats.backend() is own


def test_configure_places_other_models_too() -> None:
    users, posts = model("User", "users"), model("Post", "posts")
    backend = users.configure(memory(), SQLiteBackend, models=[posts])

    assert posts.backend() is backend


def test_a_model_given_to_the_base_serves_all_models() -> None:
    users = model("User", "users")
    try:
        backend = ActiveRecord.configure("sqlite:///:memory:")
        assert users.backend() is backend
    finally:
        ActiveRecord.__backend__ = ActiveRecord.__backend_class__ = ActiveRecord.__connection_config__ = None
    with pytest.raises(DatabaseError):
        users.backend()


async def test_a_backend_may_stand_in_the_class_body() -> None:
    shared = SQLiteBackend(database=":memory:")

    class User(ActiveRecord):
        __table_name__ = "users"
        __backend__ = shared
        id: int

    class Post(ActiveRecord):
        __table_name__ = "posts"
        __backend__: ClassVar[Any] = shared
        id: int

    await User.acreate_table()
    await Post.acreate_table()
    assert ((await User.acreate()).id, (await Post.acreate()).id) == (1, 1)
    await shared.aclose()


async def test_config_and_class_may_stand_in_the_class_body() -> None:
    class User(ActiveRecord):
        __table_name__ = "users"
        __backend_class__ = SQLiteBackend
        __connection_config__ = ConnectionConfig(database=":memory:")
        id: int

    await User.acreate_table()
    assert (await User.acreate()).id == 1
    await User.backend().aclose()


async def test_the_backend_may_be_changed_at_run_time() -> None:
    users = model("User", "users")
    backends = [SQLiteBackend(database=":memory:") for _ in range(2)]
    for number, backend in enumerate(backends):
        users.__backend__ = backend
        await users.acreate_table()
        await users.abulk_create([users(name="x") for _ in range(number + 1)])
    counts = []
    for backend in backends:
        users.__backend__ = backend
        counts.append(await users.query().acount())
    question = users.query().where(users.c.name == "x")
    users.__backend__ = backends[0]
    counts.append(await question.acount())

    assert counts == [1, 2, 1]
    del users.__backend__
    with pytest.raises(DatabaseError, match=r"User has no backend: call User.configure\('sqlite:///app.db'\) first"):
        await question.acount()
    for backend in backends:
        await backend.aclose()


async def test_a_change_while_another_thread_looks_is_not_missed(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    users, later = model("User", "users"), SQLiteBackend(database=":memory:")
    users.__backend__ = backend
    plan_for = model_module.plan_for

    def slow(table: Any, place: Any) -> Any:
        users.__backend__ = later  # As another thread would, meanwhile.
        return plan_for(table, place)

    monkeypatch.setattr(model_module, "plan_for", slow)
    _ = users.__home__
    monkeypatch.undo()

    assert users.__home__[0] is later
    await later.aclose()


async def test_table_name_may_be_chosen_at_run_time(backend: Any) -> None:
    class Log(ActiveRecord):
        __backend__ = backend
        month: ClassVar[int] = 1
        id: int
        text: str

        @classmethod
        def table_name(cls) -> str:
            return f"log_{cls.month}"

    for month in (1, 2, 1, 2, 1):
        Log.month = month
        await Log.acreate_table()
        await Log.acreate(text=f"in {month}")
    counts = []
    for month in (1, 2):
        Log.month = month
        counts.append(await Log.query().acount())
    plans = len(backend.plans)

    assert counts == [3, 2]
    assert plans == 2


async def test_the_key_may_be_chosen_at_run_time(backend: Any) -> None:
    class Pair(ActiveRecord):
        __table_name__ = "pairs"
        __backend__ = backend
        key: ClassVar[str] = "left"
        left: int
        right: int

        @classmethod
        def primary_key(cls) -> str:
            return cls.key

    await backend.aexecute('CREATE TABLE pairs ("left" INTEGER, "right" INTEGER)')
    pair = await Pair.acreate(left=1, right=2)
    assert await Pair.afind_one(1) == pair
    Pair.key = "right"
    assert await Pair.afind_one(2) == pair


async def test_the_backend_may_be_chosen_by_a_method(backend: Any) -> None:
    other = SQLiteBackend(database=":memory:")

    class Tenant(ActiveRecord):
        __table_name__ = "tenants"
        current: ClassVar[Any] = None
        id: int

        @classmethod
        def backend(cls) -> Any:
            return cls.current

    for place, count in ((backend, 1), (other, 2)):
        Tenant.current = place
        await Tenant.acreate_table()
        await Tenant.abulk_create([Tenant() for _ in range(count)])
    assert await Tenant.query().acount() == 2
    Tenant.current = backend
    assert await Tenant.query().acount() == 1
    await other.aclose()


async def test_a_table_may_be_renamed_at_run_time(home: Any) -> None:
    users = home(model("User", "users"))
    await users.acreate(name="Ann")
    users.__table_name__ = "people"
    await users.acreate_table()

    assert await users.query().acount() == 0
    users.__table_name__ = "users"
    assert await users.query().acount() == 1


def test_dropping_the_only_reference_to_a_backend_releases_its_file(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "app.db")
    users = model("User", "users")
    users.__backend__ = SQLiteBackend(database=path)
    users.create_table()
    user = users.create(name="Ann")
    question = users.query().where(users.c.name == "Ann")
    assert question.all() == [user]
    reference = weakref.ref(users.__backend__)
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # Closing it would have been better manners.
            users.__backend__ = None
        assert reference() is None
        assert [name for name in open_files() if name.startswith(path)] == []
    finally:
        gc.enable()


def open_files() -> list[str]:
    folder = pathlib.Path("/proc/self/fd")
    return [os.readlink(link) for link in folder.iterdir() if link.is_symlink()] if folder.exists() else []


def test_a_config_says_nothing_about_the_engine() -> None:
    with pytest.raises(ConfigurationError, match="pass backend_class too, or a URL"):
        model("User", "users").configure(memory())


def test_an_unknown_scheme_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"unknown database scheme 'oracle'; known: .*sqlite"):
        model("User", "users").configure("oracle://host/db")


@pytest.mark.parametrize("wrong", [42, "sqlite", memory(), ConnectionConfig])
def test_a_backend_class_that_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="backend_class must be a StorageBackend class, got"):
        model("User", "users").configure(memory(), wrong)


def test_a_failed_configure_changes_nothing() -> None:
    users = model("User", "users")
    backend = users.configure(memory(), SQLiteBackend)
    with pytest.raises(ConfigurationError):
        users.configure("nonsense://")
    with pytest.raises(ConfigurationError, match="models must be ActiveRecord classes, got str"):
        users.configure(memory(), SQLiteBackend, models=["Post"])

    assert users.backend() is backend


def test_loggers_are_per_class(caplog: Any) -> None:
    import logging

    users = model("User", "users")
    users.set_logger(logging.getLogger("mine"))
    with caplog.at_level(logging.INFO):
        users.log(logging.INFO, "hello %s", "Ann")

    assert [(record.name, record.getMessage()) for record in caplog.records] == [("mine", "hello Ann")]
    assert ActiveRecord.__logger__.name == "activerecord"
