/** Postfix's smtp-source(1): sends many messages fast. */
import { peer } from "./peer.ts";
import { run, type RunResult } from "./process.ts";

/** What to send. */
export interface SourceOptions {
  readonly sessions: number;
  readonly messages: number;
  /** Octets of each message's body. */
  readonly size: number;
  readonly recipients?: number;
  readonly sender?: string;
  readonly recipient?: string;
  /** Sends all messages of a session over one connection. */
  readonly keepConnection?: boolean;
  /** Ends the run early. */
  readonly signal?: AbortSignal;
}

/** Runs smtp-source to its end. @returns seconds that it took, and what it printed; it ends with 1 at the first refusal. */
export async function runSmtpSource(
  port: number,
  options: SourceOptions,
): Promise<RunResult & { readonly seconds: number }> {
  const program = await peer("smtp-source");
  const begin = performance.now();
  const result = await run(program, [
    "-s",
    String(options.sessions),
    "-m",
    String(options.messages),
    "-l",
    String(options.size),
    "-r",
    String(options.recipients ?? 1),
    "-f",
    options.sender ?? "source@sender.test",
    "-t",
    options.recipient ?? "sink@recipient.test",
    ...(options.keepConnection ? ["-d"] : []),
    `127.0.0.1:${port}`,
  ], options.signal === undefined ? {} : { signal: options.signal });
  return { ...result, seconds: (performance.now() - begin) / 1000 };
}
