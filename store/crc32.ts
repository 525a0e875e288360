/** CRC-32 (IEEE 802.3), as in gzip and zip. The runtime's own gave wrong sums in Deno 2.4 once it was compiled. */

const TABLE = Uint32Array.from({ length: 256 }, (_, octet) => {
  let sum = octet;
  for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  return sum;
});

/** The sum of octets, going on from the sum of those before them; an unsigned 32-bit number. */
export function crc32(octets: Uint8Array, before = 0): number {
  let sum = ~before;
  for (let i = 0; i < octets.length; i++) {
    sum = (TABLE[(sum ^ (octets[i] ?? 0)) & 0xff] ?? 0) ^ (sum >>> 8);
  }
  return ~sum >>> 0;
}
