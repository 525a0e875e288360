/** Postern as the milter of a real Postfix and of a real Sendmail, on TCP and on a socket in the file system. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { serviceUser } from "../daemon/unprivileged.ts";
import { corpusMail, hasCorpus } from "./corpus.ts";
import { Gateway } from "./gateway.ts";
import { differenceBesideHeaders } from "./headers.ts";
import { EICAR, infectedMail, mail, zippedMail } from "./mail.ts";
import { peer, peerTest } from "./peers/peer.ts";
import { POSTFIX_DOMAIN, smtpdService, startPostfix, twoPorts } from "./peers/postfix.ts";
import { run } from "./peers/process.ts";
import { ScriptedSink } from "./peers/scripted_sink.ts";
import { startSendmail } from "./peers/sendmail.ts";
import { type Reply, sendMail, SmtpClient } from "./peers/smtp_client.ts";
import { temporaryDirectory } from "./temporary.ts";
import { freePort, until } from "./wait.ts";

const REFUSED = "550 5.7.1 No viruses here, 100% sure";
const at = (name: string) => `${name}@${POSTFIX_DOMAIN}`;

/** By recipient, so that one gateway shows every outcome. */
const POLICY = {
  settings: {
    antivirus: { action: "scan", infected: "reject", notScanned: "defer" },
    antispam: { action: "accept" },
    marks: { header: "always" },
    replies: { infected: REFUSED },
  },
  rules: [
    {
      name: "bad sender",
      when: { sender: "bad@sender.test" },
      then: { action: "reject", reply: "550 5.7.1 Not from you" },
    },
    {
      name: "marked",
      when: { recipient: at("mark") },
      then: { antivirus: { infected: "accept" }, marks: { subject: "infected" } },
    },
    {
      name: "stripped",
      when: { recipient: at("strip") },
      then: { antivirus: { clean: "strict" } },
    },
    {
      name: "kept",
      when: { recipient: at("keep") },
      then: { antivirus: { infected: "quarantine" } },
    },
    { name: "black hole", when: { recipient: at("hole") }, then: { action: "discard" } },
    {
      name: "moved",
      when: { recipient: at("moved") },
      then: { action: "redirect", redirect: [at("there")] },
    },
    {
      name: "nobody",
      when: { recipient: at("nobody") },
      then: { action: "reject", reply: "550 5.1.1 Nobody of that name" },
    },
  ],
};

/** A message as it lies at its end, with LF lines. */
interface Delivered {
  readonly octets: Uint8Array;
  /** Envelope recipients, where they can be seen. */
  readonly to: readonly string[];
}

/** A mail server with Postern as its filter. */
interface Filtered extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly port: number;
  /** The same server without a filter. */
  readonly plainPort: number;
  delivered(): Promise<readonly Delivered[]>;
  log(): Promise<string>;
}

type Transport = "inet" | "unix";

/** The gateway, and how the mail server is to call it. */
async function startGateway(
  stack: AsyncDisposableStack,
  transport: Transport,
): Promise<{ gateway: Gateway; inet: string; unix: string }> {
  const socket = `${stack.use(await socketDirectory()).path}/milter.sock`;
  const gateway = stack.use(
    await Gateway.start({
      agents: {
        milter: transport === "inet"
          ? { agent: "milter" }
          : { agent: "milter", listen: `unix:${socket}`, socketMode: "0666" },
      },
      policy: POLICY,
    }),
  );
  const inet = transport === "inet" ? String(gateway.port("milter")) : "";
  return { gateway, inet, unix: socket };
}

/**
 * For the user that the gateway becomes, and nobody else to write in: Sendmail uses no socket where others could put one, and so
 * none below /tmp.
 */
async function socketDirectory(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ dir: "/run", prefix: "postern-test-" });
  await Deno.chmod(path, 0o755);
  const user = serviceUser();
  if (user) await Deno.chown(path, user.uid, user.gid);
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** Postfix takes mail of local programs, too. */
interface FilteredPostfix extends Filtered {
  submit(message: Uint8Array, recipients: readonly string[]): Promise<void>;
}

