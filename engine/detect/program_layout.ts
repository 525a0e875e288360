/** Where the entry point and the sections of a program lie in its file: PE, ELF. Bounded, and of any octets. */
import { MAX_SECTIONS } from "./limits.ts";

/** A section as it lies in the file. */
export interface ProgramSection {
  /** Octets from the start of the file. */
  readonly start: number;
  /** Octets in the file. */
  readonly size: number;
}

/** What is known of a program. */
export interface ProgramLayout {
  /** Octets from the start of the file; absent where it lies in no section. */
  readonly entryPoint?: number;
  readonly sections: readonly ProgramSection[];
}

/** Where sections lie in memory, and in the file. */
interface Mapping extends ProgramSection {
  readonly address: number;
  readonly memory: number;
}

/** The layout of a program; `undefined` where the content is none that can be read. */
export function programLayout(octets: Uint8Array): ProgramLayout | undefined {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  try {
    if (octets[0] === 0x4d && octets[1] === 0x5a) return portableExecutable(view);
    if (octets[0] === 0x7f && octets[1] === 0x45) return elf(view);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // cut off
  }
  return undefined;
}

/** @see Microsoft, "PE Format" */
function portableExecutable(view: DataView): ProgramLayout | undefined {
  const header = view.getUint32(0x3c, true);
  if (view.getUint32(header, true) !== 0x4550) return undefined;
  const count = Math.min(view.getUint16(header + 6, true), MAX_SECTIONS);
  const optional = header + 24;
  const entry = view.getUint32(optional + 16, true);
  const fileAlignment = view.getUint32(optional + 36, true);
  let at = optional + view.getUint16(header + 20, true);
  const mappings: Mapping[] = [];
  for (let i = 0; i < count && at + 40 <= view.byteLength; i++, at += 40) {
    const size = view.getUint32(at + 16, true);
    const raw = view.getUint32(at + 20, true);
    mappings.push({
      // the loader takes the start of the sector
      start: fileAlignment >= 0x200 ? raw - raw % 0x200 : raw,
      size,
      address: view.getUint32(at + 12, true),
      memory: view.getUint32(at + 8, true),
    });
  }
  const inHeader = mappings.every(({ address }) => entry < address) ? entry : undefined;
  return layout(mappings, entry, inHeader);
}

/** @see System V ABI, chapter 4 */
function elf(view: DataView): ProgramLayout {
  const isWide = view.getUint8(4) === 2;
  const little = view.getUint8(5) === 1;
  const word = (at: number) =>
    isWide ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little);
  const entry = word(24);
  const table = word(isWide ? 40 : 32);
  const programs = word(isWide ? 32 : 28);
  const [programSize, programCount, size, count] = (isWide ? [54, 56, 58, 60] : [42, 44, 46, 48])
    .map((at) => view.getUint16(at, little));
  const sections: ProgramSection[] = [];
  for (let i = 0; i < Math.min(count ?? 0, MAX_SECTIONS); i++) {
    const at = table + i * (size ?? 0);
    if (at + (isWide ? 40 : 24) > view.byteLength) break;
    const start = word(at + (isWide ? 24 : 16));
    sections.push({ start, size: word(at + (isWide ? 32 : 20)) });
  }
  const segments: Mapping[] = [];
  for (let i = 0; i < Math.min(programCount ?? 0, MAX_SECTIONS); i++) {
    const at = programs + i * (programSize ?? 0);
    if (at + (isWide ? 48 : 24) > view.byteLength) break;
    segments.push({
      start: word(at + (isWide ? 8 : 4)),
      address: word(at + (isWide ? 16 : 8)),
      size: word(at + (isWide ? 32 : 16)),
      memory: word(at + (isWide ? 40 : 20)),
    });
  }
  return { ...layout(segments, entry, undefined), sections };
}

function layout(
  mappings: readonly Mapping[],
  entry: number,
  inHeader: number | undefined,
): ProgramLayout {
  const home = mappings.find(({ address, size, memory }) =>
    entry >= address && entry < address + Math.max(size, memory)
  );
  const entryPoint = home ? home.start + entry - home.address : inHeader;
  const sections = mappings.map(({ start, size }) => ({ start, size }));
  return { ...(entryPoint === undefined ? {} : { entryPoint }), sections };
}
