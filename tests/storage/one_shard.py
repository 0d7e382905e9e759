"""Reads a statement with PostgreSQL's own parser, and tells whether it can need more than one bot's rows.

What counts is what a planner can see without knowing the data: each table's own `bot_id`, made equal to one and the
same parameter in a condition that always holds. It errs on the side of refusing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

import pglast
from pglast import ast
from pglast.enums import A_Expr_Kind, BoolExprType, JoinType, SetOperation

from remora.storage.named import statements
from remora.storage.numbered import FEW, LIST, for_few, of_ids

KEY = "bot_id"
BOT = "$1"
_NOT_OF_A_BOT = re.compile(
    r"bot_list|(?:installation|migration|migrations|citus|operator|session|sessions|sign_in)_\w+"
)
_GATHERING = ("limitCount", "limitOffset", "groupClause", "distinctClause", "havingClause", "windowClause")
# Which side of an outer join is filled up with NULLs: only that one is restricted by the condition.
_NULLABLE = {JoinType.JOIN_LEFT: ("rarg",), JoinType.JOIN_RIGHT: ("larg",), JoinType.JOIN_FULL: ()}


def on_request_paths() -> dict[str, str]:
    """The text of every statement but those of the operator's shell, and of the installation as a whole."""
    texts = {name: each.text for name, each in statements("postgresql").items() if not _NOT_OF_A_BOT.fullmatch(name)}
    few = {for_few(name, size): text for name, text in texts.items() if LIST in text for size in FEW}
    return texts | {statement.name.decode(): of_ids(text, ids) for (statement, ids), text in few.items()}


def parsed(text: str) -> ast.Node:
    """The tree of one named statement; `:bot_id` is its parameter 1."""
    numbers = {KEY: 1}
    numbered = re.sub(r":([a-z_]+)", lambda found: f"${numbers.setdefault(found[1], len(numbers) + 1)}", text)
    [raw] = pglast.parse_sql(numbered)
    return raw.stmt


def explained(text: str, bot_id: str) -> bytes:
    """What asks for the plan of one named statement, as JSON. '1' is taken for a parameter of any type that we have
    but an array, which is '{1}'."""
    values = re.sub(r":([a-z_]+)(?= AS \w+\[\])", "'{1}'", text)
    literal = re.sub(r":([a-z_]+)", lambda found: f"'{bot_id}'" if found[1] == KEY else "'1'", values)
    return f"EXPLAIN (FORMAT JSON) {literal}".encode()


def faults(text: str, tables: Collection[str]) -> list[str]:
    """Why the statement might need more than one shard, if `tables` are distributed by bot; nothing if it cannot."""
    tree = parsed(text)
    found = list(_statement(tree, tables))
    if BOT not in {_side(node) for node in walk(tree)}:
        found.append("names no bot")
    return found


def walk(value: object, *, into_queries: bool = True) -> Iterator[ast.Node]:
    """A node and all below it; or without what is in the queries below it."""
    if isinstance(value, tuple):
        for each in value:
            yield from walk(each, into_queries=into_queries)
    elif isinstance(value, ast.Node):
        yield value
        for name in value:
            below = getattr(value, name)
            if into_queries or not isinstance(below, ast.SelectStmt):
                yield from walk(below, into_queries=into_queries)


@dataclass
class _Level:
    """One query without those inside it: its tables by alias, and which alias being known makes which known."""

    tables: dict[str, str] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def known(self) -> set[str]:
        """The aliases whose rows are all of the one bot."""
        known = {BOT}
        while fresh := {to for of, to in self.edges if of in known} - known:
            known |= fresh
        return known & self.tables.keys()

    def restrict(self, condition: object, only: Collection[str] | None = None) -> None:
        """Note what a condition that always holds says; `only` these aliases are restricted by it."""
        mentions = sum(_is_key(node) for node in walk(condition, into_queries=False))
        for left, right in _equalities(condition):
            one, other = self._resolved(left), self._resolved(right)
            mentions -= sum(side[0] != "$" for side in (one, other))
            self.edges += [edge for edge in ((one, other), (other, one)) if only is None or edge[1] in only]
            if any(side[0] == "$" and side != BOT for side in (one, other)):
                self.faults.append("names a second bot")
        if mentions:
            self.faults.append(f"{KEY} is used otherwise than in an equality that always holds")

    def holds(self, column: object) -> bool:
        """Is it the `bot_id` of a table whose rows are all of the one bot?"""
        return _is_key(column) and self._resolved(_side(column) or "") in self.known()

    def _resolved(self, side: str) -> str:
        """The alias that is meant by `bot_id` alone, where there is but one table."""
        [only] = self.tables if len(self.tables) == 1 else ["?"]
        return side or only


def _statement(tree: ast.Node, tables: Collection[str]) -> Iterator[str]:
    match tree:
        case ast.SelectStmt():
            yield from _query(tree, tables)
        case ast.InsertStmt():
            yield from _insert(tree, tables)
        case ast.UpdateStmt() | ast.DeleteStmt():
            others = tree.fromClause if isinstance(tree, ast.UpdateStmt) else tree.usingClause
            level = _level((tree.relation, *(others or ())), tree.whereClause)
            yield from _checked(tree, level, tables)
            if isinstance(tree, ast.UpdateStmt) and any(each.name == KEY for each in tree.targetList):
                yield f"changes {KEY}"
        case _:
            yield "is neither a query nor a change of rows"


