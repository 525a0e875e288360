/** Fetches one message through a POP3 agent, as the plainest mail program would. */
import { Conversation } from "./conversation.ts";
import type { Reply } from "./submit.ts";

/** Longest answer, octets: test mail is small. */
const MAX_ANSWER_OCTETS = 1 << 20;

/** What came out. */
export interface Fetched {
  /** In SMTP's codes: 250, 451 for `[SYS/TEMP]`, 550 for every other -ERR. */
  readonly reply: Reply;
  /** The message, octets as Latin-1; absent where there was none. */
  readonly message?: string;
}

/**
 * Logs in and asks for message 1; nothing is deleted.
 *
 * @param address `HOST:PORT`.
 * @throws {Error} where there is no connection or no answer.
 */
export async function fetchPop3(
  address: string,
  user: string,
  timeoutMs: number,
): Promise<Fetched> {
  using agent = await Conversation.connect(address, timeoutMs);
  let text = "";
  const until = async (end: string): Promise<string> => {
    while (!text.includes(end)) {
      const more = await agent.read();
      if (more === undefined) throw new Error("The agent closed the connection");
      text += more;
      if (text.length > MAX_ANSWER_OCTETS) throw new Error("The agent's answer does not end");
    }
    const at = text.indexOf(end);
    const answer = text.slice(0, at);
    text = text.slice(at + end.length);
    return answer;
  };
  const ask = async (command: string): Promise<string> => {
    await agent.line(command);
    return await until("\r\n");
  };
  let status = await until("\r\n");
  for (const command of [`USER ${user}`, "PASS self-test", "RETR 1"]) {
    if (!status.startsWith("+OK")) break;
    status = await ask(command);
  }
  const reply = replyOf(status);
  if (reply.code !== 250) return { reply };
  const lines = `\r\n${await until("\r\n.\r\n")}\r\n`;
  await ask("QUIT").catch(() => ""); // all is known by now
  return { reply, message: lines.slice(2).replaceAll("\r\n..", "\r\n.") };
}

function replyOf(status: string): Reply {
  if (status.startsWith("+OK")) return { code: 250, text: status };
  return { code: status.startsWith("-ERR [SYS/TEMP]") ? 451 : 550, text: status };
}
