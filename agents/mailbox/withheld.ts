import type { ScanSettings, Verdict } from "../../engine/types.ts";
import type { Outcome } from "../../policy/types.ts";
import { PosternError } from "../../errors.ts";
import { join } from "../dot_stuffing.ts";
import { walkHeader } from "../header_walk.ts";
import { markMessage } from "../marking.ts";
import { withheldNotice } from "../notices.ts";
import type { AgentPorts } from "../ports.ts";

/** A message that its client does not get, and what is known of it. */
export interface Withheld {
  readonly message: Uint8Array;
  readonly outcome: Outcome;
  /** Absent where it was not scanned. */
  readonly verdict?: Verdict;
  /** Of the scan; absent where none was wanted. */
  readonly settings?: ScanSettings;
  readonly quarantineId?: string;
  readonly recipient: string;
  /** This node's name. */
  readonly hostname: string;
  readonly signal?: AbortSignal;
}

/**
 * What the client gets instead: the header's fields that do not describe the content, and a notice. It is scanned like any mail;
 * where it is not clean, or the message cannot be taken apart, the notice comes in a message in which nothing is the sender's.
 *
 * @returns Octets with CRLF at their end.
 */
export async function withheldMessage(ports: AgentPorts, withheld: Withheld): Promise<Uint8Array> {
  const { outcome, verdict, quarantineId, settings } = withheld;
  const { language } = outcome.settings.marks;
  const notice = withheldNotice(outcome.status ?? "notScanned", verdict, quarantineId, language);
  const kept = await withHeader(ports, withheld, notice, settings);
  const message = kept ?? bare(withheld, typeof notice === "string" ? notice : notice.en);
  return join(markMessage(message, walkHeader(message).layout, outcome, verdict));
}

async function withHeader(
  ports: AgentPorts,
  { message, signal }: Withheld,
  notice: ReturnType<typeof withheldNotice>,
  settings: ScanSettings | undefined,
): Promise<Uint8Array | undefined> {
  try {
    const { message: rewritten, failed } = await ports.rewrite(
      message,
      { remove: [{ part: "", notice }] },
      signal,
    );
    if (failed.length > 0) return undefined;
    if (settings === undefined) return rewritten;
    const { status, findings } = await ports.scan(rewritten, settings, signal);
    return status === "clean" && findings.length === 0 ? rewritten : undefined;
  } catch (error) {
    if (!(error instanceof PosternError) || signal?.aborted) throw error;
    return undefined; // a scanner could not do it
  }
}

/** A whole message of our own. The same message always gets the same one, so that its size can be told before. */
function bare({ message, recipient, hostname, verdict }: Withheld, text: string): Uint8Array {
  const name = hostname.replace(/[^A-Za-z0-9.-]/g, "_");
  const to = /^[\x21\x23-\x27\x2a-\x2b\x2d-\x39\x3d\x3f-\x5a\x5e-\x7e]+$/.test(recipient)
    ? `To: <${recipient}>\r\n`
    : "";
  const id = verdict?.sha256.slice(0, 32) || String(message.length);
  return new TextEncoder().encode(
    `From: Postern <postmaster@${name}>\r\n${to}` +
      `Subject: ${text.split("\r\n")[0]!.replace(/[^\x20-\x7e]/g, "?")}\r\n` +
      `Message-ID: <${id}.withheld@${name}>\r\n` +
      `MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `Content-Transfer-Encoding: 8bit\r\nAuto-Submitted: auto-generated\r\n\r\n${text}`,
  );
}
