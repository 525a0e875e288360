/**
 * What reading a message gives: a tree of MIME parts in which nothing that some mail program could show is left out.
 * A part has one content in clean mail; where mail programs differ, it has each of the contents that one of them would extract.
 */
import type { Ambiguity, MessageLayout, OctetRange } from "../types.ts";

/** What a node of the tree is. */
export type PartKind =
  | "leaf" // has contents, no children (of its own; undeclared multiparts and uuencoded files hang below it too)
  | "multipart" // children are its body parts, preamble and epilogue
  | "message" // message/rfc822, message/global and the like: one child, the embedded message
  | "partial" // message/partial: a piece; where all are at hand, the whole message is the child of the first one
  | "external" // message/external-body: the content is elsewhere
  | "preamble" // octets before the first delimiter of a multipart
  | "epilogue" // octets after the last delimiter
  | "embedded"; // a file inside the text of its parent: uuencode, yEnc, BinHex

/** One plausible decoding of a part's body. */
export interface PartContent {
  /** Decoded octets; a subarray of the input where nothing had to be decoded. */
  readonly octets: Uint8Array;
  /** How it was come by, e.g. `identity`, `base64`, `base64/skip-padding`, `quoted-printable`. For people and tests. */
  readonly reading: string;
}

/** A MIME part as every reader would see it. */
export interface PartReading {
  /** `""` for the message itself, `1`, `1.2`, ... below; unique in one reading of a message, stable for the same octets. */
  readonly path: string;
  readonly kind: PartKind;
  /** 0 for the message itself. */
  readonly depth: number;
  /** The octets that {@link PartReading.range} and the other ranges count in: the input, or decoded octets for parts inside an encoded one. */
  readonly source: Uint8Array;
  /** Whether `source` is the input of readMessage, so that the part can be cut out of the message. */
  readonly inMessage: boolean;
  /** The whole part, headers and body, without the delimiter lines around it. */
  readonly range: OctetRange;
  /** Its header, without the empty line; empty range when it has none. */
  readonly headerRange: OctetRange;
  /** Its body as it stands, encoded; without the line end that belongs to the next delimiter. */
  readonly bodyRange: OctetRange;
  /**
   * Distinct decoded octets, likeliest first, charged to the budget already. Empty for multiparts that every reader takes for such,
   * and for messages whose content is read as the child.
   */
  readonly contents: readonly PartContent[];
  /** Every name that any reader would show, decoded, likeliest first. */
  readonly names: readonly string[];
  /** Every media type declared, lower case, `type/subtype`, likeliest first; empty when none is declared. */
  readonly declaredTypes: readonly string[];
  /** Whether a Content-Disposition says attachment (in any of its fields). */
  readonly attachment: boolean;
  /** Charsets declared, lower case, likeliest first. */
  readonly charsets: readonly string[];
  /** Children of every reading, in order, each once. */
  readonly children: readonly PartReading[];
}

/** A header field, decoded for people and policy. */
export interface DecodedField {
  /** Name in lower case. */
  readonly name: string;
  /** Unfolded, RFC 2047 words decoded, control characters removed. */
  readonly value: string;
}

/** A message as every reader would see it. */
export interface MessageReading {
  /** The message itself, path `""`. */
  readonly root: PartReading;
  /** All parts in pre-order, root first. */
  readonly parts: readonly PartReading[];
  /** Where readers differ; names are the keys of AMBIGUITIES in ambiguities.ts. Each name once a part. */
  readonly ambiguities: readonly Ambiguity[];
  readonly layout: MessageLayout;
  /** Decoded Subject, at most 998 characters, control characters removed. */
  readonly subject?: string;
  /** Message-ID as it stands, trimmed, at most 998 characters. */
  readonly messageId?: string;
  /** Every value of the message's own header fields of this name (any case), decoded. */
  header(name: string): readonly string[];
}
