/** swaks: the SMTP client that administrators test with. */
import { peer } from "./peer.ts";
import { run } from "./process.ts";

/** What swaks did. */
export interface SwaksResult {
  /** 0 when the message was accepted; see swaks's EXIT CODES. */
  readonly code: number;
  /** The whole conversation as swaks shows it. */
  readonly transcript: string;
  /** Server lines of the conversation, each as it came. */
  readonly replies: readonly string[];
}

/** Runs swaks against a port of 127.0.0.1. */
export async function swaks(port: number, args: readonly string[]): Promise<SwaksResult> {
  const { code, stdout, stderr } = await run(await peer("swaks"), [
    "--server",
    "127.0.0.1",
    "--port",
    String(port),
    "--ehlo",
    "client.test",
    "--timeout",
    "60",
    ...args,
  ]);
  const transcript = stdout + stderr;
  // `<-` and `<~` (within TLS) are usual replies, `<**` and `<~*` those that swaks did not want.
  const replies = transcript.split("\n").flatMap((line) => {
    const match = /^<(?:-|~|\*\*|~\*)\s+(.*)$/.exec(line);
    return match ? [match[1] ?? ""] : [];
  });
  return { code, transcript, replies };
}
