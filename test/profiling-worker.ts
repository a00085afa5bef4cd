import { withDatabase } from '../src/data/duckdb.js';
import { DriftColumns } from '../src/drift/drift-columns.js';
import { binsAt } from '../src/drift/numeric-bins.js';
import { addValues, emptyProfile } from '../src/drift/numeric-profile.js';
import { layoutOf } from '../src/drift/value-buckets.js';

/** A process of its own that profiles files of a window: it is told the layout of the baseline, and tells the profile of each file. */
export interface ProfilingOrder {
  readonly files: readonly string[];
  readonly column: string;
  readonly scratch: string;
  readonly cells: readonly number[];
  readonly bits: readonly number[];
  readonly edges: readonly number[];
}

/** What JSON can hold of a profile: arrays as base64, infinite ends as null. */
export interface ToldProfile {
  readonly numbers: Readonly<Record<'finite' | 'missing' | 'minusInfinity' | 'plusInfinity', number>>;
  readonly least: number | null;
  readonly greatest: number | null;
  readonly below: string;
  readonly counts: string;
  readonly sums: string;
}

process.once('message', (order: ProfilingOrder) => {
  // It ends once the answer has been taken.
  void profileFiles(order).then((profiles) => process.send!(profiles, () => process.disconnect()));
});

async function profileFiles({ files, column, scratch, cells, bits, edges }: ProfilingOrder): Promise<ToldProfile[]> {
  const layout = layoutOf({ cells: [...cells], bits: [...bits] });
  const profiles: ToldProfile[] = [];
  for (const file of files) {
    const profile = emptyProfile(layout, binsAt(layout, edges));
    await withDatabase({ files: [file], scratch }, async (database) => (await DriftColumns.open(database, [file])).visitBlocks([column], ([values]) => addValues(profile, values!)));
    const { finite, missing, minusInfinity, plusInfinity, least, greatest, below, counts, sums } = profile;
    profiles.push({
      numbers: { finite, missing, minusInfinity, plusInfinity }, least: Number.isFinite(least) ? least : null, greatest: Number.isFinite(greatest) ? greatest : null,
      below: told(below), counts: told(counts), sums: told(sums!),
    });
  }
  return profiles;
}

const told = ({ buffer, byteOffset, byteLength }: Float64Array | Uint32Array): string => Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength).toString('base64');
