/** Postern as the content filter of a real Postfix, after the queue and before it. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { corpusMail, hasCorpus } from "./corpus.ts";
import { Gateway } from "./gateway.ts";
import { differenceBesideHeaders } from "./headers.ts";
import { infectedMail, mail, zippedMail } from "./mail.ts";
import { EICAR } from "./mail.ts";
import { peerTest } from "./peers/peer.ts";
import {
  type Postfix,
  POSTFIX_DOMAIN,
  smtpdService,
  startPostfix,
  twoPorts,
} from "./peers/postfix.ts";
import { type Reply, SmtpClient } from "./peers/smtp_client.ts";
import { temporaryDirectory } from "./temporary.ts";
import { until } from "./wait.ts";

/** Fields that Postfix and Postern add. */
const ADDED = ["received", "x-postern-*", "return-path", "delivered-to", "x-original-to"];
const REFUSED = "550 5.7.1 No viruses here, says the policy";
/** A client that the policy knows; Postfix is told of it by XCLIENT, and Postern by XFORWARD. */
const BAD_CLIENT = "192.0.2.66";
const GOOD_CLIENT = "192.0.2.77";
const RECIPIENT = `b@${POSTFIX_DOMAIN}`;

/** main.cf: mail only for the own domain, whoever sends it; clients of the test may say who they are. */
const MAIN = [
  "smtpd_authorized_xclient_hosts = 127.0.0.0/8",
  "smtpd_relay_restrictions = reject_unauth_destination",
  "message_drop_headers =",
];

/** The listener that takes mail back from the filter, as FILTER_README and SMTPD_PROXY_README set it up. */
const backService = (port: number) =>
  smtpdService(port, [
    "syslog_name=postfix/back",
    "content_filter=",
    "smtpd_proxy_filter=",
    "smtpd_authorized_xforward_hosts=127.0.0.0/8",
    "smtpd_authorized_xclient_hosts=",
    "receive_override_options=no_header_body_checks,no_unknown_recipient_checks,no_milters",
  ]);

/** Postfix with Postern in it. */
interface Filtered extends AsyncDisposable {
  readonly front: number;
  readonly postfix: Postfix;
  readonly gateway: Gateway;
}

