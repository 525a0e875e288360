/** Reads one file for a scan without ever holding more than the limit. */

/** Octets asked of a file at a time where its size is not known. */
const CHUNK_OCTETS = 64 * 1024;

/** The smallest part of a file that its size did not announce and that is read in one go. */
interface Reader {
  read(buffer: Uint8Array): Promise<number | null>;
}

/**
 * Reads to the end.
 *
 * @param expected Size that the file says it has; 0 where it is not known (a pipe).
 * @returns The octets; `undefined` when there are more than `maxOctets`.
 */
export async function readLimited(
  reader: Reader,
  expected: number,
  maxOctets: number,
): Promise<Uint8Array | undefined> {
  if (expected > maxOctets) return undefined;
  // One octet more than expected, so that the end of a file of that size is seen without growing.
  let buffer = new Uint8Array(Math.min(maxOctets, Math.max(expected, CHUNK_OCTETS)) + 1);
  let length = 0;
  for (;;) {
    const read = await reader.read(buffer.subarray(length));
    if (read === null) return buffer.subarray(0, length);
    length += read;
    if (length > maxOctets) return undefined;
    if (length === buffer.length) {
      const larger = new Uint8Array(Math.min(maxOctets + 1, buffer.length * 2));
      larger.set(buffer);
      buffer = larger;
    }
  }
}

/**
 * Reads a file, or stdin where `path` is absent.
 *
 * @returns The octets; `undefined` when it is larger than `maxOctets`, which for a file is known without reading it.
 * @throws {Error} Deno's own error where it cannot be read.
 */
export async function readSource(
  path: string | undefined,
  maxOctets: number,
): Promise<Uint8Array | undefined> {
  if (path === undefined) return await readLimited(Deno.stdin, 0, maxOctets);
  using file = await Deno.open(path, { read: true });
  const { size, isDirectory } = await file.stat();
  if (isDirectory) throw new Deno.errors.IsADirectory(`Is a directory: ${path}`);
  return await readLimited(file, size, maxOctets);
}
