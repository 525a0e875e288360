/** ARC seals over mail that the gateway changed, in the whole product: a key in a file, keys of others by DNS. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { generateKeyPairSync } from "node:crypto";
import type { ARCData } from "mailauth";
import { arc } from "mailauth/lib/arc/index.js";
import { dkimVerify } from "mailauth/lib/dkim/verify.js";
import { Gateway } from "./gateway.ts";
import { mail } from "./mail.ts";
import { dnsServer } from "./peers/dns_server.ts";
import { ScriptedSink } from "./peers/scripted_sink.ts";

function keys() {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519", {
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  return {
    privateKey,
    record: `v=DKIM1; k=ed25519; p=${publicKey.subarray(-32).toString("base64")}`,
  };
}

/** The chain as a receiver finds it, whose DNS has these records. */
async function chainOf(
  message: Uint8Array,
  records: Readonly<Record<string, string>>,
): Promise<string> {
  const resolver = (name: string) => {
    const record = records[name];
    if (record) return Promise.resolve([[record]]);
    return Promise.reject(Object.assign(new Error(name), { code: "ENOTFOUND" }));
  };
  const { arc: data } = await dkimVerify(Buffer.from(message), { resolver });
  const { status } = await arc(data as ARCData, { resolver });
  return `${status.result}${status.comment ? ` (${status.comment})` : ""}`;
}

const seals = (message: Uint8Array) =>
  Buffer.from(message).toString("latin1").match(/^ARC-Seal: .*(?:\r\n[ \t].*)*/gm) ?? [];

Deno.test("changed mail gets an ARC seal that receivers can check, other mail none", async () => {
  await using sink = await ScriptedSink.start();
  const [first, second] = [keys(), keys()];
  const records: Record<string, string> = {
    "one._domainkey.first.test": first.record,
    "two._domainkey.second.test": second.record,
  };
  await using dns = dnsServer(records);
  const agents = { in: { nextHop: `smtp://127.0.0.1:${sink.port}` } };
  const marked = { settings: { marks: { footnote: "always" } } };
  const config = (domain: string, selector: string, keyFile: string) => ({
    scanners: { processes: 1 },
    arc: { domain, selector, keyFile, nameServer: dns.address, time: "3s" },
  });
  await using gateway = await Gateway.start({ agents });
  for (const [name, { privateKey }] of [["one", first], ["two", second]] as const) {
    const path = `${gateway.directory}/${name}.pem`;
    await Deno.writeTextFile(path, privateKey, { mode: 0o600 });
    const { uid, gid } = await Deno.stat(`${gateway.directory}/state`);
    await Deno.chown(path, uid, gid);
  }
  const control = await gateway.control();
  const apply = async (options: Parameters<Gateway["writeDocuments"]>[0]) => {
    await gateway.writeDocuments(options);
    await control.call("reload");
  };
  const passOn = async (message: Uint8Array) => {
    const before = sink.messages.length;
    assert.equal(await gateway.send(message), 250);
    return sink.messages[before]!.octets;
  };
  try {
    await apply({ agents, config: config("first.test", "one", "./one.pem") });
    const untouched = await passOn(mail("a@test"));
    assert.deepEqual(seals(untouched), [], "what is not changed needs none");

    await apply({ agents, policy: marked, config: config("first.test", "one", "./one.pem") });
    const changed = await passOn(mail("b@test"));
    assert.equal(seals(changed).length, 1);
    assert.match(seals(changed)[0]!, /cv=none/);
    assert.equal((await chainOf(changed, records)).split(" ")[0], "pass");
    assert.match(
      Buffer.from(changed).toString(),
      /ARC-Authentication-Results: i=1; gateway\.test;/,
    );

    // The next host seals in its turn, after it asked DNS for the first one's key.
    await apply({ agents, policy: marked, config: config("second.test", "two", "./two.pem") });
    const twice = await passOn(changed);
    assert.equal(seals(twice).length, 2);
    assert.match(seals(twice)[0]!, /i=2;.*cv=pass/s);
    assert.equal((await chainOf(twice, records)).split(" ")[0], "pass");
    assert.ok(dns.asked.includes("one._domainkey.first.test"));

    const spoiled = Buffer.from(
      Buffer.from(changed).toString("latin1").replace("Subject: test", "Subject: lie"),
      "latin1",
    );
    const failed = await passOn(spoiled);
    assert.match(seals(failed)[0]!, /i=2;.*cv=fail/s);

    // Nobody can tell of the chain now: it is left as it is, and the mail goes on.
    dns.silent = true;
    const unsealed = await passOn(changed);
    assert.equal(seals(unsealed).length, 1);
    await gateway.logged(/goes on without an ARC seal.*keys of the chain before/);

    const { result } = await control.call("status");
    const status = result as {
      counters: Record<string, number>;
      processes: { what: string; may: string }[];
    };
    assert.equal(status.processes.find(({ what }) => what === "arc")?.may, "nothing");
    assert.ok(status.counters["sealed"]! >= 2);
    assert.doesNotMatch(JSON.stringify(result), /PRIVATE KEY/);

    await Deno.writeTextFile(`${gateway.directory}/one.pem`, "no key");
    await gateway.writeDocuments({ agents, config: config("first.test", "one", "./one.pem") });
    await assert.rejects(
      control.call("reload"),
      /one\.pem, which arc\.keyFile names: not a private key/,
    );
  } finally {
    control.close();
  }
});
