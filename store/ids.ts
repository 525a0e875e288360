/** Identifiers of quarantined messages: sortable by time, printable, safe as file names. */

const ID_PATTERN = /^[0-9a-z]{16}$/;
/** 36 ** 9 ms reach to the year 5188. */
const TIME_DIGITS = 9;
const RANDOM_DIGITS = 7;
const LAST_TIME = 36 ** TIME_DIGITS - 1;

/** @returns whether `text` has the form of an identifier: `[0-9a-z]{16}`. */
export function isQuarantineId(text: string): boolean {
  return ID_PATTERN.test(text);
}

/** The first nine characters of identifiers made at `time` (ms since 1970). */
export function idTime(time: number): string {
  const whole = Number.isFinite(time) ? Math.min(Math.max(Math.floor(time), 0), LAST_TIME) : 0;
  return whole.toString(36).padStart(TIME_DIGITS, "0");
}

/** A new identifier: time, then 36 bits of chance. */
export function newQuarantineId(time: number): string {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  const chance = (high * 2 ** 20 + (low >>> 12)) % 36 ** RANDOM_DIGITS;
  return idTime(time) + chance.toString(36).padStart(RANDOM_DIGITS, "0");
}
