/** Fetches one message through an IMAP agent, as the plainest mail program would. */
import { Conversation } from "./conversation.ts";
import type { Fetched } from "./fetch_pop3.ts";
import type { Reply } from "./submit.ts";

/** Longest answer, octets: test mail is small. */
const MAX_ANSWER_OCTETS = 1 << 20;

/**
 * Logs in, selects INBOX and asks for the message of UID 1.
 *
 * @param address `HOST:PORT`.
 * @returns The reply in SMTP's codes: 250, 451 for NO [UNAVAILABLE], 550 for every other NO, and where nothing is left of it.
 * @throws {Error} where there is no connection or no answer.
 */
export async function fetchImap(
  address: string,
  user: string,
  timeoutMs: number,
): Promise<Fetched> {
  using agent = await Conversation.connect(address, timeoutMs);
  const read = async (end: RegExp): Promise<string> => {
    let text = "";
    while (!end.test(text)) {
      const more = await agent.read();
      if (more === undefined) throw new Error("The agent closed the connection");
      text += more;
      if (text.length > MAX_ANSWER_OCTETS) throw new Error("The agent's answer does not end");
    }
    return text;
  };
  let answer = await read(/\r\n$/);
  let status = answer;
  const commands = [`LOGIN "${user}" self-test`, "SELECT INBOX", "UID FETCH 1 (UID BODY.PEEK[])"];
  for (const [i, command] of commands.entries()) {
    if (!/^\S+ OK/.test(status)) break;
    await agent.line(`t${i} ${command}`);
    const end = new RegExp(`(?:^|\\n)t${i} (?:OK|NO|BAD)[^\\n]*\\r\\n$`);
    answer = await read(end);
    status = end.exec(answer)![0].trim();
  }
  const [whole, size] = /\{(\d+)\}\r\n/.exec(answer) ?? [];
  const at = whole === undefined ? 0 : answer.indexOf(whole) + whole.length;
  const message = size === undefined ? undefined : answer.slice(at, at + Number(size));
  await agent.line("t9 LOGOUT");
  return { reply: replyOf(status, message), ...(message === undefined ? {} : { message }) };
}

function replyOf(status: string, message: string | undefined): Reply {
  if (/^\S+ OK/.test(status) && message !== undefined) return { code: 250, text: status };
  return { code: status.includes("[UNAVAILABLE]") ? 451 : 550, text: status };
}
