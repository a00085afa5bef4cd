// Shows set-up steps that run side by side: on a terminal one line with a running clock, elsewhere a line when a step has
// taken a second and one when it ends.

const TICK_MS = 125;
const QUIET_MS = 1_000;
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

export class Progress {
  #running = new Map();
  #timer;
  #frame = 0;
  #began = Date.now();
  #givenUp = false;

  /** @param {{write: (text: string) => unknown, isTTY?: boolean, columns?: number}} out */
  constructor(out) {
    this.out = out;
  }

  /**
   * Runs `work` and shows it under the name `what`; `work` gets a function that takes the latest line of its output.
   * What ends within a second shows nothing.
   */
  async step(what, work) {
    const entry = { began: Date.now(), detail: '', announced: false };
    this.#running.set(what, entry);
    const announce = setTimeout(() => this.#announce(what, entry), QUIET_MS);
    this.#timer ??= setInterval(() => this.#draw(), TICK_MS);
    try {
      const result = await work((line) => { entry.detail = line ?? entry.detail; });
      this.#finish(what, entry, announce, 'done');
      return result;
    } catch (error) {
      this.#finish(what, entry, announce, this.#givenUp ? 'given up' : 'failed');
      throw error;
    }
  }

  /** Steps that end badly from now on do so because another one failed. */
  giveUp() {
    this.#givenUp = true;
  }

  /** A line above whatever is running. */
  say(line) {
    this.#erase();
    this.out.write(`${line}\n`);
  }

  #announce(what, entry) {
    entry.announced = true;
    if (!this.out.isTTY) this.say(`  ${what} ...`);
  }

  #finish(what, entry, announce, outcome) {
    clearTimeout(announce);
    this.#running.delete(what);
    const seconds = ((Date.now() - entry.began) / 1_000).toFixed(1);
    if (entry.announced || outcome !== 'done') this.say(`  ${outcome === 'done' ? '✓' : '✗'} ${what}: ${outcome} after ${seconds} s`);
    if (this.#running.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#erase();
  }

  #draw() {
    const shown = [...this.#running].filter(([, { announced }]) => announced);
    if (!this.out.isTTY || shown.length === 0) return;
    const clock = `${Math.round((Date.now() - this.#began) / 1_000)} s`;
    const steps = shown.map(([what, { detail }]) => (detail && shown.length === 1 ? `${what} (${detail})` : what)).join(' · ');
    this.#frame = (this.#frame + 1) % FRAMES.length;
    const line = `${FRAMES[this.#frame]} ${clock}  ${steps}`.slice(0, (this.out.columns ?? 80) - 1);
    this.out.write(`\r\u001b[2K${line}`);
  }

  #erase() {
    if (this.out.isTTY) this.out.write('\r\u001b[2K');
  }
}
