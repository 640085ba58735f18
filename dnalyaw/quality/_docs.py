"""Data docs: the suites' results as pages that open without a network."""

from __future__ import annotations

import html
import os
import re
from collections.abc import Iterable
from pathlib import Path

from dnalyaw.quality._expectations import FeedResult

__all__ = ["write_data_docs"]

_STYLE = """<style>
body{font-family:system-ui,sans-serif;margin:2rem;line-height:1.45;color:#222}
table{border-collapse:collapse;margin:.5rem 0}td,th{border:1px solid #ccc;padding:.3rem .6rem;vertical-align:top}
.fa-check-circle::before{content:"\\2713"}.fa-times::before{content:"\\2717"}
.passed{color:#176f2c}.failed{color:#a40e26}
</style>"""

_OUTSIDE = (
    # Scripts and styles come from the web, and a picture tells a server that the page was opened.
    re.compile(r"<script\b.*?</script>", re.DOTALL | re.IGNORECASE),
    re.compile(r"<link\b[^>]*>", re.IGNORECASE),
    re.compile(r"<img\b[^>]*>", re.IGNORECASE),
    re.compile(r"<a\b[^>]*href=\"https?://[^>]*>.*?</a>", re.DOTALL | re.IGNORECASE),
)


def write_data_docs(results: Iterable[FeedResult], folder: Path) -> list[Path]:
    """Write one HTML page a result, and an index of them.

    Great Expectations' own pages, without what they load from the web: they hold no script, style or picture
    from elsewhere and no link out.

    Parameters
    ----------
    results : iterable of FeedResult
        From `evaluate`.
    folder : pathlib.Path
        Made when absent; pages of the same region, feed and session are replaced.

    Returns
    -------
    list of pathlib.Path
        The pages, the index first.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    folder.mkdir(parents=True, exist_ok=True)
    pages: list[Path] = []
    lines: list[str] = []
    for one in results:
        loaded = expectationSuiteValidationResultSchema.load(one.result)
        page = DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(loaded))
        for pattern in _OUTSIDE:
            page = pattern.sub("", page)
        head = html.escape(f"{one.region} {one.feed} {one.session}: {one.judged} of {one.rows} rows judged")
        page = page.replace("</head>", f"{_STYLE}</head>", 1)
        page = re.sub(r"(<body[^>]*>)", rf"\1<h1>{head}</h1>", page, count=1)
        path = folder / f"{one.region.lower()}-{one.feed}-{one.session}.html"
        _write(path, page)
        pages.append(path)
        word = "passed" if one.success else "failed"
        said = one.result.get("statistics", {})
        met = (
            f"{said.get('successful_expectations')} of {said.get('evaluated_expectations')} expectations met"
        )
        lines.append(
            f'<tr><td><a href="{html.escape(path.name)}">{head}</a></td><td class="{word}">{word}</td><td>{met}</td></tr>'
        )
    index = folder / "index.html"
    _write(
        index,
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Data docs</title>{_STYLE}</head>'
        f"<body><h1>Data docs</h1><table>{''.join(lines)}</table></body></html>",
    )
    return [index, *pages]


def _write(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
