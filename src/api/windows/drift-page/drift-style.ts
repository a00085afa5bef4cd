/** What inputs beside the baseline have beside the common style, on whichever page: their wide table of figures, and features side by side. */
export const DRIFT_STYLE = `
.drift-figures thead th:nth-child(n+4) { text-align: right; }
.drifts { color: var(--alert); }
.wide small { display: block; color: var(--quiet); }
.wide .found th:first-child { box-shadow: inset 3px 0 0 var(--window); }
.features { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); gap: 1.2rem; }
.feature { border: 1px solid var(--line); padding: .7rem .8rem; min-width: 0; }
.feature p { margin: .1rem 0 .4rem; }
.feature ul { margin: 0; padding-left: 1.2rem; overflow-wrap: anywhere; }
@media print {
  .features { grid-template-columns: repeat(3, 1fr); }
  .feature { break-inside: avoid; }
}
`;
