export interface FieldFault {
  readonly path: (string | number)[];
  readonly message: string;
}

/** What a document may hold that has not passed the schema. */
export type Fields = Readonly<Record<string, unknown>>;

export const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {});
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Columns of one table that are named in two spellings. @param path of the fault */
export function spellingFaults(path: FieldFault['path'], names: readonly unknown[]): FieldFault[] {
  const spellings = new Map<string, string>();
  return names.flatMap((name) => {
    if (typeof name !== 'string') return [];
    const other = spellings.get(name.toLowerCase()) ?? name;
    spellings.set(name.toLowerCase(), other);
    return other === name ? [] : [{ path, message: `names both ${other} and ${name}; SQL does not tell columns apart that differ only in case` }];
  });
}
