import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { compilePolicy } from "../../policy/compile.ts";
import { until } from "../../tests/wait.ts";
import { MilterHarness } from "./testing/harness.ts";
import { frame, macros, modified, type MtaMessage } from "./testing/mta.ts";

const CLEAN: MtaMessage = {
  fields: [
    ["From", "A <a@sender.test>"],
    ["Subject", "a test"],
    ["X-Long", "one\n two\n\tthree"],
  ],
  body: "Just text.\r\n.dot\r\n",
};
const INFECTED: MtaMessage = { ...CLEAN, body: "INFECTED\r\n" };

/** Versions with what MTAs of that age offer. */
const AGES: readonly (readonly [version: number, actions: number, protocol: number])[] = [
  [2, 0x3f, 0x7f],
  [3, 0x3f, 0x1ff],
  [4, 0x3f, 0x3ff],
  [6, 0x1ff, 0x1fffff],
];

for (const [version, actions, protocol] of AGES) {
  Deno.test(`attack 23: milter version ${version}: clean mail is scanned as sent and marked at the top`, async () => {
    await using all = await MilterHarness.start({ settings: { marks: { header: "always" } } });
    const mta = await all.mta(version, actions, protocol);
    assert.equal(mta.version, version);
    const seen: string[] = [];
    all.ports.scanning = (message) => void seen.push(Buffer.from(message).toString("latin1"));
    const end = await mta.message(CLEAN);
    assert.equal(end.final.command, "a");
    assert.deepEqual(seen, [
      "From: A <a@sender.test>\r\nSubject: a test\r\nX-Long: one\r\n two\r\n\tthree\r\n\r\nJust text.\r\n.dot\r\n",
    ]);
    const after = modified(CLEAN, end, (mta.protocol & 0x100000) !== 0);
    assert.equal(after.body, CLEAN.body);
    const marks = after.fields.filter(([name]) => name.startsWith("X-Postern"));
    assert.deepEqual(marks[0], ["X-Postern-Status", " clean"]);
    assert.deepEqual(
      after.fields.filter(([name]) => !name.startsWith("X-Postern")),
      CLEAN.fields.map(([name, value]) => [name, ` ${value}`]),
    );
    if (version > 2) assert.equal(after.fields[0]![0], "X-Postern-Status");
    const [record] = all.ports.records;
    assert.equal(record!.agent, "milter");
    assert.equal(record!.status, "clean");
    assert.equal(record!.envelope.client, "192.0.2.1");
    assert.equal(record!.envelope.helo, "client.test");
  });

  Deno.test(`attack 23: milter version ${version}: infected mail gets the policy's text, % doubled`, async () => {
    await using all = await MilterHarness.start({
      settings: {
        antivirus: { infected: "reject" },
        replies: { infected: "550 5.7.1 100% infected" },
      },
    });
    const mta = await all.mta(version, actions, protocol);
    const { final, modifications } = await mta.message(INFECTED);
    assert.deepEqual([final.command, final.data.toString()], ["y", "550 5.7.1 100%% infected\0"]);
    assert.deepEqual(modifications, []);
    // The connection goes on with the next message.
    assert.equal((await mta.message(CLEAN)).final.command, "a");
  });
}

Deno.test("milter: forged own fields are cut, all others stay as and where they are", async () => {
  await using all = await MilterHarness.start({
    settings: {
      antivirus: { infected: "accept" },
      marks: { header: "always" },
    },
  });
  const mta = await all.mta();
  const message: MtaMessage = {
    ...INFECTED,
    fields: [
      ["X-Postern-Status", "clean"],
      ["Received", "from x"],
      ["Subject", "first"],
      ["Received", "from y"],
      ["x-postern-status", "clean"],
      ["Subject", "second"],
    ],
  };
  const end = await mta.message(message);
  const after = modified(message, end, true);
  assert.deepEqual(after.fields.filter(([name]) => /^x-postern-status$/i.test(name)), [
    ["X-Postern-Status", " infected"],
  ]);
  assert.deepEqual(after.fields.filter(([name]) => !/^x-postern/i.test(name)), [
    ["Received", " from x"],
    ["Subject", " first"],
    ["Received", " from y"],
    ["Subject", " second"],
  ]);
  assert.equal(end.modifications.some(({ command }) => command === "b"), false);
});

