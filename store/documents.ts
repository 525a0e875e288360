/** Documents: JSON under one key, or over several where it is longer than a value may be; always written by one commit. */
import type * as v from "valibot";
import { PosternError } from "../errors.ts";
import type { Access } from "./access.ts";
import { guarded } from "./access.ts";
import type { Key } from "./keys.ts";
import { decodeRecord, encodeRecord, keys, partsRecord, showKey } from "./keys.ts";
import { CHUNK_OCTETS, DOCUMENT_PARTS } from "./limits.ts";

/** A document as mutations. */
export interface EncodedDocument {
  readonly entries: readonly { readonly key: Key; readonly value: Uint8Array }[];
  /** Octets of all values. */
  readonly octets: number;
}

/**
 * Turns a document into what is to be set.
 *
 * @throws {PosternError} `store/failed` where it is over {@link DOCUMENT_PARTS} parts long.
 */
export function encodeDocument(key: Key, document: unknown): EncodedDocument {
  const json = encodeRecord(document);
  if (json.length <= CHUNK_OCTETS) return { entries: [{ key, value: json }], octets: json.length };
  const parts = Math.ceil(json.length / CHUNK_OCTETS);
  if (parts > DOCUMENT_PARTS) {
    throw new PosternError(
      "store/failed",
      `The record ${showKey(key)} has ${json.length} octets, over ${DOCUMENT_PARTS * CHUNK_OCTETS}`,
    );
  }
  const entries = [{ key, value: encodeRecord({ parts, octets: json.length }) }];
  for (let n = 0; n < parts; n++) {
    const value = json.subarray(n * CHUNK_OCTETS, (n + 1) * CHUNK_OCTETS);
    entries.push({ key: keys.more(key, n), value });
  }
  return { entries, octets: json.length };
}

/** @returns how many further parts the value under a document's key says there are; 0 for a whole document. */
export function documentParts(key: Key, value: unknown): number {
  if (!(value instanceof Uint8Array) || !PARTS.every((octet, i) => value[i] === octet)) return 0;
  return decodeRecord(partsRecord, key, value).parts;
}

/** No document begins so: their first properties are others. */
const PARTS = new TextEncoder().encode('{"parts":');

/**
 * Reads a document whose first value is at hand, as from a list.
 *
 * @returns undefined where it was deleted meanwhile.
 * @throws {PosternError} `store/corrupt` where it does not check.
 */
export async function readDocument<T>(
  access: Access,
  schema: v.GenericSchema<T>,
  key: Key,
  value: unknown,
): Promise<T | undefined> {
  const parts = documentParts(key, value);
  if (parts === 0) return decodeRecord(schema, key, value);
  const { octets } = decodeRecord(partsRecord, key, value);
  const json = new Uint8Array(octets);
  let at = 0;
  for (let n = 0; n < parts; n++) {
    const part = await guarded(
      "Cannot read the store",
      () => access.kv.get<unknown>(keys.more(key, n)),
    );
    if (part.versionstamp === null) return await gone(access, key);
    if (!(part.value instanceof Uint8Array) || at + part.value.length > octets) {
      throw new PosternError("store/corrupt", `A part of ${showKey(key)} is damaged`);
    }
    json.set(part.value, at);
    at += part.value.length;
  }
  return decodeRecord(schema, key, json);
}

async function gone(access: Access, key: Key): Promise<undefined> {
  const now = await guarded("Cannot read the store", () => access.kv.get<unknown>(key));
  if (now.versionstamp === null) return undefined;
  throw new PosternError("store/corrupt", `A part of ${showKey(key)} is missing`);
}

/** Adds the writing of a document to a commit; parts that an older, longer one had are deleted. */
export function setDocument(
  atomic: Deno.AtomicOperation,
  key: Key,
  document: EncodedDocument,
  oldParts = 0,
): void {
  for (let n = document.entries.length - 1; n < oldParts; n++) atomic.delete(keys.more(key, n));
  for (const entry of document.entries) atomic.set(entry.key, entry.value);
}

/** Adds the deletion of a document to a commit; @returns how many mutations that is. */
export function deleteDocument(atomic: Deno.AtomicOperation, key: Key, value: unknown): number {
  const parts = documentParts(key, value);
  atomic.delete(key);
  for (let n = 0; n < parts; n++) atomic.delete(keys.more(key, n));
  return parts + 1;
}
