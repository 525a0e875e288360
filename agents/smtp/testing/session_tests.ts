/** What the tests of the agent's sessions share. */
import { Harness, type HarnessOptions } from "./harness.ts";

/** A message whose text has a line that begins with a dot. */
export const MAIL = "From: <a@example.org>\r\nSubject: x\r\n\r\n..dots\r\nbody\r\n";

/** What an agent of a test may do. */
export const permissions = { net: ["127.0.0.1"], read: true, env: true, sys: true };

/** A named test with an agent and a next hop. */
export function test(
  name: string,
  options: HarnessOptions,
  run: (harness: Harness) => Promise<void>,
): void {
  Deno.test(`smtp agent ${name}`, { permissions }, async () => {
    await using harness = await Harness.start(options);
    await run(harness);
  });
}

/** The message as a client must send it. */
export const stuffed = (text: string) => text.replaceAll("\r\n.", "\r\n..").replace(/^\./, "..");

/** The reply that counts. */
export const last = (replies: readonly string[]) => replies.at(-1)!;
