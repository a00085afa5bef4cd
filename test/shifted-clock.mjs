/**
 * Loaded into the roles of an installation by `NODE_OPTIONS=--import`: the clocks of those named in `SHIFTED_CLOCKS`, such as
 * `{"worker": 3600000}`, run ahead by so many milliseconds.
 */
const byRole = JSON.parse(process.env['SHIFTED_CLOCKS'] ?? '{}');
const [, program = '', role = ''] = process.argv;

if (program.endsWith('main.js') && byRole[role] !== undefined) {
  const aheadMs = byRole[role];
  const Real = Date;
  globalThis.Date = class extends Real {
    constructor(...parts) {
      if (parts.length === 0) super(Real.now() + aheadMs);
      else super(...parts);
    }

    static now() {
      return Real.now() + aheadMs;
    }
  };
}
