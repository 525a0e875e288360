/** Addresses of clients: parsing of IPv4 and IPv6 text (RFC 4291, section 2.2) and of networks (CIDR, RFC 4632). */

/** The last address that {@link readIp} read: four words of 32 bits, unsigned; an IPv4 address is in the first alone. */
export const ipWords = new Uint32Array(4);

/**
 * Reads an address into {@link ipWords} without allocating. An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) is IPv4; a zone
 * (`%eth0`) is left out.
 *
 * @returns 4 or 6; 0 when the text is no address.
 */
export function readIp(text: string): 0 | 4 | 6 {
  const length = text.length;
  for (let i = 0; i < length && i < 5; i++) {
    if (text.charCodeAt(i) === 58) return readIpv6(text);
  }
  const value = readIpv4(text, 0, length);
  if (value < 0) return 0;
  ipWords[0] = value;
  ipWords[1] = 0;
  ipWords[2] = 0;
  ipWords[3] = 0;
  return 4;
}

/** @returns the address as an unsigned 32-bit number; -1 when `text[from..to)` is no dotted quad. */
function readIpv4(text: string, from: number, to: number): number {
  let value = 0;
  let part = 0;
  let digits = 0;
  let dots = 0;
  for (let i = from; i < to; i++) {
    const c = text.charCodeAt(i);
    if (c >= 48 && c <= 57) {
      if (digits === 1 && part === 0) return -1; // 01 is octal to some readers
      part = part * 10 + c - 48;
      if (++digits > 3 || part > 255) return -1;
    } else if (c === 46 && digits > 0 && dots < 3) {
      value = value * 256 + part;
      part = 0;
      digits = 0;
      dots++;
    } else return -1;
  }
  return dots === 3 && digits > 0 ? value * 256 + part : -1;
}

const groups = new Uint16Array(8);

function readIpv6(text: string): 0 | 4 | 6 {
  let count = 0;
  let gap = -1;
  let value = 0;
  let digits = 0;
  let start = 0;
  let end = text.length;
  for (let i = 0; i < end; i++) if (text.charCodeAt(i) === 37) end = i;
  let i = 0;
  if (text.charCodeAt(0) === 58) {
    if (text.charCodeAt(1) !== 58) return 0;
    gap = 0;
    i = 2;
    start = 2;
  }
  for (; i < end; i++) {
    const c = text.charCodeAt(i);
    const digit = c >= 48 && c <= 57
      ? c - 48
      : c >= 97 && c <= 102
      ? c - 87
      : c >= 65 && c <= 70
      ? c - 55
      : -1;
    if (digit >= 0) {
      value = value * 16 + digit;
      if (++digits > 4) return 0;
    } else if (c === 58) {
      if (digits === 0) {
        if (gap >= 0 || count === 0) return 0;
        gap = count;
      } else {
        if (count === 8) return 0;
        groups[count++] = value;
        value = 0;
        digits = 0;
        if (i + 1 === end) return 0;
      }
      start = i + 1;
    } else if (c === 46) {
      const tail = readIpv4(text, start, end);
      if (tail < 0 || count > 6) return 0;
      groups[count++] = tail >>> 16;
      groups[count++] = tail & 0xffff;
      digits = 0;
      i = end;
      break;
    } else return 0;
  }
  if (digits > 0) {
    if (count === 8) return 0;
    groups[count++] = value;
  }
  if (gap < 0 ? count !== 8 : count > 7) return 0;
  if (gap >= 0) {
    const shift = 8 - count;
    for (let k = 7; k >= gap + shift; k--) groups[k] = groups[k - shift]!;
    for (let k = gap; k < gap + shift; k++) groups[k] = 0;
  }
  ipWords[0] = groups[0]! * 65536 + groups[1]!;
  ipWords[1] = groups[2]! * 65536 + groups[3]!;
  ipWords[2] = groups[4]! * 65536 + groups[5]!;
  ipWords[3] = groups[6]! * 65536 + groups[7]!;
  if (ipWords[0] === 0 && ipWords[1] === 0 && ipWords[2] === 0xffff) {
    ipWords[0] = ipWords[3]!;
    ipWords[2] = 0;
    ipWords[3] = 0;
    return 4;
  }
  return 6;
}

/** A network: the prefix's words (IPv4: the first alone) and its length in bits. */
export interface Network {
  readonly family: 4 | 6;
  readonly words: readonly [number, number, number, number];
  /** 0 to 32, or 0 to 128. */
  readonly bits: number;
}

/** @returns `undefined` when the text is no address or network, or has bits set behind its prefix. */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf("/");
  const prefix = slash < 0 ? undefined : text.slice(slash + 1);
  if (prefix !== undefined && !/^(?:0|[1-9]\d{0,2})$/.test(prefix)) return undefined;
  const address = slash < 0 ? text : text.slice(0, slash);
  if (address.includes("%")) return undefined;
  const family = readIp(address);
  if (family === 0) return undefined;
  const mapped = family === 4 && address.includes(":");
  const bits = prefix === undefined
    ? (family === 4 ? 32 : 128)
    : Number(prefix) - (mapped ? 96 : 0);
  if (bits < 0 || bits > (family === 4 ? 32 : 128)) return undefined;
  const words = [...ipWords] as [number, number, number, number];
  for (let w = 0; w < 4; w++) {
    const kept = Math.min(32, Math.max(0, bits - 32 * w));
    if ((words[w]! & ~maskOf(kept)) !== 0) return undefined;
  }
  return { family, words, bits };
}

/** The word with its first `bits` (0 to 32) bits set, signed. */
export function maskOf(bits: number): number {
  return bits === 0 ? 0 : -1 << (32 - bits);
}

/** The network in canonical text: what {@link parseNetwork} reads. */
export function formatNetwork({ family, words, bits }: Network): string {
  if (family === 4) {
    const [w] = words;
    const text = [w >>> 24, (w >>> 16) & 255, (w >>> 8) & 255, w & 255].join(".");
    return bits === 32 ? text : `${text}/${bits}`;
  }
  const text = words.map((w) => `${(w >>> 16).toString(16)}:${(w & 0xffff).toString(16)}`).join(
    ":",
  );
  return bits === 128 ? text : `${text}/${bits}`;
}
