/** CRC-16 of ARC, zoo and LHA: reflected 0x8005, from 0. */
const TABLE = Uint16Array.from({ length: 256 }, (_, octet) => {
  let value = octet;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >> 1) ^ 0xa001 : value >> 1;
  return value;
});

/** The checksum of some octets. */
export function crc16(octets: Uint8Array): number {
  let value = 0;
  for (const octet of octets) value = (value >> 8) ^ (TABLE[(value ^ octet) & 255] ?? 0);
  return value;
}
