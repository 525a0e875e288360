/** Fetches one message through a POP3 agent, as the plainest mail program would. */
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
  let text = "";
  const until = async (end: string): Promise<string> => {
    const buffer = new Uint8Array(65_536);
    while (!text.includes(end)) {
      const count = await conn.read(buffer);
      if (count === null) throw new Error("The agent closed the connection");
      text += new TextDecoder("latin1").decode(buffer.subarray(0, count));
      if (text.length > MAX_ANSWER_OCTETS) throw new Error("The agent's answer does not end");
    }
    const at = text.indexOf(end);
    const answer = text.slice(0, at);
    text = text.slice(at + end.length);
    return answer;
  };
  const ask = async (command: string): Promise<string> => {
    await conn.write(new TextEncoder().encode(`${command}\r\n`));
    return await until("\r\n");
  };
  try {
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
  } finally {
    clearTimeout(timer);
    close();
  }
}

function replyOf(status: string): Reply {
  if (status.startsWith("+OK")) return { code: 250, text: status };
  return { code: status.startsWith("-ERR [SYS/TEMP]") ? 451 : 550, text: status };
}
