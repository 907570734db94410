"""How the page on the contacts' quality looks, by day and by night."""

from __future__ import annotations

STYLE = """
:root { --ink: #1c2430; --soft: #5b6675; --paper: #f6f7f9; --card: #ffffff; --line: #dfe3e8;
  --bar: #2f6fb2; --rest: #e3e8ee; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaf0; --soft: #9aa6b5; --paper: #12161c; --card: #1b212a; --line: #2d3642;
    --bar: #69a7e6; --rest: #2d3642; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem; }
h1 { margin: 0; font-size: 1.7rem; }
h2 { margin: 0 0 .75rem; font-size: 1.15rem; }
.when, small { color: var(--soft); }
.when { margin: .25rem 0 0; }
.languages { float: right; }
.languages label { margin-left: .75rem; cursor: pointer; }
.zh { display: none; }
body:has(#in-zh:checked) .zh { display: inline; }
body:has(#in-zh:checked) .en { display: none; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 1rem;
  margin: 1.5rem 0; }
.tiles div, section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: 1rem 1.25rem; }
.tiles strong { display: block; font-size: 1.8rem; line-height: 1.2; }
section { margin-bottom: 1.5rem; }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .4rem .75rem .4rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 600; font-size: .9rem; }
.wide + .wide, p + .wide { margin-top: 1.5rem; }
.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td svg { display: block; margin-top: .45rem; max-width: 100%; }
.whole { fill: var(--rest); }
.part { fill: var(--bar); }
code { color: var(--soft); font-size: .85rem; }
@media print { body { background: none; } .languages { display: none; } }
"""
