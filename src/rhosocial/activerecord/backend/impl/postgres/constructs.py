"""How PostgreSQL spells what stands inside an expression."""

from __future__ import annotations

from rhosocial.activerecord.backend import Constructs


class PostgreSQLConstructs(Constructs):
    """PostgreSQL's expressions."""

    supports_regexp = True
    supports_full_text = True
    supports_json = True
    supports_date_differences = True
