/** A family of metrics with its samples, as a scraper reads it. */
export interface MetricFamily {
  readonly help: string;
  readonly type: string;
  readonly samples: readonly { readonly name: string; readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

const SAMPLE = /^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?<labels>.*)\})? (?<value>[+-]?(?:Inf|\d+(?:\.\d+)?(?:e[+-]?\d+)?)|NaN)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;

/**
 * Reads Prometheus' text format 0.0.4 as strictly as its own tools: HELP and TYPE before the samples of a family, once, and no sample twice.
 * @throws Error naming the line
 */
export function parsePrometheusText(text: string): Map<string, MetricFamily> {
  const families = new Map<string, { help: string; type: string; samples: { name: string; labels: Record<string, string>; value: number }[] }>();
  const seen = new Set<string>();
  let current = '';
  if (!text.endsWith('\n')) throw new Error('The last line has no end');
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, kind, family = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (kind === 'HELP') {
      if (families.has(family)) throw new Error(`A second HELP: ${line}`);
      families.set((current = family), { help: rest, type: '', samples: [] });
    } else if (kind === 'TYPE') {
      const known = families.get(family);
      if (!known || family !== current || known.type !== '' || known.samples.length > 0) throw new Error(`TYPE is out of place: ${line}`);
      known.type = rest;
    } else {
      const { name = '', labels = '', value = '' } = SAMPLE.exec(line)?.groups ?? {};
      const known = families.get(current);
      if (!known || known.type === '' || name.replace(known.type === 'histogram' ? /_(bucket|sum|count)$/ : '', '') !== current) throw new Error(`A sample is out of place: ${line}`);
      const read = labelsOf(labels, line);
      const identity = `${name}${JSON.stringify(Object.entries(read).sort())}`;
      if (seen.has(identity)) throw new Error(`A sample comes twice: ${line}`);
      seen.add(identity);
      known.samples.push({ name, labels: read, value: Number(value.replace('Inf', 'Infinity')) });
    }
  }
  return families;
}

function labelsOf(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const [, name = '', value = ''] = LABEL.exec(text) ?? [];
    if (name === '' || name in labels) throw new Error(`Labels cannot be read: ${line}`);
    labels[name] = value;
  }
  return labels;
}

/** The quantile as `histogram_quantile` of PromQL has it: linear within the bucket that holds it. */
export function histogramQuantile(buckets: readonly { readonly upTo: number; readonly count: number }[], quantile: number): number {
  const rank = quantile * (buckets.at(-1)?.count ?? 0);
  const at = buckets.findIndex(({ count }) => count >= rank);
  const [below, here] = [buckets[at - 1] ?? { upTo: 0, count: 0 }, buckets[at]!];
  if (here.upTo === Infinity) return below.upTo;
  return below.upTo + ((here.upTo - below.upTo) * (rank - below.count)) / (here.count - below.count);
}
