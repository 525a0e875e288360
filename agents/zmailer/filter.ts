/**
 * ZMailer's content filter (`PARAM contentfilter` of smtpserver.conf): the server starts the program and writes the path of a spool
 * file; the answer is one line, `CODE SMTP-REPLY`. Zero accepts, a code below refuses with the reply, one above puts the message into
 * the server's freezer. `#hungry` says that the program waits for the next path; other lines with `#` are for the log.
 */
import type { ProcessAnswer, ProcessRequest } from "../pipe/process.ts";
import { MAX_ANSWER_OCTETS } from "./limits.ts";
import { readSpoolFile } from "./spool_file.ts";

/** What the filter reaches. */
export interface ZmailerWorld {
  readFile(path: string): Promise<Uint8Array>;
  process(request: ProcessRequest, message: Uint8Array): Promise<ProcessAnswer>;
  write(line: string): void;
}

/** How it answers. */
export interface ZmailerOptions {
  /** Name of this gate in logs and rules. */
  readonly listener: string;
  /** Whether the server wants to hear `#hungry`: ZMailer 2.99.52 and later. */
  readonly hungry: boolean;
}

/** Serves until the lines end. */
export async function runFilter(
  lines: AsyncIterable<string>,
  world: ZmailerWorld,
  options: ZmailerOptions,
): Promise<void> {
  const hungry = () => options.hungry && world.write("#hungry\n");
  hungry();
  for await (const line of lines) {
    const path = line.trim();
    if (path === "") continue;
    world.write(oneLine(await answerTo(path, world, options)));
    hungry();
  }
}

async function answerTo(
  path: string,
  world: ZmailerWorld,
  { listener }: ZmailerOptions,
): Promise<string> {
  try {
    const file = readSpoolFile(await world.readFile(path));
    if (!file || file.envelope.recipients.length === 0) {
      return "-1 451 4.3.0 The spool file has no envelope";
    }
    const { envelope, message } = file;
    const request = { agent: "pipe", listener, envelope, fixed: true } as const;
    return inWords(await world.process(request, message));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `-1 451 4.3.0 Cannot be scanned now: ${why}`;
  }
}

function inWords({ action, reply, by }: ProcessAnswer): string {
  switch (action) {
    case "accept":
      return "0 250 2.0.0 Message accepted";
    case "reject":
      return `-1 ${reply ?? `550 5.7.1 Refused by ${by}`}`;
    case "defer":
      return `-1 ${reply ?? `451 4.7.1 Deferred by ${by}`}`;
    case "redirect":
      return "-1 451 4.3.0 The policy redirects the message, which a content filter cannot do";
    case "discard":
    case "quarantine":
      return "1 250 2.7.1 Message accepted";
  }
}

function oneLine(text: string): string {
  return `${text.replace(/\p{Cc}+/gu, " ").slice(0, MAX_ANSWER_OCTETS)}\n`;
}
