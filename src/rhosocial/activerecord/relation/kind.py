"""The kinds of relations: which side holds the foreign key, and whether one record or many come back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Any, Self, TypeVar, Unpack, overload

from ..backend.errors import ConfigurationError, QueryError
from ..backend.expression import Expression
from ..backend.names import shown
from ..backend.statement import and_
from ..blocking import blocking
from ..inheritance import root_of
from ..state import stored_of
from ..table import Table
from .members import Members
from .relation import Names, Options, Relation
from .route import Route, Step, checked_columns, key_fields
from .through import Through, guessed_name, steps_through
from .tree import reached
from .writing import KeyWriter, LinkWriter, Writer, areplace_one, note_assigned

T = TypeVar("T")


class ToOne(Relation[T]):
    """A relation to one record or none."""

    @overload
    def __get__(self, record: None, owner: Any = None) -> Self: ...
    @overload
    def __get__(self, record: object, owner: Any = None) -> T: ...
    def __get__(self, record: Any, owner: Any = None) -> Any:
        return self if record is None else self.get(record)

    def __set__(self, record: Any, value: T) -> None:
        self.assign(record, value)

    def ancestors(self, record: Any) -> Any:
        """The query for all records above one in a tree: ``Category.parent.ancestors(leaf)``.

        QueryError for a relation that does not lead from a model to itself.
        """
        return reached(self, record)

    def assign(self, record: Any, value: Any) -> None:
        """Link the record to another one, in memory."""
        raise NotImplementedError


class ToMany(Relation[T]):
    """A relation to any number of records."""

    is_many = True

    @overload
    def __get__(self, record: None, owner: Any = None) -> Self: ...
    @overload
    def __get__(self, record: object, owner: Any = None) -> Members[T]: ...
    def __get__(self, record: Any, owner: Any = None) -> Any:
        return self if record is None else self.get(record)

    def __set__(self, record: Any, value: Iterable[T]) -> None:
        self.assign(record, value)

    def descendants(self, record: Any) -> Any:
        """The query for all records below one in a tree: ``Category.children.descendants(root)``.

        QueryError for a relation that does not lead from a model to itself.
        """
        return reached(self, record)

    def assign(self, record: Any, value: Any) -> None:
        """Make these records the related ones, in memory; ``save(related=True)`` makes them so in the database."""
        raise NotImplementedError

    def nothing(self, record: Any) -> Any:
        return Members(self, record)

    def one_of(self, record: Any, found: list[Any], is_part: bool = False) -> Any:
        return Members(self, record, found, is_part=is_part)

    def is_whole(self, record: Any) -> bool:
        return self.is_loaded(record) and not self.loaded(record).is_part

    def checked_members(self, records: Iterable[Any]) -> list[Any]:
        """The records, each once; TypeError where one is none that the relation leads to."""
        members = list({id(record): record for record in records}.values())
        for member in members:
            self.check_member(member)
        return members

    def writer(self, members: Members[Any]) -> Writer:
        """What changes the members in the database."""
        raise NotImplementedError

    async def aadd(self, members: Members[Any], records: list[Any]) -> None:
        """Relate further records to the owner of `members`."""
        await self.writer(members).aadd(records)

    async def aremove(self, members: Members[Any], records: list[Any]) -> None:
        """Relate some of the members no longer."""
        await self.writer(members).aremove(records)

    async def areplace(self, members: Members[Any], records: list[Any]) -> None:
        """Relate these records and no others."""
        await self.writer(members).areplace(records)

    async def acreate(self, members: Members[Any], values: dict[str, Any]) -> Any:
        """Construct, save and relate a record."""
        return await self.writer(members).acreate(values)


class BelongsTo(ToOne[T]):
    """To the one record that this one's foreign key points at.

    ``author = BelongsTo["User"](foreign_key="user_id")``; without `foreign_key` it is the relation's name and ``_id``.
    The argument is what checkers take the attribute for: write ``BelongsTo["User | None"]`` where the key may be NULL.
    With `type_key` it leads to one of several models, ``BelongsTo["User | Org"]``, as that column says by their names.
    """

    points_away = True

    def __init__(self, target: Any = None, *, type_key: str | None = None, **options: Unpack[Options]) -> None:
        super().__init__(target, **options)
        self.type_key = type_key
        self._routes: dict[Any, Route] = {}

    # 1 - One model

    def _steps(self, own: Table, target: Any, table: Table) -> list[Step]:
        here = checked_columns(own, self.foreign_key or f"{self.name}_id", self.label)
        there = checked_columns(table, self.target_key or key_fields(table), self.label)
        check_width(self, here, there)
        only = {} if self.type_key is None else {self.type_column: type_name(target)}
        return [Step(here, table, there, self._condition(table), only)]

    def _guess_inverse(self, relations: dict[str, Relation[Any]]) -> Relation[Any] | None:
        return _only(r for r in relations.values() if isinstance(r, HasOne) and _mirrors(r, self))

    def assign(self, record: Any, value: Any) -> None:
        """Link the record to `value` and put that one's key into the foreign key; nothing is written before `save`."""
        self.check_member(value, optional=True)
        self.take_key(record, value)
        self.put(record, value)
        waiting = {name for name in record._aside("pending") or () if name != self.name}
        if value is not None and stored_of(value).__class__ is not tuple:
            waiting.add(self.name)  # Its key is not known yet: saving the record asks for it again.
        record._put_aside("pending", waiting or None)

    def own_columns(self) -> tuple[str, ...]:
        """The foreign key, before it the column with the name of a model where there is one."""
        foreign = checked_columns(self.model.__table__, self.foreign_key or f"{self.name}_id", self.label)
        return foreign if self.type_key is None else (self.type_column, *foreign)

    def take_key(self, record: Any, value: Any) -> None:
        """Put the key of `value` into the record's foreign key."""
        for field, part in self.key_to(value).items():
            setattr(record, field, part)

    def key_to(self, value: Any) -> dict[str, Any]:
        """What the record's fields hold where it belongs to `value`, None to none."""
        own: Table = self.model.__table__
        fields = [own.column(name).field for name in self.own_columns()]
        if value is None:
            return dict.fromkeys(fields)
        route = self.route_to(type(value))
        parts = [value.__dict__[route.table.column(name).field] for name in route.steps[0].columns]
        return dict(zip(fields, parts if self.type_key is None else [self.name_of(type(value)), *parts], strict=True))

    def completed(self, data: dict[str, Any], value: Any) -> dict[str, Any]:
        self.check_member(value, optional=True)
        return {field: part for field, part in self.key_to(value).items() if part is not None} | data

    # 2 - One of several models

    @property
    def is_polymorphic(self) -> bool:
        """Whether a column of the record says which model its relation leads to."""
        return self.type_key is not None

    def bound_to(self, model: Any, name: str) -> Self:
        bound = super().bound_to(model, name)
        bound._routes = {}
        return bound

    @property
    def type_column(self) -> str:
        """The column with the name of the model."""
        if self.type_key is None:
            raise QueryError(f"{self.label} leads to one model: it has no type_key")
        return checked_columns(self.model.__table__, self.type_key, self.label)[0]

    def name_of(self, model: Any) -> str:
        """What the type column calls records of a model: as the one is called that the relation is declared to."""
        return type_name(self._declared(model))

    def _declared(self, model: Any) -> Any:
        return next((known for known in self.targets() if issubclass(model, known)), model)

    def route_to(self, model: Any) -> Route:
        if self.type_key is None:
            return self.route
        target = self._declared(model)
        route = self._routes.get(target)
        if route is None or not route.is_between(self.model):
            own, table = self.model.__table__, target.__table__
            route = self._routes[target] = Route(own, target, table, self._steps(own, target, table))
        return route

    def route_of(self, values: Mapping[str, Any]) -> Route | None:
        if self.type_key is None:
            return self.route
        name = values[self.model.__table__.column(self.type_column).field]
        if name is None:
            return None
        for model in self.targets():
            if type_name(model) == name:
                return self.route_to(model)
        known = ", ".join(type_name(model) for model in self.targets())
        raise QueryError(f"{self.label}: a row's {self.type_key} is none of the models that it leads to: {known}")

    def routes(self) -> tuple[Route, ...]:
        return tuple(self.route_to(model) for model in self.targets())

    def _make_get_key(self) -> Callable[[dict[str, Any]], Any]:
        own: Table = self.model.__table__
        return itemgetter(*(own.column(name).field for name in self.own_columns()))

    def _find_inverse(self) -> Relation[Any] | None:
        return None if self.is_polymorphic else super()._find_inverse()


