/** Asks the agents that other programs ask for advice, as the plainest of these would. */
import { Conversation } from "./conversation.ts";
import type { Reply, Submission } from "./submit.ts";

/** Where to, and what; `address` is `HOST:PORT` or `unix:/PATH`. */
export type AdviceSubmission = Omit<Submission, "hostname" | "port"> & { readonly address: string };

const MAX_REPLY_OCTETS = 64 * 1024;

const encoder = new TextEncoder();

/** Names of the agents, and how each is asked. */
const ASKED: Readonly<Record<string, (submission: AdviceSubmission) => Promise<Reply>>> = {
  clamd: askClamd,
  spamd: askSpamd,
  rspamd: askRspamd,
};

/** Whether an agent is one of these. */
export function isAdvice(agent: string): boolean {
  return Object.hasOwn(ASKED, agent);
}

/**
 * Asks about one message.
 *
 * @returns what a mail server would tell its client that does as it is advised.
 * @throws {Error} where there is no connection or no answer.
 */
export async function submitAdvice(agent: string, submission: AdviceSubmission): Promise<Reply> {
  const ask = ASKED[agent];
  if (!ask) throw new TypeError(`${agent} gives no advice`);
  return await ask(submission);
}

async function askClamd(submission: AdviceSubmission): Promise<Reply> {
  const { message } = submission;
  const text = await talk(submission, [
    encoder.encode("zINSTREAM\0"),
    length(message.length),
    message,
    length(0),
  ]);
  const said = /^stream: (.*?)\0/.exec(text)?.[1];
  if (said === undefined) throw new Error(`The agent answered ${JSON.stringify(text)}`);
  return { code: said === "OK" ? 250 : said.endsWith(" FOUND") ? 550 : 451, text: said };
}

async function askSpamd(submission: AdviceSubmission): Promise<Reply> {
  const { message } = submission;
  const head = `CHECK SPAMC/1.5\r\nContent-length: ${message.length}\r\n\r\n`;
  const text = await talk(submission, [encoder.encode(head), message]);
  const status = /^SPAMD\/\d\.\d (\d+) (.*)\r\n/.exec(text);
  if (!status) throw new Error(`The agent answered ${JSON.stringify(text)}`);
  const spam = /^Spam: (True|False) ; .*$/m.exec(text);
  if (status[1] !== "0" || !spam) return { code: 451, text: status[2] ?? "" };
  return { code: spam[1] === "True" ? 550 : 250, text: spam[0].trim() };
}

async function askRspamd(submission: AdviceSubmission): Promise<Reply> {
  const { message, helo, sender, recipients } = submission;
  const head = [
    "POST /checkv2 HTTP/1.0",
    `From: ${sender}`,
    ...recipients.map((each) => `Rcpt: ${each}`),
    `Helo: ${helo}`,
    "IP: 127.0.0.1",
    `Content-Length: ${message.length}`,
    "",
    "",
  ].join("\r\n");
  const text = await talk(submission, [encoder.encode(head), message]);
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);
  if (status === 403) throw new Error("It asks for a password, which the self-test does not know");
  const body = text.slice(text.indexOf("\r\n\r\n") + 4);
  if (status !== 200) throw new Error(`The agent answered ${status}: ${body}`);
  const { action, messages } = JSON.parse(body) as {
    action: string;
    messages: { smtp_message?: string };
  };
  const code = action === "reject" ? 550 : action === "soft reject" ? 451 : 250;
  const why = messages.smtp_message;
  return { code, text: why === undefined ? action : `${action}: ${why}` };
}

function length(octets: number): Uint8Array {
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, octets);
  return head;
}

/** Sends all, then reads to the end of the stream: each of these agents closes when it has answered. */
function talk(
  { address, timeoutMs }: AdviceSubmission,
  pieces: readonly Uint8Array[],
): Promise<string> {
  return talkTo(address, timeoutMs, pieces);
}

/** Writes, ends the writing, and reads to the end. @returns Latin-1. */
export async function talkTo(
  address: string,
  timeoutMs: number,
  pieces: readonly Uint8Array[],
): Promise<string> {
  using agent = await Conversation.connect(address, timeoutMs);
  for (const piece of pieces) await agent.write(piece);
  await agent.closeWrite();
  let text = "";
  while (text.length <= MAX_REPLY_OCTETS) {
    const more = await agent.read();
    if (more === undefined) return text;
    text += more;
  }
  throw new Error("The agent's answer has no end");
}
