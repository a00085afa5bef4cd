/**
 * Arrays for the columns of a measurement, kept for the next one: fresh memory costs the system more time than the work that is done in it.
 */
export class ColumnRoom {
  private readonly doubles: Float64Array[] = [];
  private readonly integers: Int32Array[] = [];

  /** The place-th array, as long as asked for; what it held before is still there. */
  double(place: number, length: number): Float64Array {
    if ((this.doubles[place]?.length ?? -1) < length) this.doubles[place] = new Float64Array(length);
    return this.doubles[place]!.subarray(0, length);
  }

  integer(place: number, length: number): Int32Array {
    if ((this.integers[place]?.length ?? -1) < length) this.integers[place] = new Int32Array(length);
    return this.integers[place]!.subarray(0, length);
  }
}
