"""The class that a relation leads to, found by name when it is first needed."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterable, Iterator
from types import NoneType
from typing import Any, ForwardRef, get_args

from ..backend.errors import ConfigurationError
from ..backend.names import shown


def classes_named(given: Any) -> tuple[Any, ...]:
    """The classes, or names of classes, that an annotation or a type argument is about: of ``list[Post | None]`` Post.

    Nothing is looked up: what is named may not be defined yet.
    """
    if isinstance(given, ForwardRef):
        return classes_named(given.__forward_arg__)
    if isinstance(given, str):
        try:
            return tuple(_named(ast.parse(given.strip(), mode="eval").body))
        except SyntaxError:
            return (given,)
    if isinstance(given, type) and not get_args(given):
        return () if given is NoneType else (given,)
    return tuple(found for arg in get_args(given) for found in classes_named(arg))


def _named(node: ast.expr) -> Iterator[Any]:
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield from classes_named(node.value)
    elif isinstance(node, (ast.Name, ast.Attribute)):
        yield ast.unparse(node)
    elif isinstance(node, ast.BinOp):
        yield from _named(node.left)
        yield from _named(node.right)
    elif isinstance(node, ast.Subscript):
        yield from _named(node.slice)
    elif isinstance(node, ast.Tuple):
        for part in node.elts:
            yield from _named(part)


def find_model(given: Any, model: Any, what: str) -> Any:
    """The model class that `given`, a class or a name, means in the module of `model`; `what` is the relation's name.

    A name is looked for in the function that `model` was defined in, in its module, as a dotted path of a module and a
    class, and last among all models.  ConfigurationError where it is not found, or means several.
    """
    found = _look_up(given, model, what) if isinstance(given, str) else given
    if not isinstance(found, type(model)):
        raise ConfigurationError(f"{what} leads to {shown(given)}, which is no ActiveRecord class")
    return found


def _look_up(name: str, model: Any, what: str) -> Any:
    scope = model.__qualname__.rpartition(".")[0]
    known = [m for m in _all_models(model) if m.__name__ == name.rpartition(".")[2]]
    here = [m for m in known if m.__module__ == model.__module__]
    if "<locals>" in scope:
        near = [m for m in here if m.__qualname__.rpartition(".")[0] == scope]
        if near:
            return near[-1]
    found = _of_module(name, sys.modules.get(model.__module__))
    if found is not None:
        return found
    if here and "." not in name:
        return here[-1]
    if "." in name:
        return _by_path(name, what)
    return _only_one(name, known, model, what)


def _of_module(name: str, module: Any) -> Any:
    for part in name.split("."):
        module = getattr(module, part, None)
    return module


def _by_path(name: str, what: str) -> Any:
    path, _, last = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(path), last, None)
    except ModuleNotFoundError as error:
        if error.name is None or not (path + ".").startswith(error.name + "."):
            raise  # The module is there; something that it imports is not.
        found = None
    if found is None:
        raise ConfigurationError(f"{what} leads to {name!r}, but there is no such class: check module and name")
    return found


def _only_one(name: str, known: list[Any], model: Any, what: str) -> Any:
    package = model.__module__.partition(".")[0]
    near = [m for m in known if m.__module__.partition(".")[0] == package] or known
    modules = {m.__module__ for m in near}
    if len(modules) > 1:
        paths = ", ".join(sorted(f"{module}.{name}" for module in modules))
        raise ConfigurationError(f"{what} leads to {name!r}, which is the name of several models: write one of {paths}")
    if not near:
        raise ConfigurationError(
            f"{what} leads to {name!r}, but no model of that name is defined or imported: "
            f"import its module, or write it as 'package.module.{name}'"
        )
    return near[-1]


def _all_models(model: Any) -> list[Any]:
    root = [base for base in model.__mro__ if type(base) is type(model)][-1]
    return list(_below(root.__subclasses__()))


def _below(classes: Iterable[Any]) -> Iterator[Any]:
    for cls in classes:
        yield cls
        yield from _below(cls.__subclasses__())


def is_model_named(name: str, model: Any) -> bool:
    """Whether any model has this name."""
    return any(known.__name__ == name for known in _all_models(model))
