/** Replies of spamd(8): status, header fields, and what belongs to the method. */
import { Buffer } from "node:buffer";
import { PROGRAM_VERSION } from "../program_version.ts";
import type { Score } from "../score.ts";
import { MAX_SYMBOLS } from "./limits.ts";
import type { SpamdRequest } from "./request_decoder.ts";

/** Codes of sysexits(3) that are said. */
export const EX = { unavailable: 69, tempfail: 75, protocol: 76, timeout: 79 } as const;

/** Answer to PING. */
export const PONG = "SPAMD/1.5 0 PONG\r\n";

/** A refusal: `76`, `Bad header line: (too many headers)`. */
export function refusal(code: number, text: string): string {
  return `SPAMD/1.0 ${code} ${text}\r\n`;
}

/** `Spam: True ; 15.0 / 5.0`. */
export function spamField({ method }: SpamdRequest, { spam, score, threshold }: Score): string {
  const [yes, no] = method === "REPORT_IFSPAM" ? ["Yes", "No"] : ["True", "False"];
  return `Spam: ${spam ? yes : no} ; ${score.toFixed(1)} / ${threshold.toFixed(1)}`;
}

/**
 * A whole reply.
 *
 * @param body What the method answers; absent for CHECK.
 */
export function reply(
  request: SpamdRequest,
  score: Score,
  body: readonly Uint8Array[] | undefined,
): readonly Uint8Array[] {
  const { version } = request;
  const field = spamField(request, score);
  if (!body) return [Buffer.from(`SPAMD/1.1 0 EX_OK\r\n${field}\r\n\r\n`)];
  const octets = body.reduce((sum, each) => sum + each.length, 0);
  // What older versions of the protocol understand: PROTOCOL, and spamd's own source.
  const isMessage = request.method === "PROCESS" || request.method === "HEADERS";
  const head = version >= 13 || !isMessage
    ? `SPAMD/1.1 0 EX_OK\r\n${version >= 13 ? `Content-length: ${octets}\r\n` : ""}${field}\r\n\r\n`
    : version >= 12
    ? `SPAMD/1.1 0 EX_OK\r\nContent-length: ${octets}\r\n\r\n`
    : "SPAMD/1.0 0 EX_OK\r\n";
  return [Buffer.from(head), ...body];
}

/** Names of what counted, parted by commas; with a line end before version 1.3. */
export function symbolList({ version }: SpamdRequest, { symbols }: Score): string {
  const names = symbols.slice(0, MAX_SYMBOLS).map(({ name }) => name).join(",");
  return version >= 13 ? names : `${names}\r\n`;
}

/** What counted, for people, in the form of SpamAssassin's report. */
export function report({ score, threshold, spam, symbols }: Score): string {
  const rows = symbols.slice(0, MAX_SYMBOLS).map(({ name, points, options, description }) => {
    const detail = options.length === 0 ? description : `${description}: ${options.join(", ")}`;
    return `${points.toFixed(1).padStart(5)} ${name.padEnd(22)} ${detail.slice(0, 200)}`;
  });
  return [
    `${PROGRAM_VERSION} has ${
      spam ? "identified this message as spam" : "looked at this message"
    }.`,
    "",
    `Content analysis details:   (${score.toFixed(1)} points, ${threshold.toFixed(1)} required)`,
    "",
    " pts  rule name              description",
    "----- ---------------------- --------------------------------------------------",
    ...rows,
    "",
    "",
  ].join("\n");
}