Deno.test("milter: a cleaned message has its body replaced, last and in chunks", async () => {
  await using all = await MilterHarness.start({
    settings: { antivirus: { clean: "strict", infected: "reject" }, marks: { header: "always" } },
  });
  const mta = await all.mta();
  const end = await mta.message({ ...INFECTED, body: `INFECTED\r\n${"x".repeat(200_000)}\r\n` });
  assert.equal(end.final.command, "a");
  const after = modified(INFECTED, end, true);
  assert.doesNotMatch(after.body, /INFECTED/);
  assert.match(after.body, /removed by the mail gateway/);
  assert.equal(end.modifications.at(-1)!.command, "b");
  assert.match(after.fields[0]!.join(":"), /^X-Postern-Status: (?:cleaned|deleted)$/);
});

Deno.test("milter: what cannot be cleaned with this MTA is refused, not let in", async () => {
  await using all = await MilterHarness.start({
    settings: { antivirus: { clean: "strict", infected: "reject" } },
  });
  const mta = await all.mta(6, 0x1, 0x1fffff); // it may only add fields
  const { final, modifications } = await mta.message(INFECTED);
  assert.equal(final.command, "y");
  assert.match(final.data.toString(), /^5/);
  assert.deepEqual(modifications, []);
});

Deno.test("milter: marks that the MTA does not allow are done without", async () => {
  await using all = await MilterHarness.start({ settings: { marks: { header: "always" } } });
  const mta = await all.mta(6, 0, 0);
  const { final, modifications } = await mta.message(CLEAN);
  assert.deepEqual([final.command, modifications.length], ["a", 0]);
  assert.match(all.ports.logged.join("\n"), /does not let its filter/);
});

Deno.test("milter: quarantine is on disk before the MTA hears discard", async () => {
  await using all = await MilterHarness.start({
    settings: { antivirus: { infected: "quarantine" } },
  });
  const mta = await all.mta();
  assert.equal((await mta.message(INFECTED)).final.command, "d");
  assert.equal(all.ports.kept.length, 1);
  assert.equal(all.ports.kept[0]!.agent, "milter");
  all.ports.full = true;
  const { final } = await mta.message(INFECTED);
  assert.equal(final.data.toString(), "451 4.3.0 Try again later\0");
});

Deno.test("milter: refusals at connect, sender and recipient are said there", async () => {
  await using all = await MilterHarness.start({
    rules: [
      {
        name: "client",
        when: { client: "192.0.2.66" },
        then: { action: "reject", reply: "550 5.7.1 not you" },
      },
      {
        name: "helo",
        when: { helo: "bad.test" },
        then: { action: "reject", reply: "550 5.7.1 not by this name" },
      },
      {
        name: "sender",
        when: { sender: "spam@sender.test" },
        then: { action: "defer", reply: "451 4.7.1 later" },
      },
      {
        name: "recipient",
        when: { recipient: "nobody@here.test" },
        then: { action: "reject", reply: "550 5.1.1 nobody" },
      },
    ],
  });
  const bad = await all.open();
  await bad.negotiate();
  const refused = await bad.greet("192.0.2.66");
  assert.equal(refused.data.toString(), "550 5.7.1 not you\0");
  // It holds for the whole connection.
  assert.equal((await bad.envelope()).data.toString(), "550 5.7.1 not you\0");

  const mta = await all.mta();
  const sender = await mta.envelope("<spam@sender.test>");
  assert.equal(sender.data.toString(), "451 4.7.1 later\0");
  const recipient = await mta.envelope("<a@sender.test>", ["<nobody@here.test>"]);
  assert.equal(recipient.data.toString(), "550 5.1.1 nobody\0");
  const other = await mta.step("R", frame("R", "<b@here.test>\0"));
  assert.equal(other.command, "c");
  assert.equal((await mta.content(CLEAN)).final.command, "a");
  await mta.step("H", frame("H", "bad.test\0"));
  assert.equal((await mta.envelope()).data.toString(), "550 5.7.1 not by this name\0");
  assert.deepEqual(all.ports.records.map(({ status }) => status), [
    "refused",
    "refused",
    "refused",
    "clean",
    "refused",
  ]);
  assert.deepEqual(all.ports.records[3]!.envelope.recipients, ["b@here.test"]);
});

