/** Known attacks on the SMTP gate that take the agent, its next hop and the policy together. */
import assert from "node:assert/strict";
import { until } from "../../tests/wait.ts";
import { Harness } from "./testing/harness.ts";

const permissions = { net: ["127.0.0.1"], read: true, env: true, sys: true };
const last = (replies: readonly string[]) => replies.at(-1)!;

/** What ends no message and is no attack by itself: mail programs that double a CR write such lines. */
const FALSE_ENDS: readonly [shown: string, octets: string][] = [
  ["CRLF . CR CR LF", "\r\n.\r\r\n"],
  ["CR CR LF . CR CR LF", "\r\r\n.\r\r\n"],
  ["CRLF .. CRLF", "\r\n..\r\n"],
  ["CRLF . blank CRLF", "\r\n. \r\n"],
];

for (const [shown, octets] of FALSE_ENDS) {
  Deno.test(
    `attack 3: ${shown} neither ends a message nor has it refused`,
    { permissions },
    async () => {
      await using h = await Harness.start();
      const client = await h.connect();
      await client.say("EHLO c");
      await client.say("MAIL FROM:<a@b.example>");
      await client.say("RCPT TO:<b@example.org>");
      assert.match(await client.say("DATA"), /^354/);
      await client.write(`Subject: x\r\n\r\nbefore${octets}after\r\n.\r\n`);
      assert.match(await client.reply(), /^250/);
      assert.match(await client.say("NOOP"), /^250/, "one reply, for one message");
      assert.equal(h.hop.transactions.length, 1);
      const { data } = h.hop.transactions[0]!;
      assert.match(data, /before[^]*after/);
      assert.doesNotMatch(data, /\r\n\.\r\n[^]/, "and none is made of it");
    },
  );
}

for (const mode of ["after-queue", "before-queue"] as const) {
  Deno.test(`attack 15: ${mode}: refused mail is refused in the session, and no bounce is sent`, {
    permissions,
  }, async () => {
    await using h = await Harness.start({
      policy: { settings: { antivirus: { infected: "reject" } } },
      config: { mode },
    });
    const client = await h.connect();
    await client.say("EHLO c");
    // Whoever is named as the sender has most probably not sent it.
    const replies = await client.send(
      "victim@innocent.example",
      ["b@example.org", "c@example.org"],
      "From: <victim@innocent.example>\r\n\r\nINFECTED\r\n",
    );
    assert.match(last(replies), /^5/);
    assert.match(await client.say("QUIT"), /^221/);
    await until("the session's end", () => h.agent.status()["sessions"] === 0);
    assert.deepEqual(h.hop.transactions, []);
    assert.equal(h.ports.records[0]!.outcomes[0]!.action, "reject");
  });

  Deno.test(`attack 15: ${mode}: mail that is dropped is dropped without a word to its sender`, {
    permissions,
  }, async () => {
    await using h = await Harness.start({
      policy: { settings: { antivirus: { infected: "discard" } } },
      config: { mode },
    });
    const client = await h.connect();
    await client.say("EHLO c");
    const replies = await client.send(
      "victim@innocent.example",
      ["b@example.org"],
      "From: <victim@innocent.example>\r\n\r\nINFECTED\r\n",
    );
    assert.match(last(replies), /^250/);
    assert.deepEqual(h.hop.transactions, []);
  });
}

Deno.test(
  "attack 10: a PROXY header counts only where it is configured, and only from the proxies",
  {
    permissions,
  },
  async () => {
    await using plain = await Harness.start();
    const client = await plain.connect();
    assert.match(await client.say("PROXY TCP4 192.0.2.1 192.0.2.2 1 25"), /^500/);
    await client.say("EHLO c");
    await client.send("a@b.example", ["b@example.org"], "Subject: x\r\n\r\nx\r\n");
    assert.equal(plain.ports.records[0]!.envelope.client, "127.0.0.1");
  },
);
