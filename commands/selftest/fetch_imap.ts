/** Fetches one message through an IMAP agent, as the plainest mail program would. */
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
  const colon = address.lastIndexOf(":");
  const conn = await Deno.connect({
    hostname: address.slice(0, colon).replace(/^\[|\]$/g, ""),
    port: Number(address.slice(colon + 1)),
  });
  const close = () => {
    try {
      conn.close();
    } catch {
      // closed by the other side, or by the time
    }
  };
  const timer = setTimeout(close, timeoutMs);
  const buffer = new Uint8Array(65_536);
  const read = async (end: RegExp): Promise<string> => {
    let text = "";
    while (!end.test(text)) {
      const count = await conn.read(buffer);
      if (count === null) throw new Error("The agent closed the connection");
      text += new TextDecoder("latin1").decode(buffer.subarray(0, count));
      if (text.length > MAX_ANSWER_OCTETS) throw new Error("The agent's answer does not end");
    }
    return text;
  };
  try {
    let answer = await read(/\r\n$/);
    let status = answer;
    const commands = [`LOGIN "${user}" self-test`, "SELECT INBOX", "UID FETCH 1 (UID BODY.PEEK[])"];
    for (const [i, command] of commands.entries()) {
      if (!/^\S+ OK/.test(status)) break;
      await conn.write(new TextEncoder().encode(`t${i} ${command}\r\n`));
      const end = new RegExp(`(?:^|\\n)t${i} (?:OK|NO|BAD)[^\\n]*\\r\\n$`);
      answer = await read(end);
      status = end.exec(answer)![0].trim();
    }
    const [whole, size] = /\{(\d+)\}\r\n/.exec(answer) ?? [];
    const at = whole === undefined ? 0 : answer.indexOf(whole) + whole.length;
    const message = size === undefined ? undefined : answer.slice(at, at + Number(size));
    await conn.write(new TextEncoder().encode("t9 LOGOUT\r\n"));
    return { reply: replyOf(status, message), ...(message === undefined ? {} : { message }) };
  } finally {
    clearTimeout(timer);
    close();
  }
}

function replyOf(status: string, message: string | undefined): Reply {
  if (/^\S+ OK/.test(status) && message !== undefined) return { code: 250, text: status };
  return { code: status.includes("[UNAVAILABLE]") ? 451 : 550, text: status };
}