Deno.test("milter: recipients who get none of it are taken out, others who differ wait", async () => {
  await using all = await MilterHarness.start({
    rules: [
      { name: "trap", when: { recipient: "trap@here.test" }, then: { action: "quarantine" } },
      { name: "hole", when: { recipient: "hole@here.test" }, then: { action: "discard" } },
      {
        name: "lenient",
        when: { recipient: "lenient@here.test" },
        then: { antivirus: { infected: "accept" } },
      },
    ],
  });
  const mta = await all.mta();
  const said = await mta.envelope("<a@sender.test>", [
    "<trap@here.test>",
    "<B@Here.Test>",
    "<hole@here.test>",
  ]);
  assert.equal(said.command, "c");
  const lenient = await mta.step("R", frame("R", "<lenient@here.test>\0"));
  assert.match(lenient.data.toString(), /^452 4\.5\.3 /);
  const { final, modifications } = await mta.content(CLEAN);
  assert.equal(final.command, "a");
  const gone = modifications.filter(({ command }) => command === "-");
  assert.deepEqual(gone.map(({ data }) => data.toString()), [
    "<trap@here.test>\0",
    "<hole@here.test>\0",
  ]);
  assert.deepEqual(all.ports.kept.map(({ recipients }) => recipients), [[
    "trap@here.test",
    "hole@here.test",
  ]]);
});

Deno.test("milter: recipients of a program on the server itself are not refused one by one", async () => {
  await using all = await MilterHarness.start({
    rules: [
      { name: "nobody", when: { recipient: "no@here.test" }, then: { action: "reject" } },
      {
        name: "lenient",
        when: { recipient: "lenient@here.test" },
        then: { antivirus: { infected: "accept" } },
      },
    ],
  });
  const mta = await all.open();
  await mta.negotiate();
  await mta.step("C", frame("C", "localhost\x004\x00\x00127.0.0.1\x00"));
  const both = ["<b@here.test>", "<lenient@here.test>"];
  assert.equal((await mta.message({ ...CLEAN, recipients: both })).final.command, "a");
  // One answer for all: the strictest.
  const infected = await mta.message({ ...INFECTED, recipients: both });
  assert.match(infected.final.data.toString(), /^550 /);
  const refused = await mta.message({ ...CLEAN, recipients: [...both, "<no@here.test>"] });
  assert.match(refused.final.data.toString(), /^55/);
});

Deno.test("attack 19, 20: the answer is one piece: fields, recipients, the whole body, the final word", async () => {
  await using all = await MilterHarness.start({
    settings: { antivirus: { clean: "strict", infected: "reject" }, marks: { header: "always" } },
    rules: [{ name: "hole", when: { recipient: "hole@here.test" }, then: { action: "discard" } }],
  });
  const mta = await all.mta();
  let told = -1;
  all.ports.scanning = () => void (told = mta.heard);
  const body = `INFECTED\r\n${"x".repeat(150_000)}`;
  const { modifications, final } = await mta.message({
    ...INFECTED,
    recipients: ["<b@here.test>", "<hole@here.test>"],
    body,
  });
  assert.equal(told, 0); // nothing was said before the scan
  const order = modifications.map(({ command }) => command).join("") + final.command;
  assert.match(order, /^[him]+-b+a$/);
});

Deno.test("milter: redirected mail has its recipients exchanged", async () => {
  await using all = await MilterHarness.start({
    rules: [{
      name: "moved",
      when: { sender: "a@sender.test" },
      then: { action: "redirect", redirect: ["c@there.test", "d@there.test"] },
    }],
  });
  const mta = await all.mta();
  const { final, modifications } = await mta.message(CLEAN);
  assert.equal(final.command, "a");
  assert.deepEqual(
    modifications.filter(({ command }) => "+-".includes(command))
      .map(({ command, data }) => command + data.toString()),
    ["-<b@here.test>\0", "+<c@there.test>\0", "+<d@there.test>\0"],
  );
});

Deno.test("milter: the wait for a scan is filled with progress", async () => {
  await using all = await MilterHarness.start({}, {}, { progressMs: 5 });
  const mta = await all.mta();
  // The scan goes on until the MTA has heard of it three times.
  all.ports.scanning = () => until("progress", () => mta.heard >= 3).then(() => {});
  await mta.envelope();
  const { progress, final } = await mta.content(CLEAN);
  assert.ok(progress >= 3);
  assert.equal(final.command, "a");
});

