/** Replacing this process by another program: same process id, same files 1 and 2, nothing of the old one left in memory. */
import { addressOf, cString, type Libc, libc } from "./libc.ts";

/** The standard input's file descriptor. */
const STDIN = 0;

/**
 * Becomes another program. Does not return where it works.
 *
 * @param command Program (absolute path) and arguments.
 * @param environment All of the new one's.
 * @param input What it finds on its standard input.
 * @returns false where this system cannot do it; all is as it was then, but for the standard input.
 * @see execve(2), memfd_create(2)
 */
export function execInPlace(
  command: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>>,
  input: string,
): boolean {
  const c = libc();
  if (!c) return false;
  try {
    const kept: Uint8Array[] = [];
    const program = cString(command[0]);
    const argv = pointers(command, kept);
    const envp = pointers(Object.entries(environment).map(([k, v]) => `${k}=${v}`), kept);
    if (!standardInput(c, new TextEncoder().encode(input))) return false;
    c.execve(program, argv, envp);
    // Reached on failure alone. What the pointers lead to must not have been collected before.
    return kept.length < 0;
  } catch {
    return false; // a text with a NUL, or a runtime without foreign functions
  }
}

/** An array of C texts, with NULL at its end. */
function pointers(texts: readonly string[], kept: Uint8Array[]): BigUint64Array<ArrayBuffer> {
  const array = new BigUint64Array(texts.length + 1);
  for (const [i, text] of texts.entries()) {
    const buffer = cString(text);
    kept.push(buffer);
    array[i] = addressOf(buffer);
  }
  return array;
}

/** Puts octets where the next program reads its standard input: in memory, so that neither a pipe's size nor a disk matters. */
function standardInput(c: Libc, octets: Uint8Array<ArrayBuffer>): boolean {
  const file = c.memfd_create(cString("postern"), 0);
  if (file < 0) return false;
  let written = 0;
  while (written < octets.length) {
    const count = Number(c.write(file, octets.subarray(written), BigInt(octets.length - written)));
    if (count <= 0) break;
    written += count;
  }
  const whole = written === octets.length && c.lseek(file, 0n, 0) === 0n;
  const placed = whole && c.dup2(file, STDIN) === STDIN;
  c.close(file);
  return placed;
}
