"""The ways to declare a relation, and where names of models are looked for."""

from __future__ import annotations

import sys
import textwrap
from typing import Any, ClassVar, List, Optional  # noqa: UP035  # The guide's era wrote them so.

import pytest

from rhosocial.activerecord import ActiveRecord, BelongsTo, HasMany, HasOne, ManyToMany
from rhosocial.activerecord.backend.errors import ConfigurationError


class Team(ActiveRecord):
    __table_name__ = "teams"

    id: int
    bracketed = HasMany["Player"](foreign_key="team_id")
    by_class_var: ClassVar[HasMany[Player]] = HasMany(foreign_key="team_id")
    by_argument = HasMany("Player", foreign_key="team_id")
    by_annotation: List[Player] = HasMany(foreign_key="team_id")  # noqa: UP006  # An old spelling.
    by_both: List[Player] = HasMany("Player", foreign_key="team_id")  # noqa: UP006  # An old spelling.
    lazily = HasMany["test_declaring.Player"](foreign_key="team_id")
    guessed = HasMany["Player"]()


class Player(ActiveRecord):
    __table_name__ = "players"

    id: int
    team_id: int | None = None
    bracketed = BelongsTo[Team](foreign_key="team_id")
    optional = BelongsTo["Team | None"](foreign_key="team_id")
    by_annotation: Optional[Team] = BelongsTo(foreign_key="team_id")  # noqa: UP045  # An old spelling.
    by_union: Team | None = BelongsTo(foreign_key="team_id")
    team = BelongsTo["Team"]()


class Rookie(Player):
    __table_name__ = "rookies"


def test_all_spellings_lead_to_the_same_model() -> None:
    assert {Player} == {relation.target for relation in Team.get_relations().values()}
    assert {Team} == {relation.target for relation in Player.get_relations().values()}
    assert {"id"} == set(Team.model_fields) and {"id", "team_id"} == set(Player.model_fields)


def test_foreign_keys_are_guessed_by_names() -> None:
    assert ("team_id",) == Team.guessed.route.steps[0].columns == Player.team.route.steps[0].origin


def test_a_subclass_has_relations_of_its_own() -> None:
    assert "players" == Player.team.route.own.name
    assert "rookies" == Rookie.team.route.own.name
    assert Rookie.team is not Player.team and Team is Rookie.team.target


@pytest.mark.filterwarnings("ignore:Field name")
def test_a_field_may_not_hide_a_relation_of_a_base() -> None:
    with pytest.raises(TypeError, match=r"Plain.team would hide the relation Player.team: give one another name"):
        _make_plain()


def _make_plain() -> None:
    class Plain(Player):
        __table_name__ = "plain"
        team: str = ""


def test_two_bases_with_relations_join() -> None:
    class Owned(ActiveRecord):
        owner_id: int
        owner = BelongsTo[Team](foreign_key="owner_id")

    class Noted(ActiveRecord):
        noter_id: int
        noter = BelongsTo[Team](foreign_key="noter_id")

    class Both(Owned, Noted):
        __table_name__ = "both"
        id: int

    assert ["noter", "owner"] == sorted(Both.get_relations())
    assert Team is Both.owner.target is Both.noter.target


def test_names_are_looked_for_in_the_function_first() -> None:
    class Holder(ActiveRecord):
        __table_name__ = "holders"
        id: int
        team = HasOne["Team"](foreign_key="id")

    class Team(ActiveRecord):
        __table_name__ = "local_teams"
        id: int

    assert Team is Holder.team.target


def test_modules_that_need_each_other_find_each_other(tmp_path, monkeypatch) -> None:
    for name, other in (("Ping", "Pong"), ("Pong", "Ping")):
        text = f"""
            from __future__ import annotations
            from typing import TYPE_CHECKING
            from rhosocial.activerecord import ActiveRecord, HasMany, BelongsTo
            if TYPE_CHECKING:
                from .{other.lower()} import {other}
            class {name}(ActiveRecord):
                __table_name__ = "{name.lower()}"
                id: int
                other_id: int
                others = HasMany["{other}"](foreign_key="other_id")
                by_path = HasMany["games.{other.lower()}.{other}"](foreign_key="other_id")
        """
        (tmp_path / "games").mkdir(exist_ok=True)
        (tmp_path / "games" / f"{name.lower()}.py").write_text(textwrap.dedent(text))
    monkeypatch.syspath_prepend(str(tmp_path))
    from games.ping import Ping

    assert "Pong" == Ping.by_path.target.__name__
    assert sys.modules["games.pong"].Pong is Ping.others.target
    assert Ping is Ping.others.target.others.target


