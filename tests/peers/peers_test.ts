/** The helpers against the real programs alone, so that a failure elsewhere is Postern's and not the harness's. */
import assert from "node:assert/strict";
import { temporaryDirectory } from "../temporary.ts";
import { until } from "../wait.ts";
import { peerTest } from "./peer.ts";
import { POSTFIX_DOMAIN, smtpdService, startPostfix, twoPorts } from "./postfix.ts";
import { ScriptedSink } from "./scripted_sink.ts";
import { sendMail, SmtpClient } from "./smtp_client.ts";
import { startSmtpSink } from "./smtp_sink.ts";
import { runSmtpSource } from "./smtp_source.ts";
import { swaks } from "./swaks.ts";

const octets = (text: string) => new TextEncoder().encode(text);
const MAIL = {
  sender: "a@sender.test",
  recipients: [`b@${POSTFIX_DOMAIN}`],
  message: octets("Subject: dots\r\n\r\n.one\r\n..two\r\n\r\nend\r\n"),
};

Deno.test("ScriptedSink keeps what SmtpClient sends, octet by octet", async () => {
  await using sink = ScriptedSink.start();
  const reply = await sendMail(sink.port, MAIL);
  assert.equal(reply.code, 250);
  assert.deepEqual([...sink.messages[0]?.octets ?? []], [...MAIL.message]);
  assert.equal(sink.messages[0]?.bareLineEnd, false);
});

Deno.test("ScriptedSink crashes in DATA and comes back on its port", async () => {
  await using sink = ScriptedSink.start({
    trick: (moment) => moment === "body" ? "reset" : undefined,
  });
  await assert.rejects(sendMail(sink.port, MAIL));
  await sink.crash();
  await assert.rejects(sendMail(sink.port, MAIL));
  sink.listen();
  sink.behave({ trick: () => undefined });
  assert.equal((await sendMail(sink.port, MAIL)).code, 250);
  assert.equal(sink.messages.length, 1);
});

Deno.test("ScriptedSink speaks LMTP with a reply for each recipient", async () => {
  await using sink = ScriptedSink.start({
    protocol: "lmtp",
    trick: (moment, path) =>
      moment === "end" && path === "<full@x.test>" ? { reply: "452 4.2.2 Full" } : undefined,
  });
  using client = await SmtpClient.connect(sink.port);
  await client.command("LHLO client.test");
  await client.command("MAIL FROM:<a@b.test>");
  await client.command("RCPT TO:<full@x.test>");
  await client.command("RCPT TO:<well@x.test>");
  assert.equal((await client.command("DATA")).code, 354);
  await client.wire.write("x: y\r\n\r\n.\r\n");
  assert.equal((await client.reply()).code, 452);
  assert.equal((await client.reply()).code, 250);
  assert.equal(sink.messages.length, 1);
});

peerTest(
  ["smtp-sink", "smtp-source", "swaks"],
  "smtp-source and swaks reach smtp-sink",
  async () => {
    await using directory = await temporaryDirectory();
    await Deno.chmod(directory.path, 0o777);
    await using sink = await startSmtpSink({ dump: directory.path });
    const sent = await runSmtpSource(sink.port, { sessions: 5, messages: 40, size: 1000 });
    assert.equal(sent.code, 0, sent.stderr);
    const talk = await swaks(sink.port, ["--from", "a@b.test", "--to", "c@d.test"]);
    assert.equal(talk.code, 0, talk.transcript);
    assert.ok(talk.replies.includes("354 End data with <CR><LF>.<CR><LF>"), talk.transcript);
    await until("41 messages", async () => (await sink.count()) === 41);
  },
);

peerTest(["postfix"], "a Postfix of one's own delivers into its Maildir", async () => {
  await using directory = await temporaryDirectory();
  const { front, back } = twoPorts();
  await using postfix = await startPostfix({
    directory: directory.path,
    services: [smtpdService(front), smtpdService(back, ["syslog_name=postfix/back"])],
  }, [front, back]);
  for (const port of [front, back]) {
    const reply = await sendMail(port, MAIL);
    assert.equal(reply.code, 250, reply.text);
  }
  const files = await until("two mails", async () => {
    const delivered = await postfix.delivered();
    return delivered.length === 2 && delivered;
  });
  for (const file of files) {
    const text = new TextDecoder().decode(file);
    assert.ok(text.endsWith("Subject: dots\n\n.one\n..two\n\nend\n"), text);
  }
  assert.equal(await postfix.queued(), 0);
});
