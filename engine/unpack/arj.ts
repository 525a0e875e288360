/**
 * ARJ: 7-Zip opens it, but for files that are garbled by a password; these are put right first.
 *
 * @see ARJ's technote.txt
 */
import { outputLimit } from "./bounds.ts";
import { crc32 } from "./crc32.ts";
import { unforeign } from "./foreign/foreign.ts";
import { u16, u32 } from "./octets.ts";
import { fittingPassword } from "./passwords.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

const ID = 0xea60;
const GARBLED = 1;
/** Kind of the header in front of all others. */
const ARCHIVE = 2;
const MAX_FILES = 100_000;

/** A file that is garbled. */
interface Garbled {
  /** Where the fields of its header are, and where they end. */
  readonly header: number;
  readonly headerEnd: number;
  readonly data: number;
  readonly size: number;
  /** Added to each octet of the password. */
  readonly modifier: number;
}

/** Garbled files of an archive. */
function garbledFiles(octets: Uint8Array): readonly Garbled[] {
  const files: Garbled[] = [];
  let at = 0;
  while (u16(octets, at) === ID && files.length < MAX_FILES) {
    const length = u16(octets, at + 2);
    const header = at + 4;
    const headerEnd = header + length;
    if (length === 0 || headerEnd + 6 > octets.length) break;
    // the header's own sum, then extensions, each with its length and its sum
    let data = headerEnd + 4;
    for (let extension = u16(octets, data); extension > 0 && data < octets.length;) {
      data += 2 + extension + 4;
      extension = u16(octets, data);
    }
    data += 2;
    const isFile = octets[header + 6] !== ARCHIVE;
    const size = isFile ? u32(octets, header + 12) : 0;
    if (isFile && ((octets[header + 4] ?? 0) & GARBLED) !== 0) {
      files.push({ header, headerEnd, data, size, modifier: octets[header + 7] ?? 0 });
    }
    at = data + size;
  }
  return files;
}

/** The archive as it would be without the password; whether that is the right one is for the sums of the files to tell. */
function cleared(octets: Uint8Array, files: readonly Garbled[], password: Uint8Array): Uint8Array {
  const clear = octets.slice();
  const view = new DataView(clear.buffer);
  for (const { header, headerEnd, data, size, modifier } of files) {
    clear[header + 4] = (clear[header + 4] ?? 0) & ~GARBLED;
    view.setUint32(headerEnd, crc32(clear.subarray(header, headerEnd)), true);
    const end = Math.min(clear.length, data + size);
    for (let at = data, i = 0; at < end; at++, i++) {
      clear[at] = (clear[at] ?? 0) ^ (((password[i % password.length] ?? 0) + modifier) & 255);
    }
  }
  return clear;
}

/** Opens ARJ. */
export function* unarj(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget, tools } = context;
  const files = garbledFiles(octets);
  const tool = tools.sevenZip;
  if (files.length === 0 || !tool) return yield* unforeign(octets, context);
  const most = budget.limits.files;
  // nothing is kept: only sums are asked for
  const limits = { octets: outputLimit(budget, octets.length), kept: 0, files: most, skip: most };
  const clear = fittingPassword(context, [], (password) => {
    const octetsOf = new TextEncoder().encode(password);
    if (octetsOf.length === 0) return undefined;
    const candidate = cleared(octets, files, octetsOf);
    const { status } = tool.unpack(candidate, limits, budget);
    return status === 0 ? candidate : undefined;
  });
  if (!clear) return yield* unforeign(octets, context);
  budget.unpacked(clear.length);
  for (const entry of unforeign(clear, context)) yield { ...entry, encrypted: true };
}
