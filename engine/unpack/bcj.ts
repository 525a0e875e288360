/** Undoes the x86 filter that xz and 7z put before LZMA: call targets written as absolute are made relative again. */

const ALLOWED = [true, true, true, false, true, false, false, false];
const BIT = [0, 1, 2, 2, 3, 3, 3, 3];
const isHigh = (octet: number) => octet === 0 || octet === 0xff;

/** Changes `octets` in place. */
export function undoX86(octets: Uint8Array): void {
  let mask = 0;
  let before = -5;
  for (let at = 0; at + 5 <= octets.length;) {
    const octet = octets[at] ?? 0;
    if (octet !== 0xe8 && octet !== 0xe9) {
      at++;
      continue;
    }
    const offset = at - before;
    before = at;
    if (offset > 5) mask = 0;
    else for (let i = 0; i < offset; i++) mask = (mask & 0x77) << 1;
    const high = octets[at + 4] ?? 0;
    if (!isHigh(high) || !ALLOWED[(mask >> 1) & 7] || (mask >> 1) >= 0x10) {
      at++;
      mask |= isHigh(high) ? 0x11 : 1;
      continue;
    }
    let source = (octets[at + 1] ?? 0) | ((octets[at + 2] ?? 0) << 8) |
      ((octets[at + 3] ?? 0) << 16) |
      (high << 24);
    let target: number;
    for (;;) {
      target = (source - (at + 5)) | 0;
      if (mask === 0) break;
      const shift = (BIT[mask >> 1] ?? 0) * 8;
      if (!isHigh((target >>> (24 - shift)) & 0xff)) break;
      source = target ^ (shift === 0 ? -1 : (1 << (32 - shift)) - 1);
    }
    octets[at + 1] = target;
    octets[at + 2] = target >> 8;
    octets[at + 3] = target >> 16;
    octets[at + 4] = (target >> 24) & 1 ? 0xff : 0;
    at += 5;
    mask = 0;
  }
}