class _Child(Relation[T]):
    """What relations to records that hold the foreign key, or are reached through others, have in common."""

    def __init__(
        self, target: Any = None, *, through: Through | None = None, as_: str | None = None, **options: Unpack[Options]
    ) -> None:
        super().__init__(target, **options)
        self.through = through
        self.as_ = as_

    def _steps(self, own: Table, target: Any, table: Table) -> list[Step]:
        if self.through is not None:
            return steps_through(self, self.through, own, target, table)
        foreign, condition = self._foreign_key(own, target), self._condition(table)
        if self.as_ is not None:
            condition = and_(condition, self._of_type(table))
        there = checked_columns(table, foreign, self.label)
        here = checked_columns(own, self.target_key or key_fields(own), self.label)
        check_width(self, here, there)
        return [Step(here, table, there, condition)]

    def _foreign_key(self, own: Table, target: Any) -> Names:
        if self.foreign_key is not None:
            return self.foreign_key
        if self.as_ is not None:
            owner = self._polymorphic(target)
            return owner.foreign_key or f"{owner.name}_id"
        if self.inverse_of is not None and (back := self.inverse()) is not None and back.foreign_key is not None:
            return back.foreign_key
        return guessed_name(self.named_after)

    def _polymorphic(self, target: Any) -> BelongsTo[Any]:
        back = target.get_relations().get(self.as_)
        if not isinstance(back, BelongsTo) or not back.is_polymorphic:
            name = target.__name__
            raise ConfigurationError(f"{self.label}: {name} has no BelongsTo {shown(self.as_)} with a type_key")
        return back

    def _of_type(self, table: Table) -> Expression:
        owner = self._polymorphic(table.model)
        return table.ref(owner.type_column) == owner.name_of(self.model)

    def _find_inverse(self) -> Relation[Any] | None:
        if self.through is not None:
            return None
        return super()._find_inverse() if self.as_ is None else self._polymorphic(self.target)

    def _guess_inverse(self, relations: dict[str, Relation[Any]]) -> Relation[Any] | None:
        return _only(r for r in relations.values() if isinstance(r, BelongsTo) and _mirrors(self, r))

    def linking_fields(self) -> list[str]:
        """The fields of the target that say to which record it belongs."""
        table = self.route.table
        fields = [table.column(name).field for name in self.route.steps[0].columns]
        if self.as_ is not None:
            fields.append(table.column(self._polymorphic(self.target).type_column).field)
        return fields

    def linking_values(self, record: Any) -> dict[str, Any]:
        """What these fields hold in a record that belongs to `record`, None to none."""
        route, keys = self.route, []
        for name in route.steps[0].origin:
            keys.append(None if record is None else record.__dict__[route.own.column(name).field])
        if self.as_ is not None:
            keys.append(None if record is None else self._polymorphic(self.target).name_of(self.model))
        return dict(zip(self.linking_fields(), keys, strict=True))

    def adopt(self, record: Any, member: Any) -> None:
        """Have `member` belong to the record, or to none where that is None, in memory."""
        for field, value in self.linking_values(record).items():
            setattr(member, field, value)
        back = self.inverse()
        if back is not None and not back.is_many:
            back.put(member, record)


