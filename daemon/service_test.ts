import assert from "node:assert/strict";
import { controlPath } from "./state.ts";
import { ControlClient } from "./control/client.ts";
import { Service } from "./service.ts";
import type { DaemonStatus } from "./status.ts";
import { freePort, until } from "../tests/wait.ts";
import { SmtpClient } from "../tests/peers/smtp_client.ts";
import { temporaryDirectory } from "../tests/temporary.ts";
import { virusScan } from "../tests/scan_settings.ts";

const SCAN_WORKER = new URL("../tests/fixtures/scanner_worker.ts", import.meta.url);
const MESSAGE = "From: a@example.org\r\nTo: b@example.com\r\nSubject: x\r\n\r\nHello\r\n";
const SETTINGS = virusScan("mail");

const octets = (text: string) => new TextEncoder().encode(text);

/** A gateway in this process, its documents and a client of its control socket. */
async function gateway(config: Readonly<Record<string, unknown>> = {}, fixture = false) {
  const directory = await temporaryDirectory();
  const path = `${directory.path}/postern.config.ts`;
  const port = freePort();
  const write = async (changes: Readonly<Record<string, unknown>>, policy: unknown = {}) => {
    const value = {
      user: "root",
      hostname: "gateway.test",
      agents: [{ agent: "smtp", listen: `127.0.0.1:${port}`, nextHop: "maildir:./Maildir" }],
      scanners: { processes: 1 },
      log: { to: [`file:./log`] },
      ...changes,
    };
    const policyText = typeof policy === "string"
      ? policy
      : `export default ${JSON.stringify(policy)};`;
    await Deno.writeTextFile(`${directory.path}/policy.ts`, policyText);
    await Deno.writeTextFile(path, `export default ${JSON.stringify(value)};`);
  };
  await write(config);
  const service = await Service.start(path, undefined, fixture ? { scanWorker: SCAN_WORKER } : {});
  const control = await ControlClient.connect(controlPath(`${directory.path}/state`));
  return {
    directory: directory.path,
    path,
    port,
    service,
    control,
    write,
    log: () => Deno.readTextFile(`${directory.path}/log`),
    status: async () => (await control.call("status")).result as DaemonStatus,
    mail: async () => (await Array.fromAsync(Deno.readDir(`${directory.path}/Maildir/new`))).length,
    async [Symbol.asyncDispose]() {
      await service.stop();
      control.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

async function send(port: number): Promise<number> {
  using client = await SmtpClient.connect(port);
  await client.ehlo();
  const reply = await client.send({
    sender: "a@example.org",
    recipients: ["b@example.com"],
    message: octets(MESSAGE),
  });
  return reply.code;
}

Deno.test("Service takes mail by SMTP into a Maildir, and says what it does", async () => {
  await using at = await gateway();
  assert.equal(await send(at.port), 250);
  assert.equal(await at.mail(), 1);
  const status = await at.status();
  assert.equal(status.agents[0]?.addresses[0], `127.0.0.1:${at.port}`);
  assert.deepEqual(status.agents[0]?.permissions.net, [`127.0.0.1:${at.port}`]);
  await until("the record", async () => (await at.status()).counters["status.clean"] === 1);
  assert.ok(status.scanners.processes.every(({ memory }) => (memory ?? 0) > 1e6));
  assert.match(status.policy.hash, /^[0-9a-f]{64}$/);
  const messages = (await at.control.call("messages")).result;
  assert.ok(Array.isArray(messages) && messages.length === 1);
  assert.equal((await Deno.stat(controlPath(`${at.directory}/state`))).mode! & 0o777, 0o600);
});

Deno.test("Service serves one-shot tools: scan, process, many calls at once", async () => {
  await using at = await gateway();
  const eicar = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*";
  const results = await Promise.all(
    Array.from(
      { length: 20 },
      (_, i) => at.control.call("scan", SETTINGS, octets(i % 2 ? eicar : MESSAGE)),
    ),
  );
  const statuses = results.map(({ result }) => (result as { status: string }).status);
  assert.deepEqual(new Set(statuses.filter((_, i) => i % 2 === 0)), new Set(["clean"]));
  assert.deepEqual(new Set(statuses.filter((_, i) => i % 2 === 1)), new Set(["infected"]));
  const envelope = { sender: "a@example.org", recipients: ["b@example.com"] };
  const processed = await at.control.call(
    "process",
    { agent: "pipe", listener: "pipe", envelope },
    octets(MESSAGE),
  );
  assert.equal((processed.result as { action: string }).action, "accept");
  assert.ok(processed.octets);
  await assert.rejects(at.control.call("no such"), { code: "command/usage" });
  await assert.rejects(at.control.call("scan", {}, octets("x")), { code: "command/usage" });
  await assert.rejects(at.control.call("scan", SETTINGS), { code: "command/usage" });
});

Deno.test("Service reloads both documents, and keeps what is in force where one does not check", async (test) => {
  await using at = await gateway();
  const before = (await at.status()).policy.hash;
  using session = await SmtpClient.connect(at.port);
  await session.ehlo();

  await test.step("a policy that does not check", async () => {
    await at.write({}, { settings: { antivirus: { infected: "explode" } } });
    await assert.rejects(at.control.call("reload"), {
      code: "document/invalid",
      message: /infected/,
    });
  });
  await test.step("a policy with a syntax error", async () => {
    await at.write({}, "export default {{;");
    await assert.rejects(at.control.call("reload"), {
      code: "document/invalid",
      message: /policy\.ts:1:/,
    });
  });
  await test.step("an address that is taken", async () => {
    const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const agents = [{
      agent: "smtp",
      listen: `127.0.0.1:${taken.addr.port}`,
      nextHop: "maildir:./Maildir",
    }];
    await at.write({ agents }, { settings: { antivirus: { infected: "discard" } } });
    await assert.rejects(at.control.call("reload"), {
      message: /Cannot start agent "smtp".*: Address already in use$/,
    });
    taken.close();
  });
  const status = await at.status();
  assert.equal(status.policy.hash, before);
  assert.match(status.reload?.error ?? "", /Cannot start/);
  assert.equal(await send(at.port), 250);

  await test.step("documents that check", async () => {
    await at.write({ inFlight: "100MB" }, { settings: { antivirus: { infected: "discard" } } });
    await at.control.call("reload");
    const after = await at.status();
    assert.notEqual(after.policy.hash, before);
    assert.equal(after.inFlight.limit, 100 << 20);
    assert.equal((await session.command("NOOP")).code, 250, "the session from before goes on");
  });
  await test.step("another next hop on the same address", async () => {
    const agents = [{ agent: "smtp", listen: `127.0.0.1:${at.port}`, nextHop: "maildir:./Other" }];
    await at.write({ agents, scanners: { processes: 2 } });
    await at.control.call("reload");
    assert.equal(await send(at.port), 250);
    const other = await Array.fromAsync(Deno.readDir(`${at.directory}/Other/new`));
    assert.equal(other.length, 1);
  });
  await test.step("another address", async () => {
    const port = freePort();
    const agents = [{ agent: "smtp", listen: `127.0.0.1:${port}`, nextHop: "maildir:./Maildir" }];
    await at.write({ agents });
    await at.control.call("reload");
    assert.equal(await send(port), 250);
    await until(
      "the old listener's end",
      () => SmtpClient.connect(at.port).then(() => false, () => true),
    );
  });
});

Deno.test("Service reloads ten times with other next hops, and no client notices", async () => {
  await using at = await gateway({ stopTime: "20s" });
  const agents = (round: number) => [{
    agent: "smtp",
    // The name changes, too: an address is taken over from whoever has it.
    name: `smtp-${round % 3}`,
    listen: `127.0.0.1:${at.port}`,
    nextHop: `maildir:./Maildir-${round}`,
  }];
  let going = true;
  let taken = 0;
  const client = async () => {
    while (going) {
      // Throws where the connection is refused or reset.
      assert.equal(await send(at.port), 250);
      taken++;
    }
  };
  const clients = Promise.all([client(), client(), client(), client()]);
  clients.catch(() => {});
  for (let round = 0; round < 10; round++) {
    await at.write({ agents: agents(round), stopTime: "20s" });
    await at.control.call("reload");
    // Each client is in one message at most that began before.
    const before = taken;
    await Promise.race([until("mail after it", () => taken > before + 8), clients]);
  }
  going = false;
  await clients;
  let delivered = await at.mail();
  for (let round = 0; round < 10; round++) {
    const mail = await Array.fromAsync(Deno.readDir(`${at.directory}/Maildir-${round}/new`));
    assert.ok(mail.length > 0, `next hop ${round} got none`);
    delivered += mail.length;
  }
  assert.equal(delivered, taken);
  await until(
    "the end of those that were replaced",
    async () => (await at.status()).agents.length === 1,
  );
  assert.doesNotMatch(await at.log(), / error msg=|ended before they were done/);
});

Deno.test("Service watches the policy and what it imports, where the configuration says so", async (test) => {
  await using at = await gateway({ watch: true });
  const policy = `${at.directory}/policy.ts`;
  // Refusals alone: what was written twice a moment ago may be taken over twice.
  const refusals = async () => (await at.log()).match(/Cannot reload/g)?.length ?? 0;
  const hash = async () => (await at.status()).policy.hash;
  const changed = (before: string) => until("another policy", async () => await hash() !== before);
  const source = (settings: string) =>
    `import { settings } from "./lists/settings.ts";\nexport default { settings, ...${settings} };`;
  await Deno.mkdir(`${at.directory}/lists`);
  await Deno.writeTextFile(`${at.directory}/lists/settings.ts`, "export const settings = {};");

  await test.step("written anew", async () => {
    const before = await hash();
    await Deno.writeTextFile(
      policy,
      source('{ settings: { antivirus: { infected: "discard" } } }'),
    );
    await changed(before);
    const status = await at.status();
    assert.equal(status.reload?.by, "watch");
    assert.ok(status.policy.watched);
  });
  await test.step("renamed into place, as editors do", async () => {
    const before = await hash();
    await Deno.writeTextFile(`${policy}.new`, source("{}"));
    await Deno.rename(`${policy}.new`, policy);
    await changed(before);
  });
  await test.step("a file that it imports", async () => {
    const before = await hash();
    const settings = 'export const settings = { antivirus: { infected: "quarantine" } };';
    await Deno.writeTextFile(`${at.directory}/lists/settings.ts`, settings);
    await changed(before);
  });
  await test.step("one that does not check: once a change, and the old stays", async () => {
    const [before, count] = [await hash(), await refusals()];
    await Deno.writeTextFile(policy, 'import { x } from "./lists/more.ts"; export default { x };');
    await until("the refusal", async () => await refusals() === count + 1);
    assert.match((await at.status()).reload?.error ?? "", /more\.ts: there is no such file/);
    // What happens beside it is none of its business.
    await Deno.writeTextFile(`${at.directory}/lists/other.ts`, "");
    await Deno.writeTextFile(`${at.directory}/other.ts`, "");
    assert.equal(await send(at.port), 250);
    assert.equal(await hash(), before);
    // The file that was missing is one of the document's, too.
    await Deno.writeTextFile(`${at.directory}/lists/more.ts`, "export const x = 1;");
    await until("another refusal", async () => await refusals() === count + 2);
    assert.match((await at.status()).reload?.error ?? "", /policy\.ts: x/);
  });
  await test.step("mended", async () => {
    await Deno.writeTextFile(policy, "export default {};");
    await until("the reload", async () => (await at.status()).reload?.error === undefined);
  });
  await test.step("watched no more", async () => {
    await at.write({ watch: false });
    await at.control.call("reload");
    assert.ok(!(await at.status()).policy.watched);
  });
});

Deno.test("Service.stop() finishes the message in flight, and is gone then", async () => {
  const at = await gateway({}, true);
  using client = await SmtpClient.connect(at.port);
  await client.ehlo();
  await client.command("MAIL FROM:<a@example.org>");
  await client.command("RCPT TO:<b@example.com>");
  await client.command("DATA");
  const reply = client.command("sleep 1500\r\n\r\nHello\r\n.");
  await until(
    "the scan",
    async () => (await at.status()).scanners.processes.some(({ state }) => state === "busy"),
  );
  const stopped = at.control.call("stop").catch((error) => error.code);
  assert.equal((await reply).code, 250);
  assert.equal(await stopped, "wire/closed");
  await at.service.stopped;
  assert.equal(await at.mail(), 1);
  await assert.rejects(ControlClient.connect(controlPath(`${at.directory}/state`)), {
    code: "daemon/not-running",
  });
  assert.match(await at.log(), /status=clean/);
  await at[Symbol.asyncDispose]();
});

Deno.test("Service defers mail that its scanner dies of, and goes on", async () => {
  await using at = await gateway({}, true);
  using client = await SmtpClient.connect(at.port);
  await client.ehlo();
  for (const [first, code] of [["throw", 451], ["hello", 250]] as const) {
    await client.command("MAIL FROM:<a@example.org>");
    await client.command("RCPT TO:<b@example.com>");
    await client.command("DATA");
    const reply = await client.command(`${first}\r\n\r\nHello\r\n.`);
    assert.equal(reply.code, code, reply.text);
  }
  assert.equal((await at.status()).scanners.poison, 1);
});

Deno.test("Service.start() refuses a second daemon on the same state", async () => {
  await using at = await gateway();
  await assert.rejects(Service.start(at.path), { code: "daemon/running" });
  assert.equal(await send(at.port), 250);
});

Deno.test("a call that is cancelled lets go of its scan", async () => {
  await using at = await gateway({}, true);
  const controller = new AbortController();
  const call = at.control.call("scan", SETTINGS, octets("wait"), controller.signal);
  await until(
    "the scan",
    async () => (await at.status()).scanners.processes.some(({ state }) => state === "busy"),
  );
  controller.abort();
  await assert.rejects(call, { code: "scan/cancelled" });
  assert.equal(
    ((await at.control.call("scan", SETTINGS, octets("next"))).result as { status: string }).status,
    "clean",
  );
  assert.equal((await at.status()).inFlight.octets, 0);
});
