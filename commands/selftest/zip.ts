/** Zip archives for test mail: stored entries only, which every reader opens. APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12, 4.3.16. */

/** One file to store. */
export interface ZipEntry {
  /** ASCII. */
  readonly name: string;
  readonly content: Uint8Array;
  /**
   * Says in the headers that a password is needed (bit 0 of the flags, section 4.4.4), with the sum of another content: that of
   * what a password would give.
   */
  readonly encrypted?: boolean;
}

/** 1980-01-01 in MS-DOS form: the same octets at every run. */
const DOS_DATE = 0x21;

/** CRC-32 of ISO 3309, as in section 4.4.7. */
export function crc32(octets: Uint8Array): number {
  let crc = 0xffffffff;
  for (const octet of octets) {
    crc ^= octet;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function header(signature: number, fields: readonly (readonly [2 | 4, number])[]): Uint8Array {
  const octets = new Uint8Array(4 + fields.reduce((sum, [size]) => sum + size, 0));
  const view = new DataView(octets.buffer);
  view.setUint32(0, signature, true);
  let at = 4;
  for (const [size, value] of fields) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return octets;
}

/** Makes an archive of the entries. */
export function makeZip(entries: readonly ZipEntry[]): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const files: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const { name, content, encrypted } of entries) {
    const nameOctets = encoder.encode(name);
    const sum = encrypted ? ~crc32(content) >>> 0 : crc32(content);
    const common = [
      [2, 20], // version needed: 2.0
      [2, encrypted ? 1 : 0],
      [2, 0], // stored
      [2, 0],
      [2, DOS_DATE],
      [4, sum],
      [4, content.length],
      [4, content.length],
      [2, nameOctets.length],
      [2, 0],
    ] as const;
    const local = header(0x04034b50, common);
    files.push(local, nameOctets, content);
    directory.push(
      header(0x02014b50, [[2, 20], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]]),
      nameOctets,
    );
    offset += local.length + nameOctets.length + content.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const count = entries.length;
  const end = header(0x06054b50, [[2, 0], [2, 0], [2, count], [2, count], [4, size], [4, offset], [
    2,
    0,
  ]]);
  const parts = [...files, ...directory, end];
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
