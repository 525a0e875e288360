/** The MIME reader: octets in, every plausible reading of the message out. Pure; never throws on any octets. */
import type { Budget } from "../budget.ts";
import { fieldText, readHeader } from "./headers.ts";
import { layoutOf } from "./layout.ts";
import { MAX_REPORTED } from "./limits.ts";
import { Source } from "./source.ts";
import type { MessageReading, PartReading } from "./types.ts";
import { Walker } from "./walk.ts";
import { decodeWords, tidyText } from "./words.ts";

/**
 * Reads a message (RFC 5322, RFC 2045 to 2049) in every way that mail programs do.
 *
 * @param octets The message as received. It is not copied: contents that need no decoding are subarrays of it.
 * @param budget Charged one file for each part below the root, the octets of decoded contents, and nested messages as depth; where
 * it is used up the walk stops, and the breach is in the budget.
 * @param depth How deep the message itself lies in containers (0 for a message as received).
 */
export function readMessage(octets: Uint8Array, budget: Budget, depth = 0): MessageReading {
  const source = new Source(octets, true);
  const header = readHeader(source, 0, octets.length);
  const layout = layoutOf(source, header);
  const walker = new Walker(budget, octets.length);
  const root = walker.entity(
    source,
    0,
    octets.length,
    { path: "", depth, nesting: 0 },
    false,
    header,
  );
  walker.joinPieces();
  const messageIdField = header.fields.find((field) => field.name === "message-id");
  const messageId = messageIdField === undefined
    ? undefined
    : tidyText(fieldText(source, messageIdField), MAX_REPORTED);
  let parts: PartReading[] | undefined;
  return {
    root,
    get parts() {
      return parts ??= preOrder(root);
    },
    ambiguities: walker.ambiguities,
    layout,
    ...(layout.subject === undefined ? {} : { subject: layout.subject.value }),
    ...(messageId === undefined ? {} : { messageId }),
    header: (name) => {
      const wanted = name.toLowerCase();
      return readHeader(source, 0, octets.length, (one) => one === wanted).fields
        .map((field) => tidyText(decodeWords(fieldText(source, field)), MAX_REPORTED));
    },
  };
}

function preOrder(root: PartReading): PartReading[] {
  const parts: PartReading[] = [];
  const open: PartReading[] = [root];
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    parts.push(part);
    for (let i = part.children.length - 1; i >= 0; i--) open.push(part.children[i]!);
  }
  return parts;
}
