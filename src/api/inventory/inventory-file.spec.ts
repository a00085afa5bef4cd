import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PerennialError } from '../../contracts/failures.js';
import { EXPORTED } from './inventory-csv.js';
import { INVENTORY_COLUMNS, inventoryEntries } from './inventory-file.js';

const NOTHING = { owner: null, tier: null, environment: null, endpoint: null, source: null, monitoring: null, description: null, state: 'active' };

function faultsOf(csv: string): unknown {
  try {
    return inventoryEntries(csv);
  } catch (error) {
    if (!(error instanceof PerennialError)) throw error;
    expect(error.type).toBe('InvalidRequest');
    return (error.details['faults'] as { path: string; message: string }[]).map(({ path, message }) => `${path}: ${message}`);
  }
}

describe('a file of models', () => {
  it('is read by the names of its columns, in any order; an empty field says nothing', () => {
    expect(inventoryEntries('owner,name,tier\r\nrisk,churn,high\r\n,pricing,\r\n')).toEqual([{ ...NOTHING, name: 'churn', owner: 'risk', tier: 'high', line: 2 }, { ...NOTHING, name: 'pricing', line: 3 }]);
  });

  it('may have a mark of its encoding, empty lines, old line ends, quotes, and line ends within them; lines are counted as an editor counts them', () => {
    expect(inventoryEntries('\uFEFFname,description\n\n"churn","who leaves,\r\nand ""why"""\npricing,x')).toEqual([
      { ...NOTHING, name: 'churn', description: 'who leaves,\nand "why"', line: 3 }, { ...NOTHING, name: 'pricing', description: 'x', line: 5 },
    ]);
    expect(inventoryEntries('name\rchurn\rpricing\r').map(({ line }) => line)).toEqual([2, 3]);
  });

  it('says everything that may be said', () => {
    const csv = 'name,owner,tier,environment,endpoint,source,monitoring,description,state\nchurn,risk,low,eu,https://a/b,cmdb,https://grafana/d/1,x,decommissioned\n';
    expect(inventoryEntries(csv)).toEqual([{ name: 'churn', owner: 'risk', tier: 'low', environment: 'eu', endpoint: 'https://a/b', source: 'cmdb', monitoring: 'https://grafana/d/1', description: 'x', state: 'decommissioned', line: 2 }]);
  });

  it.each<[string, string, string[]]>([
    ['nothing', '', ['body: holds no models']],
    ['a header alone', 'name,owner\n', ['body: holds no models']],
    ['no column of names', 'owner\nrisk\n', ['line 1: has no column name']],
    ['a strange column', 'name,colour\na,red\n', ['line 1: "colour" is no column of an inventory: these are name, owner']],
    ['a column twice', 'name,name\na,b\n', ['line 1: names the column name twice']],
    ['another separator', 'name;owner\nchurn;risk\n', ['line 1: "name;owner" is no column', 'line 1: has no column name']],
    ['lines that are too short and too long', 'name,owner\na\nb,x,y\n', ['line 2: has 1 field where the header names 2', 'line 3: has 3 fields where the header names 2']],
    ['faults in several lines', 'name,tier,state\nChurn,high,\npricing,huge,gone\n', ['line 2, name: must be lower-case', 'line 3, tier: must be one of low, medium, high, critical', 'line 3, state: must be one of active, decommissioned']],
    ['no name', 'name,owner\n,risk\n', ['line 2, name: must be lower-case']],
    ['a name twice', 'name\nchurn\npricing\nchurn\n', ['line 4, name: "churn" stands in line 2 already']],
    ['a name twice, once in a line with a fault', 'name,tier\nchurn,huge\nchurn,low\n', ['line 2, tier: must be one of', 'line 3, name: "churn" stands in line 2 already']],
    ['a link that runs something', 'name,monitoring\nchurn,javascript:alert(1)\n', ['line 2, monitoring: must be a URL of http or https']],
    ['a control character', 'name,owner\nchurn,a\u0000b\n', ['line 2, owner: holds a control character']],
    ['an open quote', 'name,owner\na,"x"\nb,"risk\nc,d\n', ['line 3: opens a quote that stays open']],
    ['a quote in the middle', 'name,owner\n\nchurn,ri"sk\n', ['line 3: has a quote in the middle of a field']],
    ['something after a quote', 'name,owner\nchurn,"ri"sk\n', ['line 2: has a quote in the middle of a field']],
  ])('with %s is refused whole, each fault with its line', (_, csv, expected) => {
    const told = faultsOf(csv) as string[];
    expect(told).toEqual(expected.map((one) => expect.stringContaining(one) as string));
  });

  it('has a bound', () => {
    expect(faultsOf(`name\n${Array.from({ length: 5_001 }, (_, index) => `m${index}`).join('\n')}`)).toEqual(['body: holds 5001 models; send at most 5000 in one file']);
  });
});

it('docs/INVENTORY.md names the columns of both tables', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/INVENTORY.md'), 'utf8');
  const columnsUnder = (heading: string): string[] => [...(page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '').matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name!);
  expect(columnsUnder('Bring models that were found elsewhere')).toEqual(Object.keys(INVENTORY_COLUMNS.shape));
  expect(columnsUnder('Take it away as a table')).toEqual(Object.keys(EXPORTED));
});
