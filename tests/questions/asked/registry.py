"""The questions that the modules of this package put in."""

from __future__ import annotations

from asking import Questions

BASEBALL = Questions()
TPCH = Questions()
