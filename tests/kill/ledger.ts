/** Compares what senders were told with what is there. */
import { Buffer } from "node:buffer";
import type { Sent } from "./senders.ts";

/** What came of a run. */
export interface Account {
  /** Messages answered 250. */
  readonly taken: number;
  /** Ids that were answered 250 and are nowhere. */
  readonly missing: readonly string[];
  /** Ids with more copies than a crash explains: one, and one for each try whose end the sender could not see. */
  readonly tooMany: readonly string[];
  /** Ids that lie where they do not belong. */
  readonly astray: readonly string[];
  /** Messages of which a crash between the next hop's answer and ours left a further copy. */
  readonly twice: number;
}

/** @param places Ids of the copies found in each place, one entry a copy. */
export function account(
  sent: Iterable<Sent>,
  places: Readonly<Record<Sent["place"], readonly string[]>>,
): Account {
  const copies = new Map<string, number>();
  const astray: string[] = [];
  const all = new Map([...sent].map((each) => [each.id, each]));
  for (const [place, ids] of Object.entries(places)) {
    for (const id of ids) {
      if (all.get(id)?.place !== place) astray.push(`${id} in ${place}`);
      copies.set(id, (copies.get(id) ?? 0) + 1);
    }
  }
  const missing: string[] = [];
  const tooMany: string[] = [];
  let taken = 0;
  let twice = 0;
  for (const { id, taken: told, open } of all.values()) {
    const there = copies.get(id) ?? 0;
    if (told) taken++;
    if (told && there === 0) missing.push(id);
    if (there > 1) twice++;
    if (there > (told ? 1 : 0) + open) tooMany.push(`${id}: ${there} copies, ${open} open tries`);
  }
  return { taken, missing, tooMany, astray, twice };
}

/** The Message-ID that the test's own mail has. */
export function idOf(message: Uint8Array): string {
  const head = Buffer.from(message.buffer, message.byteOffset, Math.min(message.length, 4096));
  return /^Message-ID: <([^>]+)>/im.exec(head.toString("latin1"))?.[1] ?? "no id";
}

/** Ids of the messages in a Maildir's new/. */
export async function maildirIds(path: string): Promise<string[]> {
  const ids: string[] = [];
  try {
    for await (const { name } of Deno.readDir(`${path}/new`)) {
      ids.push(idOf(await Deno.readFile(`${path}/new/${name}`)));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return ids;
}