async function withPostfix(transport: Transport, version: number): Promise<FilteredPostfix> {
  const stack = new AsyncDisposableStack();
  try {
    const { gateway, inet, unix } = await startGateway(stack, transport);
    const { front, back } = twoPorts();
    const directory = stack.use(await temporaryDirectory());
    const sink = stack.use(ScriptedSink.start());
    const milter = transport === "inet" ? `inet:127.0.0.1:${inet}` : `unix:${unix}`;
    const postfix = stack.use(
      await startPostfix({
        directory: directory.path,
        main: [
          "smtpd_relay_restrictions = permit_mynetworks, reject",
          `virtual_mailbox_domains =`,
          `relayhost = [127.0.0.1]:${sink.port}`,
          "milter_default_action = tempfail",
          `non_smtpd_milters = ${milter}`,
          `milter_protocol = ${version}`,
          "disable_mime_output_conversion = yes",
        ],
        services: [
          smtpdService(front, [`smtpd_milters=${milter}`]),
          smtpdService(back, ["smtpd_milters="]),
        ],
      }, [front, back]),
    );
    const owned = stack.move();
    return {
      gateway,
      port: front,
      plainPort: back,
      delivered: () => Promise.resolve(sunk(sink)),
      log: postfix.log,
      submit: async (message, recipients) => {
        const args = ["-C", `${directory.path}/etc`, "-i", "-f", "a@sender.test", ...recipients];
        const { code, stderr } = await run("/usr/sbin/sendmail", args, { input: message });
        assert.equal(code, 0, stderr);
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

async function withSendmail(transport: Transport): Promise<Filtered> {
  const stack = new AsyncDisposableStack();
  try {
    const { gateway, inet, unix } = await startGateway(stack, transport);
    const directory = stack.use(await temporaryDirectory());
    const sink = stack.use(ScriptedSink.start());
    const port = freePort();
    const plainPort = freePort();
    const socket = transport === "inet" ? `inet:${inet}@127.0.0.1` : `unix:${unix}`;
    const sendmail = stack.use(
      await startSendmail({
        directory: directory.path,
        port,
        plainPort,
        nextHop: sink.port,
        filter: `S=${socket}, F=T, T=S:2m;R:2m;E:5m`,
      }),
    );
    const owned = stack.move();
    return {
      gateway,
      port,
      plainPort,
      delivered: () => Promise.resolve(sunk(sink)),
      log: sendmail.log,
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

function sunk(sink: ScriptedSink): Delivered[] {
  return sink.messages.map(({ octets, to }) => ({
    octets,
    to: to.map((each) => /<(.*?)>/.exec(each)?.[1] ?? each),
  }));
}

async function send(
  port: number,
  message: Uint8Array,
  recipients: readonly string[],
  sender = "a@sender.test",
): Promise<Reply> {
  return await sendMail(port, { sender, recipients, message });
}

const text = (octets: Uint8Array) => Buffer.from(octets).toString("latin1");

/** What was delivered with this Message-ID. */
async function arrived(
  server: Filtered,
  id: string,
  count = 1,
  from = 0,
): Promise<readonly Delivered[]> {
  let found: readonly Delivered[] = [];
  await until(`${count} of ${id}`, async () => {
    found = (await server.delivered()).slice(from).filter(({ octets }) =>
      text(octets).includes(`<${id}>`)
    );
    return found.length >= count;
  }, { more: () => server.gateway.log });
  return found;
}

/** Fields that the server itself adds anew to each message. */
const VARYING = ["received", "x-postern-*", "return-path"];

async function cleanPasses(server: Filtered): Promise<void> {
  const samples = [
    { name: "a small one", message: mail("clean@test") },
    {
      name: "dots, long lines, an attachment",
      message: mail("attached@test", {
        body: `.\r\n..two\r\n${"x".repeat(900)}\r\n\r\n`,
        attachments: [{ name: "a.bin", content: crypto.getRandomValues(new Uint8Array(60_000)) }],
      }),
    },
    ...await realMail(),
  ];
  for (const { name, message } of samples) {
    // First by itself: what the server changes on its own is not the filter's doing.
    const before = (await server.delivered()).length;
    for (const port of [server.plainPort, server.port]) {
      const reply = await send(port, message, [at("b")]);
      assert.equal(reply.code, 250, `${name}: ${reply.text}\n${server.gateway.log}`);
      const wanted = before + (port === server.plainPort ? 1 : 2);
      await until(`${name} delivered`, async () => (await server.delivered()).length >= wanted);
    }
    const [plain, filtered] = (await server.delivered()).slice(before);
    const stripped = withoutFields(plain!.octets, ["received"]);
    const difference = differenceBesideHeaders(stripped, filtered!.octets, VARYING);
    assert.equal(difference, undefined, name);
    assert.match(text(filtered!.octets), /^X-Postern-Status: /m);
  }
}

/** Takes whole fields out of a message. */
function withoutFields(octets: Uint8Array, names: readonly string[]): Uint8Array {
  const whole = text(octets);
  const end = whole.indexOf("\r\n\r\n") + 2;
  const header = whole.slice(0, end).replace(
    new RegExp(`^(?:${names.join("|")}):.*\\r\\n(?:[ \\t].*\\r\\n)*`, "gim"),
    "",
  );
  return Buffer.from(header + whole.slice(end), "latin1");
}

/** Messages of the corpus whose scan lets them pass. */
async function realMail(): Promise<{ name: string; message: Uint8Array }[]> {
  if (!await hasCorpus()) return [];
  return (await corpusMail(60)).filter(({ message }) => {
    const lines = text(message).split("\r\n");
    const header = lines.slice(0, lines.indexOf(""));
    return lines.every((line) => line.length < 900) && message.every((octet) => octet < 128) &&
      header.every((line) => /^[\x21-\x39\x3b-\x7e]+:|^[ \t]+\S/.test(line));
  }).slice(0, 12);
}

async function allOutcomes(server: Filtered): Promise<void> {
  const { port, gateway } = server;
  for (
    const message of [infectedMail("eicar@test"), zippedMail("zip@test", Buffer.from(EICAR), 2)]
  ) {
    assert.equal((await send(port, message, [at("b")])).text, REFUSED, gateway.log);
  }
  const bad = await send(port, mail("bad@test"), [at("b")], "bad@sender.test");
  // Sendmail names whom it is about.
  assert.match(bad.text, /^550 5\.7\.1 (?:<.*>\.\.\. )?Not from you$/);
  const nobody = await send(port, mail("nobody@test"), [at("nobody")]);
  assert.match(nobody.text, /^550 5\.1\.1 (?:<.*>\.\.\. )?Nobody of that name$/);

  await send(port, infectedMail("mark@test"), [at("mark")]);
  const [marked] = await arrived(server, "mark@test");
  assert.match(text(marked!.octets), /^Subject: \[INFECTED\] test mark@test\r$/m);
  assert.match(text(marked!.octets), /^X-Postern-Status: infected\r$/m);
  assert.match(text(marked!.octets), /^X-Postern-Finding: Eicar/m);

  const forged = Buffer.concat([
    Buffer.from("X-Postern-Status: clean\r\nX-Postern-Extra: x\r\n"),
    infectedMail("forged@test"),
  ]);
  await send(port, forged, [at("mark")]);
  const [unforged] = await arrived(server, "forged@test");
  assert.deepEqual(text(unforged!.octets).match(/^X-Postern-(?:Status|Extra).*$/gm), [
    "X-Postern-Status: infected",
  ]);

  const two = mail("strip@test", {
    attachments: [
      { name: "bad.com", content: Buffer.from(EICAR) },
      { name: "good.txt", content: Buffer.from("the good part of it") },
    ],
  });
  assert.equal((await send(port, two, [at("strip")])).code, 250, gateway.log);
  const [stripped] = await arrived(server, "strip@test");
  const content = text(stripped!.octets);
  assert.equal(content.includes(Buffer.from(EICAR).toString("base64").slice(0, 60)), false);
  assert.ok(content.includes(Buffer.from("the good part of it").toString("base64")));
  assert.match(content, /Nothing but a line of text\./);
  assert.match(content, /bad\.com/); // the notice that stands for it
  assert.match(content, /^X-Postern-Status: cleaned\r$/m);

  const before = (await server.delivered()).length;
  assert.equal((await send(port, infectedMail("keep@test"), [at("keep")])).code, 250);
  const control = await gateway.control();
  try {
    const { result } = await control.call("quarantine.list", { limit: 10 });
    const entries = result as readonly { messageId?: string; agent?: string; client?: string }[];
    assert.deepEqual(entries.map(({ messageId, agent }) => [messageId, agent]), [
      ["<keep@test>", "milter"],
    ]);
    assert.equal(entries[0]!.client, "127.0.0.1");
  } finally {
    control.close();
  }

  // Several recipients: who gets none of it is taken out, who would be treated in another way comes again.
  using session = await SmtpClient.connect(port);
  await session.ehlo();
  assert.equal((await session.command("MAIL FROM:<a@sender.test>")).code, 250);
  assert.equal((await session.command(`RCPT TO:<${at("hole")}>`)).code, 250);
  assert.equal((await session.command(`RCPT TO:<${at("B")}>`)).code, 250);
  assert.match((await session.command(`RCPT TO:<${at("mark")}>`)).text, /^452 4\.5\.3 /);
  assert.equal((await session.command("DATA")).code, 354);
  await session.wire.write(Buffer.concat([mail("several@test"), Buffer.from(".\r\n")]));
  assert.equal((await session.reply()).code, 250);
  // The same connection, the next message: nothing of the first one is left.
  const second = await session.send({
    sender: "a@sender.test",
    recipients: [at("moved")],
    message: mail("moved@test"),
  });
  assert.equal(second.code, 250, second.text);
  await session.quit();
  const several = await arrived(server, "several@test");
  assert.deepEqual(several.flatMap(({ to }) => to).map((each) => each.toLowerCase()), [at("b")]);
  const moved = await arrived(server, "moved@test");
  assert.deepEqual(moved.flatMap(({ to }) => to), [at("there")]);
  assert.equal((await server.delivered()).length, before + 2);
}

for (const [transport, version] of [["inet", 6], ["unix", 6]] as const) {
  peerTest(
    ["postfix"],
    `smtpd_milters by ${transport}, version ${version}: every outcome`,
    async () => {
      await using server = await withPostfix(transport, version);
      await cleanPasses(server);
      await allOutcomes(server);
    },
  );
}

peerTest(
  ["postfix"],
  "non_smtpd_milters: mail of local programs, with recipients who differ",
  async () => {
    await using server = await withPostfix("inet", 6);
    const lf = (message: Uint8Array) =>
      Buffer.from(text(message).replaceAll("\r\n", "\n"), "latin1");
    await server.submit(lf(mail("local@test")), [at("b"), at("mark")]);
    const [local] = await arrived(server, "local@test");
    assert.match(text(local!.octets), /^X-Postern-Status: clean\r$/m);
    assert.deepEqual(local!.to.toSorted(), [at("b"), at("mark")]);
    // What is refused goes back to its sender; the recipients see nothing of it.
    await server.submit(lf(infectedMail("localeicar@test")), [at("b"), at("mark")]);
    await until("Postfix to say why", async () => (await server.log()).includes("No viruses here"));
    assert.doesNotMatch(await server.log(), /milter configuration error/);
    const leaked = (await server.delivered()).filter(({ octets, to }) =>
      text(octets).includes("localeicar@test") && !to.includes("a@sender.test")
    );
    assert.deepEqual(leaked, []);
  },
);

for (const version of [2, 3, 4]) {
  peerTest(
    ["postfix"],
    `smtpd_milters with milter_protocol=${version}: every outcome`,
    async () => {
      await using server = await withPostfix("inet", version);
      await allOutcomes(server);
    },
  );
}

for (const transport of ["inet", "unix"] as const) {
  peerTest(["sendmail", "m4"], `INPUT_MAIL_FILTER by ${transport}: every outcome`, async () => {
    await using server = await withSendmail(transport);
    if (transport === "inet") await cleanPasses(server);
    await allOutcomes(server);
  });
}

for (const script of ["outcomes", "refusals", "versions"]) {
  for (const transport of ["inet", "unix"] as const) {
    peerTest(["miltertest"], `miltertest ${script}.lua by ${transport}`, async () => {
      await using stack = new AsyncDisposableStack();
      const { gateway, inet, unix } = await startGateway(stack, transport);
      const directory = new URL("fixtures/milter", import.meta.url).pathname;
      const socket = transport === "inet" ? `inet:${inet}@127.0.0.1` : `unix:${unix}`;
      const { code, stdout, stderr } = await run(await peer("miltertest"), [
        ...["-D", `socket=${socket}`, "-D", `directory=${directory}`],
        ...["-s", `${directory}/${script}.lua`],
      ]);
      assert.equal(code, 0, `${stdout}${stderr}\n${gateway.log}`);
    });
  }
}
