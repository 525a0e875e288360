import type { Status } from "./response_reader.ts";

/** What a line of the client comes to. */
export interface Answer {
  /** Without CRLF, octets as characters; absent where all has been written. */
  readonly line?: string;
  /** Whether it counts as an error of the client. */
  readonly failed: boolean;
  /** The connection is to be closed then. */
  readonly end?: boolean;
  /** The handshake is to begin then. */
  readonly startTls?: boolean;
}

/** `+OK text`. */
export function ok(text: string): Answer {
  return { line: text === "" ? "+OK" : `+OK ${text}`, failed: false };
}

/** `-ERR text`. */
export function err(text: string): Answer {
  return { line: `-ERR ${text}`, failed: true };
}

/** A server's own word. */
export function statusOf({ kind, text }: Pick<Status, "kind" | "text">): Answer {
  return kind === "ok" ? ok(text) : err(text || "No");
}