async function filtered(
  mode: "after-queue" | "before-queue",
  infected: string,
  proxyOptions = "",
): Promise<Filtered> {
  const stack = new AsyncDisposableStack();
  try {
    const directory = stack.use(await temporaryDirectory());
    const { front, back } = twoPorts();
    const gateway = stack.use(
      await Gateway.start({
        agents: {
          smtp: { mode, nextHop: `smtp://127.0.0.1:${back}`, xforward: ["127.0.0.0/8"] },
        },
        policy: {
          settings: {
            antivirus: { action: "scan", infected, notScanned: "defer" },
            antispam: { action: "accept" },
            replies: { infected: REFUSED },
          },
          rules: [{
            name: "known for spam",
            when: { client: BAD_CLIENT },
            then: { action: "reject", reply: "550 5.7.1 Not from you" },
          }],
        },
      }),
    );
    const filter = gateway.port("smtp");
    const services = mode === "before-queue"
      ? [
        smtpdService(front, [
          `smtpd_proxy_filter=127.0.0.1:${filter}`,
          `smtpd_proxy_options=${proxyOptions}`,
        ]),
      ]
      : [
        smtpdService(front, [
          `content_filter=scan:[127.0.0.1]:${filter}`,
          "receive_override_options=no_address_mappings",
        ]),
        [
          "scan unix - - n - 10 smtp",
          "  -o smtp_send_xforward_command=yes",
          "  -o disable_mime_output_conversion=yes",
          "  -o smtp_generic_maps=",
        ].join("\n"),
      ];
    const postfix = stack.use(
      await startPostfix({
        directory: directory.path,
        main: MAIN,
        services: [...services, backService(back)],
      }, [front, back]),
    );
    const owned = stack.move();
    return { front, postfix, gateway, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** One message to Postfix, from a client of another address. */
async function sendAs(
  port: number,
  client: string,
  message: Uint8Array,
  sender = "a@sender.test",
): Promise<Reply> {
  using session = await SmtpClient.connect(port);
  await session.ehlo();
  const known = await session.command(`XCLIENT ADDR=${client} NAME=client.sender.test`);
  assert.equal(known.code, 220, known.text);
  await session.ehlo();
  const reply = await session.send({ sender, recipients: [RECIPIENT], message });
  await session.quit();
  return reply;
}

/** Messages of the corpus that Postfix itself passes on as they are. */
async function realMail(): Promise<{ name: string; message: Uint8Array }[]> {
  if (!await hasCorpus()) return [];
  // Lines over 998 octets and headers without a blank line after them are changed by Postfix on its own.
  return (await corpusMail(60)).filter(({ message }) => {
    const lines = Buffer.from(message).toString("latin1").split("\r\n");
    const header = lines.slice(0, lines.indexOf(""));
    return lines.every((line) => line.length < 998) &&
      header.every((line) => /^[\x21-\x39\x3b-\x7e]+:|^[ \t]+\S/.test(line));
  }).slice(0, 25);
}

/** Sends clean mail and compares what lies in the Maildir in the end. */
async function cleanArrives({ front, postfix, gateway }: Filtered): Promise<void> {
  const sent = [{ name: "a small one", message: mail("clean@test") }, ...await realMail()];
  for (const { name, message } of sent) {
    const reply = await sendAs(front, GOOD_CLIENT, message);
    assert.equal(reply.code, 250, `${name}: ${reply.text}\n${gateway.log}`);
  }
  let files: readonly Uint8Array[] = [];
  await until(`${sent.length} mails in the Maildir`, async () => {
    files = await postfix.delivered();
    return files.length >= sent.length;
  }, { more: () => `${files.length} are there\n${gateway.log}` });
  assert.equal(files.length, sent.length);
  for (const { name, message } of sent) {
    // Postfix stores LF.
    const stored = Buffer.from(
      Buffer.from(message).toString("latin1").replaceAll("\r\n", "\n"),
      "latin1",
    );
    const differences = files.map((file) => differenceBesideHeaders(stored, file, ADDED));
    assert.ok(
      differences.includes(undefined),
      `${name} is not there as it was sent: ${differences[0]}`,
    );
  }
}

peerTest(
  ["postfix"],
  "content_filter: clean mail arrives as sent, EICAR goes to quarantine",
  async () => {
    await using all = await filtered("after-queue", "quarantine");
    const { front, postfix, gateway } = all;
    await cleanArrives(all);
    const before = (await postfix.delivered()).length;
    for (
      const message of [infectedMail("eicar@test"), zippedMail("zip@test", Buffer.from(EICAR), 2)]
    ) {
      const reply = await sendAs(front, GOOD_CLIENT, message);
      assert.equal(reply.code, 250, reply.text);
    }
    await until("an empty queue", async () => (await postfix.queued()) === 0, {
      more: () => gateway.log,
    });
    assert.equal((await postfix.delivered()).length, before);
    const control = await gateway.control();
    try {
      const { result } = await control.call("quarantine.list", { limit: 10 });
      const entries = result as readonly { messageId?: string; client?: string }[];
      assert.deepEqual(entries.map(({ messageId }) => messageId).sort(), [
        "<eicar@test>",
        "<zip@test>",
      ]);
      // XFORWARD carried the client that spoke to Postfix, not Postfix.
      assert.deepEqual(entries.map(({ client }) => client), [GOOD_CLIENT, GOOD_CLIENT]);
    } finally {
      control.close();
    }
    assert.match(await postfix.log(), /postfix\/back\/smtpd\[\d+\]: .*192\.0\.2\.77/);
  },
);

peerTest(
  ["postfix"],
  "content_filter: Postfix hears the policy's own reply, by client too",
  async () => {
    await using all = await filtered("after-queue", "reject");
    const { front, postfix, gateway } = all;
    // From the null sender, so that no bounce is made of the refusal.
    await sendAs(front, GOOD_CLIENT, infectedMail("eicar@test"), "");
    await sendAs(front, BAD_CLIENT, mail("bad@test"), "");
    await until("both refusals in Postfix's log", async () => {
      const log = await postfix.log();
      return log.includes("said: 550 5.7.1 No viruses here, says the policy") &&
        log.includes("said: 550 5.7.1 Not from you");
    }, { more: () => gateway.log });
    assert.equal((await postfix.delivered()).length, 0);
  },
);

async function clientHears(proxyOptions: string): Promise<void> {
  await using all = await filtered("before-queue", "reject", proxyOptions);
  const { front, postfix, gateway } = all;
  await cleanArrives(all);
  const before = (await postfix.delivered()).length;
  const infected = await sendAs(front, GOOD_CLIENT, infectedMail("eicar@test"));
  assert.equal(infected.text, REFUSED, gateway.log);
  const zipped = await sendAs(front, GOOD_CLIENT, zippedMail("zip@test", Buffer.from(EICAR), 2));
  assert.equal(zipped.text, REFUSED, gateway.log);
  const unwanted = await sendAs(front, BAD_CLIENT, mail("bad@test"));
  assert.equal(unwanted.text, "550 5.7.1 Not from you", gateway.log);
  assert.equal(await postfix.queued(), 0);
  assert.equal((await postfix.delivered()).length, before);
  // The client that Postfix was told of is the one in Postern's log and in Postfix's own on the way back.
  await gateway.logged(new RegExp(`${BAD_CLIENT.replaceAll(".", "\\.")}`));
  assert.match(await postfix.log(), /postfix\/back\/smtpd\[\d+\]: .*192\.0\.2\.77/);
}

peerTest(
  ["postfix"],
  "smtpd_proxy_filter: the client itself sees the policy's reply",
  () => clientHears(""),
);

// Postfix then takes the whole message before it speaks to the filter.
peerTest(
  ["postfix"],
  "smtpd_proxy_filter with speed_adjust: the client sees the policy's reply",
  () => clientHears("speed_adjust"),
);
