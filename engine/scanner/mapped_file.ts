/**
 * Files in memory that all scanners have in common: the kernel's own pages of the file, mapped for reading. A module is written
 * once under the name of its hash and never changed, so what is mapped stays what it is, also after its name is gone.
 */

/** A mapped file, by numbers, which can be told to a worker. It stays until the process ends. */
export interface MappedFile {
  /** Address of its first octet, at a page's begin. */
  readonly address: bigint;
  /** Its size, octets. */
  readonly octets: number;
}

/** A whole file: mapped, so that all scanners have it once, or read where that cannot be. */
export type LoadedFile = MappedFile | Uint8Array<ArrayBuffer>;

/** The same numbers on every processor that Deno runs on under Linux. */
const O_RDONLY_CLOEXEC = 0o2000000;
const PROT_READ = 1;
const MAP_SHARED = 1;
const MAP_FAILED = 2n ** 64n - 1n;

const SYMBOLS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  mmap: { parameters: ["usize", "usize", "i32", "i32", "i32", "i64"], result: "usize" },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/**
 * Maps a file.
 *
 * @param library Path of the C library; empty where there is none that is known.
 * @param path The file.
 * @param octets Its size: octets behind its end could not be read without a fault.
 * @returns `undefined` where the C library, the permission to call it, or the file is missing: the caller reads it instead.
 * @see mmap(2)
 */
export function mapFile(library: string, path: string, octets: number): MappedFile | undefined {
  if (library === "" || octets === 0) return undefined;
  try {
    const c = Deno.dlopen(library, SYMBOLS);
    try {
      const address = map(c.symbols, path, octets);
      // What has no permission to look at memory finds it out here, and not in the worker.
      return Deno.UnsafePointer.create(address) ? { address, octets } : undefined;
    } finally {
      c.close();
    }
  } catch {
    return undefined; // no such library, or no permission
  }
}

/** @returns the address, 0 where it failed. */
function map(
  c: Deno.StaticForeignLibraryInterface<typeof SYMBOLS>,
  path: string,
  octets: number,
): bigint {
  const file = c.open(new TextEncoder().encode(`${path}\0`), O_RDONLY_CLOEXEC);
  if (file < 0) return 0n;
  const address = BigInt(c.mmap(0n, BigInt(octets), PROT_READ, MAP_SHARED, file, 0n));
  c.close(file);
  return address === MAP_FAILED ? 0n : address;
}

/**
 * The octets of a loaded file, in whichever thread. To write to mapped ones ends the process.
 *
 * @throws {Deno.errors.NotCapable} where the thread may not look at memory.
 */
export function loadedOctets(file: LoadedFile): Uint8Array {
  if (file instanceof Uint8Array) return file;
  const { address, octets } = file;
  const pointer = Deno.UnsafePointer.create(address);
  if (!pointer) throw new TypeError("A file cannot be mapped at 0");
  return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, octets));
}
