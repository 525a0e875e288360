import assert from "node:assert/strict";
import { until } from "../../tests/wait.ts";
import { last, MAIL, stuffed, test } from "./testing/session_tests.ts";

const INFECTED = MAIL + "INFECTED\r\n";
for (const features of [["PIPELINING"], [], ["PIPELINING", "CHUNKING", "SIZE 1000000"]]) {
  const offered = features.join(" ") || "nothing";
  test(`passes a message on octet for octet to a next hop that offers ${offered}`, {
    hop: { features },
  }, async (h) => {
    const client = await h.connect();
    assert.match(client.banner, /^220 gate\.example ESMTP/);
    await client.say("EHLO c.example");
    const replies = await client.send(
      "a@example.org",
      ["b@example.org", "c@example.org"],
      stuffed(MAIL),
    );
    assert.match(last(replies), /^250 2\.0\.0 Ok: queued as ABC id=[0-9a-z]{13}$/);
    assert.deepEqual(h.hop.delivered, [
      features.includes("CHUNKING") ? MAIL.replace("\r\n..dots", "\r\n.dots") : MAIL,
    ]);
    assert.match(await client.say("QUIT"), /^221/);
    const [record] = h.ports.records;
    assert.equal(record!.status, "clean");
    assert.equal(record!.size, MAIL.length);
    assert.equal(record!.envelope.client, "127.0.0.1");
    assert.equal(h.ports.held, 0);
  });
}

test("gives the policy's own reply and delivers nothing", {
  policy: { settings: { replies: { infected: "550 5.7.9 A virus, go away" } } },
}, async (h) => {
  const client = await h.connect();
  await client.say("EHLO c");
  assert.equal(
    last(await client.send("a@b.example", ["b@example.org"], INFECTED)),
    "550 5.7.9 A virus, go away",
  );
  assert.match(last(await client.send("", ["b@example.org"], MAIL)), /^250/); // the connection is as good as before
  assert.deepEqual(h.hop.delivered.length, 1);
  assert.equal(h.ports.records[0]!.outcomes[0]!.action, "reject");
});

for (const action of ["discard", "quarantine"] as const) {
  test(`answers 250 and delivers nothing for ${action}`, {
    policy: { settings: { antivirus: { infected: action } } },
  }, async (h) => {
    const client = await h.connect();
    await client.say("EHLO c");
    assert.match(
      last(await client.send("a@b.example", ["b@example.org"], INFECTED)),
      /^250 2\.0\.0 Ok id=/,
    );
    assert.equal(h.hop.delivered.length, 0);
    assert.equal(h.ports.kept.length, action === "quarantine" ? 1 : 0);
  });
}

test("defers what it cannot keep, and delivers nothing of it", {
  policy: { settings: { antivirus: { infected: "accept" }, quarantine: ["infected"] } },
}, async (h) => {
  h.ports.full = true;
  const client = await h.connect();
  await client.say("EHLO c");
  assert.match(last(await client.send("a@b.example", ["b@example.org"], INFECTED)), /^451 4\.3\.0/);
  assert.match(last(await client.send("a@b.example", ["b@example.org"], MAIL)), /^250/); // other mail flows
  h.ports.full = false;
  assert.match(last(await client.send("a@b.example", ["b@example.org"], INFECTED)), /^250/);
  assert.equal(h.hop.delivered.length, 2);
  assert.equal(h.ports.kept.length, 1);
});

test("refuses at connect, MAIL and RCPT what the policy refuses there", {
  policy: {
    rules: [
      {
        name: "sender",
        when: { sender: "@bad.example" },
        then: { action: "reject", reply: "550 5.7.1 No such friends" },
      },
      {
        name: "recipient",
        when: { recipient: "busy@example.org" },
        then: { action: "defer", reply: "450 4.2.1 Later" },
      },
    ],
  },
}, async (h) => {
  const client = await h.connect();
  await client.say("EHLO c");
  assert.equal(await client.say("MAIL FROM:<x@bad.example>"), "550 5.7.1 No such friends");
  await client.say("MAIL FROM:<x@good.example>");
  assert.equal(await client.say("RCPT TO:<busy@example.org>"), "450 4.2.1 Later");
  assert.match(await client.say("RCPT TO:<b@example.org>"), /^250/);
  assert.ok(!h.hop.lines.some((line) => line.includes("busy")));
  assert.deepEqual(h.ports.records.map((each) => each.status), ["refused", "refused"]);
});

