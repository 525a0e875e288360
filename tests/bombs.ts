/** Starts tests/fixtures/bomb_scan.ts. */
import { fileURLToPath } from "node:url";

const CHILD = fileURLToPath(new URL("fixtures/bomb_scan.ts", import.meta.url));

/** What the scan of a bomb gave. */
export interface BombScan {
  readonly status: string;
  readonly notScanned: readonly string[];
  /** Of the bomb. */
  readonly octets: number;
  /** By the clock, milliseconds. */
  readonly ms: number;
  /** CPU time of all threads, milliseconds. */
  readonly cpuMs: number;
  /** How many times longer the machine takes than the one of the test's limit; at least 1. */
  readonly slow: number;
  /** Peak of resident memory of the whole process, octets. */
  readonly peak: number;
  /** What of it was not there before the scan, octets: the runtime, the program and the bomb were. */
  readonly added: number;
}

async function run(...args: string[]): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--allow-all", "--v8-flags=--expose-gc", CHILD, ...args],
    stderr: "inherit",
  });
  const { success, stdout } = await command.output();
  if (!success) throw new Error(`bomb_scan.ts ${args.join(" ")} failed`);
  return new TextDecoder().decode(stdout);
}

/** Names of all bombs. */
export async function bombNames(): Promise<readonly string[]> {
  return JSON.parse(await run());
}

/** Makes and scans one. */
export async function scanBomb(name: string): Promise<BombScan> {
  return JSON.parse(await run(name));
}
