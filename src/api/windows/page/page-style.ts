/**
 * What the pages of windows have in common. Blue and orange differ to all common forms of colour blindness, and in lightness for print
 * without colour; the baseline's bars are outlined as well. Print is always light.
 */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --ink: #1f2933; --quiet: #566270; --line: #d5dbe1; --paper: #ffffff; --raised: #f4f6f8;
  --link: #1d5a96; --alert: #a23a00; --baseline: #b5d3ea; --baseline-edge: #2a6f9e; --window: #c2500c; }
@media screen and (prefers-color-scheme: dark) { :root { --ink: #e6eaee; --quiet: #a3afbb; --line: #3a4551; --paper: #14191f; --raised: #1d252d;
  --link: #8ac2f2; --alert: #ffae70; --baseline: #1c4a6b; --baseline-edge: #7db8e0; --window: #f59a4a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 80rem; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
a { color: var(--link); }
bdi { white-space: pre-wrap; }
i { color: var(--quiet); }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 0; }
.facts dt { color: var(--quiet); }
.facts dd, .notes dd { margin: 0; overflow-wrap: anywhere; }
.found-list { border-left: 4px solid var(--window); background: var(--raised); padding: .6rem 1rem; }
.found-list p { margin: .3rem 0; overflow-wrap: anywhere; }
.notes dt { font-weight: 600; margin-top: .5rem; }
.wide { overflow-x: auto; border: 1px solid var(--line); }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
.wide table { width: 100%; }
th, td { padding: .3rem .6rem; border-top: 1px solid var(--line); text-align: left; white-space: nowrap; }
thead th { background: var(--raised); white-space: normal; vertical-align: bottom; }
.wide th:first-child { position: sticky; left: 0; background: var(--paper); min-width: 8.5rem; max-width: 16rem; white-space: normal; overflow-wrap: anywhere; }
.wide thead th:first-child { background: var(--raised); overflow-wrap: normal; }
td.figure, th.figure { text-align: right; }
.values { margin-top: .4rem; width: 100%; font-size: .75rem; }
.values th, .values td { padding: .15rem .3rem; text-align: right; background: none; font-weight: 400; }
.values th:first-child { text-align: left; padding-left: 0; }
svg { display: block; width: 100%; max-width: 30rem; font-size: 11px; }
svg text { fill: var(--ink); }
svg .tick { fill: var(--quiet); text-anchor: middle; font-size: 10px; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .baseline { fill: var(--baseline); stroke: var(--baseline-edge); stroke-width: .8; }
svg .window { fill: var(--window); }
svg .new { fill: var(--alert); font-weight: 600; }
svg .rest { fill: var(--quiet); font-style: italic; }
svg .user { unicode-bidi: isolate; }
@media print {
  @page { size: landscape; margin: 12mm; }
  body { padding: 0; max-width: none; font-size: 10pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .wide { overflow: visible; border: 0; }
  .wide table { font-size: 7.5pt; }
  .wide th, .wide td { padding: .2rem .35rem; }
  .wide th:first-child { position: static; }
  tr, .found-list { break-inside: avoid; }
  h2 { break-after: avoid; }
  a { color: inherit; text-decoration: none; }
}
`;
