import assert from "node:assert/strict";
import type { Finding, PartReport, RewriteRequest, Verdict } from "../engine/types.ts";
import { PosternError } from "../errors.ts";
import { latin1 } from "./line_ends.ts";
import { FakePorts } from "./smtp/testing/fake_ports.ts";
import { looksInfected } from "./smtp/testing/looks_infected.ts";
import { messageRecord, messageWay, type WayRequest } from "./way.ts";

const octets = (text: string) => new TextEncoder().encode(text);
const MAIL = octets("From: <a@example.org>\r\nSubject: Hello\r\n\r\nbody\r\n");
const FORGED = octets("X-Postern-Status: clean\r\nFrom: <a@example.org>\r\n\r\nbody\r\n");

const part = (path: string, parent?: string): PartReport => ({
  path,
  ...(parent === undefined ? {} : { parent }),
  kind: path === "" ? "root" : path.includes("/") ? "entry" : "part",
  type: "text",
  names: path === "2" ? ["bad\r\nname.exe"] : [],
  size: 1,
  sha256: "",
  depth: 0,
});
const finding = (path: string, severity: Finding["severity"] = "infected"): Finding => ({
  name: "Test",
  severity,
  part: path,
  engine: "builtin",
});

/** Ports whose scan gives this verdict over MAIL and whose rewrite is noted. */
class WayPorts extends FakePorts {
  readonly removed: RewriteRequest[] = [];
  scans = 0;
  verdict: Partial<Verdict> = {};
  left: Partial<Verdict> = {};
  failed: string[] = [];

  override async scan(message: Uint8Array, ...rest: unknown[]): Promise<Verdict> {
    this.scans++;
    await this.scanning(message, rest[1] as AbortSignal);
    // What cleaning left is scanned again, and is what it looks like.
    return { ...looksInfected(message), ...(this.removed.length === 0 ? this.verdict : this.left) };
  }

  override async rewrite(message: Uint8Array, request: RewriteRequest) {
    this.removed.push(request);
    return { ...await super.rewrite(message, request), failed: this.failed };
  }
}

function request(ports: WayPorts, more: Partial<WayRequest> = {}): WayRequest {
  return {
    agent: "smtp",
    listener: "smtp",
    queueId: "q",
    time: Date.UTC(2026, 0, 1),
    envelope: { sender: "a@example.org", recipients: ["b@example.org"] },
    message: MAIL,
    tree: ports.tree,
    nextHop: "smtp://127.0.0.1:25",
    splitting: "copies",
    ...more,
  };
}

function test(name: string, policy: unknown, run: (ports: WayPorts) => Promise<void>): void {
  Deno.test(`messageWay() ${name}`, { permissions: "none" }, () => run(new WayPorts(policy)));
}

test("passes a clean message on as the same buffer", {}, async (ports) => {
  const way = await messageWay(ports, request(ports));
  assert.equal(way.groups.length, 1);
  assert.equal(way.groups[0]!.message![0], MAIL);
  assert.equal(way.groups[0]!.message!.length, 1);
});

test("cuts forged fields also where nothing is scanned", {
  settings: { antivirus: { action: "accept" }, antispam: { action: "accept" } },
}, async (ports) => {
  const way = await messageWay(ports, request(ports, { message: FORGED }));
  assert.equal(ports.scans, 0);
  assert.equal(way.verdict, undefined);
  assert.equal(
    latin1(Uint8Array.from(way.groups[0]!.message!.flatMap((chunk) => [...chunk]))),
    "From: <a@example.org>\r\n\r\nbody\r\n",
  );
});

test("does not scan what is larger than the limit, and says so", {
  settings: { limits: { messageSize: "10B" } },
}, async (ports) => {
  const way = await messageWay(ports, request(ports));
  assert.equal(ports.scans, 0);
  assert.deepEqual(way.verdict!.notScanned, ["size"]);
  assert.equal(way.groups[0]!.outcome.action, "defer");
  assert.equal(way.groups[0]!.message, undefined);
});

test("skips the scan where antivirus and antispam end it themselves", {
  settings: { antivirus: { action: "discard" } },
}, async (ports) => {
  const way = await messageWay(ports, request(ports));
  assert.equal(ports.scans, 0);
  assert.equal(way.groups[0]!.outcome.action, "discard");
});

const STRICT_FOR_C = {
  settings: { antivirus: { infected: "accept" } },
  rules: [{
    name: "c",
    when: { recipient: "c@example.org" },
    then: { antivirus: { infected: "reject" } },
  }],
};
const THREE = { sender: "", recipients: ["b@example.org", "c@example.org", "d@example.org"] };

