const RANDOM_DIGITS = 5;
const RANDOM_RANGE = 36 ** RANDOM_DIGITS;
const random = new Uint32Array(1);
let counter: number | undefined;

/**
 * Makes the name of one transaction for log, reply and quarantine: 13 characters of `[0-9a-z]`, of which the first 8 are the
 * time, so that names sort by time until 2059. A counter with a random start keeps two of one millisecond apart, in one worker
 * surely and between workers but for one chance in sixty million.
 *
 * @param timeMs Milliseconds since 1970.
 */
export function newQueueId(timeMs: number = Date.now()): string {
  counter ??= crypto.getRandomValues(random)[0]! % RANDOM_RANGE;
  counter = (counter + 1) % RANDOM_RANGE;
  return timeMs.toString(36).padStart(8, "0") + counter.toString(36).padStart(RANDOM_DIGITS, "0");
}
