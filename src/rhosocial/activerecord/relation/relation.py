"""A relation between two models: what all kinds have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from ..backend.errors import ConfigurationError, QueryError
from ..backend.expression import Expression, Raw
from ..backend.names import shown
from ..builder import as_condition
from ..state import links_of, make_links, stored_of
from ..table import Columns, Table
from .policy import checked
from .route import Route, Step, has_null
from .target import classes_named, find_model

T = TypeVar("T")
Names = str | Sequence[str]
Conditions = dict[str, Any] | str | Callable[[Any], Expression]
Order = str | Expression | Sequence[str | Expression]

if TYPE_CHECKING:
    _Attribute = object
else:
    # Pydantic lets what is a property be set on its models.
    _Attribute = property


class Relation(_Attribute, Generic[T]):
    """How the records of one model lead to those of another; a class attribute of the model.

    `foreign_key` names the column, or columns, that point at the other table's `target_key` (default: its key).
    `conditions` narrow what is related: a dict, SQL text, or a function of the target's columns; `order_by` orders it.
    `inverse_of` names the relation back, `load` what happens when it is read unloaded: "batch", "one" or "raise".
    """

    is_many = False
    points_away = False  # Whether the foreign key is a column of the model that declares the relation.

    def __init__(
        self,
        target: Any = None,
        *,
        foreign_key: Names | None = None,
        target_key: Names | None = None,
        inverse_of: str | None = None,
        conditions: Conditions | None = None,
        order_by: Order | None = None,
        load: str | None = None,
        dependent: str | None = None,
    ) -> None:
        self.name = ""
        self.model: Any = None
        self.annotation: Any = None
        self.foreign_key = foreign_key
        self.target_key = target_key
        self.inverse_of = inverse_of
        self.conditions = conditions
        self.order_by = (order_by,) if isinstance(order_by, (str, Expression)) else tuple(order_by or ())
        self.policy = None if load is None else checked(load)
        self.dependent = dependent
        self._target = target
        self._home: Any = None  # The class that declared it, in whose module names are looked up.
        self._found: Any = None
        self._route: Route | None = None
        self._inverse: tuple[Relation[Any] | None] | None = None

    # 1 - Becoming part of a model

    def bound_to(self, model: Any, name: str) -> Self:
        """This relation as an attribute of `model`; a subclass of the model gets one of its own."""
        bound = type(self).__new__(type(self))  # `copy` cannot copy a property.
        vars(bound).update(vars(self))
        bound.name, bound.model = name, model
        bound._home = self._home or model
        bound._route = bound._found = bound._inverse = None
        return bound

    @property
    def label(self) -> str:
        """What messages call it: ``User.posts``."""
        return f"{self.model.__name__}.{self.name}" if self.model is not None else type(self).__name__

    def targets(self) -> tuple[Any, ...]:
        """The models that it leads to, looked up at the first use; ConfigurationError where one is not to be found."""
        if self._found is None:
            named = self._named()
            if not named:
                raise ConfigurationError(f"{self.label} does not say where it leads: {type(self).__name__}['Post'](…)")
            self._found = tuple(find_model(given, self._home, self.label) for given in named)
        found: tuple[Any, ...] = self._found
        return found

    def _named(self) -> tuple[Any, ...]:
        argument = getattr(self, "__orig_class__", None)  # What `HasMany["Post"](…)` was given in its brackets.
        given = self._target if self._target is not None else argument if argument is not None else self.annotation
        return classes_named(given)

    @property
    def target(self) -> Any:
        """The model that it leads to."""
        found = self.targets()
        if len(found) > 1:
            names = " | ".join(model.__name__ for model in found)
            raise QueryError(f"{self.label} leads to several models, {names}: this needs one")
        return found[0]

    # 2 - The way to the target

    @property
    def route(self) -> Route:
        """The way to the target's table; ConfigurationError where a column of it does not exist."""
        route, own, target = self._route, self.model.__table__, self.target
        table = target.__table__
        if route is None or route.own is not own or route.table is not table:
            route = self._route = Route(own, target, table, self._steps(own, target, table))
        return route

    def route_of(self, record: Any) -> Route | None:
        """The way that one record's relation takes; None where it leads nowhere."""
        return self.route

    def routes(self) -> tuple[Route, ...]:
        """All ways that records may take: one, but for a relation to several models."""
        return (self.route,)

    def _steps(self, own: Table, target: Any, table: Table) -> list[Step]:
        raise NotImplementedError

    def _condition(self, table: Table) -> Expression | None:
        """The declared conditions for the target's table under its own name."""
        given = self.conditions
        if given is None:
            return None
        if isinstance(given, dict):
            return table.model.query().query(given)._closed().where  # type: ignore[no-any-return]
        if isinstance(given, str):
            return Raw(given)
        if callable(given):
            return as_condition(given(Columns(table)))
        kind = type(given).__name__
        raise ConfigurationError(f"{self.label}: conditions are a dict, SQL text or a function, got {kind}")

    def join_onto(self, source: Any, alias: str | None = None) -> list[tuple[Any, Expression]]:
        """What a query joins to get from `source`, a table or a second name of one, to the target.

        Pairs of what to join (it has `name`, `source()` and `ref()`) and the condition; the last one is the target,
        called `alias` where that is given.
        """
        return self.route.joined(source, alias)

    def inverse(self) -> Relation[Any] | None:
        """The relation of the target that leads back, as `inverse_of` says or the columns tell; None where none is."""
        if self._inverse is None:
            self._inverse = (self._find_inverse(),)
        return self._inverse[0]

    def _find_inverse(self) -> Relation[Any] | None:
        relations = self.target.get_relations()
        if self.inverse_of is None:
            return self._guess_inverse(relations)
        if self.inverse_of not in relations:
            known = ", ".join(relations) or "none"
            name = self.target.__name__
            raise ConfigurationError(f"{self.label}: {name} has no relation {shown(self.inverse_of)}; it has {known}")
        found: Relation[Any] = relations[self.inverse_of]
        return found

    def _guess_inverse(self, relations: dict[str, Relation[Any]]) -> Relation[Any] | None:
        return None

    # 3 - Values of records

    def key_of(self, record: Any) -> Any:
        """What the record's own columns hold: None, or a tuple with a None, where it is linked to nothing."""
        return self.route.get_key(record.__dict__)

    def is_loaded(self, record: Any) -> bool:
        """Whether the record has the related ones at hand."""
        links = links_of(record)
        return links is not None and self.name in links and self._is_current(record, links[self.name][1])

    def _is_current(self, record: Any, key: Any) -> bool:
        now = self.key_of(record)
        return bool(key == now) or (not self.points_away and has_null(key))

    def loaded(self, record: Any) -> Any:
        """What the record has at hand; KeyError where that is nothing."""
        links = links_of(record)
        if links is None:
            raise KeyError(self.name)
        value, key = links[self.name]
        if not self._is_current(record, key):
            raise KeyError(self.name)
        return value

    def put(self, record: Any, value: Any) -> None:
        """Give the record its related ones."""
        make_links(record)[self.name] = value, self.key_of(record)

    def forget(self, record: Any) -> None:
        """Drop what the record has at hand."""
        links = links_of(record)
        if links is not None:
            links.pop(self.name, None)

    def nothing(self, record: Any) -> Any:
        """What a record has that is linked to nothing."""
        return None

    def one_of(self, record: Any, found: list[Any]) -> Any:
        """What the record is given of the related records that were found."""
        return found[0] if found else None

    def is_new(self, record: Any) -> bool:
        """Whether nothing can be related to the record yet, because it has no row."""
        return not self.points_away and stored_of(record).__class__ is not tuple

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.label}>"
