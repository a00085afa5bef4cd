import { z } from 'zod';
import { FAILURE_SOURCES } from '../../contracts/failure-sources.js';
import { LIMITED_OPERATIONS } from '../../contracts/window-operations.js';
import { instant } from '../documentation/answer-fields.js';

const count = z.number().min(0);
const number = z.number().nullable();
const share = number.meta({ description: 'Of the requests to the deployment; null without any.' });
const counted = z.strictObject({ count, share });

export const gatewayFigures = z
  .strictObject({
    from: instant.meta({ description: 'Wall time, in which the predictions of the window were received. Whole minutes that overlap it count.' }), until: instant,
    gateways: count.meta({ description: 'That served the deployment.' }), minutes: count.meta({ description: 'Clock minutes with a sample; 0: nothing else is known.' }),
    lostMinutes: count.meta({ description: 'Minutes that a gateway could neither write nor keep.' }),
    requests: count.meta({ description: 'That were answered, of the deployment.' }), rows: count,
    errors: z.strictObject({
      count, share, byKind: z.record(z.string(), counted).meta({ description: 'By failure type.' }),
      bySource: z.strictObject(Object.fromEntries(FAILURE_SOURCES.map((source) => [source, counted])) as Record<(typeof FAILURE_SOURCES)[number], typeof counted>).meta({ description: 'By whose fault it was.' }),
      unplaced: z.record(z.string(), count).meta({ description: 'Of the same gateways, requests of no deployment: they could not be read, or named none that is known.' }),
    }),
    throughput: z.strictObject({
      mean: number, busiest: number, capacity: number.meta({ description: 'What one thread a gateway scored when the champion was loaded, the gateways together.' }),
      meanShare: number, busiestShare: number.meta({ description: 'Of that capacity, in the busiest minute.' }), busiestShareOfAll: number.meta({ description: 'The same of all models that the gateways serve.' }),
    }).meta({ description: 'Rows a second of the deployment.' }),
    memoryBytes: number.meta({ description: "Greatest resident memory of a gateway's process, which serves all its models." }),
    cpu: z.strictObject({ meanCores: number, busiestCores: number, cores: number.meta({ description: 'That a gateway may use.' }) })
      .meta({ description: "Cores that a gateway's process used, which serves all its models." }),
    gpu: z.null(), undefinedBecause: z.record(z.string(), z.string()),
  })
  .meta({ description: 'The gateways, while the predictions of the window were received.' });

const check = z.strictObject({
  value: number, limit: number.meta({ description: 'A greater value is out of the ordinary; null where too few windows are known.' }),
  by: z.enum(['spec', 'windows']).meta({ description: "What the limit is from: the spec, or the deployment's earlier windows." }),
  windows: count.meta({ description: 'Earlier windows that the limit is from.' }), verdict: z.enum(['pass', 'fail', 'inconclusive']),
});

export const operationChecks = z
  .strictObject({
    ...(Object.fromEntries(LIMITED_OPERATIONS.map((name) => [name, check])) as Record<(typeof LIMITED_OPERATIONS)[number], typeof check>),
    arrivalLagP95Ms: check.optional().meta({ description: 'Reports of before lack it.' }),
  })
  .meta({ description: 'Figures of operations beside what they may come to. Observations: no alarm and no verdict rests on them.' });
