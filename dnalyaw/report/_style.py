"""The page's style sheet: light and dark, screen and paper."""

from __future__ import annotations

__all__ = ["style"]

_BASE = """
:root { color-scheme: light dark;
  --page:#f4f3ef; --card:#fdfdfb; --ink:#16150f; --muted:#6a6860; --grid:#e4e2da; --line:#d9d6cc;
  --good:#0a7a2a; --good-bg:#e2f3e4; --warn:#8a5a00; --warn-bg:#fcefd0; --bad:#b8322c; --bad-bg:#fbe4e1;
  --limit:#b8322c; --sim:#7a3c00; --sim-bg:#ffe1b8; --plain-bg:#eceae3;
  --s0:#16150f; --s1:#2a78d6; --s2:#149a6a; --s3:#d08a00; --s4:#5b48b8; --s5:#d0568a; }
@media (prefers-color-scheme: dark) { :root {
  --page:#121210; --card:#1b1b19; --ink:#f2f0e8; --muted:#a5a298; --grid:#31302c; --line:#3a3934;
  --good:#7fd694; --good-bg:#173320; --warn:#f0c267; --warn-bg:#3a2d0f; --bad:#ff8d84; --bad-bg:#43201d;
  --limit:#ff8d84; --sim:#ffd195; --sim-bg:#4a2f0c; --plain-bg:#2c2b27;
  --s0:#f2f0e8; --s1:#4f97ee; --s2:#2bb583; --s3:#e0a02c; --s4:#9a8ff0; --s5:#e5749f; } }
* { box-sizing:border-box; }
html { -webkit-text-size-adjust:100%; scroll-behavior:smooth; }
body { margin:0; background:var(--page); color:var(--ink);
  font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif; }
main, .top, footer { max-width:1120px; margin:0 auto; padding:0 24px; }
.top { padding-top:36px; }
.brand { font-size:13px; letter-spacing:.14em; text-transform:uppercase; color:var(--muted); }
h1 { font-size:32px; line-height:1.15; letter-spacing:-.015em; margin:4px 0 2px; font-weight:650; }
.when { color:var(--muted); margin:0; }
nav { margin:18px 0 0; display:flex; gap:8px; flex-wrap:wrap; }
nav a { color:var(--ink); text-decoration:none; border:1px solid var(--line); border-radius:999px;
  padding:4px 14px; background:var(--card); font-size:14px; }
nav a:hover, nav a:focus-visible { border-color:var(--s1); }
.banner { background:var(--sim-bg); color:var(--sim); border-radius:10px; padding:10px 16px;
  margin:20px 0 0;
  font-size:14px; }
.banner strong { letter-spacing:.08em; }
.sim { display:inline-block; vertical-align:middle; background:var(--sim-bg); color:var(--sim);
  font-size:11px; font-weight:650; letter-spacing:.08em; border-radius:4px; padding:1px 7px;
  margin-left:10px; }
section.region { margin-top:36px; }
h2 { font-size:23px; letter-spacing:-.01em; margin:0 0 2px; font-weight:650; }
.sub { color:var(--muted); margin:0 0 14px; }
.card { background:var(--card); border:1px solid var(--line); border-radius:12px; padding:18px 20px 20px;
  margin:0 0 16px; min-width:0; }
h3 { font-size:16px; margin:0 0 10px; font-weight:620; }
h4 { font-size:13px; margin:16px 0 4px; color:var(--muted); font-weight:560; }
.tiles { display:grid; grid-template-columns:repeat(auto-fit,minmax(158px,1fr)); gap:12px;
  margin:0 0 16px; }
.tile { background:var(--card); border:1px solid var(--line); border-radius:12px; padding:12px 16px; }
.tile.bad { border-color:var(--bad); }
.tile-label { font-size:13px; color:var(--muted); }
.tile-value { font-size:24px; white-space:nowrap; line-height:1.25; font-weight:620; letter-spacing:-.01em;
  overflow-wrap:anywhere; }
.tile-note { font-size:12.5px; color:var(--muted); }
.pair { display:grid; grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr)); gap:0 16px; }
.chart { display:block; width:100%; height:auto; }
.legend { display:flex; flex-wrap:wrap; gap:4px 18px; list-style:none; margin:0 0 6px; padding:0;
  font-size:13.5px; }
.legend li::before { content:""; display:inline-block; width:16px; height:3px; border-radius:2px;
  vertical-align:middle; margin-right:7px; background:currentColor; }
.pair + .scroll { margin-top:14px; }
.legend span { color:var(--ink); }
li.s0 { color:var(--s0); } li.s1 { color:var(--s1); } li.s2 { color:var(--s2); } li.s3 { color:var(--s3); }
li.s4 { color:var(--s4); } li.s5 { color:var(--s5); }
.scroll { overflow-x:auto; max-width:100%; }
.scroll:focus-visible, summary:focus-visible, nav a:focus-visible { outline:2px solid var(--s1);
  outline-offset:2px; }
table { border-collapse:collapse; width:100%; font-size:13.5px; font-variant-numeric:tabular-nums; }
caption { text-align:left; color:var(--muted); font-size:13px; padding:0 0 6px; }
th, td { padding:6px 10px; border-bottom:1px solid var(--grid); text-align:left; vertical-align:top;
  font-weight:400; }
thead th { color:var(--muted); font-size:12.5px; border-bottom-color:var(--line); white-space:nowrap; }
tbody tr:last-child > * { border-bottom:0; }
th:first-child, td:first-child { padding-left:0; } th:last-child, td:last-child { padding-right:0; }
.num { text-align:right; white-space:nowrap; }
tbody th { font-weight:560; }
td code { word-break:break-all; }
.value { text-align:right; }
code { font:12.5px/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace; overflow-wrap:anywhere; }
.chip { display:inline-block; border-radius:4px; padding:0 7px; font-size:12.5px; font-weight:560;
  white-space:nowrap;
  background:var(--plain-bg); color:var(--ink); }
.chip.good { background:var(--good-bg); color:var(--good); } .chip.warn { background:var(--warn-bg);
  color:var(--warn); }
.chip.bad { background:var(--bad-bg); color:var(--bad); }
.bar-row { display:grid; grid-template-columns:minmax(92px,auto) 1fr minmax(96px,auto); gap:12px;
  align-items:center;
  font-size:13.5px; padding:4px 0; }
.bar-track { height:12px; background:var(--plain-bg); border-radius:3px; overflow:hidden; }
.bar { display:block; height:100%; border-radius:3px; background:var(--s1); min-width:2px; }
.bar.good { background:var(--s2); } .bar.warn { background:var(--s3); } .bar.bad { background:var(--bad); }
.bar.plain { background:var(--muted); }
.bar-text { text-align:right; font-variant-numeric:tabular-nums; }
.notes { margin:12px 0 0; padding:0 0 0 18px; color:var(--muted); font-size:13.5px; }
.alert { border-left:4px solid var(--bad); background:var(--bad-bg); color:var(--ink); border-radius:6px;
  padding:10px 14px; margin:0 0 16px; }
.alert p { margin:0; }
.nothing { color:var(--muted); margin:4px 0; }
details { margin-top:14px; } summary { cursor:pointer; font-size:13.5px; color:var(--muted); }
details[open] summary { margin-bottom:8px; }
footer { color:var(--muted); font-size:13px; padding-top:8px; padding-bottom:40px; }
.paper { display:none; }
@media (max-width:640px) { main, .top, footer { padding:0 14px; } .card { padding:14px; }
  h1 { font-size:26px; } }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior:auto; } }
@media print {
  :root { --page:#fff; --card:#fff; --ink:#000; --muted:#444; --grid:#ddd; --line:#bbb; --s0:#000; }
  body { font-size:11px; -webkit-print-color-adjust:exact; print-color-adjust:exact; }
  nav { display:none; } .card, .tile { break-inside:avoid; } section.region { break-before:page; }
  details::details-content { content-visibility:visible; display:block; }
  section.region:first-of-type { break-before:auto; } .scroll { overflow:visible; }
}
"""

# A fixed element is printed on every sheet; the margin box says it again where the browser knows those.
_SIMULATED = """
@page { margin:18mm 12mm; @top-center { content:"SIMULATED"; font:bold 11pt sans-serif; } }
@media print { .paper { display:block; position:fixed; top:-12mm; right:0; font-weight:700;
  letter-spacing:.1em; } }
"""


def style(simulated: bool) -> str:
    """Return the style sheet; a simulated report is marked on every printed sheet."""
    return _BASE + (_SIMULATED if simulated else "@page { margin:14mm 12mm; }")