test("refuses a client at connect", {
  policy: {
    rules: [{
      name: "all",
      when: { client: "127.0.0.0/8" },
      then: { action: "reject", reply: "550 5.7.1 Not you" },
    }],
  },
}, async (h) => {
  const client = await h.connect();
  assert.equal(client.banner, "554 5.7.1 Not you");
  assert.equal(await client.reply(), "");
});

/** Only clients of the own network, as a policy may say. */
const OWN_NETWORK = {
  rules: [{
    name: "own network",
    when: { not: { client: "10.0.0.0/8" } },
    then: { action: "reject", reply: "550 5.7.1 Not you" },
  }],
} as const;

test(
  "asks the policy about the client that a trusted proxy names by XFORWARD, not about the proxy",
  {
    policy: OWN_NETWORK,
    config: { xforward: ["127.0.0.0/8"] },
  },
  async (h) => {
    const client = await h.connect();
    assert.match(client.banner, /^220/);
    await client.say("EHLO c");
    assert.match(await client.say("XFORWARD ADDR=10.1.2.3"), /^250/);
    assert.match(last(await client.send("a@b.example", ["b@example.org"], MAIL)), /^250/);
    assert.match(await client.say("XFORWARD ADDR=192.0.2.1"), /^250/);
    assert.equal(await client.say("MAIL FROM:<a@b.example>"), "550 5.7.1 Not you");
    assert.match(await client.say("RSET"), /^250/);
    // Mail of the proxy's own is mail of a client that the policy does not want.
    assert.equal(await client.say("MAIL FROM:<a@b.example>"), "550 5.7.1 Not you");
    assert.equal(h.hop.delivered.length, 1);
  },
);

test(
  "asks the policy about the client that a trusted proxy names by XCLIENT, not about the proxy",
  {
    policy: OWN_NETWORK,
    config: { xclient: ["127.0.0.0/8"] },
  },
  async (h) => {
    const client = await h.connect();
    assert.match(client.banner, /^220/);
    await client.say("EHLO c");
    assert.match(await client.say("XCLIENT ADDR=10.1.2.3"), /^220/);
    await client.say("EHLO c");
    assert.match(await client.say("MAIL FROM:<a@b.example>"), /^250/);
    await client.say("RSET");
    // The connection is as good as that client's now, and so is the reply at its begin.
    assert.equal(await client.say("XCLIENT ADDR=192.0.2.1"), "554 5.7.1 Not you");
  },
);

test("hands on the next hop's word on a recipient", {
  hop: {
    answer: (line) => line.includes("<no@") ? "550-5.1.1 No such\r\n550 5.1.1 user\x07" : undefined,
  },
}, async (h) => {
  const client = await h.connect();
  await client.say("EHLO c");
  const replies = await client.send("a@b.example", ["b@example.org", "no@example.org"], MAIL);
  assert.equal(replies[2], "550 5.1.1 No such user");
  assert.match(last(replies), /^250/);
});

test("hands on the next hop's word on the sender and the message", {
  hop: {
    answer: (line) => line.startsWith("MAIL FROM:<no@") ? "553 Not from you" : undefined,
    end: () => ["554 5.6.0 Not this"],
  },
}, async (h) => {
  const client = await h.connect();
  await client.say("EHLO c");
  assert.equal(
    (await client.send("no@b.example", ["b@example.org"], MAIL))[1],
    "553 5.0.0 Not from you",
  );
  await client.say("RSET");
  assert.equal(
    last(await client.send("a@b.example", ["b@example.org"], MAIL)),
    "554 5.6.0 Not this",
  );
});

