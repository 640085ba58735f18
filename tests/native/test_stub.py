"""The types that are written down are those of the compiled module: names, arguments, defaults, docstrings."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path

import pytest

import dnalyaw
from dnalyaw._native import risk

FOLDER = Path(dnalyaw.__file__).parent / "_native"
NODES = {
    node.name: node
    for file in sorted(FOLDER.glob("*.pyi"))
    for node in ast.parse(file.read_text(encoding="utf-8")).body
    if isinstance(node, ast.FunctionDef | ast.ClassDef)
}
METHODS = {node.name: node for node in NODES["RiskEngine"].body if isinstance(node, ast.FunctionDef)}
UNSAID = object()


def written(node: ast.FunctionDef) -> dict[str, tuple[object, object]]:
    """Kind and default of each argument; a default of ``...`` is not said."""
    arguments = node.args
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(arguments.defaults)) + arguments.defaults
    said = [
        (arg, inspect.Parameter.POSITIONAL_OR_KEYWORD, value)
        for arg, value in zip(plain, defaults, strict=True)
    ]
    said += [
        (arg, inspect.Parameter.KEYWORD_ONLY, value)
        for arg, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    found = {}
    for arg, kind, value in said:
        default = inspect.Parameter.empty if value is None else ast.literal_eval(value)
        found[arg.arg] = (kind, UNSAID if default is ... else default)
    return found


def compiled(signature: inspect.Signature) -> dict[str, tuple[object, object]]:
    return {
        name: (argument.kind, UNSAID if argument.default is ... else argument.default)
        for name, argument in signature.parameters.items()
    }


def same(one: dict[str, tuple[object, object]], other: dict[str, tuple[object, object]]) -> bool:
    if list(one) != list(other):
        return False
    return all(
        one[name][0] == other[name][0]
        and (UNSAID in (one[name][1], other[name][1]) or one[name][1] == other[name][1])
        for name in one
    )


def test_the_module_has_what_is_written_down() -> None:
    public = {name for name in vars(risk) if not name.startswith("_")}
    functions = {name for name, node in NODES.items() if isinstance(node, ast.FunctionDef)}
    assert public == functions | {"RiskEngine"}
    methods = {name for name in vars(risk.RiskEngine) if not name.startswith("_")}
    assert methods == set(METHODS) - {"__init__"}
    assert importlib.import_module("dnalyaw._native.risk") is risk


@pytest.mark.parametrize(
    "name", sorted(name for name, node in NODES.items() if isinstance(node, ast.FunctionDef))
)
def test_functions(name: str) -> None:
    node, function = NODES[name], getattr(risk, name)
    assert isinstance(node, ast.FunctionDef)
    assert same(written(node), compiled(inspect.signature(function)))
    assert ast.get_docstring(node)
    assert function.__doc__


@pytest.mark.parametrize("name", sorted(METHODS))
def test_methods(name: str) -> None:
    method = risk.RiskEngine if name == "__init__" else getattr(risk.RiskEngine, name)
    stated = written(METHODS[name])
    found = compiled(inspect.signature(method))
    stated.pop("self")
    found.pop("self", None)
    assert same(stated, found)
    assert method.__doc__
    assert ast.get_docstring(NODES["RiskEngine"] if name == "__init__" else METHODS[name])


def test_the_examples_run() -> None:
    """The one of the class, and the one of the page."""
    example = ast.get_docstring(NODES["RiskEngine"])
    assert example is not None
    import doctest

    parser = doctest.DocTestParser().get_doctest(example, {}, "RiskEngine", None, None)
    runner = doctest.DocTestRunner()
    runner.run(parser)
    assert (runner.failures, runner.tries > 5) == (0, True)
    page = (Path(__file__).parents[2] / "docs" / "risk-in-python.md").read_text(encoding="utf-8")
    (code,) = (part.split("```")[0] for part in page.split("```python\n")[1:])
    exec(compile(code, "risk-in-python.md", "exec"), {})
