import { writeFile } from 'node:fs/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { parseHeader } from './csv-source.js';
import { DataFolder, failureOf, specWith } from './data-fixture.js';

describe('parseHeader', () => {
  it.each([
    ['a,b\r\n1,2\r\n', ['a', 'b']],
    ['\uFEFFa,"b, ""c""",\n', ['a', 'b, "c"', '']],
    ['"two\nlines",b', ['two\nlines', 'b']],
    ['', ['']],
  ])('of %j is %j', (text, names) => {
    expect(parseHeader(text)).toEqual(names);
  });

  it('has none where a quote stays open or stands in the middle', () => {
    expect(parseHeader('a,"b\n1,2\n')).toBeUndefined();
    expect(parseHeader('a"b,c\n')).toBeUndefined();
  });
});

describe('a CSV source', () => {
  let folder: DataFolder;
  const spec = specWith({ data: { source: { path: '*.csv', format: 'csv' } }, training: { minimumRows: 1 }, evaluation: { minimumRows: 1 } });
  const write = (name: string, text: string | Uint8Array): Promise<void> => writeFile(folder.path(name), text);

  beforeEach(async () => {
    folder = await DataFolder.make();
    return () => folder.remove();
  });

  it('takes files with other orders of columns, quotes, empty fields and offsets of time', async () => {
    await write('1.csv', 'id,moment,late,speed,side\n1,2024-01-01T00:00:00Z,1,1.5,north\n2,2024-01-02 00:00:00,0,,"so""uth, ü"\n');
    await write('2.csv', '\uFEFFside,speed,late,moment,id\r\nnorth,2,0,2024-01-11T02:00:00+02:00,3\r\nsouth,3,1,2024-01-12,4\r\n\r\n,4,,2024-01-17T00:00:00Z,5\r\n');
    const snapshot = await folder.snapshot(spec);
    expect(snapshot.manifest.columns).toEqual([
      { name: 'id', type: 'VARCHAR' }, { name: 'moment', type: 'TIMESTAMP' }, { name: 'late', type: 'BIGINT' },
      { name: 'speed', type: 'DOUBLE' }, { name: 'side', type: 'VARCHAR' },
    ]);
    expect(await folder.read(snapshot, 'train')).toEqual([
      { id: '1', moment: '2024-01-01 00:00:00', late: '1', speed: 1.5, side: 'north' },
      { id: '2', moment: '2024-01-02 00:00:00', late: '0', speed: null, side: 'so"uth, ü' },
    ]);
    expect((await folder.read(snapshot, 'evaluation')).map((row) => [row['id'], row['moment']])).toEqual([['3', '2024-01-11 00:00:00'], ['4', '2024-01-12 00:00:00']]);
  });

  it.each([
    ['a line with too few fields', 'id,moment,late,speed,side\n1,2024-01-01,1,1,north\n2,2024-01-02\n', /Line: 3/],
    ['a line with too many fields', 'id,moment,late,speed,side\n1,2024-01-01,1,1,north,5\n', /Line: 2/],
    ['a quote that stays open', 'id,moment,late,speed,side\n1,"2024-01-01,1,1,north\n', /Line: 2/],
    ['other bytes than UTF-8', Buffer.from('id,moment,late,speed,side\n1,2024-01-01,1,1,\xff\xfe\n', 'latin1'), /unicode/],
    ['no bytes', '', /is empty/],
    ['a column twice', 'id,moment,moment\n', /has the column "moment" twice/],
  ])('names the file with %s', async (_, text, message) => {
    await write('good.csv', 'id,moment,late,speed,side\n0,2024-01-01,1,1,north\n');
    await write('wrong.csv', text);
    const failure = await failureOf(folder.snapshot(spec));
    expect([failure.type, failure.details['file']]).toEqual(['DataUnreadable', 'wrong.csv']);
    expect(failure.message).toMatch(message);
  });

  it('has no column where the separator is another one, and says so', async () => {
    await write('rows.csv', 'id;moment;late;speed;side\n1;2024-01-01;1;1;north\n');
    const failure = await failureOf(folder.snapshot(spec));
    expect(failure.type).toBe('DataInvalid');
    expect(failure.message).toContain('The source has no column moment');
  });
});
