/** From the message as it came and the message as it is to go on to what the MTA is told to change. */
import { Buffer } from "node:buffer";
import { normaliseLineEnds } from "../line_ends.ts";
import { headerChanges } from "./header_changes.ts";
import { type Field, partMessage } from "./header_fields.ts";
import { MAX_VALUE_OCTETS } from "./limits.ts";
import type { Agreement } from "./negotiation.ts";
import { addHeader, changeHeader, insertHeader, replaceBody } from "./packets.ts";
import { ACTIONS, PROTOCOL } from "./protocol.ts";

/** What is to be sent before the final reply. */
export interface Modifications {
  readonly header: readonly Uint8Array[];
  /** The whole new body in one piece; to be sent last. */
  readonly body: readonly Uint8Array[];
  /** What should have been changed and cannot be with this MTA, in words; empty where all is done. */
  readonly lacking: readonly string[];
}

const CRLF = new Uint8Array([13, 10]);

/**
 * Finds the changes between two forms of a message.
 *
 * @param before As put together from the MTA's packets, of `fields` header fields.
 * @param after In chunks; a single one that is `before` itself is no change.
 */
export function modifications(
  agreement: Agreement,
  before: Uint8Array,
  fields: number,
  after: readonly Uint8Array[],
): Modifications {
  if (after.length === 1 && after[0] === before) return { header: [], body: [], lacking: [] };
  const may = (action: number) => (agreement.actions & action) !== 0;
  const lacking: string[] = [];
  const octets = joined(after);
  const old = partMessage(before);
  const next = partMessage(octets);
  const header: Uint8Array[] = [];
  const { changes, top, end } = headerChanges(old.fields, next.fields);

  if (changes.length > 0) {
    // Where the MTA counts other fields than are read, a number would name the wrong one.
    if (!may(ACTIONS.changeHeaders)) lacking.push("change header fields");
    else if (old.fields.length !== fields) lacking.push("tell header fields apart");
    else {
      for (const { index, name, value } of changes) {
        const sent = value === undefined ? "" : spaced(agreement, value) || " ";
        if (sendable(name, sent)) header.push(changeHeader(index, name, sent));
        else lacking.push(`change the field ${JSON.stringify(name)}`);
      }
    }
  }
  if (top.length + end.length > 0) {
    if (!may(ACTIONS.addHeaders)) lacking.push("add header fields");
    else {
      // Each goes to the top, so the last comes first. Before version 3 there is only the end.
      const insert = agreement.version >= 3;
      for (const { name, value } of insert ? top.toReversed() : top) {
        add(insert ? (...field) => insertHeader(0, ...field) : addHeader, { name, value });
      }
      for (const field of end) add(addHeader, field);
    }
  }
  function add(make: (name: string, value: string) => Uint8Array, { name, value }: Field): void {
    const sent = spaced(agreement, value);
    if (sendable(name, sent)) header.push(make(name, sent));
    else lacking.push(`add the field ${JSON.stringify(name)}`);
  }

  const body: Uint8Array[] = [];
  const content = octets.subarray(next.body);
  if (!equal(before.subarray(old.body), content)) {
    if (!may(ACTIONS.changeBody)) lacking.push("change the body");
    else {
      const normal = normaliseLineEnds(content);
      body.push(...replaceBody(normal.length === 0 ? CRLF : normal));
    }
  }
  return { header, body, lacking };
}

/** The value as the MTA wants it: with the blank behind the colon where that was agreed on, else the MTA puts it. */
function spaced({ protocol }: Agreement, value: string): string {
  return (protocol & PROTOCOL.leadingSpace) !== 0 ? value : value.replace(/^ /, "");
}

function sendable(name: string, value: string): boolean {
  return value.length <= MAX_VALUE_OCTETS && /^[!-9;-~]+$/.test(name);
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  const octets = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    octets.set(chunk, at);
    at += chunk.length;
  }
  return octets;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
