import { octetsOf } from "./command.ts";
import type { Pop3Server } from "./server.ts";
import { type Answer, statusOf } from "./session_types.ts";

/** Most languages that are listed. */
const MAX_LANGUAGES = 1000;

/** A line of a listing as it goes out: RFC 1939, section 3. */
export function stuffed(line: string): string {
  return line.startsWith(".") ? `.${line}` : line;
}

/** LANG without a language: a listing (RFC 6856, section 3). */
export async function languages(
  server: Pop3Server,
  write: (octets: Uint8Array) => Promise<void>,
): Promise<Answer> {
  const lines: string[] = [];
  const status = await server.list("LANG", (line) => {
    if (lines.length < MAX_LANGUAGES) lines.push(stuffed(line));
  });
  if (status.kind !== "ok") return statusOf(status);
  await write(octetsOf([`+OK ${status.text}`, ...lines, ".", ""].join("\r\n")));
  return { failed: false };
}
