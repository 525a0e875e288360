/** Waiting for conditions: no test of this project waits for a time. */

/** How long a condition may take before the test gives up, ms. Generous: the machine may be busy with other tests. */
export const PATIENCE_MS = 60_000;

/** Between two looks at a condition, ms. */
const LOOK_EVERY_MS = 20;

/**
 * Resolves with the first value of `look` that is neither `undefined` nor `false`.
 *
 * @param what Named in the error when the patience ends.
 * @param more Called for the error's text, such as the log of the process that was waited for.
 */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  options: { readonly patienceMs?: number; readonly more?: () => string } = {},
): Promise<T> {
  const end = performance.now() + (options.patienceMs ?? PATIENCE_MS);
  while (true) {
    const value = await look();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > end) {
      throw new Error(`Waited in vain for ${what}\n${options.more?.() ?? ""}`);
    }
    await new Promise((wake) => setTimeout(wake, LOOK_EVERY_MS));
  }
}

/** Below the ports that systems take for connections (Linux: from 32768), of which tests make thousands at the same time. */
const FIRST_PORT = 12_000;
const PORTS = 20_000;

/** A TCP port of 127.0.0.1 that nothing listens on now. For programs that cannot be told port 0, or must come back on the same. */
export function freePort(): number {
  while (true) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/** Whether something accepts connections there. */
export async function accepts(port: number): Promise<boolean> {
  try {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connection.close();
    return true;
  } catch (error) {
    // Reset: whoever listened there is going, or the one that comes is not accepting yet.
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    if (error instanceof Deno.errors.ConnectionReset) return false;
    throw error;
  }
}
