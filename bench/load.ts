/** A load of mail by SMTP, with the time that each message took: smtp-source(1) tells only the sum. */
import { Buffer } from "node:buffer";
import { SmtpClient } from "../tests/peers/smtp_client.ts";

/** What came of a load. */
export interface LoadResult {
  readonly messages: number;
  /** Messages that were not answered 250. */
  readonly failed: number;
  /** Milliseconds from connecting to the answer to the message. */
  readonly p50: number;
  readonly p99: number;
}

/**
 * A message of about `size` octets: a line of text and an attachment in base64, no two the same.
 *
 * @param slot Where the caller writes what makes each message differ: 16 octets.
 */
export function loadMessage(size: number): { readonly octets: Uint8Array; readonly slot: number } {
  const head = [
    "From: <load@sender.test>",
    "To: <sink@recipient.test>",
    "Subject: load",
    "Message-ID: <0000000000000000@load.test>",
    "MIME-Version: 1.0",
    'Content-Type: multipart/mixed; boundary="load"',
    "",
    "--load",
    "Content-Type: text/plain; charset=utf-8",
    "",
    "A line of text that people could have written.",
    "--load",
    'Content-Type: application/octet-stream; name="load.bin"',
    "Content-Transfer-Encoding: base64",
    "",
    "",
  ].join("\r\n");
  const tail = "--load--\r\n";
  const lines = Math.max(1, Math.floor((size - head.length - tail.length) / 78));
  const attached: string[] = [];
  // A fixed sequence, so that two runs send the same.
  let state = 1;
  for (let line = 0; line < lines; line++) {
    const octets = Buffer.alloc(57);
    for (let at = 0; at < octets.length; at++) {
      state = (state * 1103515245 + 12345) % 2147483648;
      octets[at] = state >>> 16;
    }
    attached.push(octets.toString("base64"));
  }
  const octets = Buffer.from(`${head}${attached.join("\r\n")}\r\n${tail}`);
  return { octets, slot: octets.indexOf("0000000000000000@") };
}

/** Sends `messages` in `sessions` at once, each message in a connection of its own as smtp-source does, for at most `limitMs`. */
export async function load(
  port: number,
  options: {
    readonly sessions: number;
    readonly messages: number;
    readonly size: number;
    readonly limitMs: number;
  },
): Promise<LoadResult> {
  const { octets, slot } = loadMessage(options.size);
  const times: number[] = [];
  let failed = 0;
  let next = 0;
  const end = performance.now() + options.limitMs;
  const session = async () => {
    const own = Buffer.from(octets);
    while (next < options.messages && performance.now() < end) {
      own.write(String(next++).padStart(16, "0"), slot, "latin1");
      const begin = performance.now();
      using client = await SmtpClient.connect(port);
      await client.ehlo();
      const reply = await client.send({
        sender: "load@sender.test",
        recipients: ["sink@recipient.test"],
        message: own,
      });
      times.push(performance.now() - begin);
      if (reply.code !== 250) failed++;
    }
  };
  await Promise.all(Array.from({ length: options.sessions }, session));
  times.sort((a, b) => a - b);
  const share = (part: number) =>
    times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0;
  return { messages: times.length, failed, p50: share(0.5), p99: share(0.99) };
}