def test_a_name_that_no_model_has_is_named() -> None:
    class Lost(ActiveRecord):
        __table_name__ = "lost"
        id: int
        found = HasMany["Nowhere"](foreign_key="lost_id")
        by_path = HasMany["no.such.module.Thing"](foreign_key="lost_id")
        wrong_name = HasMany["test_declaring.Nowhere"](foreign_key="lost_id")
        not_said = HasMany(foreign_key="lost_id")
        no_model = HasMany["Any"](foreign_key="lost_id")

    assert Any is not None
    with pytest.raises(ConfigurationError, match=r"Lost.found leads to 'Nowhere', but no model of that name"):
        _ = Lost.found.target
    with pytest.raises(ConfigurationError, match=r"Lost.by_path leads to 'no.such.module.Thing', but there is no such"):
        _ = Lost.by_path.target
    with pytest.raises(ConfigurationError, match=r"Lost.wrong_name leads to 'test_declaring.Nowhere', but there is no"):
        _ = Lost.wrong_name.target
    with pytest.raises(ConfigurationError, match=r"Lost.not_said does not say where it leads: HasMany\['Post'\]"):
        _ = Lost.not_said.target
    with pytest.raises(ConfigurationError, match=r"Lost.no_model leads to 'Any', which is no ActiveRecord class"):
        _ = Lost.no_model.target


def test_a_missing_class_may_come_later() -> None:
    class Early(ActiveRecord):
        __table_name__ = "early"
        id: int
        later = HasMany["LaterOn"](foreign_key="early_id")

    with pytest.raises(ConfigurationError, match="'LaterOn'"):
        _ = Early.later.target

    class LaterOn(ActiveRecord):
        __table_name__ = "later"
        id: int
        early_id: int

    assert LaterOn is Early.later.target


def test_a_relation_may_not_hide_a_name_of_the_library() -> None:
    with pytest.raises(TypeError, match=r"Bad.query would hide ActiveRecord.query"):

        class Bad(ActiveRecord):
            id: int
            query = HasMany[Team]()


def test_a_relation_may_be_registered_later() -> None:
    class Stand(ActiveRecord):
        __table_name__ = "stands"
        id: int
        team_id: int | None = None

    class Box(Stand):
        __table_name__ = "boxes"

    Stand.register_relation("team", BelongsTo(Team))
    assert Team is Stand.team.target is Box.team.target
    assert Stand(id=1).team is None
    assert "boxes" == Box.__table__.relations["team"].route.own.name


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: HasMany["Team"](foreign_key="nope"), r"Team has no column 'nope'; it has id"),
        (lambda: BelongsTo["Team"](foreign_key="nope"), r"Pin has no column 'nope'; it has id, team_id"),
        (lambda: BelongsTo["Team"](foreign_key="id", target_key="nope"), r"Team has no column 'nope'"),
        (lambda: BelongsTo["Team"](foreign_key=("id", "team_id")), r"links 2 column\(s\), id, team_id, to 1, id"),
        (lambda: HasMany["Player"](through=("teem", "bracketed")), r"Pin has no relation 'teem'"),
        (lambda: HasMany["Player"](through="team.wrong"), r"Team has no relation 'wrong' to go through"),
        (lambda: HasMany["Player"](as_="team"), r"Player has no BelongsTo 'team' with a type_key"),
        (lambda: HasMany["Player"](through="team"), r"bracketed, .* lead.*: write the whole path, through='team"),
        (lambda: ManyToMany["Player"](through="x", foreign_key="a", target_key="a"), r"links x by a twice"),
        (
            lambda: ManyToMany["Player"](through="x", foreign_key=("a", "b")),
            r"x must point at all columns of both keys",
        ),
        (lambda: HasMany["Player"](foreign_key="team_id", inverse_of="nope"), r"Player has no relation 'nope'; it has"),
        (lambda: HasMany["Player"](foreign_key="team_id", conditions=3), r"conditions are a dict, SQL text or a"),
    ],
)
def test_what_cannot_work_is_named(make, message) -> None:
    class Pin(ActiveRecord):
        __table_name__ = "pins"
        id: int
        team_id: int = 0
        team = BelongsTo["Team"](foreign_key="team_id")
        wrong = make()

    with pytest.raises(ConfigurationError, match=rf"Pin.wrong.*({message})"):
        _ = Pin.wrong.route, Pin.wrong.inverse()


def test_options_are_checked_where_they_are_given() -> None:
    with pytest.raises(ConfigurationError, match="one of batch, one, warn, raise, got 'never'"):
        HasMany["Team"](load="never")
    with pytest.raises(TypeError):
        HasMany["Team"](colour="red")


def test_models_without_relations_have_no_room_for_them() -> None:
    class Bare(ActiveRecord):
        __table_name__ = "bare"
        id: int

    assert Bare.__basicsize__ == ActiveRecord.__basicsize__ < Team.__basicsize__
