/** Postern as the policy service of a real Postfix: clients, senders and recipients are refused before any mail is read. */
import assert from "node:assert/strict";
import { Gateway } from "./gateway.ts";
import { mail } from "./mail.ts";
import { peerTest } from "./peers/peer.ts";
import { POSTFIX_DOMAIN, smtpdService, startPostfix } from "./peers/postfix.ts";
import { SmtpClient } from "./peers/smtp_client.ts";
import { temporaryDirectory } from "./temporary.ts";
import { freePort, until } from "./wait.ts";

peerTest(
  ["postfix", "postconf"],
  "Postfix refuses whom the policy refuses, in its words, and takes the others",
  async () => {
    await using directory = await temporaryDirectory();
    await using gateway = await Gateway.start({
      agents: { delegation: { agent: "delegation" } },
      policy: {
        rules: [
          {
            name: "client",
            when: { client: "192.0.2.66" },
            then: { action: "reject", reply: "554 5.7.1 No mail from this network" },
          },
          {
            name: "sender",
            when: { sender: "@spam.test" },
            then: { action: "reject", reply: "550 5.7.1 Not from you" },
          },
          {
            name: "later",
            when: { recipient: `later@${POSTFIX_DOMAIN}` },
            then: { action: "defer" },
          },
        ],
      },
    });
    const port = freePort();
    const service = `inet:127.0.0.1:${gateway.port("delegation")}`;
    await using postfix = await startPostfix({
      directory: directory.path,
      main: [
        "smtpd_authorized_xclient_hosts = 127.0.0.0/8",
        `smtpd_client_restrictions = check_policy_service ${service}`,
        `smtpd_sender_restrictions = check_policy_service ${service}`,
        `smtpd_recipient_restrictions = check_policy_service ${service}`,
        "smtpd_delay_reject = no",
      ],
      services: [smtpdService(port, [])],
    }, [port]);
    await using client = await SmtpClient.connect(port);
    await client.ehlo();
    assert.match(
      (await client.command("MAIL FROM:<a@spam.test>")).text,
      /550 5\.7\.1 .*Not from you/,
    );
    assert.equal((await client.command("MAIL FROM:<a@sender.test>")).code, 250);
    assert.equal((await client.command(`RCPT TO:<later@${POSTFIX_DOMAIN}>`)).code, 451);
    assert.equal((await client.command("RSET")).code, 250);
    const taken = await client.send({
      sender: "a@sender.test",
      recipients: [`b@${POSTFIX_DOMAIN}`],
      message: mail("taken"),
    });
    assert.equal(taken.code, 250, taken.text);
    await until("the mail", async () => (await postfix.delivered()).length === 1);
    await client.command("XCLIENT ADDR=192.0.2.66");
    await using blocked = await SmtpClient.connect(port);
    await blocked.ehlo();
    const { text } = await blocked.command("XCLIENT ADDR=192.0.2.66");
    assert.match(text, /554 5\.7\.1 .*No mail from this network/);
    await gateway.logged(/agent=delegation .*client=192\.0\.2\.66 .*action=reject by=rule:client/);
    await gateway.logged(/agent=delegation .*from=<a@spam\.test> .*by=rule:sender/);
  },
);
