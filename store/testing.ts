/** What the tests of the store share. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import type { StoreOptions } from "./store.ts";
import { openStore } from "./store.ts";
import type { NewQuarantineEntry } from "./quarantine.ts";
import type { Store } from "./types.ts";

/** An entry; some of it as given. */
export function newEntry(given: Partial<NewQuarantineEntry> = {}): NewQuarantineEntry {
  return {
    queueId: "q",
    time: 1_800_000_000_000,
    expires: 1_800_000_000_000 + 86_400_000,
    agent: "smtp",
    listener: "in",
    sender: "a@example.org",
    recipients: ["b@example.net"],
    status: "infected",
    findings: [{ name: "Eicar-Test-Signature", part: "1", engine: "builtin" }],
    notScanned: [],
    by: "antivirus.infected",
    nextHop: "smtp://127.0.0.1:25",
    ...given,
  };
}

/** Octets that differ with `seed` and are not periodic by chunk. */
export function someOctets(length: number, seed = 1): Uint8Array {
  const octets = new Uint8Array(length);
  let state = seed * 2_654_435_761 >>> 0 || 1;
  for (let i = 0; i < length; i++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9 >>> 0;
    octets[i] = state >>> 11;
  }
  return octets;
}

/** Runs a test with a store in memory. */
export async function withStore(
  test: (store: Store) => Promise<void>,
  options?: StoreOptions,
): Promise<void> {
  const store = await openStore(":memory:", options);
  try {
    await test(store);
  } finally {
    await store.close();
  }
}

/** Runs a test with a directory that is removed after it. */
export async function withDirectory(
  test: (path: (name: string) => string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await test((name) => join(directory, name));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Changes the file of a closed store behind its back. */
export async function tamper(path: string, change: (kv: Deno.Kv) => Promise<void>): Promise<void> {
  const kv = await Deno.openKv(path);
  try {
    await change(kv);
  } finally {
    kv.close();
  }
}

/** Compares octets as fast as memory is; node:assert goes through them one by one. */
export function assertSameOctets(found: Uint8Array, want: Uint8Array): void {
  assert.ok(
    Buffer.from(found.buffer, found.byteOffset, found.length).equals(want),
    `${found.length} octets are not the ${want.length} wanted`,
  );
}

/** All of an async iterable. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
