"""How one database spells what databases spell differently inside an expression."""

from __future__ import annotations

from .expression import ATOM, COMPARE, Arithmetic, Expression, Like, Match, Ordering, Value
from .function import Function
from .writer import SQLWriter


class Constructs:
    """Standard SQL for the nodes of expressions; the part of a `Dialect` that writes them."""

    def write_arithmetic(self, out: SQLWriter, arithmetic: Arithmetic) -> None:
        """Two operands and an operator; ``||`` joins texts, and its operands always stand alone or in parentheses."""
        is_joining = arithmetic.operator == "||"
        out.node(arithmetic.left, ATOM if is_joining else arithmetic.precedence)
        out.sql(f" {arithmetic.operator} ")
        out.node(arithmetic.right, ATOM if is_joining else arithmetic.precedence + 1)

    def write_like(self, out: SQLWriter, like: Like) -> None:
        """LIKE; without regard to case both sides are folded."""
        if like.ignore_case:
            item: Expression = Function("lower", like.item)
            pattern: Expression = Function("lower", like.pattern)
        else:
            item, pattern = like.item, like.pattern
        out.node(item, COMPARE + 1)
        out.sql(" NOT LIKE " if like.negated else " LIKE ")
        out.node(pattern, COMPARE + 1)

    def write_match(self, out: SQLWriter, match: Match) -> None:
        """A plain text within a text, case counting."""
        out.node(match.item, COMPARE + 1)
        out.sql(" LIKE ")
        out.node(Value(match.pattern(_escape_like, "%")))
        out.sql(" ESCAPE '!'")

    def write_function(self, out: SQLWriter, function: Function) -> None:
        """A function call."""
        out.sql(f"{self.function_name(function)}(")
        if function.distinct:
            out.sql("DISTINCT ")
        out.nodes(function.args)
        out.sql(")")

    def function_name(self, function: Function) -> str:
        """What this database calls the function."""
        return function.name

    def write_ordering(self, out: SQLWriter, ordering: Ordering) -> None:
        """One item of ORDER BY."""
        out.node(ordering.item, ATOM)
        out.sql(" DESC" if ordering.descending else " ASC")
        if ordering.nulls is not None:
            out.sql(f" NULLS {ordering.nulls}")


def _escape_like(text: str) -> str:
    # A backslash would be special to MySQL's string literals; an exclamation mark is special nowhere.
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
