/** Postern before a real Dovecot, by LMTP: each recipient has a reply of its own. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Gateway } from "./gateway.ts";
import { differenceBesideHeaders } from "./headers.ts";
import { infectedMail, mail } from "./mail.ts";
import { startDovecot } from "./peers/dovecot.ts";
import { peerTest } from "./peers/peer.ts";
import { SmtpClient } from "./peers/smtp_client.ts";
import { stuffDots } from "./peers/wire.ts";
import { temporaryDirectory } from "./temporary.ts";

/** Fields that Dovecot and Postern add. */
const ADDED = ["received", "return-path", "delivered-to", "x-postern-*"];
const MAILBOXES = [
  { user: "first@here.test" },
  { user: "second@here.test" },
  { user: "small@here.test", kilobytes: 1 },
  { user: "broken@here.test", broken: true },
];
/** Lines of every kind that a relay could spoil; larger than the small mailbox. */
const BODY = [
  ".a line that begins with a dot",
  "..",
  "",
  "trailing blanks  \t",
  "From the begin of a line",
  "\xe4\xf6\xfc in Latin-1".padEnd(900, "."),
  ...Array.from({ length: 60 }, (_, i) => `line ${i} `.padEnd(70, "x")),
  "",
].join("\r\n");

/** The message in octets, each character one. */
const message = (id: string) =>
  Buffer.concat([mail(id, { body: "" }), Buffer.from(BODY, "latin1")]);

/** Dovecot writes LF. */
const withLf = (octets: Uint8Array) =>
  Buffer.from(Buffer.from(octets).toString("latin1").replaceAll("\r\n", "\n"), "latin1");

/** One transaction by LMTP; the replies to its message, one a recipient. */
async function sendLmtp(port: number, recipients: readonly string[], octets: Uint8Array) {
  using client = await SmtpClient.connect(port);
  assert.equal((await client.command("LHLO client.test")).code, 250);
  assert.equal((await client.command("MAIL FROM:<a@sender.test> BODY=8BITMIME")).code, 250);
  for (const recipient of recipients) {
    assert.equal((await client.command(`RCPT TO:<${recipient}>`)).code, 250, recipient);
  }
  assert.equal((await client.command("DATA")).code, 354);
  await client.wire.write(stuffDots(octets));
  await client.wire.write(".\r\n");
  const replies: string[] = [];
  for (const _ of recipients) replies.push((await client.reply()).text);
  await client.command("QUIT");
  return replies;
}

for (const transport of ["TCP", "a unix socket"] as const) {
  peerTest(
    ["dovecot"],
    `Dovecot by LMTP over ${transport}: each recipient hears its own reply, and the octets are those that were sent`,
    async () => {
      await using directory = await temporaryDirectory();
      await using dovecot = await startDovecot(directory.path, MAILBOXES);
      const nextHop = transport === "TCP"
        ? `lmtp://127.0.0.1:${dovecot.port}`
        : `lmtp:unix:${dovecot.socket}`;
      await using gateway = await Gateway.start({ agents: { smtp: { nextHop } } });
      const port = gateway.port("smtp");

      const sent = message("lmtp@test");
      const recipients = MAILBOXES.map(({ user }) => user);
      const [first, second, small, broken] = await sendLmtp(port, recipients, sent);
      assert.match(first ?? "", /^250 2\.0\.0 /, dovecot.process.output);
      assert.match(second ?? "", /^250 2\.0\.0 /);
      assert.match(small ?? "", /^552 5\.2\.2 .*[Qq]uota exceeded/);
      assert.match(broken ?? "", /^451 4\.\d\.\d /);
      for (const user of recipients.slice(0, 2)) {
        const there = await dovecot.delivered(user);
        assert.equal(there.length, 1);
        assert.equal(differenceBesideHeaders(withLf(sent), there[0]!, ADDED), undefined);
      }
      assert.equal((await dovecot.delivered("small@here.test")).length, 0);

      // Who is not known there is refused while the recipients are named.
      using client = await SmtpClient.connect(port);
      await client.ehlo();
      const reply = await client.send({
        sender: "a@sender.test",
        recipients: ["nobody@here.test", "first@here.test"],
        message: message("smtp@test"),
      });
      assert.match(reply.refused.get("nobody@here.test")?.text ?? "", /^550 5\.1\.1 /);
      assert.equal(reply.code, 250, reply.text);
      assert.equal((await dovecot.delivered("first@here.test")).length, 2);

      const infected = await client.send({
        sender: "a@sender.test",
        recipients: ["first@here.test"],
        message: infectedMail("eicar@test"),
      });
      assert.equal(infected.code, 550, infected.text);
      assert.equal((await dovecot.delivered("first@here.test")).length, 2);
    },
  );
}
