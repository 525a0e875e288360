/** The begin of a server's response: RFC 9051, section 7. */
import { latin1 } from "./pieces.ts";

/** How a command ended, or what a status response says. */
export type Status = "OK" | "NO" | "BAD" | "BYE" | "PREAUTH";

/** What the begin of a line tells. */
export type ResponseHead =
  | { readonly kind: "continuation"; readonly text: string }
  | {
    readonly kind: "tagged";
    readonly tag: string;
    readonly status: Status;
    readonly text: string;
  }
  | { readonly kind: "status"; readonly status: Status; readonly text: string }
  /** Untagged data: `name` in upper case; `number` where one stands before it, as in `12 EXISTS`. */
  | { readonly kind: "data"; readonly name: string; readonly number?: number }
  | { readonly kind: "strange" };

const STATUS = /^(OK|NO|BAD|BYE|PREAUTH)(?: |$)/i;
/** Octets in which the begin of every response ends. */
const HEAD_OCTETS = 300;

/** Reads the begin of a response. */
export function parseHead(line: Uint8Array): ResponseHead {
  const head = latin1(line.subarray(0, HEAD_OCTETS));
  if (head === "+" || head.startsWith("+ ")) {
    return { kind: "continuation", text: latin1(line.subarray(2)) };
  }
  if (!head.startsWith("* ")) {
    const tagged = /^([^\s(){%*"\\+]+) (OK|NO|BAD)(?: |$)/i.exec(head);
    if (!tagged) return { kind: "strange" };
    const [whole, tag, status] = tagged;
    return {
      kind: "tagged",
      tag: tag!,
      status: status!.toUpperCase() as Status,
      text: latin1(line.subarray(whole.length)),
    };
  }
  const status = STATUS.exec(head.slice(2));
  if (status) {
    const text = latin1(line.subarray(2 + status[0].length));
    return { kind: "status", status: status[1]!.toUpperCase() as Status, text };
  }
  const data = /^\* (?:(\d{1,10}) )?([A-Za-z][A-Za-z0-9.\-_]{0,60})(?= |$)/.exec(head);
  if (!data) return { kind: "strange" };
  const [, number, name] = data;
  return {
    kind: "data",
    name: name!.toUpperCase(),
    ...(number === undefined ? {} : { number: Number(number) }),
  };
}

/** Whether a line is one that may announce a literal: status responses are text for people, and may end in anything. */
export function mayAnnounce(line: Uint8Array): boolean {
  // What follows a literal is no begin of a response, and is led by a blank or parenthesis; `) OK` does not come.
  const { kind } = parseHead(line.subarray(0, HEAD_OCTETS));
  return kind === "data" || kind === "strange";
}

/** The response code of a status text, `UIDVALIDITY 12` of `[UIDVALIDITY 12] UIDs valid`, and its rest. */
export function responseCode(text: string): { code?: string; rest: string } {
  if (!text.startsWith("[")) return { rest: text };
  let quoted = false;
  for (let i = 1; i < text.length; i++) {
    const char = text[i];
    if (quoted && char === "\\") i++;
    else if (char === '"') quoted = !quoted;
    else if (char === "]" && !quoted) return { code: text.slice(1, i), rest: text.slice(i + 1) };
  }
  return { rest: text };
}

/** Why untagged data passes: the one table. What is not in it does not reach the client. */
export const UNTAGGED: Readonly<Record<string, string>> = {
  CAPABILITY: "filtered",
  ENABLED: "RFC 5161",
  ID: "RFC 2971",
  NAMESPACE: "RFC 2342",
  LIST: "RFC 9051",
  LSUB: "RFC 3501",
  XLIST: "names of folders, Gmail's LIST before RFC 6154",
  STATUS: "RFC 9051",
  FLAGS: "RFC 9051",
  SEARCH: "RFC 3501; numbers alone",
  ESEARCH: "RFC 4731; numbers alone",
  SORT: "RFC 5256; numbers alone",
  THREAD: "RFC 5256; numbers alone",
  EXISTS: "RFC 9051",
  RECENT: "RFC 3501",
  EXPUNGE: "RFC 9051",
  VANISHED: "RFC 7162; numbers alone",
  FETCH: "read item by item",
  QUOTA: "RFC 9208",
  QUOTAROOT: "RFC 9208",
  ACL: "RFC 4314",
  LISTRIGHTS: "RFC 4314",
  MYRIGHTS: "RFC 4314",
  METADATA: "RFC 5464; no mail",
  LANGUAGE: "RFC 5255",
  COMPARATOR: "RFC 5255",
};
