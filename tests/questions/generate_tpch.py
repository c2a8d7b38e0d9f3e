"""Write the data of TPC-H, and the answers to its queries, into a folder: ``python generate_tpch.py FOLDER``.

It runs in an environment of its own, which has duckdb and duckdb-extension-tpch of one version; see the Makefile.  One
CSV file for each of the eight tables, and last `answers.json`, whose presence says that all is there.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import duckdb

SCALE = 0.01
TABLES = ("region", "nation", "part", "supplier", "partsupp", "customer", "orders", "lineitem")


def generate(folder: Path) -> None:
    """The eight files and the stored answers for this scale."""
    folder.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(config={"autoinstall_known_extensions": False})
    connection.load_extension(_extension())
    connection.execute("CALL dbgen(sf := $scale)", {"scale": SCALE})
    for table in TABLES:
        path = str(folder / f"{table}.csv").replace("'", "''")
        # Ordered, so that files made twice are equal.
        connection.execute(f"COPY (SELECT * FROM {table} ORDER BY ALL) TO '{path}' (HEADER, DELIMITER ',')")
    (folder / "answers.json").write_text(json.dumps(_answers(connection), indent=1), encoding="utf-8")


def _answers(connection: Any) -> dict[str, str]:
    found = connection.execute(
        "SELECT query_nr, answer FROM tpch_answers() WHERE scale_factor = $scale ORDER BY 1", {"scale": SCALE}
    ).fetchall()
    return {str(number): answer for number, answer in found}


def _extension() -> str:
    spec = importlib.util.find_spec("duckdb_extension_tpch")
    if spec is None or spec.origin is None:
        raise SystemExit("duckdb-extension-tpch is not installed")
    found = list(Path(spec.origin).parent.glob(f"extensions/v{duckdb.__version__}/tpch.duckdb_extension"))
    if not found:
        raise SystemExit(f"duckdb-extension-tpch has no extension for duckdb {duckdb.__version__}")
    return str(found[0])


if __name__ == "__main__":
    generate(Path(sys.argv[1]))