test("groups recipients by outcome", STRICT_FOR_C, async (ports) => {
  ports.verdict = { status: "infected", findings: [finding("")] };
  const way = await messageWay(ports, request(ports, { envelope: THREE }));
  assert.deepEqual(way.groups.map((group) => [group.recipients, group.outcome.action]), [
    [["b@example.org", "d@example.org"], "accept"],
    [["c@example.org"], "reject"],
  ]);
  const record = messageRecord(request(ports, { envelope: THREE }), way, [{ reply: "250 Ok" }, {
    reply: "550 No",
  }]);
  assert.equal(record.status, "infected");
  assert.deepEqual(record.outcomes.map((each) => each.reply), ["250 Ok", "550 No"]);
});

test("takes the strictest outcome for all where there is one copy", STRICT_FOR_C, async (ports) => {
  ports.verdict = { status: "infected", findings: [finding("")] };
  const way = await messageWay(ports, request(ports, { envelope: THREE, splitting: "strictest" }));
  assert.deepEqual(way.groups.map((group) => [group.recipients.length, group.outcome.action]), [[
    3,
    "reject",
  ]]);
});

const parts = [part(""), part("1", ""), part("2", ""), part("2/a.exe", "2")];
for (const recipients of [["b@example.org", "c@example.org"], ["c@example.org", "b@example.org"]]) {
  test(`cleans for all what may not reach one of them as it is: ${recipients}`, {
    settings: { antivirus: { clean: "delete", deleted: "accept" } },
    rules: [{
      name: "laboratory",
      when: { recipient: "b@example.org", status: "infected" },
      then: { antivirus: { clean: "none", infected: "accept" } },
    }],
  }, async (ports) => {
    ports.verdict = { status: "infected", findings: [finding("2")], parts };
    const envelope = { sender: "", recipients };
    const way = await messageWay(ports, request(ports, { envelope, splitting: "strictest" }));
    const [group, ...others] = way.groups;
    assert.deepEqual(others, []);
    assert.deepEqual(group!.recipients, recipients);
    assert.equal(group!.remade, true);
    assert.notEqual(group!.message![0], MAIL);
  });
}

test("takes infected parts out and delivers the rest as cleaned", {
  settings: { antivirus: { clean: "standard" }, quarantine: ["cleaned"] },
}, async (ports) => {
  ports.verdict = { status: "infected", findings: [finding("2/a.exe")], parts };
  const way = await messageWay(ports, request(ports));
  // once for the decision, once with the number of the copy
  assert.deepEqual(ports.removed.map(({ remove }) => remove.map((each) => each.part)), [["2"], [
    "2",
  ]]);
  const notices = ports.removed.map(({ remove: [one] }) => one!.notice as Record<string, string>);
  assert.equal(
    notices[0]!["en"],
    'The attachment "badname.exe" was removed by the mail gateway.\r\nFound: Test\r\nSize: 1 bytes\r\n',
  );
  assert.match(notices[0]!["sk"]!, /^Prílohu "badname.exe" odstránila/);
  assert.match(notices[1]!["en"]!, /A copy is kept in quarantine. Its number: kept1\r\n$/);
  const [group] = way.groups;
  assert.equal(group!.outcome.action, "accept");
  assert.equal(group!.outcome.status, "cleaned");
  assert.equal(group!.quarantineId, "kept1");
  assert.deepEqual(ports.kept[0]!.message, MAIL); // the copy is of what came, not of what is left
});

for (
  const [clean, by] of [["standard", "antivirus.infected"], [
    "strict",
    "antivirus.deleted",
  ]] as const
) {
  test(`what cannot be taken out alone: ${clean}`, {
    settings: { antivirus: { clean, deleted: "discard" } },
  }, async (ports) => {
    ports.failed = ["2"];
    ports.verdict = { status: "infected", findings: [finding("2")], parts };
    const way = await messageWay(ports, request(ports));
    assert.equal(way.groups[0]!.outcome.by, by);
  });
}

for (
  const [clean, by] of [["standard", "antivirus.infected"], [
    "strict",
    "antivirus.deleted",
  ]] as const
) {
  test(`what is not clean after cleaning: ${clean}`, {
    settings: { antivirus: { clean, deleted: "discard" } },
  }, async (ports) => {
    ports.verdict = ports.left = { status: "infected", findings: [finding("2")], parts };
    const way = await messageWay(ports, request(ports));
    assert.equal(way.groups[0]!.outcome.by, by);
  });
}

