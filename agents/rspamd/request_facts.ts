/** What a client says of the message in the header of its request: Rspamd's protocol, section HTTP headers. */
import { isIP } from "node:net";
import type { Envelope } from "../../policy/types.ts";
import { bareAddress } from "../bare_address.ts";
import { plainAddress } from "../stream.ts";
import { MAX_VALUE } from "./limits.ts";

/** The facts of one message. */
export interface RequestFacts {
  readonly envelope: Envelope;
  readonly tls: boolean;
  /** Whether the client is a milter: it can drop mail, and change recipients. */
  readonly milter: boolean;
  /** Whether the client takes a message that was changed behind the JSON. */
  readonly bodyBlock: boolean;
  /** Whether it may be no mail at all. */
  readonly raw: boolean;
  /** How the message is compressed; `""`: not. Several ways, or one inside another, stand side by side. */
  readonly compression: string;
  /** Whether the message is said to lie in a file or in shared memory. */
  readonly elsewhere: boolean;
}

/** Fields as they came: names in lower case, values as Latin-1. */
export type Fields = readonly (readonly [name: string, value: string])[];

/**
 * Reads the facts. What is not told is not known; fields that choose other settings, files of the server or tests are ignored: what
 * is done is the policy's business.
 */
export function requestFacts(fields: Fields): RequestFacts {
  const all = (name: string) =>
    fields.filter((each) => each[0] === name).map((each) => textOf(each[1])).filter((value) =>
      value !== ""
    );
  const one = (name: string) => all(name)[0];
  const recipients = all("rcpt").map(bareAddress);
  const deliverTo = one("deliver-to");
  const ip = one("ip");
  const client = ip === undefined ? undefined : addressOf(ip);
  const clientName = one("hostname");
  const helo = one("helo");
  const user = one("user");
  const flags = all("flags").join(",").toLowerCase().split(",").map((flag) => flag.trim());
  return {
    envelope: {
      sender: bareAddress(one("from") ?? ""),
      recipients: recipients.length > 0
        ? recipients
        : [deliverTo === undefined ? "" : bareAddress(deliverTo)],
      ...(client === undefined ? {} : { client }),
      ...(clientName === undefined || clientName === "unknown" ? {} : { clientName }),
      ...(helo === undefined ? {} : { helo }),
      ...(user === undefined || user === "unknown" ? {} : { user }),
    },
    tls: one("tls-version") !== undefined,
    milter: flags.includes("milter") || /^yes$/i.test(one("milter") ?? ""),
    bodyBlock: flags.includes("body_block"),
    raw: /^yes$/i.test(one("raw") ?? ""),
    compression: encodings([...all("compression"), ...all("content-encoding")]).join(", "),
    elsewhere: ELSEWHERE.some((name) => one(name) !== undefined),
  };
}

/** Fields that say where the message lies, in the place of a body. */
const ELSEWHERE = ["file", "path", "shm"];

/** Ways to compress, each once: newer clients say the same in two fields. */
function encodings(values: readonly string[]): string[] {
  const names = values.join(",").toLowerCase().split(",").map((name) => name.trim());
  return [...new Set(names)].filter((name) => name !== "" && name !== "identity");
}

/** An address, with or without a port: Rspamd's own proxy tells it. */
function addressOf(text: string): string | undefined {
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ??
    /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text;
  return isIP(bare) > 0 ? plainAddress(bare) : undefined;
}

/** A field's text: UTF-8 where it is that, without control characters, bounded. */
function textOf(value: string): string {
  const octets = Uint8Array.from(value, (char) => char.charCodeAt(0));
  return new TextDecoder().decode(octets).replace(/\p{Cc}+/gu, " ").trim().slice(0, MAX_VALUE);
}
