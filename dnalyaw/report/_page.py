"""The whole page."""

from __future__ import annotations

from dnalyaw.report._data import ReportData
from dnalyaw.report._html import esc, table
from dnalyaw.report._sections import region_section
from dnalyaw.report._style import style

__all__ = ["render_html"]

# The page may load nothing at all, whatever text came into it.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_MARK = '<span class="sim">SIMULATED</span>'


def render_html(data: ReportData) -> str:
    """Return the report as one HTML page that needs nothing else: no script, no address, no file.

    The same data gives the same bytes. With `data.simulated` every heading and every printed sheet says
    SIMULATED.
    """
    mark = _MARK if data.simulated else ""
    title = f"{'SIMULATED · ' if data.simulated else ''}{data.title} · {data.day.isoformat()}"
    links = "".join(f'<a href="#region-{esc(r.region)}">{esc(r.region)}</a>' for r in data.regions)
    banner = ""
    if data.simulated:
        banner = (
            '<div class="banner" role="note"><strong>SIMULATED</strong> — prices, companies and fills on '
            "this page are made up. Nothing here was traded.</div>"
            '<div class="paper" aria-hidden="true">SIMULATED</div>'
        )
    made = data.generated_at.strftime("%Y-%m-%d %H:%M")
    provenance = table(
        "What the figures rest on",
        [("what", "text"), ("value", "text")],
        [[esc(name), f"<code>{esc(value)}</code>"] for name, value in data.provenance],
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{esc(title)}</title>
<style>{style(data.simulated)}</style>
</head>
<body>
<header class="top">
<div class="brand">Dnalyaw</div>
<h1>{esc(data.title)}{mark}</h1>
<p class="when">{data.day.strftime("%A")}, {data.day.isoformat()}</p>
<nav aria-label="Regions">{links}<a href="#provenance">Provenance</a></nav>
{banner}
</header>
<main>
{"".join(region_section(r, mark) for r in data.regions)}
<section class="region" id="provenance" aria-labelledby="h-provenance">
<h2 id="h-provenance">Provenance{mark}</h2>
<div class="card">{provenance}</div>
</section>
</main>
<footer>Made {made} UTC from the recorded run; no figure is added here.</footer>
</body>
</html>
"""
