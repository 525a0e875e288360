/** Time limits that hold on any machine: for work that is done in milliseconds, or in hours where it grows as it must not. */
import assert from "node:assert/strict";

/** What `pieceOfWork` takes on the machine that the limits were measured on, milliseconds. */
const NOMINAL_MS = 27;
/** A machine that stands still for a moment is no reason to fail. */
const ATTEMPTS = 3;

const TABLE = Uint8Array.from({ length: 256 }, (_, i) => i * 167 & 255);

function pieceOfWork(): number {
  const octets = new Uint8Array(1 << 16);
  let sum = 0;
  for (let round = 0; round < 400; round++) {
    for (let i = 0; i < octets.length; i++) {
      sum = sum + (octets[i] = TABLE[octets[i]! + i & 255]!) | 0;
    }
  }
  return sum;
}

function timed(work: () => unknown): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/** How many times longer this machine takes now than the one of the limits; 1 if it is faster. */
export function slowness(): number {
  return Math.max(1, timed(pieceOfWork) / NOMINAL_MS);
}

/**
 * Asserts that work is done in a time, the best of some attempts counting.
 *
 * @param ms On the machine of the limits; more on a slower one.
 * @param work Does the same each time.
 */
export function inTime(ms: number, work: () => unknown): void {
  const took: string[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const each = timed(work);
    if (each < ms) return;
    const limit = ms * slowness();
    if (each < limit) return;
    took.push(`${each.toFixed(0)} ms of ${limit.toFixed(0)}`);
  }
  assert.fail(`takes too long: ${took.join(", ")}`);
}