test("says 4xx when the next hop is down, and works when it is back", {
  config: { nextHop: "smtp://127.0.0.1:1" },
}, async (h) => {
  const client = await h.connect();
  await client.say("EHLO c");
  const replies = await client.send("a@b.example", ["b@example.org", "c@example.org"], MAIL);
  assert.match(replies[1]!, /^451 4\.4\.1/);
  assert.match(replies[2]!, /^451 4\.4\.1/);
  assert.match(replies[3]!, /^503/);
});

for (const features of [["PIPELINING"], ["PIPELINING", "CHUNKING"]]) {
  test(
    `says 4xx when the next hop breaks at the end of data and sends nothing twice (${
      features.at(-1)
    })`,
    {
      hop: { features, answer: (line) => line === "DATA-END" ? "close" : undefined },
    },
    async (h) => {
      const client = await h.connect();
      await client.say("EHLO c");
      assert.match(last(await client.send("a@b.example", ["b@example.org"], MAIL)), /^451 4\.4\.1/);
      assert.equal(h.hop.lines.filter((line) => /^(DATA|BDAT)/.test(line)).length, 1);
      h.hop.script = { features };
      assert.match(last(await client.send("a@b.example", ["b@example.org"], MAIL)), /^250/);
    },
  );
}

test("uses a connection again, and a fresh one where the old one died", {}, async (h) => {
  const client = await h.connect();
  await client.say("EHLO c");
  for (let i = 0; i < 3; i++) {
    assert.match(last(await client.send("a@b.example", ["b@example.org"], MAIL)), /^250/);
  }
  assert.equal(h.hop.connections, 1);
  h.hop.script = {
    answer: (line, connection) => line.startsWith("MAIL") && connection === 1 ? "close" : undefined,
  };
  assert.match(last(await client.send("a@b.example", ["b@example.org"], MAIL)), /^250/);
  assert.equal(h.hop.connections, 2);
  h.hop.script = {
    answer: (line, connection) =>
      line.startsWith("DATA") && connection === 2 ? "421 4.3.2 Going" : undefined,
  };
  assert.match(last(await client.send("a@b.example", ["b@example.org"], MAIL)), /^250/);
  h.hop.closeConnections();
  await until("the pool to see it", () => h.agent.status()["nextHopIdle"] === 0);
  assert.match(last(await client.send("a@b.example", ["b@example.org"], MAIL)), /^250/);
  assert.equal(h.hop.delivered.length, 6);
});

test("tells an LMTP client each recipient's reply", {
  policy: {
    rules: [{
      name: "r",
      when: { recipient: "strict@example.org" },
      then: { antivirus: { infected: "reject" } },
    }],
    settings: { antivirus: { infected: "accept" } },
  },
  hop: {
    lmtp: true,
    end: (t) =>
      t.commands.filter((c) => c.startsWith("RCPT")).map((c) =>
        c.includes("full@") ? "452 4.2.2 Full" : "250 2.1.5 In"
      ),
  },
}, async (h) => {
  const client = await h.connect();
  await client.say("LHLO c");
  const replies = await client.send(
    "a@b.example",
    ["b@example.org", "strict@example.org", "full@example.org"],
    INFECTED,
    3,
  );
  assert.match(replies[5]!, /^250 2\.1\.5 In id=/);
  assert.match(replies[6]!, /^55/);
  assert.equal(replies[7], "452 4.2.2 Full");
  assert.equal(h.hop.delivered.length, 1);
});

