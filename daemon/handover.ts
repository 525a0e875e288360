/** What the process that was root hands to the one that it becomes, by standard input. */
import type { Config } from "../policy/config.ts";

/** Read by root, for a process that is root no more. */
export interface Handover {
  /** The configuration, checked. */
  readonly config: Config;
  /** Texts of PEM files that only root can read, by absolute path. */
  readonly files: Readonly<Record<string, string>>;
}

let expected = false;

/** Says that this process was started with a {@link Handover} on its standard input. */
export function expectHandover(): void {
  expected = true;
}

/** What was handed over, once; `undefined` where nothing was. */
export async function takeHandover(): Promise<Handover | undefined> {
  if (!expected) return undefined;
  expected = false;
  const text = await new Response(Deno.stdin.readable).text();
  return JSON.parse(text) as Handover; // from the process that has just checked it
}
