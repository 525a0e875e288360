/** What fails around a gateway, and that nothing is accepted that is not delivered, and nothing delivered twice. */
import assert from "node:assert/strict";
import { Gateway } from "./gateway.ts";
import { ENVELOPE, mail } from "./mail.ts";
import { type Moment, ScriptedSink, type Trick } from "./peers/scripted_sink.ts";
import { sendMail, SmtpClient } from "./peers/smtp_client.ts";
import { Closed } from "./peers/wire.ts";
import { until } from "./wait.ts";

/** The moment at which the next hop fails, and what it does then. */
const FAILURES: readonly { name: string; at: Moment; trick: Trick; code: RegExp }[] = [
  { name: "closes at once", at: "connect", trick: "reset", code: /^4/ },
  {
    name: "greets with 554",
    at: "connect",
    trick: { reply: "554 5.3.2 No service" },
    code: /^[45]/,
  },
  { name: "never greets", at: "connect", trick: "stall", code: /^4/ },
  { name: "never answers EHLO", at: "ehlo", trick: "stall", code: /^4/ },
  {
    name: "defers the sender",
    at: "mail",
    trick: { reply: "451 4.3.0 Later" },
    code: /^451 4\.3\.0 /,
  },
  {
    name: "refuses the sender",
    at: "mail",
    trick: { reply: "553 5.1.8 No" },
    code: /^553 5\.1\.8 /,
  },
  {
    name: "refuses the recipient",
    at: "rcpt",
    trick: { reply: "550 5.1.1 Who?" },
    code: /^550 5\.1\.1 /,
  },
  { name: "defers DATA", at: "data", trick: { reply: "451 4.3.1 Full" }, code: /^451 4\.3\.1 / },
  { name: "breaks in the message", at: "body", trick: "reset", code: /^4/ },
  { name: "breaks at the end", at: "end", trick: "reset", code: /^4/ },
  { name: "never answers the message", at: "end", trick: "stall", code: /^4/ },
  {
    name: "refuses the message",
    at: "end",
    trick: { reply: "552 5.2.2 Full" },
    code: /^552 5\.2\.2 /,
  },
  { name: "shuts down at the end", at: "end", trick: { reply: "421 4.3.2 Bye" }, code: /^4/ },
];

for (const mode of ["after-queue", "before-queue"] as const) {
  Deno.test(`${mode}: a next hop that fails gets nothing accepted, and nothing twice`, async (test) => {
    await using sink = ScriptedSink.start();
    await using gateway = await Gateway.start({
      agents: {
        smtp: {
          mode,
          nextHop: `smtp://127.0.0.1:${sink.port}`,
          limits: { nextHopTime: "1s" },
        },
      },
    });
    const port = gateway.port("smtp");
    for (const { name, at, trick, code } of FAILURES) {
      await test.step(name, async () => {
        const before = sink.messages.length;
        // Connections to the next hop are kept: these end, so that each row begins with a new one.
        await sink.crash();
        sink.listen();
        sink.behave({ trick: (moment) => moment === at ? trick : undefined });
        const failed = await sendMail(port, { ...ENVELOPE, message: mail(`${at}-1@test`) });
        assert.match(failed.text, code, gateway.log);
        assert.equal(sink.messages.length, before);
        sink.behave({ trick: () => undefined });
        const well = await sendMail(port, { ...ENVELOPE, message: mail(`${at}-2@test`) });
        assert.equal(well.code, 250, `${well.text}\n${gateway.log}`);
        assert.equal(sink.messages.length, before + 1);
      });
    }
    await test.step("is not there at all", async () => {
      const before = sink.messages.length;
      await sink.crash();
      const failed = await sendMail(port, { ...ENVELOPE, message: mail("down@test") });
      assert.equal(Math.floor(failed.code / 100), 4, failed.text);
      sink.listen();
      const well = await sendMail(port, { ...ENVELOPE, message: mail("up@test") });
      assert.equal(well.code, 250, well.text);
      assert.equal(sink.messages.length, before + 1);
    });
  });
}

