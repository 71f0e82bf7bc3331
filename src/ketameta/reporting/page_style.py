"""The style sheet of the evidence report: on a wide screen, on a phone, on paper; light and dark."""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --soft: #4d5660; --line: #b9c0c7; --tint: #f2f5f7;
  --link: #0b4f8a; --mark: #b35900; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --paper: #16191d; --soft: #b4bcc5; --line: #4b545d;
  --tint: #22272d; --link: #8ec5ff; --mark: #ffb266; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; margin: 0; color: var(--ink);
  background: var(--paper); overflow-wrap: break-word; }
header, main, footer, body > nav { max-width: 66rem; margin: 0 auto; padding: 0 1.2rem; }
header { padding-top: 2rem; } footer { padding-bottom: 3rem; border-top: 1px solid var(--line); margin-top: 3rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .8rem; text-wrap: balance; }
h2 { font-size: 1.45rem; line-height: 1.25; margin: 3.5rem 0 .8rem; padding-top: .6rem; border-top: 3px solid var(--ink); }
h3 { font-size: 1.15rem; line-height: 1.3; margin: 2.2rem 0 .5rem; }
h4 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
p, li, dd { max-width: 48rem; } ul { padding-left: 1.3rem; } dt { font-weight: 600; margin-top: .7rem; } dd { margin: 0; }
a { color: var(--link); } a:focus-visible, button:focus-visible, input:focus-visible, summary:focus-visible,
.wide:focus-visible, main:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -99rem; } .skip:focus { left: 1rem; top: 1rem; padding: .5rem .8rem; background: var(--paper); z-index: 9; }
body > nav ol { columns: 22rem; column-gap: 2rem; padding: 1rem 1rem 1rem 2.4rem; background: var(--tint); }
.within { font-size: .9rem; } .within a { display: inline-block; margin-right: 1.2rem; padding: .2rem 0; }
nav li { break-inside: avoid; margin-bottom: .25rem; }
.wide { overflow-x: auto; margin: .8rem 0 1.2rem; }
table { border-collapse: collapse; font-size: .86rem; line-height: 1.4; font-variant-numeric: tabular-nums;
  border-bottom: 1px solid var(--ink); min-width: min(34rem, 100%); }
caption { text-align: left; font-weight: 600; padding-bottom: .4rem; }
th, td { padding: .3rem .7rem .3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th, thead td { border-top: 1px solid var(--ink); border-bottom: 1px solid var(--ink); vertical-align: bottom; }
tbody th { font-weight: 400; } th.number, td.number { text-align: right; } td.number { white-space: nowrap; }
td:not(.number) { min-width: 5.5rem; } tbody th { min-width: 8rem; overflow-wrap: anywhere; }
.printed { display: none; } thead button { font: inherit; color: inherit; background: none; border: 0; padding: 0; text-align: inherit; cursor: pointer; }
thead button::after { content: "\\a0\\2195"; color: var(--soft); } [aria-sort=ascending] button::after { content: "\\a0\\2191"; }
[aria-sort=descending] button::after { content: "\\a0\\2193"; }
.filter { display: flex; flex-wrap: wrap; gap: .6rem; align-items: baseline; font-size: .86rem; margin-top: .8rem; }
.filter input { font: inherit; padding: .25rem .5rem; border: 1px solid var(--soft); color: inherit; background: var(--paper); }
figure { margin: 1.2rem 0; overflow-x: auto; } figure svg { display: block; width: 100%; min-width: 34rem; height: auto;
  max-width: 52rem; background: #fff; } figure svg * { stroke-linejoin: round; stroke-linecap: butt; }
.quiet, figcaption { font-size: .86rem; color: var(--soft); }
details { margin: .5rem 0; } summary { cursor: pointer; color: var(--link); }
pre { white-space: pre-wrap; font-size: .8rem; background: var(--tint); padding: .7rem; }
.thin { border-left: 4px solid var(--mark); padding-left: .8rem; }
@media (max-width: 34rem) { h1 { font-size: 1.5rem; } h2 { font-size: 1.25rem; } header, main, footer, body > nav { padding-left: .9rem;
  padding-right: .9rem; } body > nav ol { padding-left: 1.8rem; } }
@page { size: A4; margin: 16mm 14mm; }
@media print { :root { color-scheme: light; --ink: #000; --paper: #fff; --soft: #444; --line: #aaa; --tint: #fff; --link: #000; --mark: #666; }
  body { font-size: 9.5pt; line-height: 1.4; } header, main, footer { max-width: none; padding: 0; }
  nav, .skip, .filter, .account, thead button { display: none; } .printed { display: inline; }
  main > section { break-before: page; } main > section:first-child { break-before: auto; }
  h2 { margin-top: 0; } h2, h3, h4, caption, summary, thead { break-after: avoid; } figure, tr { break-inside: avoid; }
  tbody tr:first-child { break-before: avoid; } tbody tr[hidden] { display: table-row; }
  thead { display: table-header-group; } table { font-size: 7.4pt; width: 100%; } td:not(.number) { min-width: 0; } tbody th { min-width: 23mm; } td, th { padding-right: 1.6mm; overflow-wrap: break-word; }
  td.number { white-space: normal; } .wide, figure { overflow: visible; } figure svg { min-width: 0; max-width: 165mm; }
  details::details-content { content-visibility: visible; display: block; height: auto; } a { text-decoration: none; } }
"""