test("remembers who has a copy when the client must come again for others", {
  hop: {
    lmtp: true,
    end: (t) =>
      t.commands.filter((c) => c.startsWith("RCPT")).map((c) =>
        c.includes("full@") ? "452 4.2.2 Full" : "250 2.1.5 In"
      ),
  },
}, async (h) => {
  const client = await h.connect();
  await client.say("EHLO c");
  const recipients = ["b@example.org", "full@example.org"];
  assert.equal(last(await client.send("a@b.example", recipients, MAIL)), "452 4.2.2 Full");
  h.hop.script = { lmtp: true };
  assert.match(last(await client.send("a@b.example", recipients, MAIL)), /^250/);
  const sent = h.hop.transactions.map((each) =>
    each.commands.filter((line) => line.startsWith("RCPT")).join()
  );
  assert.deepEqual(sent, [
    "RCPT TO:<b@example.org>,RCPT TO:<full@example.org>",
    "RCPT TO:<full@example.org>",
  ]);
});

test("keeps the copy of those who were refused after others had theirs", {
  hop: {
    lmtp: true,
    end: (t) =>
      t.commands.filter((c) => c.startsWith("RCPT")).map((c) =>
        c.includes("gone@") ? "550 5.1.1 Gone" : "250 2.1.5 In"
      ),
  },
}, async (h) => {
  const client = await h.connect();
  await client.say("EHLO c");
  assert.match(
    last(await client.send("a@b.example", ["b@example.org", "gone@example.org"], MAIL)),
    /^250/,
  );
  assert.deepEqual(h.ports.kept.map((each) => each.recipients), [["gone@example.org"]]);
});

const SPLIT = {
  settings: { antivirus: { infected: "accept" } },
  rules: [{
    name: "strict",
    when: { recipient: "strict@example.org" },
    then: { antivirus: { infected: "discard" } },
  }],
};
test("after-queue: gives each group of recipients its own copy", { policy: SPLIT }, async (h) => {
  const client = await h.connect();
  await client.say("EHLO c");
  assert.match(
    last(await client.send("a@b.example", ["strict@example.org", "b@example.org"], INFECTED)),
    /^250/,
  );
  assert.deepEqual(
    h.hop.transactions.map((each) => each.commands.filter((line) => line.startsWith("RCPT"))),
    [["RCPT TO:<b@example.org>"]],
  );
});
test("before-queue: sends a recipient with other settings away for now", {
  policy: SPLIT,
  config: { mode: "before-queue" },
}, async (h) => {
  const client = await h.connect();
  await client.say("EHLO c");
  const replies = await client.send(
    "a@b.example",
    ["strict@example.org", "b@example.org"],
    INFECTED,
  );
  assert.match(replies[2]!, /^452 4\.5\.3/);
  assert.match(last(replies), /^250/);
  assert.equal(h.hop.delivered.length, 0);
});

test("redirects", {
  policy: {
    rules: [{
      name: "r",
      when: { finding: "*" },
      then: { action: "redirect", redirect: ["abuse@example.org"] },
    }],
  },
}, async (h) => {
  const client = await h.connect();
  await client.say("EHLO c");
  assert.match(
    last(await client.send("a@b.example", ["b@example.org", "c@example.org"], INFECTED)),
    /^250/,
  );
  assert.deepEqual(
    h.hop.transactions.map((each) => each.commands.filter((line) => line.startsWith("RCPT"))),
    [["RCPT TO:<abuse@example.org>"]],
  );
});

test(
  "marks, and cuts forged marks",
  { policy: { settings: { marks: { header: "always" } } } },
  async (h) => {
    const client = await h.connect();
    await client.say("EHLO c");
    const forged = "X-Postern-Status: clean\r\n\tfolded\r\nx-postern-other: 1\r\n";
    assert.match(
      last(
        await client.send(
          "a@b.example",
          ["b@example.org"],
          stuffed(MAIL.replace("Subject", `${forged}Subject`)),
        ),
      ),
      /^250/,
    );
    const [got] = h.hop.delivered;
    assert.equal(got!.match(/X-Postern-Status: clean\r\n/gi)?.length, 1);
    assert.doesNotMatch(got!, /folded|x-postern-other/);
    assert.ok(got!.endsWith("\r\n\r\n..dots\r\nbody\r\n"));
  },
);
