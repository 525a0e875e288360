/** Asks a delegation agent as Postfix does: it sees no mail, and so one question tells. */
import type { Judgement } from "./judge.ts";
import type { Reply } from "./submit.ts";
import { talkTo } from "./submit_advice.ts";

/**
 * Asks about a recipient.
 *
 * @returns what a mail server would tell its client, and whether that is an answer at all.
 */
export async function askDelegation(
  address: string,
  question: { readonly sender: string; readonly recipient: string; readonly timeoutMs: number },
): Promise<{ readonly reply: Reply; readonly judgement: Judgement }> {
  const request = [
    "request=smtpd_access_policy",
    "protocol_state=RCPT",
    "client_address=127.0.0.1",
    "client_name=localhost",
    "helo_name=selftest.postern.invalid",
    `sender=${question.sender}`,
    `recipient=${question.recipient}`,
    "",
    "",
  ].join("\n");
  const text = await talkTo(address, question.timeoutMs, [new TextEncoder().encode(request)]);
  const action = /^action=(.*)\n\n$/.exec(text)?.[1] ?? "";
  const code = action === "DUNNO" ? 250 : Number(/^([45]\d\d) /.exec(action)?.[1] ?? 0);
  return {
    reply: { code, text: action },
    judgement: code === 0
      ? { cameOut: "nothing", wrong: `The agent answered ${JSON.stringify(text)}` }
      : { cameOut: "no mail passes", note: "answers about clients, senders and recipients" },
  };
}
