/** Postern as Rspamd's worker: the real rspamc, and Rspamd's own milter proxy between a real Postfix and Postern. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { canDecompress } from "../agents/decompress.ts";
import { makeSample } from "../commands/selftest/samples.ts";
import { Gateway } from "./gateway.ts";
import { GTUBE, infectedMail, mail } from "./mail.ts";
import { peer, peerTest } from "./peers/peer.ts";
import { smtpdService, startPostfix } from "./peers/postfix.ts";
import { run, type RunResult } from "./peers/process.ts";
import { startRspamd } from "./peers/rspamd.ts";
import { ScriptedSink } from "./peers/scripted_sink.ts";
import { sendMail } from "./peers/smtp_client.ts";
import { temporaryDirectory } from "./temporary.ts";
import { freePort, until } from "./wait.ts";

const POLICY = {
  settings: {
    antispam: { threshold: 5, spam: "accept" },
    antivirus: { infected: "reject", notScanned: "defer" },
    replies: { infected: "550 5.7.1 No viruses here" },
  },
  rules: [
    {
      name: "cleaned",
      when: { recipient: "clean@here.test" },
      then: { antivirus: { clean: "strict" } },
    },
    { name: "hole", when: { recipient: "hole@here.test" }, then: { action: "discard" } },
    {
      name: "moved",
      when: { recipient: "moved@here.test" },
      then: { action: "redirect", redirect: ["there@here.test"] },
    },
    {
      name: "subject",
      when: { recipient: "subject@here.test" },
      then: { antispam: { subjectPrefix: "[SPAM] " } },
    },
    { name: "helo", when: { helo: "evil.test" }, then: { action: "reject" } },
  ],
};

const CLEAN = mail("rspamc-clean@test");
const SPAM = mail("rspamc-spam@test", { body: `${GTUBE}\r\n` });
const INFECTED = infectedMail("rspamc-infected@test");
const LOCKED = makeSample("encrypted", { from: "a@b.test", to: ["c@d.test"], token: "rspamc" });

peerTest(["rspamc"], "rspamc gets actions, symbols and changed mail from Postern", async () => {
  await using gateway = await Gateway.start({
    agents: { rspamd: { agent: "rspamd" }, locked: { agent: "rspamd", password: "correct horse" } },
    policy: POLICY,
  });
  const program = await peer("rspamc");
  const rspamc = async (
    input: Uint8Array,
    args: readonly string[],
    listener = "rspamd",
  ): Promise<RunResult> =>
    await run(program, ["-h", `127.0.0.1:${gateway.port(listener)}`, ...args], { input });
  const symbols = async (input: Uint8Array, ...args: readonly string[]) => {
    const said = await rspamc(input, [...args, "symbols"]);
    assert.equal(said.code, 0, said.stderr + gateway.log);
    return said.stdout;
  };

  assert.match(await symbols(CLEAN), /Action: no action\nSpam: false\nScore: 0\.00 \/ 5\.00\n/);
  assert.match(await symbols(CLEAN), /Message-ID: rspamc-clean@test\n/);
  assert.match(
    await symbols(SPAM),
    /Action: add header\nSpam: true\nScore: 1000\.00 \/ 5\.00\nSymbol: GTUBE \(1000\.00\)/,
  );
  const infected = await symbols(INFECTED);
  assert.match(
    infected,
    /Action: reject\n[^]*Symbol: POSTERN_INFECTED \(20\.00\)\[Eicar-Test-Signature\]/,
  );
  assert.match(infected, /smtp_message: No viruses here/);
  assert.match(await symbols(LOCKED), /Action: soft reject\n[^]*POSTERN_NOT_SCANNED/);
  // What rspamc says of the message are facts for the policy.
  assert.match(await symbols(CLEAN, "--helo", "evil.test"), /Action: reject\n/);
  await symbols(
    CLEAN,
    "-F",
    "a@sender.test",
    "-r",
    "b@here.test",
    "-r",
    "c@here.test",
    "-i",
    "192.0.2.9",
    "-u",
    "joe",
    "--hostname",
    "mx.test",
  );
  await gateway.logged(
    /agent=rspamd .*client=192\.0\.2\.9 .*from=<a@sender\.test>.*b@here\.test,? ?c@here\.test/,
  );
  // Compressed by zstd, where the runtime knows it.
  const compressed = (await rspamc(INFECTED, ["-z", "symbols"])).stdout;
  assert.match(compressed, canDecompress("zstd") ? /POSTERN_INFECTED/ : /zstd.* not known/);
  // --mime: the message with rspamc's own fields, or the one that Postern cleaned.
  const plain = await rspamc(CLEAN, ["--mime"]);
  assert.match(plain.stdout, /X-Spam-Action: no action/);
  assert.ok(plain.stdout.endsWith("Nothing but a line of text.\r\n"), plain.stdout);
  const cleaned = await rspamc(INFECTED, ["--mime", "-r", "clean@here.test"]);
  assert.match(cleaned.stdout, /X-Postern-Status: (?:cleaned|deleted)/);
  assert.ok(
    !cleaned.stdout.includes(Buffer.from(INFECTED).toString().slice(-300, -100)),
    cleaned.stdout,
  );
  // With a password, and without.
  assert.match(
    (await rspamc(CLEAN, ["-P", "correct horse", "symbols"], "locked")).stdout,
    /no action/,
  );
  assert.doesNotMatch((await rspamc(CLEAN, ["symbols"], "locked")).stdout, /Action/);
  // What only Rspamd's controller does.
  assert.match((await rspamc(SPAM, ["learn_spam"])).stdout, /404|Not Found|There is no/i);
});

peerTest(
  ["rspamd", "postfix"],
  "Rspamd's milter proxy lets Postern decide for a Postfix",
  async () => {
    await using directory = await temporaryDirectory();
    await using gateway = await Gateway.start({
      agents: { rspamd: { agent: "rspamd" } },
      policy: POLICY,
    });
    await Deno.mkdir(`${directory.path}/rspamd`);
    await using proxy = await startRspamd({
      directory: `${directory.path}/rspamd`,
      proxyTo: `127.0.0.1:${gateway.port("rspamd")}`,
    });
    await using sink = ScriptedSink.start();
    const port = freePort();
    await Deno.mkdir(`${directory.path}/postfix`);
    await Deno.chmod(`${directory.path}/postfix`, 0o755);
    await using postfix = await startPostfix({
      directory: `${directory.path}/postfix`,
      main: [
        "virtual_mailbox_domains =",
        `relayhost = [127.0.0.1]:${sink.port}`,
        "milter_default_action = tempfail",
      ],
      services: [smtpdService(port, [`smtpd_milters=inet:127.0.0.1:${proxy.port}`])],
    }, [port]);
    const more = async () => `${gateway.log}\n${proxy.log()}\n${await postfix.log()}`;
    const send = (message: Uint8Array, name: string) =>
      sendMail(port, { sender: "a@sender.test", recipients: [`${name}@here.test`], message });
    const arrived = async (id: string) => {
      const found = () =>
        sink.messages.find(({ octets }) =>
          Buffer.from(octets).toString("latin1").includes(`<${id}>`)
        );
      await until(id, () => found() !== undefined, { more: () => gateway.log + proxy.log() });
      const { octets, to } = found()!;
      return { text: Buffer.from(octets).toString("latin1"), to: to.join() };
    };

    assert.equal((await send(mail("p-clean@test"), "b")).code, 250, await more());
    assert.doesNotMatch((await arrived("p-clean@test")).text, /X-Postern|X-Spam/);
    const refused = await send(infectedMail("p-bad@test"), "b");
    assert.equal(refused.code, 554, await more());
    assert.match(refused.text, /No viruses here/);
    assert.equal((await send(LOCKED, "b")).code, 451);
    // Marks: at the top, and a forged one of the same name is taken out.
    const forged = Buffer.concat([
      Buffer.from("X-Postern-Status: clean\r\n"),
      mail("p-spam@test", { body: `${GTUBE}\r\n` }),
    ]);
    assert.equal((await send(forged, "b")).code, 250, await more());
    const marked = (await arrived("p-spam@test")).text;
    assert.deepEqual(marked.match(/^X-Postern-Status: .*$/gm)?.map((line) => line.trim()), [
      "X-Postern-Status: spam",
    ]);
    assert.match(marked, /^X-Spam: Yes\r$/m);
    const subject = mail("p-subject@test", { body: `${GTUBE}\r\n` });
    assert.equal((await send(subject, "subject")).code, 250, await more());
    assert.match(
      (await arrived("p-subject@test")).text,
      /^Subject: \[SPAM\] test p-subject@test\r$/m,
    );
    assert.equal((await send(mail("p-moved@test"), "moved")).code, 250, await more());
    assert.match((await arrived("p-moved@test")).to, /^<there@here\.test>/);
    assert.equal((await send(mail("p-hole@test"), "hole")).code, 250, await more());
    await gateway.logged(/to=hole@here\.test action=discard/);
    assert.ok(!sink.messages.some(({ octets }) => Buffer.from(octets).includes("p-hole@test")));
  },
);