test("counts what cleaning left as what its scan says", {
  settings: { antivirus: { clean: "standard" } },
}, async (ports) => {
  ports.verdict = { status: "infected", findings: [finding("2")], parts };
  ports.left = { status: "notScanned", notScanned: ["encrypted"], parts };
  const way = await messageWay(ports, request(ports));
  assert.equal(way.groups[0]!.outcome.by, "antivirus.notScanned");
});

test("writes notices in the language of the settings", {
  settings: { antivirus: { clean: "delete" }, marks: { language: "fr" } },
}, async (ports) => {
  ports.verdict = { status: "infected", findings: [finding("2")], parts };
  await messageWay(ports, request(ports));
  assert.match(String(ports.removed[0]!.remove[0]!.notice), /^Le contenu de ce message/);
});

const AMBIGUOUS = { ambiguities: [{ name: "duplicate-boundary", part: "" }] };
test("has an ambiguous message written anew where the settings say so", {
  settings: { antivirus: { ambiguous: "rewrite" } },
}, async (ports) => {
  ports.verdict = AMBIGUOUS;
  const way = await messageWay(ports, request(ports));
  assert.deepEqual(ports.removed, [{ remove: [], canonical: true }]);
  assert.equal(way.groups[0]!.outcome.action, "accept");
});

test("passes an ambiguous message where they do not", {}, async (ports) => {
  ports.verdict = AMBIGUOUS;
  const way = await messageWay(ports, request(ports));
  assert.deepEqual(ports.removed, []);
  assert.equal(way.groups[0]!.message![0], MAIL);
});

test("counts an ambiguous message that cannot be written anew as not scanned", {
  settings: { antivirus: { ambiguous: "rewrite", notScanned: "quarantine" } },
}, async (ports) => {
  ports.verdict = AMBIGUOUS;
  ports.failed = [""];
  const [group] = (await messageWay(ports, request(ports))).groups;
  assert.deepEqual([group!.outcome.action, group!.outcome.by], [
    "quarantine",
    "antivirus.notScanned",
  ]);
});

test("asks a scanner for the footnote", {
  settings: { marks: { footnote: "always", language: "de" } },
}, async (ports) => {
  await messageWay(ports, request(ports));
  assert.deepEqual(ports.removed.map(({ footnote }) => footnote), [
    "-- \r\nDiese Nachricht wurde vom Mail-Gateway geprüft: nichts gefunden.\r\n",
  ]);
});

test("counts a message of which nothing is left as deleted, and delivers the notice", {
  settings: { antivirus: { clean: "strict" } },
}, async (ports) => {
  ports.verdict = { status: "infected", findings: [finding("1"), finding("2")], parts };
  const way = await messageWay(ports, request(ports));
  assert.deepEqual(ports.removed.map(({ remove }) => remove.map((each) => each.part)), [[""]]);
  assert.equal(way.groups[0]!.outcome.status, "deleted");
  assert.match(latin1(way.groups[0]!.message!.at(-1)!), /removed by the mail gateway/);
});

test("defers a deleted message where no notice can be made", {
  settings: { antivirus: { clean: "delete" } },
}, async (ports) => {
  ports.failed = [""];
  ports.verdict = { status: "infected", findings: [finding("2")], parts };
  const way = await messageWay(ports, request(ports));
  assert.equal(way.groups[0]!.outcome.action, "defer");
  assert.equal(way.groups[0]!.message, undefined);
});

test("cleans suspicious parts in rigorous mode only", {
  settings: { antivirus: { clean: "rigorous" } },
}, async (ports) => {
  ports.verdict = { status: "suspicious", findings: [finding("2", "suspicious")], parts };
  assert.equal((await messageWay(ports, request(ports))).groups[0]!.outcome.status, "cleaned");
});

test("keeps before it delivers, and defers where it cannot keep", {
  settings: { antivirus: { infected: "quarantine" } },
}, async (ports) => {
  ports.verdict = { status: "infected", findings: [finding("")] };
  assert.equal((await messageWay(ports, request(ports))).groups[0]!.quarantineId, "kept1");
  ports.full = true;
  const [group] = (await messageWay(ports, request(ports))).groups;
  assert.deepEqual([group!.outcome.action, group!.outcome.by], ["defer", "quarantine.failed"]);
});

test("rejects when the client went away while it was scanned", {}, async (ports) => {
  const controller = new AbortController();
  ports.scanning = () => controller.abort();
  await assert.rejects(
    messageWay(ports, request(ports, { signal: controller.signal })),
    (error) => error instanceof PosternError && error.code === "scan/cancelled",
  );
});