Deno.test("a client that goes away in DATA leaves nothing behind", async () => {
  await using sink = ScriptedSink.start();
  await using gateway = await Gateway.start({
    agents: { smtp: { nextHop: `smtp://127.0.0.1:${sink.port}` } },
  });
  for (const octets of ["Subject: half\r\n\r\nhalf", "Subject: half\r\n\r\nhalf\r\n.", ""]) {
    const client = await SmtpClient.connect(gateway.port("smtp"));
    await client.ehlo();
    for (const line of ["MAIL FROM:<a@sender.test>", "RCPT TO:<b@here.test>", "DATA"]) {
      await client.command(line);
    }
    await client.wire.write(octets);
    client.wire.close();
  }
  const well = await sendMail(gateway.port("smtp"), { ...ENVELOPE, message: mail("well@test") });
  assert.equal(well.code, 250, well.text);
  assert.equal(sink.messages.length, 1);
});

Deno.test("a reload drops no session, and a policy that does not check changes nothing", async (test) => {
  await using sink = ScriptedSink.start();
  const agents = { smtp: { nextHop: `smtp://127.0.0.1:${sink.port}` } };
  const policy = (reply: string) => ({
    rules: [{
      name: "bad",
      when: { sender: "bad@sender.test" },
      then: { action: "reject", reply },
    }],
  });
  await using gateway = await Gateway.start({ agents, policy: policy("550 5.7.1 First") });
  const port = gateway.port("smtp");
  const control = await gateway.control();
  try {
    const refusal = async () =>
      (await sendMail(port, { ...ENVELOPE, sender: "bad@sender.test", message: mail("bad@test") }))
        .text;
    assert.equal(await refusal(), "550 5.7.1 First");

    using open = await SmtpClient.connect(port);
    await open.ehlo();
    assert.equal((await open.command("MAIL FROM:<a@sender.test>")).code, 250);

    await test.step("while mail flows", async () => {
      let stop = false;
      let sent = 0;
      const senders = Array.from({ length: 5 }, async (_, sender) => {
        while (!stop) {
          const reply = await sendMail(port, {
            ...ENVELOPE,
            message: mail(`${sender}.${sent}@reload.test`),
          });
          assert.equal(reply.code, 250, `${reply.text}\n${gateway.log}`);
          sent++;
        }
      });
      for (let round = 1; round <= 3; round++) {
        await gateway.writeDocuments({ agents, policy: policy(`550 5.7.1 Round ${round}`) });
        await control.call("reload");
        const goal = sent + 20;
        await until("mail after the reload", () => sent >= goal);
        assert.equal(await refusal(), `550 5.7.1 Round ${round}`);
      }
      stop = true;
      await Promise.all(senders);
      assert.equal(sink.messages.length, sent);
    });
    await test.step("a transaction that was open before goes on", async () => {
      assert.equal((await open.command("RCPT TO:<b@here.test>")).code, 250);
      assert.equal((await open.command("DATA")).code, 354);
      await open.wire.write("Subject: open\r\n\r\nstill\r\n.\r\n");
      assert.equal((await open.reply()).code, 250);
    });
    await test.step("a policy with a mistake in it", async () => {
      await gateway.writeDocuments({ agents, policy: { rulez: [] } });
      await assert.rejects(control.call("reload"), /rulez/);
      assert.equal(await refusal(), "550 5.7.1 Round 3");
    });
  } finally {
    control.close();
  }
});

Deno.test("SIGTERM lets messages in flight end, and takes no new ones", async () => {
  let release: () => void = () => {};
  const held = new Promise<void>((resolve) => release = resolve);
  let arrived = 0;
  await using sink = ScriptedSink.start({
    keep: () => {
      arrived++;
      return held;
    },
  });
  await using gateway = await Gateway.start({
    agents: { smtp: { nextHop: `smtp://127.0.0.1:${sink.port}` } },
  });
  const port = gateway.port("smtp");
  const flying = Array.from(
    { length: 5 },
    (_, i) => sendMail(port, { ...ENVELOPE, message: mail(`${i}@flight.test`) }),
  );
  await until("five messages at the next hop", () => arrived >= 5);
  const stopped = gateway.stop();
  await until("an end of listening", async () => {
    try {
      using late = await SmtpClient.connect(port);
      return (await late.command("MAIL FROM:<a@sender.test>")).code === 421;
    } catch (error) {
      return error instanceof Deno.errors.ConnectionRefused || error instanceof Closed ||
        error instanceof Deno.errors.ConnectionReset ||
        (error instanceof Error && error.message.startsWith("Banner: 421"));
    }
  });
  release();
  for (const reply of await Promise.all(flying)) assert.equal(reply.code, 250, gateway.log);
  assert.equal(await stopped, 0, gateway.log);
  assert.equal(sink.messages.length, 5);
});