class HasOne(_Child[T], ToOne[T]):
    """To the one record whose foreign key points at this one."""

    def assign(self, record: Any, value: Any) -> None:
        """Link the record to `value` and point that one's foreign key here, in memory.

        ``save(related=True)`` writes it, and releases the record that it was before, as `replace` does.
        """
        self.check_member(value, optional=True)
        self.check_writable()
        note_assigned(self, record, value)
        if value is not None:
            self.adopt(record, value)
        self.put(record, value)

    async def areplace(self, record: Any, value: T) -> None:
        """Have `value`, or None, be the record's one, and save it: ``await User.profile.areplace(user, profile)``.

        In the same transaction the one that it was before is released: its foreign key becomes NULL, or it is deleted
        where ``dependent="delete"`` says so; QueryError where the foreign key cannot be None.
        """
        self.check_member(value, optional=True)
        self.check_writable()
        if self.is_new(record):
            self.assign(record, value)
        else:
            await areplace_one(self, record, value)

    replace = blocking(areplace)


class HasMany(_Child[T], ToMany[T]):
    """To all records whose foreign key points at this one: ``posts = HasMany["Post"](foreign_key="user_id")``.

    With `through` it goes further: ``comments = HasMany["Comment"](through="posts.comments")``.  With `as_` it is the
    way back of a relation to several models: ``notes = HasMany["Note"](as_="owner")``.
    """

    def assign(self, record: Any, value: Any) -> None:
        members = self.checked_members(value)
        self.check_writable()
        for member in members:
            self.adopt(record, member)
        self.put(record, Members(self, record, members, is_assigned=True))

    def writer(self, members: Members[Any]) -> Writer:
        return KeyWriter(members)


