/** Sizes and times as people write them: `50MB`, `30s`, `7d`. */

const SIZE_UNITS = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 } as const;
const TIME_UNITS = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
} as const;

/** A size with its unit, such as `50MB` (1 KB is 1024 octets). */
export const SIZE_PATTERN = /^(\d+(?:\.\d+)?)(B|KB|MB|GB|TB)$/;
/** A time with its unit, such as `30s` or `500ms`. */
export const TIME_PATTERN = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/;

/** @returns octets; `undefined` when the text is not a size. */
export function parseSize(text: string): number | undefined {
  const match = SIZE_PATTERN.exec(text);
  if (!match) return undefined;
  return Math.round(Number(match[1]) * SIZE_UNITS[match[2] as keyof typeof SIZE_UNITS]);
}

/** @returns milliseconds; `undefined` when the text is not a time. */
export function parseTime(text: string): number | undefined {
  const match = TIME_PATTERN.exec(text);
  if (!match) return undefined;
  return Math.round(Number(match[1]) * TIME_UNITS[match[2] as keyof typeof TIME_UNITS]);
}