Deno.test("milter: a scan is given up when the MTA goes away", async () => {
  await using all = await MilterHarness.start();
  const mta = await all.mta();
  const aborted = Promise.withResolvers<void>();
  all.ports.scanning = (_message, signal) =>
    new Promise((resolve) => {
      signal!.addEventListener("abort", () => {
        aborted.resolve();
        resolve();
      });
      mta.close();
    });
  await mta.envelope();
  mta.content(CLEAN).catch(() => {});
  await aborted.promise;
  await until("no memory held", () => all.ports.held === 0);
  assert.equal(all.ports.records.length, 0);
});

Deno.test("milter: memory that is not granted defers, and is given back", async () => {
  await using all = await MilterHarness.start({}, { limits: { messageSize: "1MB" } });
  const mta = await all.mta();
  all.ports.room = 300 * 1024;
  const big = { ...CLEAN, body: "x".repeat(600_000) };
  assert.match((await mta.message(big)).final.data.toString(), /^452 4\.3\.1 /);
  assert.equal(all.ports.held, 0);
  all.ports.room = Infinity;
  assert.equal((await mta.message(big)).final.command, "a");
  assert.equal(all.ports.held, 0);
  const huge = { ...CLEAN, body: "x".repeat(1_100_000) };
  assert.match((await mta.message(huge)).final.data.toString(), /^552 5\.3\.4 /);
  assert.equal((await mta.message(CLEAN)).final.command, "a");
});

