import { PosternError } from "../../errors.ts";

/** Where mail goes next. */
export type NextHop =
  | { readonly kind: "smtp" | "lmtp"; readonly hostname: string; readonly port: number }
  | { readonly kind: "lmtp-unix"; readonly path: string }
  | { readonly kind: "maildir"; readonly path: string };

/**
 * Parses `smtp://HOST:PORT`, `lmtp://HOST:PORT`, `lmtp:unix:/PATH` or `maildir:PATH`.
 *
 * @throws {PosternError} `document/invalid` when it is none of them; the configuration's schema has the same forms.
 */
export function parseNextHop(text: string): NextHop {
  const net = /^(smtp|lmtp):\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/.exec(text);
  if (net) {
    const hostname = net[2]!.replace(/^\[|\]$/g, "");
    return { kind: net[1] as "smtp" | "lmtp", hostname, port: Number(net[3]) };
  }
  if (text.startsWith("lmtp:unix:/")) return { kind: "lmtp-unix", path: text.slice(10) };
  if (text.startsWith("maildir:") && text.length > 8) {
    return { kind: "maildir", path: text.slice(8) };
  }
  throw new PosternError("document/invalid", `Cannot read the next hop ${text}`);
}
