/** The way of a message about which a program asks for advice alone. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { FakePorts } from "./smtp/testing/fake_ports.ts";
import { messageWay, type WayRequest } from "./way.ts";

const INFECTED = Buffer.from("Subject: x\r\n\r\nINFECTED\r\n");

function request(ports: FakePorts, over: Partial<WayRequest> = {}): WayRequest {
  return {
    agent: "clamd",
    listener: "clamd",
    queueId: "q",
    time: 0,
    envelope: { sender: "", recipients: [""] },
    message: INFECTED,
    tree: ports.policy(),
    nextHop: "",
    splitting: "strictest",
    ...over,
  };
}

Deno.test("fixed octets are not cleaned: the outcome is that of what came", async () => {
  const ports = new FakePorts({ settings: { antivirus: { infected: "reject", clean: "strict" } } });
  const free = await messageWay(ports, request(ports));
  assert.equal(free.groups[0]!.outcome.action, "accept");
  const fixed = await messageWay(ports, request(ports, { fixed: true }));
  assert.equal(fixed.groups[0]!.outcome.action, "reject");
  assert.equal(fixed.groups[0]!.outcome.status, "infected");
});

Deno.test("fixed octets that are accepted come with no message to deliver", async () => {
  const ports = new FakePorts({ settings: { antivirus: { infected: "accept" } } });
  const way = await messageWay(ports, request(ports, { fixed: true }));
  assert.equal(way.groups[0]!.outcome.action, "accept");
  assert.equal(way.groups[0]!.message, undefined);
});

Deno.test("fixed octets that would have to be rewritten count as not scanned", async () => {
  const ports = new FakePorts({
    settings: { antivirus: { ambiguous: "rewrite", notScanned: "defer" } },
  });
  const scan = ports.scan.bind(ports);
  let scans = 0;
  ports.scan = async (message, settings) => {
    scans++;
    const verdict = await scan(message, settings);
    return { ...verdict, ambiguities: [{ name: "duplicate-boundary", part: "" }] };
  };
  const way = await messageWay(
    ports,
    request(ports, { fixed: true, message: Buffer.from("Subject: x\r\n\r\ntext\r\n") }),
  );
  assert.equal(way.groups[0]!.outcome.action, "defer");
  assert.equal(scans, 1);
});

Deno.test("what the caller holds is not kept in quarantine, unless it wants that", async () => {
  const settings = { antivirus: { infected: "quarantine" }, quarantine: ["infected"] };
  const ports = new FakePorts({ settings });
  const held = await messageWay(ports, request(ports, { fixed: true, keep: false }));
  assert.equal(held.groups[0]!.outcome.action, "quarantine");
  assert.equal(ports.kept.length, 0);
  await messageWay(ports, request(ports, { fixed: true }));
  assert.equal(ports.kept.length, 1);
});

Deno.test("octets are read as the caller asks, and without spam tests where it wants none", async () => {
  const ports = new FakePorts();
  const asked: unknown[] = [];
  const scan = ports.scan.bind(ports);
  ports.scan = (message, settings) => {
    asked.push([settings.mode, settings.antispam]);
    return scan(message, settings);
  };
  await messageWay(ports, request(ports));
  await messageWay(ports, request(ports, { scan: { mode: "auto", antispam: false } }));
  assert.deepEqual(asked, [["mail", true], ["auto", false]]);
});
