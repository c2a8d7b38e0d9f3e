"""Generated functions between rows and records: the loops that everything else's speed stands on.

Each is made once for a table and a backend, with only the conversions that its columns need.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import repeat
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from .backend.errors import DataError
from .codegen import compile_function, shortcut_of

Convert = Callable[[Any], Any] | None
# What saving gives a field by itself: a function for where it is None, one for whatever it holds, a version's step.
Stamp = tuple[Callable[[], Any] | None, Callable[[], Any] | None, int]
Load = Callable[[list[tuple[Any, ...]]], list[Any]]

# Up to so many rows are loaded one by one.
FEW = 8

_new = object.__new__
_set_dict = BaseModel.__dict__["__dict__"].__set__
_set_fields = BaseModel.__dict__["__pydantic_fields_set__"].__set__
_set_extra = BaseModel.__dict__["__pydantic_extra__"].__set__
_set_private = BaseModel.__dict__["__pydantic_private__"].__set__


def each(function: Callable[..., Any], *columns: Iterable[Any]) -> None:
    """Call the function for each value, or each row of values of several columns, in a loop that runs in C."""
    deque(map(function, *columns), maxlen=0)


def dict_loader(fields: Sequence[str], loaders: Sequence[Convert]) -> Callable[[Any], list[dict[str, Any]]]:
    """``load(rows)``: tuples in the order of `fields` to dicts, each value converted by its loader (None: as it is)."""
    if not fields:
        return lambda rows: [{} for _ in rows]
    lines = ["def load(rows):", f"    return [{_dict_text(fields, loaders)} for {_unpacked(fields)}in rows]"]
    return compile_function("load", lines, _names("load", loaders))


def tuple_loader(loaders: Sequence[Convert]) -> Callable[[Any], list[tuple[Any, ...]]]:
    """``load(rows)``: tuples to tuples of converted values; the rows themselves where nothing is to convert."""
    if not any(loaders):
        return list
    items = "".join(_convert("load", i, load) + ", " for i, load in enumerate(loaders))
    lines = ["def load(rows):", f"    return [({items}) for {_unpacked(loaders)}in rows]"]
    return compile_function("load", lines, _names("load", loaders))


def dumper(
    fields: Sequence[str],
    dumpers: Sequence[Convert],
    name_failure: Callable[[DataError, dict[str, Any]], DataError],
    key: Sequence[int] = (),
    stamps: Mapping[str, Stamp] = MappingProxyType({}),
) -> Callable[..., tuple[Any, ...]]:
    """``dump(values, row=None)``: a record's ``__dict__`` to a tuple in the order of `fields`, each value converted.

    After them stand what the stored `row` has at the places `key`, then the version that the record has, if one of the
    `stamps` steps it.  `name_failure` makes the error for a value that a dumper has refused.
    """
    converted = [_dump_text(i, dump) for i, dump in enumerate(dumpers)] + [f"row[{place}]" for place in key]
    converted += [
        "version" if dump is None else f"dump{i}(version)"
        for i, (name, dump) in enumerate(zip(fields, dumpers, strict=True))
        if name in stamps and stamps[name][2]
    ]
    before, readings, made = _readings(fields, stamps)
    lines = [
        "def dump(values, row=None):",
        *(f"    {line}" for line in [*before, *readings]),
        "    try:",
        f"        return ({''.join(item + ', ' for item in converted)})",
        "    except DataError as error:",
        "        raise name_failure(error, values) from error",
    ]
    names = {"DataError": DataError, "name_failure": name_failure}
    return compile_function("dump", lines, _dump_names(dumpers) | names | made)


def _readings(
    fields: Sequence[str], stamps: Mapping[str, Stamp]
) -> tuple[list[str], list[str], dict[str, Callable[[], Any]]]:
    """The lines that read the fields of `values`, what comes before them, and the names they need.

    One function is called once, so that all that it stamps has the same value.
    """
    makers: dict[Callable[[], Any], str] = {}
    lines = []
    for i, name in enumerate(fields):
        unset, always, step = stamps.get(name, _UNSTAMPED)
        if always is not None:
            lines.append(f"c{i} = {makers.setdefault(always, f'stamp{len(makers)}')}")
            continue
        lines.append(f"c{i} = values[{name!r}]")
        if unset is not None:
            lines.append(f"if c{i} is None: c{i} = {makers.setdefault(unset, f'stamp{len(makers)}')}")
        if step:
            lines.append(f"if c{i} is None: raise DataError('{name} is None, but the row has a version')")
            lines.append(f"version = c{i}; c{i} += {step}")
    before = [f"{name} = make_{name}()" for name in makers.values()]
    return before, lines, {f"make_{name}": function for function, name in makers.items()}


_UNSTAMPED: Stamp = None, None, 0


def many_dumper(
    fields: Sequence[str], dumpers: Sequence[Convert], stamps: Mapping[str, Stamp] = MappingProxyType({})
) -> Callable[[Any], list[tuple[Any, ...]]]:
    """``dump(many)``: as what `dumper` makes, for many records' ``__dict__`` at once; errors name no column.

    Moments and dates, which take longest, are not converted again where the record before has the very same object:
    often one moment is given to all of them.
    """
    moments, readings, made = _readings(fields, stamps)
    before, lines, items = [f"    {line}" for line in moments], [f"        {line}" for line in readings], ""
    for i, dump in enumerate(dumpers):
        if _is_conversion(dump):
            before.append(f"    p{i} = d{i} = None")
            lines.append(f"        if c{i} is not p{i}: p{i} = c{i}; d{i} = {_dump_text(i, dump)}")
            items += f"d{i}, "
        else:
            items += _dump_text(i, dump) + ", "
    lines = ["def dump(many):", "    out = []; add = out.append", *before, "    for values in many:", *lines]
    return compile_function("dump", [*lines, f"        add(({items}))", "    return out"], _dump_names(dumpers) | made)


def _is_conversion(dump: Convert) -> bool:
    """Whether generated code converts by itself, and does not only check."""
    short = shortcut_of(dump)
    return short is not None and short[1] is None and not short[0].startswith("{0} if ")


def _dump_text(i: int, dump: Convert) -> str:
    short = shortcut_of(dump)
    plain = _convert("dump", i, dump)
    return plain if short is None else f"({short[0].format(f'c{i}', f'onward{i}')} else {plain})"


def _dump_names(dumpers: Sequence[Convert]) -> dict[str, Any]:
    shortcuts = [shortcut_of(dump) for dump in dumpers]
    onward = {f"onward{i}": short[1] for i, short in enumerate(shortcuts) if short is not None}
    return _names("dump", dumpers) | onward | {"date": date, "datetime": datetime, "no_offset": timedelta(0)}


def change_finder(
    fields: Sequence[str],
    loaders: Sequence[Convert],
    dumpers: Sequence[Convert],
    mutable: Sequence[bool],
    proving: Sequence[type | None],
) -> Callable[[dict[str, Any], tuple[Any, ...]], int]:
    """``differences(values, row)``: the fields whose value is another one than the row's, a bit each.

    A scalar has changed unless it is equal and of one type, or both are NaN; a value that can be edited in place is
    compared as it would be stored.  A changed field whose value is not exactly of the type `proving` (by which alone it
    is valid) sets a second bit, as many places higher as there are fields.
    """
    lines = ["def differences(values, row):", "    bits = 0"]
    for i, name in enumerate(fields):
        bit, unproven = 1 << i, 1 << i | 1 << (i + len(fields))
        lines.append(f"    value = values[{name!r}]; old = row[{i}]")
        if mutable[i]:
            lines.append(f"    if not same_stored(value, old, dump{i}, load{i}): bits |= {unproven}")
            continue
        if loaders[i] is not None:
            lines.append(f"    if old is not None: old = load{i}(old)")
        lines += _comparison(i, proving[i], bit, unproven)
    lines.append("    return bits")
    names = _names("load", loaders, everything=True) | _names("dump", dumpers, everything=True)
    names |= {f"type{i}": kind for i, kind in enumerate(proving)}
    return compile_function("differences", lines, names | {"same_stored": _same_stored})


def _comparison(i: int, kind: type | None, proven: int, unproven: int) -> list[str]:
    """The lines that set a bit where `value` is not the same as `old`."""
    different = "value is not old and (value.__class__ is not old.__class__ or value != old)"
    try_otherwise = [
        "    try:",
        f"        if {different} and (value == value or old == old): bits |= {unproven}",
        f"    except ArithmeticError: bits |= {unproven}",  # Decimal's signalling NaN compares with nothing.
    ]
    if kind is None:
        return try_otherwise
    nan = " and (value == value or old == old)" if kind is float else ""
    return [
        f"    if value.__class__ is type{i}:",
        f"        if value is not old and (value != old or old.__class__ is not type{i}){nan}: bits |= {proven}",
        "    else:",
        *(f"    {line}" for line in try_otherwise),
    ]


def identity_test(fields: Sequence[str]) -> Callable[[dict[str, Any], dict[str, Any]], bool]:
    """``same(values, others)``: whether both hold these fields and nothing else, with the very same objects."""
    parts = [f"len(values) == len(others) == {len(fields)}", *(f"values[{f!r}] is others[{f!r}]" for f in fields)]
    lines = ["def same(values, others):", "    try:", f"        return {' and '.join(parts)}"]
    return compile_function("same", [*lines, "    except KeyError:", "        return False"], {})


def _same_stored(value: Any, old: Any, dump: Convert, load: Convert) -> bool:
    if value is None or old is None:
        return value is old
    try:
        now = value if dump is None else dump(value)
    except (DataError, ValueError):
        return False  # What cannot be stored has changed; saving it will say why.
    if now == old:
        return True
    # The stored text may be spelled otherwise than ours: a space after a comma, another order of keys.
    loaded = old if load is None else load(old)
    return bool(now == (loaded if dump is None else dump(loaded)))


def taker(
    positions: Sequence[int | None],
    taken: Sequence[tuple[str, Convert]],
    stamped: Sequence[tuple[str, int, Convert, bool]] = (),
) -> Callable[[dict[str, Any], tuple[Any, ...], tuple[Any, ...]], tuple[Any, ...]]:
    """``take(values, sent, given)``: the row that is stored after a statement.

    `positions` has an entry for each column: its place among the values that were sent, ``-1 - place`` among those
    that were given (by the database, or by the row before), None for neither.  The fields of `taken`, in the order of
    `given`, are put into a record's `values`, loaded; so are those of `stamped`, from their places in `sent`,
    some of them only where they are None.
    """
    lines = ["def take(values, sent, given):"]
    for i, (name, load) in enumerate(taken):
        lines += [f"    c{i} = given[{i}]", f"    values[{name!r}] = {_convert('load', i, load)}"]
    for i, (name, place, load, if_none) in enumerate(stamped):
        condition = f"if values[{name!r}] is None: " if if_none else ""
        value = f"sent[{place}]" if load is None else f"stamped{i}(sent[{place}])"
        lines.append(f"    {condition}values[{name!r}] = {value}")
    items = ("None" if p is None else f"sent[{p}]" if p >= 0 else f"given[{-1 - p}]" for p in positions)
    lines.append(f"    return ({''.join(item + ', ' for item in items)})")
    stamp_loads = {f"stamped{i}": load for i, (_, _, load, _) in enumerate(stamped)}
    return compile_function("take", lines, _names("load", [load for _, load in taken]) | stamp_loads)


def record_loader(
    model: Any,
    fields: Sequence[str],
    loaders: Sequence[Convert],
    set_stored: Callable[[Any, Any], None],
    set_aside: Callable[[Any, Any], None],
    join_peers: Callable[[list[Any]], None] | None = None,
) -> tuple[Load, Load]:
    """Two times ``load(rows)``, the first for less than `FEW` rows: their loops take less to set up.

    Tuples become records that are real Pydantic instances, unvalidated, each keeping its row.

    What the class itself asks for is honoured: private attributes and `model_post_init`, ``extra="allow"``, an
    overridden ``__init__`` (which is called with the loaded values).  `join_peers` is given the records of each call.
    """
    to_dicts = dict_loader(fields, loaders)
    if model.__custom_init__:

        def construct(rows: list[tuple[Any, ...]]) -> list[Any]:
            return _construct(model, to_dicts(rows), rows, set_stored)

        return _joining(construct, join_peers), _joining(construct, join_peers)
    all_fields = set(fields)  # One set for all rows: `model_fields_set` replaces it before anybody can change it.
    extra_allowed = model.model_config.get("extra") == "allow"
    has_post_init = bool(model.__pydantic_post_init__)
    lines = ["def load_few(rows):", "    records = []", "    for row in rows:"]
    lines += [f"        {line}" for line in _filling(fields, loaders, extra_allowed, has_post_init)]
    names = {"new": _new, "model": model, "all_fields": all_fields, "set_stored": set_stored, "set_aside": set_aside}
    names |= {"set_dict": _set_dict, "set_fields": _set_fields, "set_extra": _set_extra, "set_private": _set_private}
    load_few = compile_function("load_few", [*lines, "    return records"], names | _names("load", loaders))

    def load(rows: list[tuple[Any, ...]]) -> list[Any]:
        records = list(map(_new, repeat(model, len(rows))))
        each(_set_dict, records, to_dicts(rows))
        each(_set_fields, records, repeat(all_fields))
        each(_set_extra, records, map(dict, repeat((), len(rows))) if extra_allowed else repeat(None))
        each(_set_private, records, repeat(None))
        each(set_stored, records, rows)
        each(set_aside, records, repeat(None))
        if has_post_init:
            for record in records:
                record.model_post_init(None)
        return records

    return _joining(load_few, join_peers), _joining(load, join_peers)


def _filling(fields: Sequence[str], loaders: Sequence[Convert], extra_allowed: bool, has_post_init: bool) -> list[str]:
    """The lines that make one record out of its `row`."""
    return [
        f"{_unpacked(fields)}= row" if fields else "",
        "record = new(model)",
        f"set_dict(record, {_dict_text(fields, loaders)})",
        "set_fields(record, all_fields)",
        f"set_extra(record, {'{}' if extra_allowed else 'None'})",
        "set_private(record, None)",
        "set_stored(record, row)",
        "set_aside(record, None)",
        "record.model_post_init(None)" if has_post_init else "",
        "records.append(record)",
    ]


def _joining(load: Load, join_peers: Callable[[list[Any]], None] | None) -> Load:
    if join_peers is None:
        return load

    def load_peers(rows: list[tuple[Any, ...]]) -> list[Any]:
        records = load(rows)
        join_peers(records)
        return records

    return load_peers


def _construct(
    model: Any, values: list[dict[str, Any]], rows: list[Any], set_stored: Callable[[Any, Any], None]
) -> list[Any]:
    records = []
    for loaded, row in zip(values, rows, strict=True):
        record = _new(model)
        set_stored(record, row)  # Tells the base's __init__ that the values come from a row.
        record.__init__(**loaded)
        records.append(record)
    return records


def fill(record: Any, values: dict[str, Any]) -> None:
    """Make `record` a complete, unvalidated Pydantic instance that holds `values`."""
    _set_dict(record, values)
    _set_fields(record, set(values))
    _set_extra(record, {} if record.model_config.get("extra") == "allow" else None)
    _set_private(record, None)
    if record.__pydantic_post_init__:
        record.model_post_init(None)


def _dict_text(fields: Sequence[str], loaders: Sequence[Convert]) -> str:
    pairs = enumerate(zip(fields, loaders, strict=True))
    return "{" + ", ".join(f"{name!r}: {_convert('load', i, load)}" for i, (name, load) in pairs) + "}"


def _unpacked(columns: Sequence[Any]) -> str:
    return "".join(f"c{i}, " for i in range(len(columns)))


def _convert(kind: str, i: int, function: Convert) -> str:
    return f"c{i}" if function is None else f"(None if c{i} is None else {kind}{i}(c{i}))"


def _names(kind: str, functions: Sequence[Convert], everything: bool = False) -> dict[str, Any]:
    return {f"{kind}{i}": f for i, f in enumerate(functions) if everything or f is not None}