def _query(tree: ast.SelectStmt, tables: Collection[str]) -> Iterator[str]:
    if tree.op != SetOperation.SETOP_NONE:
        yield from _query(tree.larg, tables)
        yield from _query(tree.rarg, tables)
    else:
        yield from _checked(tree, _level(tree.fromClause or (), tree.whereClause), tables)


def _insert(tree: ast.InsertStmt, tables: Collection[str]) -> Iterator[str]:
    source, columns = tree.selectStmt, [each.name for each in tree.cols or ()]
    if tree.relation.relname not in tables:
        yield f"{tree.relation.relname} is not distributed"
    if KEY not in columns:
        yield f"does not write {KEY}"
        return
    place = columns.index(KEY)
    if source.valuesLists:
        yield from (f"writes another {KEY}" for row in source.valuesLists if _side(row[place]) != BOT)
    else:
        yield from _query(source, tables)
        yield from _not_pushed_down(source, place)
    if any(isinstance(node, ast.SubLink) for node in walk((source.valuesLists, tree.onConflictClause))):
        yield "has a query where Citus takes none"
    if tree.onConflictClause:
        yield from _conflict(tree.onConflictClause)


def _not_pushed_down(source: ast.SelectStmt, place: int) -> Iterator[str]:
    """Citus runs an INSERT … SELECT where the rows are if bot_id comes from a co-located table's own column; otherwise
    it would take the rows to the coordinator and back.
    """
    level = _level(source.fromClause or (), source.whereClause)
    written = source.targetList[place].val if source.targetList else None
    if not level.holds(written):
        yield f"{KEY} is not taken from a table's own column"
    if source.op != SetOperation.SETOP_NONE or any(getattr(source, name) for name in _GATHERING):
        yield "selects what Citus would gather at the coordinator"


def _conflict(clause: ast.OnConflictClause) -> Iterator[str]:
    infer = clause.infer
    if infer is None or KEY not in [each.name for each in infer.indexElems or ()]:
        yield f"ON CONFLICT without {KEY}"
    if any(each.name == KEY for each in clause.targetList or ()):
        yield f"changes {KEY}"


def _level(items: Iterable[ast.Node], where: object) -> _Level:
    level = _Level()
    joins = [join for item in items for join in _joins(item, level)]
    for join in joins:
        sides = _NULLABLE.get(join.jointype)
        only = None if sides is None else {name for side in sides for name in _aliases(getattr(join, side))}
        level.restrict(join.quals, only)
        if join.isNatural or join.usingClause:
            level.faults.append("joins by the names of columns")
    level.restrict(where)
    return level


def _joins(item: ast.Node, level: _Level) -> Iterator[ast.JoinExpr]:
    """The joins of a FROM item; its tables are noted."""
    if isinstance(item, ast.RangeVar):
        level.tables[_alias(item)] = item.relname
    elif isinstance(item, ast.JoinExpr):
        yield from (*_joins(item.larg, level), *_joins(item.rarg, level), item)


def _aliases(item: ast.Node) -> set[str]:
    return {_alias(node) for node in walk(item, into_queries=False) if isinstance(node, ast.RangeVar)}


def _alias(table: ast.RangeVar) -> str:
    name: str = table.alias.aliasname if table.alias else table.relname
    return name


def _checked(tree: ast.Node, level: _Level, tables: Collection[str]) -> Iterator[str]:
    """What is wrong at this level, and in the queries inside it."""
    yield from level.faults
    yield from (f"{table} is not distributed" for table in level.tables.values() if table not in tables)
    yield from (f"{alias} is not restricted to the bot" for alias in sorted(level.tables.keys() - level.known()))
    if tree.withClause:
        yield "WITH is not analysed"
    for node in walk(tree, into_queries=False):
        match node:
            case ast.SubLink():
                yield from _query(node.subselect, tables)
            case ast.RangeSubselect():
                yield from _query(node.subquery, tables)


def _equalities(condition: object) -> Iterator[tuple[str, str]]:
    """The pairs of `bot_id`s and parameters that the condition makes equal, whatever else it says."""
    match condition:
        case ast.BoolExpr(boolop=BoolExprType.AND_EXPR):
            for each in condition.args:
                yield from _equalities(each)
        case ast.A_Expr(kind=A_Expr_Kind.AEXPR_OP, name=(ast.String(sval="="),)):
            left, right = _side(condition.lexpr), _side(condition.rexpr)
            if left is not None and right is not None and (_is_key(condition.lexpr) or _is_key(condition.rexpr)):
                yield left, right


def _side(node: object) -> str | None:
    """`$n` for a parameter, the alias for a `bot_id` ("" if it has none), None for all else."""
    if isinstance(node, ast.ParamRef):
        return f"${node.number}"
    if isinstance(node, ast.ColumnRef) and _is_key(node):
        return ".".join(each.sval for each in node.fields[:-1])
    return None


def _is_key(node: object) -> bool:
    if not isinstance(node, ast.ColumnRef):
        return False
    last = node.fields[-1]
    return isinstance(last, ast.String) and last.sval == KEY