class ManyToMany(ToMany[T]):
    """To records that rows of a third table link to this one: ``tags = ManyToMany["Tag"](through="post_tags")``.

    `through` is a table's name or a model.  `foreign_key` names its columns that point here, `target_key` those that
    point at the target; the defaults are the models' names and ``_id``, or what the model's own relations say.
    """

    longest = 2

    def __init__(self, target: Any = None, *, through: Through, **options: Unpack[Options]) -> None:
        super().__init__(target, **options)
        self.through = through

    def _steps(self, own: Table, target: Any, table: Table) -> list[Step]:
        return steps_through(self, self.through, own, target, table)

    def _find_inverse(self) -> Relation[Any] | None:
        return None

    def assign(self, record: Any, value: Any) -> None:
        members = self.checked_members(value)
        self.check_writable()
        self.put(record, Members(self, record, members, is_assigned=True))

    def writer(self, members: Members[Any]) -> Writer:
        return LinkWriter(members)


def type_name(model: Any) -> str:
    """What a type column calls a model."""
    named = root_of(model) or model  # Records that share a table are found by their keys alone.
    name: str = named.__type_name__ or named.__name__
    return name


def check_width(relation: Relation[Any], here: tuple[str, ...], there: tuple[str, ...]) -> None:
    """Refuse a link between different numbers of columns."""
    if len(here) != len(there):
        raise ConfigurationError(
            f"{relation.label} links {len(here)} column(s), {', '.join(here)}, to {len(there)}, {', '.join(there)}: "
            "give foreign_key and target_key as tuples of one length"
        )


def _mirrors(child: Relation[Any], parent: BelongsTo[Any]) -> bool:
    """Whether `parent` goes the way of `child` back."""
    if parent.is_polymorphic or child.conditions is not None or len(child.targets()) > 1:
        return False
    if not issubclass(child.model, parent.target) or not issubclass(parent.model, child.target):
        return False
    there, back = child.route, parent.route
    if not there.is_direct:
        return False
    names = [there.table.column(name).name for name in there.steps[0].columns]
    keys = [there.own.column(name).name for name in there.steps[0].origin]
    return names == [back.own.column(name).name for name in back.steps[0].origin] and keys == [
        back.table.column(name).name for name in back.steps[0].columns
    ]


def _only(found: Iterable[Relation[Any]]) -> Relation[Any] | None:
    relations = list(found)
    return relations[0] if len(relations) == 1 else None
