"""What deleting a record does to those that point at it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rhosocial.activerecord import ActiveRecord, BelongsTo, HasMany, HasOne, ManyToMany
from rhosocial.activerecord.backend.errors import ConfigurationError, ForeignKeyViolation
from rhosocial.activerecord.backend.impl.sqlite import SQLiteBackend
from rhosocial.activerecord.testing import assert_queries


class Folder(ActiveRecord):
    __table_name__ = "folders"

    id: int
    parent_id: int | None = None

    folders = HasMany["Folder"](foreign_key="parent_id", dependent="delete")
    files = HasMany["File"](foreign_key="folder_id", dependent="delete")
    shortcuts = HasMany["Shortcut"](foreign_key="folder_id", dependent="nullify")
    lock = HasOne["Lock"](foreign_key="folder_id", dependent="restrict")
    labels = ManyToMany["Label"](through="folder_labels", dependent="delete")


class File(ActiveRecord):
    __table_name__ = "files"

    id: int
    folder_id: int
    folder = BelongsTo["Folder"]()


class Shortcut(ActiveRecord):
    __table_name__ = "shortcuts"

    id: int
    folder_id: int | None = None


class Lock(ActiveRecord):
    __table_name__ = "locks"

    id: int
    folder_id: int


class Label(ActiveRecord):
    __table_name__ = "labels"

    id: int


class FolderLabel(ActiveRecord):
    __table_name__ = "folder_labels"
    __primary_key__ = ("folder_id", "label_id")

    folder_id: int
    label_id: int


MODELS = (Folder, File, Shortcut, Lock, Label, FolderLabel)


@pytest.fixture(autouse=True)
def drive(tmp_path) -> Iterator[SQLiteBackend]:
    """Folder 1 holds 2, which holds 3; a file in each, shortcuts to 1 and 3, a label on 3; folder 4 is apart."""
    made = Folder.configure(f"sqlite:///{tmp_path}/drive.db", models=MODELS)
    for model in MODELS:
        model.create_table()
    Folder.bulk_create([Folder(), Folder(parent_id=1), Folder(parent_id=2), Folder()])
    File.bulk_create([File(folder_id=1), File(folder_id=2), File(folder_id=3), File(folder_id=4)])
    Shortcut.bulk_create([Shortcut(folder_id=1), Shortcut(folder_id=3), Shortcut(folder_id=4)])
    Label.bulk_create([Label()])
    FolderLabel.bulk_create([FolderLabel(folder_id=3, label_id=1), FolderLabel(folder_id=4, label_id=1)])
    yield made
    made.close()


async def ids(model) -> list[int]:
    return await model.query().select("id").order_by("id").ascalars()


async def test_deleting_goes_down_the_tree_and_stops_there() -> None:
    folder = await Folder.afind_one(1)
    assert 1 == await folder.adelete()

    assert ([4], [4], [1, 2, 3]) == (await ids(Folder), await ids(File), await ids(Shortcut))
    assert [None, None, 4] == await Shortcut.query().select("folder_id").order_by("id").ascalars()
    assert [4] == await FolderLabel.query().select("folder_id").ascalars()
    assert [1] == await ids(Label)
    assert folder.is_new_record


async def test_a_level_costs_the_same_however_many_records_it_has() -> None:
    lone = await Folder.acreate()
    full = await Folder.acreate()
    await Folder.abulk_create([Folder(parent_id=full.id) for _ in range(50)])
    await File.abulk_create([File(folder_id=full.id) for _ in range(50)])

    with assert_queries(6):
        await lone.adelete()
    with assert_queries(13):
        await full.adelete()


async def test_what_restricts_stops_everything() -> None:
    await Lock.acreate(folder_id=3)
    folder = await Folder.afind_one(1)

    with pytest.raises(ForeignKeyViolation, match=r"Folder.lock restricts deleting: there are Lock records"):
        await folder.adelete()
    assert ([1, 2, 3, 4], [1, 2, 3, 4]) == (await ids(Folder), await ids(File))
    assert not folder.is_new_record and 1 == folder.id


async def test_members_at_hand_are_new_afterwards_and_stored_again_after_a_rollback() -> None:
    folder = await Folder.query().with_("files").afind_one(4)
    (file,) = folder.files
    with pytest.raises(ZeroDivisionError):
        async with Folder.transaction():
            await folder.adelete()
            assert file.is_new_record
            raise ZeroDivisionError
    assert not file.is_new_record and 4 == file.id

    await folder.adelete()
    assert file.is_new_record and [1, 2, 3] == await ids(File)


async def test_an_overridden_delete_is_called_for_each_record(monkeypatch) -> None:
    gone = []

    class Watched(File):
        __table_name__ = "files"

        async def adelete(self) -> int:
            gone.append(self.id)
            return await super().adelete()

    class Home(Folder):
        __table_name__ = "folders"
        files = HasMany[Watched](foreign_key="folder_id", dependent="delete")

    await (await Home.afind_one(4)).adelete()

    assert [4] == gone


async def test_circles_end() -> None:
    one = await Folder.acreate()
    two = await Folder.acreate(parent_id=one.id)
    one.parent_id = two.id
    await one.asave()
    await one.adelete()

    assert [1, 2, 3, 4] == await ids(Folder)


async def test_removing_from_a_dependent_list_deletes() -> None:
    folder = await Folder.query().with_("files").afind_one(4)
    (file,) = folder.files
    await folder.files.aremove(file)

    assert file.is_new_record and [1, 2, 3] == await ids(File)


async def test_a_rule_that_cannot_be_kept_is_refused(drive) -> None:
    class Odd(ActiveRecord):
        __table_name__ = "folders"
        id: int
        files = HasMany[File](foreign_key="folder_id", dependent="explode")

    class Even(ActiveRecord):
        __table_name__ = "files"
        id: int
        folder_id: int
        folder = BelongsTo[Folder](dependent="delete")

    Odd.__backend__ = Even.__backend__ = drive
    with pytest.raises(ConfigurationError, match=r"Odd.files: dependent is one of delete, nullify, restrict"):
        await (await Odd.afind_one(1)).adelete()
    with pytest.raises(ConfigurationError, match=r"Even.folder cannot be dependent='delete': nothing points here"):
        await (await Even.afind_one(1)).adelete()
