"""A relation between two models: what all kinds have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypedDict, TypeVar, Unpack

from ..backend.errors import ConfigurationError, QueryError
from ..backend.expression import Condition, Expression, Operand, Raw
from ..backend.names import shown
from ..inheritance import root_of
from ..join import as_condition
from ..state import get_slot, links_of, make_links, stored_of
from ..table import Columns, Table
from .filter import any_related, count_related, query_of
from .loading import read
from .policy import Policy, checked
from .route import Route, Step, has_null
from .target import classes_named, find_model

T = TypeVar("T")
Dependent = Literal["delete", "nullify", "restrict"]
Names = str | Sequence[str]
Conditions = dict[str, Any] | str | Callable[[Any], Expression]
Matching = Expression | dict[str, Any] | str | Callable[[Any], Expression] | None
Models = type[Any] | Sequence[type[Any]] | None
Order = str | Expression | Sequence[str | Expression]


class Options(TypedDict, total=False):
    """What every relation may be given beside its target."""

    foreign_key: Names | None
    target_key: Names | None
    inverse_of: str | None
    conditions: Conditions | None
    order_by: Order | None
    load: Policy | None
    dependent: Dependent | None


if TYPE_CHECKING:

    class _Attribute:
        """What checkers take for the base: they have rules of their own for properties."""

else:
    _Attribute = property  # Pydantic lets what is a property be set on its models.


class Relation(_Attribute, Generic[T]):
    """How the records of one model lead to those of another; a class attribute of the model.

    `foreign_key` names the column, or columns, that point at the other table's `target_key` (default: its key).
    `conditions` narrow what is related: a dict, SQL text, or a function of the target's columns; `order_by` orders it.
    `inverse_of` names the relation back, `load` what happens when it is read unloaded: "batch", "one", "warn" or
    "raise".
    """

    is_many = False
    longest = 1  # How many steps the way may have where the related records can be changed.
    points_away = False  # Whether the foreign key is a column of the model that declares the relation.

    def __init__(self, target: Any = None, **options: Unpack[Options]) -> None:
        unknown = options.keys() - Options.__annotations__.keys()
        if unknown:
            raise TypeError(f"{type(self).__name__} has no option {min(unknown)!r}")
        order_by, load = options.get("order_by"), options.get("load")
        self.name = ""
        self.model: Any = None
        self.annotation: Any = None
        self.foreign_key = options.get("foreign_key")
        self.target_key = options.get("target_key")
        self.inverse_of = options.get("inverse_of")
        self.conditions = options.get("conditions")
        self.order_by = (order_by,) if isinstance(order_by, (str, Expression)) else tuple(order_by or ())
        self.policy = None if load is None else checked(load)
        self.dependent: str | None = options.get("dependent")
        self._target = target
        self._home: Any = None  # The class that declared it, in whose module names are looked up.
        self._found: Any = None
        self._route: Route | None = None
        self._inverse: tuple[Relation[Any] | None] | None = None
        self._get_key: Callable[[dict[str, Any]], Any] | None = None

    # 1 - Becoming part of a model

    def bound_to(self, model: Any, name: str) -> Self:
        """This relation as an attribute of `model`; a subclass of the model gets one of its own."""
        bound = type(self).__new__(type(self))  # `copy` cannot copy a property.
        vars(bound).update(vars(self))
        bound.name, bound.model = name, model
        bound._home = self._home or model
        bound._found = None
        bound.forget_route()
        return bound

    def forget_route(self) -> None:
        """Look for the way anew: the model has another table."""
        self._route = self._inverse = self._get_key = None

    @property
    def label(self) -> str:
        """What messages call it: ``User.posts``."""
        return f"{self.model.__name__}.{self.name}" if self.model is not None else type(self).__name__

    @property
    def named_after(self) -> Any:
        """The model that a foreign key which points here is called by, where none is given."""
        # A class below it that shares the table has the relation of the class above.
        is_shared = root_of(self.model) is not None and root_of(self._home) is root_of(self.model)
        return self._home if is_shared else self.model

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
        return next(iter(found))

    # 2 - The way to the target

    @property
    def route(self) -> Route:
        """The way to the target's table; ConfigurationError where a column of it does not exist."""
        route = self._route
        if route is None or not route.is_between(self.model):
            own, target = self.model.__table__, self.target
            table = target.__table__
            route = self._route = Route(own, target, table, self._steps(own, target, table))
        return route

    def route_of(self, values: Mapping[str, Any]) -> Route | None:
        """The way that the relation takes for a record of these values, by field; None where it leads nowhere."""
        return self.route

    def route_to(self, model: Any) -> Route:
        """The way to one of the models that it leads to."""
        return self.route

    def own_columns(self) -> tuple[str, ...]:
        """The columns of the record that say where the relation leads."""
        return self.route.steps[0].origin

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
            where: Expression | None = table.model.query().query(given)._unscoped().where
            return where
        if isinstance(given, str):
            return Raw(given)
        if callable(given):
            return as_condition(given(Columns(table)))
        kind = type(given).__name__
        raise ConfigurationError(f"{self.label}: conditions are a dict, SQL text or a function, got {kind}")

    def join_onto(
        self, source: Any, alias: str | None = None, taken: Iterable[str] = ()
    ) -> list[tuple[Any, Expression]]:
        """What a query joins to get from `source`, a table or a second name of one, to the target.

        Pairs of what to join (it has `name`, `source()` and `ref()`) and the condition; the last one is the target,
        called `alias` where that is given.  Other tables whose name is `taken` get another one.
        """
        return self.route.joined(source, alias, taken)

    def query(self, record: Any) -> Any:
        """The query for the related rows of one record, to be narrowed: ``User.posts.query(user).limit(3)``."""
        return query_of(self, record)

    def any(self, condition: Matching = None, params: Any = (), /, *, of: Any = None, to: Models = None) -> Condition:
        """True for the rows with a related row (that meets the condition): ``where(User.posts.any(Post.c.id > 3))``.

        A condition is an expression of the target's columns, a dict, SQL text with `params`, or a function of the
        target's columns.  `of` is a second name of this model's table whose rows are meant; `to` is the model, or are
        the models, meant of a relation to several, where the condition does not tell.
        """
        return any_related(self, condition, params, of, to)

    has = any

    def count(self, condition: Matching = None, params: Any = (), /, *, of: Any = None, to: Models = None) -> Operand:
        """The number of related rows of a row (that meet the condition), to compare, select or order by."""
        return count_related(self, condition, params, of, to)

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
        get = self._get_key
        if get is None:
            get = self._make_get_key()
            if not self.model.__is_dynamic__:
                self._get_key = get
        return get(record.__dict__)

    def _make_get_key(self) -> Callable[[dict[str, Any]], Any]:
        return self.route.get_key

    def is_loaded(self, record: Any) -> bool:
        """Whether the record has the related ones at hand."""
        links = links_of(record)
        if links is None:
            return False
        entry = links.get(self.name)
        return entry is not None and self._is_current(record, entry[1])

    def _is_current(self, record: Any, key: Any) -> bool:
        return bool(key == self.key_of(record)) or (not self.points_away and has_null(key))

    def is_whole(self, record: Any) -> bool:
        """Whether the record has all of the related ones at hand, and not what a modified query gave."""
        return self.is_loaded(record)

    def loaded(self, record: Any) -> Any:
        """What the record has at hand; KeyError where that is nothing."""
        links = links_of(record)
        if links is None:
            raise KeyError(self.name)
        value, key = links[self.name]
        if not self._is_current(record, key):
            raise KeyError(self.name)
        return value

    def get(self, record: Any) -> Any:
        """What an attribute of the record gives: what is at hand, else what is loaded now."""
        try:
            # The way of most reads; what is not at hand, in whatever way, is found out below.
            value, key = get_slot(record)[self.name]
            if key == self._get_key(record.__dict__):  # type: ignore[misc]  # None is such a way.
                return value
        except (AttributeError, KeyError, TypeError):
            pass
        return read(self, record)

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

    def one_of(self, record: Any, found: list[Any], is_part: bool = False) -> Any:
        """What the record is given of the related records that were found; `is_part`: there may be more."""
        return found[0] if found else None

    def completed(self, data: dict[str, Any], value: Any) -> dict[str, Any]:
        """What a record is constructed with that is given `value` for this relation: the foreign key too."""
        return data

    def check_member(self, value: Any, *, optional: bool = False) -> None:
        """Refuse what is no record that the relation leads to."""
        if isinstance(value, self.targets()) or (optional and value is None):
            return
        names = " or ".join(model.__name__ for model in self.targets()) + (" or None" if optional else "")
        raise TypeError(f"{self.label} takes {names}, got {type(value).__name__}")

    def check_writable(self) -> None:
        """Refuse to change what is reached through other relations."""
        if len(self.route.steps) > self.longest:
            raise QueryError(f"{self.label} goes through other records: change those")

    def is_new(self, record: Any) -> bool:
        """Whether nothing can be related to the record yet, because it has no row."""
        return not self.points_away and stored_of(record).__class__ is not tuple

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.label}>"
