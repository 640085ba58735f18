"""Factors: a language of one line a factor, its NumPy reference evaluator, and the library."""

from dnalyaw.factors._build import MAX_DEPTH, MAX_LOOKBACK, MAX_SIZE, Builder
from dnalyaw.factors._errors import (
    FactorDataError,
    FactorError,
    FactorLibraryError,
    FactorSyntaxError,
    FactorTypeError,
)
from dnalyaw.factors._evaluate import evaluate, evaluate_many, missing_fields, to_long
from dnalyaw.factors._fields import FIELDS, FieldSpec
from dnalyaw.factors._library import Factor, FactorLibrary, load_library
from dnalyaw.factors._operators import ALIASES, MAX_WINDOW, OPERATORS, Operator, Param
from dnalyaw.factors._panel import Panel
from dnalyaw.factors._parser import parse
from dnalyaw.factors._reference import language_reference
from dnalyaw.factors._text import to_text
from dnalyaw.factors._tree import Binary, Call, Expr, Field, Number, Unary, children, fields_of, walk
from dnalyaw.factors._units import Unit

__all__ = [
    "ALIASES",
    "FIELDS",
    "MAX_DEPTH",
    "MAX_LOOKBACK",
    "MAX_SIZE",
    "MAX_WINDOW",
    "OPERATORS",
    "Binary",
    "Builder",
    "Call",
    "Expr",
    "Factor",
    "FactorDataError",
    "FactorError",
    "FactorLibrary",
    "FactorLibraryError",
    "FactorSyntaxError",
    "FactorTypeError",
    "Field",
    "FieldSpec",
    "Number",
    "Operator",
    "Panel",
    "Param",
    "Unary",
    "Unit",
    "children",
    "evaluate",
    "evaluate_many",
    "fields_of",
    "language_reference",
    "load_library",
    "missing_fields",
    "parse",
    "to_long",
    "to_text",
    "walk",
]
