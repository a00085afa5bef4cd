import type { AlarmAnswer } from '../api/alarms/alarms.dto.js';
import type { RetrainDetail } from '../api/retrains/retrains.dto.js';
import type { WindowAssessmentReportAnswer } from '../api/windows/window-assessments.dto.js';
import { ApiClient } from '../cli/api-client.js';
import { PerennialError } from '../contracts/failures.js';
import { parseSpec } from '../spec/parse-spec.js';
import { prepareEmploymentData, prepareExample } from './flight-data.js';
import type { TourPlaces } from './flight-tour.js';
import { MonitoredCourse, type WatchedWindow } from './monitored-course.js';
import { employmentSpec, employmentWindows, flightScenario, type FlightScenario, flightSpec, type Stretch, TURNED_ORIGIN } from './monitor-scenario.js';
import { RowTraffic } from './row-traffic.js';
import { prepareTurnedFlights } from './turned-flights.js';

/** What the tour tells while it goes. */
export interface MonitorTourWatcher {
  phase(line: string): void;
  begun(model: string, retrain: RetrainDetail): void;
  watched(model: string, window: WatchedWindow): void;
}

/** A model under watch, from its first version to the last window. */
export interface WatchedModel {
  readonly model: string;
  readonly first: RetrainDetail;
  readonly windows: readonly WatchedWindow[];
  /** Of the tour, tests left out. */
  readonly alarms: readonly AlarmAnswer[];
  /** Every figure of the last window. */
  readonly report: WindowAssessmentReportAnswer | null;
}

export interface MonitorTourOutcome {
  readonly flights: WatchedModel;
  readonly employment: WatchedModel;
  readonly scenario: FlightScenario;
}

/**
 * The monitoring tour: the flights of the second half of 2013 go by, one week of them with temperatures in Celsius, and from a day on with the flights
 * out of one airport turned round, both made up. Beside it four years of the American Community Survey, in which nothing happens. It asks by the HTTP
 * API alone.
 * @throws PerennialError, ProblemError; `Internal` where monitoring did not see what was made up, or saw more
 */
export async function monitorTour(places: TourPlaces, watcher: MonitorTourWatcher): Promise<MonitorTourOutcome> {
  const { weekZero } = await prepareExample(places.environment, (line) => watcher.phase(line));
  await prepareEmploymentData(places.environment, (line) => watcher.phase(line));
  const scenario = flightScenario(Date.parse(weekZero));
  await prepareTurnedFlights(places.environment, { celsius: scenario.celsius, turnedFromMs: scenario.turnedFromMs, turnedOrigin: TURNED_ORIGIN });
  const [flights, employment] = await Promise.all([
    watch(places, watcher, { source: await flightSpec(), windows: scenario.windows, beginMs: scenario.windows[0]!.fromMs }),
    watch(places, watcher, { source: await employmentSpec(), windows: employmentWindows(), beginMs: employmentWindows()[0]!.fromMs }),
  ]);
  requireSeen(flights, employment, scenario);
  return { flights, employment, scenario };
}

interface Watch {
  readonly source: string;
  readonly windows: readonly Stretch[];
  readonly beginMs: number;
}

async function watch(places: TourPlaces, watcher: MonitorTourWatcher, { source, windows, beginMs }: Watch): Promise<WatchedModel> {
  const { spec, digest } = parseSpec(source);
  const traffic = await RowTraffic.open(places.environment, spec, places);
  try {
    const course = new MonitoredCourse(places, spec, traffic, `monitor-${digest.slice(7, 19)}`);
    const first = await course.begin(source, beginMs);
    watcher.begun(spec.model, first);
    const watched: WatchedWindow[] = [];
    for await (const window of course.play(windows)) {
      watched.push(window);
      watcher.watched(spec.model, window);
    }
    const api = new ApiClient({ url: places.apiUrl, key: places.apiKey });
    const { items: alarms } = await api.get<{ items: AlarmAnswer[] }>(`/v1/alarms?model=${spec.model}&limit=200`);
    const last = watched.at(-1);
    const report = last ? await api.get<WindowAssessmentReportAnswer>(last.window.links.report) : null;
    return { model: spec.model, first, windows: watched, alarms: alarms.filter(({ test }) => !test), report };
  } finally {
    traffic.close();
  }
}

/** @throws PerennialError `Internal` */
function requireSeen(flights: WatchedModel, employment: WatchedModel, { celsius, turnedFromMs }: FlightScenario): void {
  const faults: string[] = [];
  const quarantined = flights.windows.filter(({ decisions }) => decisions.some(({ outcome }) => outcome === 'quarantine')).map(({ window }) => Date.parse(window.from));
  if (!quarantined.includes(celsius.fromMs)) faults.push('the window in Celsius was not put into quarantine');
  if (quarantined.some((fromMs) => fromMs !== celsius.fromMs)) faults.push('a window without a fault was put into quarantine');
  const harmed = flights.windows.find(({ window }) => window.harm?.alarm);
  if (!harmed || Date.parse(harmed.window.from) < turnedFromMs) faults.push(harmed ? 'harm was found before there was any' : 'no harm was found');
  if (!flights.windows.some(({ retrain }) => retrain?.trigger === 'performance')) faults.push('no retrain was started by harm');
  if (employment.alarms.some(({ kind }) => kind === 'harmfulShift')) faults.push('harm was found in a world that did not change');
  if (faults.length > 0) throw new PerennialError('Internal', `Monitoring did not see what was made up: ${faults.join('; ')}`);
}
