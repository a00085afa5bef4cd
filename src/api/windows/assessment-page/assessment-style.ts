/** What the page of an assessment has beside the common style: verdicts, plots over time, wide tables with intervals below their figures. */
export const ASSESSMENT_STYLE = `
:root { --good: #1b6b3a; }
@media screen and (prefers-color-scheme: dark) { :root { --good: #86d6a3; } }
h3 { margin: 1.2rem 0 .5rem; }
.verdict { font-size: 1.1rem; margin: 0 0 1rem; overflow-wrap: anywhere; }
.badge { border: 1.5px solid currentColor; border-radius: .3rem; padding: .05rem .45rem; white-space: nowrap; }
.badge.pass, .rule.pass { color: var(--good); }
.badge.fail, .badge.error, .rule.hold, .alert { color: var(--alert); }
.rule.hold { font-weight: 600; }
code { font-size: .8rem; overflow-wrap: anywhere; }
.links { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; list-style: none; padding: 0; margin: 1rem 0 0; }
.grounds { margin: .3rem 0 .8rem; padding-left: 1.2rem; overflow-wrap: anywhere; }
.note { color: var(--quiet); font-size: .85rem; max-width: 60rem; margin: .5rem 0; }
.wide { margin: .5rem 0; }
.wide td.text { white-space: normal; min-width: 5rem; overflow-wrap: anywhere; }
.wide td.text:last-child { min-width: 13rem; max-width: 44rem; }
.wide time { white-space: nowrap; }
.wide small { display: block; color: var(--quiet); font-weight: 400; }
.wide small.because { white-space: normal; }
.wide .badge { border: 0; padding: 0; }
details { margin: .5rem 0; }
summary { cursor: pointer; color: var(--link); }
.beside { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 1.5rem; align-items: start; }
.plot { overflow-x: auto; }
.plot svg { max-width: 64rem; min-width: 43rem; }
svg.groups { max-width: 40rem; margin: .5rem 0; }
.key { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: .3rem 0 .6rem; font-size: .85rem; }
.key svg { display: inline-block; width: 28px; height: 14px; vertical-align: -2px; margin-right: .3rem; }
svg .axis { font-weight: 600; }
svg .value { text-anchor: end; fill: var(--quiet); font-size: 10px; }
svg .edge { stroke: var(--quiet); stroke-width: 1; }
svg .band { fill: var(--baseline); opacity: .55; shape-rendering: crispEdges; }
svg path { fill: none; }
svg .baseline-line { stroke: var(--baseline-edge); stroke-width: 1.4; }
svg .estimated { stroke: var(--ink); stroke-width: 1.2; stroke-dasharray: 4 3; }
svg .estimated-dots { stroke: var(--ink); stroke-width: 4; stroke-linecap: round; }
svg .measured { stroke: var(--window); stroke-width: 1.2; opacity: .8; }
svg .whisker { stroke: var(--window); stroke-width: 1.3; }
svg .shape { stroke: var(--window); stroke-width: 1.5; fill: var(--window); }
svg .shape.inconclusive { fill: var(--paper); }
svg .shape.fail { fill: var(--alert); stroke: var(--ink); }
svg .limit { stroke: var(--alert); stroke-width: 1.6; stroke-dasharray: 8 4; }
svg .threshold { stroke: var(--alert); stroke-width: 1.2; stroke-dasharray: 2 3; }
svg .dots { stroke: var(--window); stroke-width: 3.4; stroke-linecap: round; opacity: .75; }
svg .lower { stroke: var(--baseline-edge); stroke-width: 2; stroke-linecap: round; }
svg .evidence { stroke: var(--ink); stroke-width: 1.6; stroke-linecap: round; }
svg .mark { stroke: var(--quiet); stroke-width: 1; stroke-dasharray: 2 3; }
svg .mark.alarm { stroke: var(--alert); stroke-dasharray: none; }
svg .alarm-head { fill: var(--alert); }
svg .mark-name { text-anchor: middle; paint-order: stroke; stroke: var(--paper); stroke-width: 4px; }
svg .mark-name.alarm { fill: var(--alert); font-weight: 600; }
svg .rate { fill: var(--window); stroke: var(--window); stroke-width: 1.5; }
svg .rate.small { fill: var(--paper); }
@media print {
  .plot { overflow: visible; }
  .plot svg { min-width: 0; }
  .plot, svg, .key, .facts { break-inside: avoid; }
  h3 { break-after: avoid; }
  details::details-content { content-visibility: visible; block-size: auto; }
  .wide small { font-size: 6.5pt; }
}
`;