Deno.test("milter: a unix socket has its mode, is removed, and a dead one is taken over", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/m.sock`;
  try {
    for (const socketMode of ["0600", "0666"]) {
      const dead = Deno.listen({ transport: "unix", path });
      await Deno.rename(path, `${path}.dead`);
      dead.close(); // which would remove it
      await Deno.rename(`${path}.dead`, path);
      await using all = await MilterHarness.start({}, { listen: `unix:${path}`, socketMode });
      assert.deepEqual(all.agent.addresses, [`unix:${path}`]);
      assert.equal((await Deno.lstat(path)).mode! & 0o777, Number.parseInt(socketMode, 8));
      await assert.rejects(MilterHarness.start({}, { listen: `unix:${path}` }), {
        code: "wire/closed",
      });
      const mta = await all.mta();
      assert.equal((await mta.message(CLEAN)).final.command, "a");
      all.agent.stopListening!();
      await assert.rejects(Deno.lstat(path), Deno.errors.NotFound);
      assert.equal((await mta.message(CLEAN)).final.command, "a"); // sessions go on
    }
    await Deno.writeTextFile(path, "not a socket");
    await assert.rejects(MilterHarness.start({}, { listen: `unix:${path}` }), {
      code: "wire/closed",
    });
    assert.equal(await Deno.readTextFile(path), "not a socket");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("milter: draining ends idle connections and lets a message finish", async () => {
  await using all = await MilterHarness.start();
  const idle = await all.mta();
  const busy = await all.mta();
  await busy.envelope();
  const drained = all.agent.drain();
  assert.equal(await idle.read(), undefined);
  assert.equal((await busy.content(CLEAN)).final.command, "a");
  assert.equal(await busy.read(), undefined);
  await drained;
});

Deno.test("milter: an MTA that stops in a message or says nothing more is not waited for", async () => {
  const limits = { dataTime: "100ms", commandTime: "1s" };
  await using all = await MilterHarness.start({}, { limits });
  const stalled = await all.mta();
  await stalled.envelope();
  await stalled.write(frame("L", "Subject\0 x\0"));
  const idle = await all.mta();
  assert.equal(await stalled.read(), undefined);
  assert.equal(await idle.read(), undefined);
  await until("no sessions", () => all.agent.status()["sessions"] === 0);
  assert.equal(all.ports.held, 0);
  assert.match(all.ports.logged.join("\n"), /silent for too long/);
});

Deno.test("milter: an octet now and then keeps no packet open", async () => {
  await using all = await MilterHarness.start({}, { limits: { commandTime: "300ms" } });
  const mta = await all.mta();
  const packet = frame("M", "<a@sender.test>\0");
  let sent = 0;
  const drip = setInterval(() => {
    if (sent < 8) mta.write(packet.subarray(sent, ++sent)).catch(() => {});
  }, 100);
  try {
    assert.equal(await mta.read(), undefined);
    assert.ok(sent < 8, "it was served though it was slow");
  } finally {
    clearInterval(drip);
  }
});

Deno.test("milter: sessions are limited, and it is logged once", async () => {
  await using all = await MilterHarness.start({}, { limits: { sessions: 2 } });
  await all.mta();
  await all.mta();
  for (let i = 0; i < 5; i++) assert.equal(await (await all.open()).read(), undefined);
  assert.equal(all.agent.status()["sessionsRefused"], 5);
  assert.equal(all.ports.logged.filter((line) => line.includes("Too many sessions")).length, 1);
});

for (
  const [what, octets, name] of [
    ["SMTP", "EHLO client.test\r\n", "SMTP"],
    ["HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP"],
    ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "TLS"],
    ["clamd", "zINSTREAM\0\0\0\0\x04abcd", "clamd's protocol"],
    ["binary", "\xff\xfe\xfd\xfc\xfb\xfa", "no protocol that is known here"],
  ] as const
) {
  Deno.test(`milter: ${what} on the port is named in the log`, async () => {
    await using all = await MilterHarness.start();
    const mta = await all.open();
    await mta.write(Buffer.from(octets, "latin1"));
    assert.equal(await mta.read(), undefined);
    const line = all.ports.logged.find((each) => each.includes("does not speak"));
    assert.ok(line?.includes(name), all.ports.logged.join("\n"));
  });
}

Deno.test("milter: macros tell TLS, user and the MTA's id, each for its own message", async () => {
  await using all = await MilterHarness.start({
    rules: [{
      name: "ours",
      when: { user: "alice", tls: true },
      then: { marks: { header: "always" } },
    }],
    settings: { marks: { header: "never" } },
  });
  const mta = await all.mta();
  await mta.write(macros("H", "{tls_version}", "TLSv1.3"));
  await mta.step("H", frame("H", "client.test\0"));
  await mta.write(macros("M", "{auth_authen}", "alice", "i", "4ABC"));
  const first = await mta.message(CLEAN);
  assert.ok(first.modifications.length > 0);
  const second = await mta.message(CLEAN); // nobody has logged in for this one
  assert.deepEqual(second.modifications, []);
  assert.deepEqual(all.ports.records.map(({ envelope }) => envelope.user), ["alice", undefined]);
});

Deno.test("milter: asks the MTA for the macros that it uses", async () => {
  await using all = await MilterHarness.start();
  const mta = await all.open();
  const lists = await mta.negotiate();
  const text = lists.toString("latin1");
  assert.ok(text.includes("\0\0\0\x02i r {tls_version} {auth_authen}\0"), text);
  const old = await all.open();
  assert.equal((await old.negotiate(6, 0xff)).length, 0);
});

Deno.test("milter: what no rule can refuse needs no reply; what a newer policy refuses is refused with the recipient", async () => {
  const NO_REPLY = { connect: 0x1000, mail: 0x4000 };
  const policies = [
    { policy: {}, connect: true, mail: true },
    {
      policy: { rules: [{ when: { sender: "@bad.test" }, then: { action: "reject" } }] },
      connect: true,
      mail: false,
    },
    {
      policy: { rules: [{ when: { client: "192.0.2.1" }, then: { action: "reject" } }] },
      connect: false,
      mail: false,
    },
  ];
  for (const { policy, connect, mail } of policies) {
    await using all = await MilterHarness.start(policy);
    const mta = await all.open();
    await mta.negotiate();
    assert.equal((mta.protocol & NO_REPLY.connect) !== 0, connect);
    assert.equal((mta.protocol & NO_REPLY.mail) !== 0, mail);
  }
  await using all = await MilterHarness.start({});
  const mta = await all.mta();
  assert.equal((await mta.message(CLEAN)).final.command, "a");
  all.ports.tree = compilePolicy({
    rules: [{
      when: { sender: "a@sender.test" },
      then: { action: "reject", reply: "550 5.7.1 not you" },
    }],
  });
  const said = await mta.envelope();
  assert.deepEqual([said.command, said.data.toString()], ["y", "550 5.7.1 not you\0"]);
  const later = await all.mta();
  assert.equal((await later.envelope()).command, "y");
});
