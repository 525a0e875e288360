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
 * Reads a regular file: what a mail server names. Others could keep their reader waiting for ever, as a FIFO does.
 *
 * @returns The octets; `undefined` when it is larger than `maxOctets`, which is known without reading it.
 * @throws {Error} where it is no regular file; Deno's own error where it cannot be read.
 */
export async function readRegular(
  path: string,
  maxOctets: number,
): Promise<Uint8Array | undefined> {
  // Before it is opened: opening a FIFO waits for who writes to it.
  if (!(await Deno.stat(path)).isFile) throw new Error("it is no regular file");
  using file = await Deno.open(path, { read: true });
  return await readLimited(file, (await file.stat()).size, maxOctets);
}

/**
 * Reads a file, or stdin where `path` is absent.
 *
 * @param timeMs How long what is no regular file (a FIFO) may take to be read; stdin may take its time.
 * @returns The octets; `undefined` when it is larger than `maxOctets`, which for a file is known without reading it.
 * @throws {Error} Deno's own error where it cannot be read; one that says so where it takes too long.
 */
export async function readSource(
  path: string | undefined,
  maxOctets: number,
  timeMs: number,
): Promise<Uint8Array | undefined> {
  if (path === undefined) return await readLimited(Deno.stdin, 0, maxOctets);
  const { isFile, isDirectory } = await Deno.stat(path);
  if (isDirectory) throw new Deno.errors.IsADirectory(`Is a directory: ${path}`);
  if (isFile) return await readRegular(path, maxOctets);
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("it does not end in time")), timeMs);
  try {
    // Neither open(2) nor read(2) of a FIFO can be called off: they are left behind.
    return await Promise.race([readEndless(path, maxOctets), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function readEndless(path: string, maxOctets: number): Promise<Uint8Array | undefined> {
  using file = await Deno.open(path, { read: true });
  return await readLimited(file, 0, maxOctets);
}
