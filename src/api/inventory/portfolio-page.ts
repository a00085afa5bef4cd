import { CRITERIA } from '../../lifecycle/maturity.js';
import { dataTable, factList, figures, texts } from '../windows/assessment-page/data-table.js';
import { countText, instantText, NO_FIGURE } from '../windows/page/figures.js';
import { htmlPage } from '../windows/page/html-page.js';
import { type Markup, markup, userText } from '../windows/page/markup.js';
import { PAGE_STYLE } from '../windows/page/page-style.js';
import type { PortfolioAnswer } from './portfolio.dto.js';

const STYLE = `
.levels { display: flex; flex-wrap: wrap; gap: 1rem; list-style: none; padding: 0; margin: 0 0 1.2rem; }
.levels li { border: 1px solid var(--line); border-radius: .4rem; background: var(--raised); padding: .5rem 1rem; min-width: 6.5rem; }
.levels b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.wide { margin: .5rem 0; }
.wide td.text { white-space: normal; max-width: 16rem; overflow-wrap: break-word; }
.wide td.text:last-child { min-width: 18rem; max-width: none; }
time { white-space: nowrap; }
code { font-size: .95em; white-space: nowrap; }
.late { color: var(--alert); font-weight: 600; }
.note { color: var(--quiet); font-size: .85rem; max-width: 60rem; margin: .5rem 0; }
`;
const NAME = 80;

/** A portfolio as one HTML page that needs nothing else: how many models are at each level, how fast things go, each model with its next step, and what each level asks for. */
export function portfolioPage(portfolio: PortfolioAnswer): string {
  return htmlPage('Portfolio of models', PAGE_STYLE + STYLE, markup`<h1>Portfolio of models</h1>
${factList([['Read at', instantText(portfolio.at)], ['Models', countText(portfolio.models.length)]])}
<h2>Maturity</h2>
<ul class="levels">${portfolio.levels.map(({ level, models }) => markup`<li><b>${countText(models)}</b> ${level === 0 ? 'below level 1' : `at level ${level}`}</li>`)}</ul>
<h2>Times</h2>
${times(portfolio)}
<h2>Models</h2>
${models(portfolio)}
<h2>What each level asks for</h2>
${dataTable('Criteria', texts('Level', 'Criterion', 'It asks'), CRITERIA.map(({ level, name, asks }) => [String(level), name, asks]))}
<p class="note">A model is at a level when every criterion of it and of those below is met.</p>`);
}

function times({ timeToProduction, timeToDetect, timeToRestore }: PortfolioAnswer): Markup {
  const rows = [
    ['to production', timeToProduction, 'model', 'from the first spec to the first champion'],
    ['to detect', timeToDetect, 'alarm', 'from the beginning of harm, or the end of the window that shows it, to the alarm'],
    ['to restore', timeToRestore, 'alarm', 'from the alarm to the rollback or promotion after it'],
  ] as const;
  return dataTable('Times', [...texts('Time'), ...figures('Median', 'Of'), ...texts('Counted')], rows.map(([name, { seconds, of }, what, counted]) => [name, timeText(seconds), `${countText(of)} ${what}${of === 1 ? '' : 's'}`, counted]));
}

function models({ models: all }: PortfolioAnswer): Markup {
  const columns = [...texts('Model', 'Stage', 'Tier', 'Owner'), ...figures('Level', 'Open findings', 'Overdue'), ...texts('Next review', 'Next step')];
  return dataTable('Models', columns, all.map((one) => [
    userText(one.model, NAME), one.stage, one.tier ?? NO_FIGURE, one.owner === null ? NO_FIGURE : userText(one.owner, NAME), String(one.level), countText(one.openFindings),
    one.overdueFindings > 0 ? markup`<span class="late">${countText(one.overdueFindings)}</span>` : '0', one.nextReview === null ? NO_FIGURE : markup`<time>${one.nextReview.slice(0, 10)}</time>`, one.next === null ? 'nothing is left to do' : withCode(one.next),
  ]));
}

/** What stands between backticks is to be typed or written as it is. */
const withCode = (text: string): Markup => markup`${text.split('`').map((part, place) => (place % 2 === 0 ? markup`${part}` : markup`<code>${part}</code>`))}`;

const UNITS = [['days', 86_400], ['hours', 3_600], ['minutes', 60]] as const;

/** In the greatest unit of which there are two or more. */
function timeText(seconds: number | null): string {
  if (seconds === null) return NO_FIGURE;
  const [unit, length] = UNITS.find(([, one]) => seconds >= 2 * one) ?? ['seconds', 1];
  return `${Number((seconds / length).toPrecision(3))} ${unit}`;
}
