/** Postern as SpamAssassin's daemon: the real spamc, with all of its ways to ask. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { makeSample } from "../commands/selftest/samples.ts";
import { relayTo, startExim } from "./peers/exim.ts";
import { Gateway } from "./gateway.ts";
import { ENVELOPE, GTUBE, infectedMail, mail } from "./mail.ts";
import { peer, peerTest } from "./peers/peer.ts";
import { run, type RunResult } from "./peers/process.ts";
import { ScriptedSink } from "./peers/scripted_sink.ts";
import { sendMail } from "./peers/smtp_client.ts";
import { temporaryDirectory } from "./temporary.ts";
import { freePort } from "./wait.ts";

const POLICY = {
  settings: {
    antispam: { threshold: 5, spam: "accept", subjectPrefix: "[SPAM] " },
    antivirus: { infected: "reject", notScanned: "defer" },
  },
  rules: [
    {
      name: "for joe",
      when: { recipient: "joe@here.test" },
      then: { antispam: { threshold: 1000 } },
    },
  ],
};

const CLEAN = mail("spamc-clean@test");
const SPAM = mail("spamc-spam@test", { body: `${GTUBE}\r\n` });
const INFECTED = infectedMail("spamc-infected@test");
const LOCKED = makeSample("encrypted", { from: "a@b.test", to: ["c@d.test"], token: "spamc" });

const text = (message: Uint8Array) => Buffer.from(message).toString("latin1");

peerTest(["spamc"], "spamc gets scores, reports, symbols and marks from Postern", async () => {
  await using gateway = await Gateway.start({
    agents: { spamd: { agent: "spamd" } },
    policy: POLICY,
  });
  const port = String(gateway.port("spamd"));
  const program = await peer("spamc");
  const spamc = async (input: Uint8Array, ...args: readonly string[]): Promise<RunResult> =>
    await run(program, ["-d", "127.0.0.1", "-p", port, "-F", "/dev/null", ...args], { input });
  const all = { clean: CLEAN, spam: SPAM, infected: INFECTED } as const;

  // -c: figures, and the exit status.
  for (
    const [name, figures, code] of [
      ["clean", "0.0/5.0", 0],
      ["spam", "1000.0/5.0", 1],
      ["infected", "20.0/5.0", 1],
    ] as const
  ) {
    const said = await spamc(all[name], "-c");
    assert.deepEqual([said.stdout.trim(), said.code], [figures, code], name + gateway.log);
  }
  // Nothing: the message, marked by the policy; what is clean octet for octet.
  assert.equal((await spamc(CLEAN)).stdout, text(CLEAN));
  const marked = await spamc(SPAM);
  assert.equal(marked.code, 0);
  assert.match(marked.stdout, /^X-Postern-Status: spam\r\n/);
  assert.match(marked.stdout, /\r\nSubject: \[SPAM\] test spamc-spam@test\r\n/);
  assert.ok(marked.stdout.endsWith(text(SPAM).slice(text(SPAM).indexOf("\r\n\r\n"))));
  assert.match(
    (await spamc(INFECTED)).stdout,
    /^X-Postern-Status: infected\r\nX-Postern-Finding: Eicar/,
  );
  // -E: the same, with an exit status.
  assert.deepEqual((await spamc(CLEAN, "-E")).code, 0);
  const filtered = await spamc(SPAM, "-E");
  assert.deepEqual([filtered.code, filtered.stdout], [1, marked.stdout]);
  // --headers.
  const headers = await spamc(SPAM, "--headers");
  assert.equal(headers.stdout, marked.stdout);
  // -R and -r: reports.
  assert.match((await spamc(CLEAN, "-R")).stdout, /^0\.0\/5\.0\n[^]*0\.0 points, 5\.0 required/);
  assert.match((await spamc(SPAM, "-R")).stdout, /^1000\.0\/5\.0\n[^]*1000\.0 GTUBE /);
  assert.equal((await spamc(CLEAN, "-r")).stdout, "");
  assert.match((await spamc(SPAM, "-r")).stdout, /identified this message as spam[^]*GTUBE/);
  // -y: symbols.
  assert.equal((await spamc(SPAM, "-y")).stdout, "GTUBE");
  assert.equal((await spamc(INFECTED, "-y")).stdout, "POSTERN_INFECTED");
  // -u: who it is for.
  assert.equal((await spamc(SPAM, "-c", "-u", "joe@here.test")).stdout.trim(), "1000.0/1000.0");
  // -s: spamc itself passes on what is larger, unscanned.
  assert.deepEqual((await spamc(SPAM, "-c", "-s", "100")).stdout.trim(), "0/0");
  // Not scanned: by default spamc passes mail on; with -x it says so by its exit status.
  assert.equal((await spamc(LOCKED)).stdout, text(LOCKED));
  const strict = await spamc(LOCKED, "-x");
  assert.notEqual(strict.code, 0);
  assert.equal(strict.stdout, "");
  // -L and -C: nothing learns here, and it says so.
  assert.notEqual((await spamc(SPAM, "-x", "-L", "spam")).code, 0);
  assert.notEqual((await spamc(SPAM, "-x", "-C", "report")).code, 0);
  // -K: alive.
  assert.match((await spamc(CLEAN, "-K")).stdout, /^SPAMD\/1\.5 0/);
  assert.match(gateway.log, /agent=spamd listener=spamd .*reply="Spam: True ; 1000\.0 \/ 5\.0"/);
});

peerTest(["spamc"], "spamc reaches Postern by a socket in the file system", async () => {
  await using directory = await temporaryDirectory();
  await Deno.chmod(directory.path, 0o777);
  const socket = `${directory.path}/spamd.sock`;
  await using _gateway = await Gateway.start({
    agents: { spamd: { agent: "spamd", listen: `unix:${socket}`, socketMode: "0666" } },
    policy: POLICY,
  });
  const said = await run(await peer("spamc"), ["-U", socket, "-F", "/dev/null", "-c"], {
    input: SPAM,
  });
  assert.deepEqual([said.stdout.trim(), said.code], ["1000.0/5.0", 1]);
});

peerTest(["exim4"], "Exim's spam condition asks Postern as spamd and as Rspamd", async () => {
  await using gateway = await Gateway.start({
    agents: { spamd: { agent: "spamd" }, rspamd: { agent: "rspamd" } },
    policy: POLICY,
  });
  for (const agent of ["spamd", "rspamd"] as const) {
    await using directory = await temporaryDirectory();
    await using sink = ScriptedSink.start();
    const port = freePort();
    const variant = agent === "rspamd" ? " variant=rspamd" : "";
    await using exim = await startExim({
      directory: directory.path,
      port,
      main: [
        `spamd_address = 127.0.0.1 ${gateway.port(agent)}${variant}`,
        "acl_smtp_data = check",
      ],
      acl: [
        "check:",
        "  warn spam = nobody:true",
        "  deny condition = ${if eq{$spam_action}{no action}{no}{yes}}",
        "       message = Scored $spam_score, $spam_action",
        "  accept",
      ],
      ...relayTo(sink.port),
    });
    const send = (message: Uint8Array) => sendMail(port, { ...ENVELOPE, message });
    const clean = await send(CLEAN);
    assert.equal(clean.code, 250, `${agent}: ${clean.text}\n${await exim.log()}`);
    const spam = await send(SPAM);
    assert.equal(spam.code, 550, `${agent}: ${spam.text}\n${await exim.log()}`);
    assert.match(spam.text, /Scored 1000\.0, (?:reject|rewrite subject)/, `${agent}: ${spam.text}`);
    const infected = await send(INFECTED);
    assert.equal(infected.code, 550, `${agent}: ${infected.text}`);
    assert.match(infected.text, /Scored 20\.0, reject/, agent);
  }
  assert.match(
    gateway.log,
    /agent=rspamd listener=rspamd client=127\.0\.0\.1 .*from=<a@sender\.test>/,
  );
});
