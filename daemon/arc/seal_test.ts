import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { generateKeyPairSync } from "node:crypto";
import { dkimSign } from "mailauth/lib/dkim/sign.js";
import type { ARCData } from "mailauth";
import { arc } from "mailauth/lib/arc/index.js";
import { dkimVerify } from "mailauth/lib/dkim/verify.js";
import { peerTest } from "../../tests/peers/peer.ts";
import { run } from "../../tests/peers/process.ts";
import { type LookUp, type SealIdentity, sealMessage } from "./seal.ts";

const RSA = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "der" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});
const ED = generateKeyPairSync("ed25519", {
  publicKeyEncoding: { type: "spki", format: "der" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});
/** RFC 8463, section 4: the key itself, without what says which kind it is. */
const edKey = ED.publicKey.subarray(-32).toString("base64");
const rsaKey = RSA.publicKey.toString("base64");

const RECORDS: Readonly<Record<string, string>> = {
  "s._domainkey.sender.test": `v=DKIM1; k=rsa; p=${rsaKey}`,
  "rsa._domainkey.here.test": `v=DKIM1; k=rsa; p=${rsaKey}`,
  "ed._domainkey.here.test": `v=DKIM1; k=ed25519; p=${edKey}`,
  "next._domainkey.next.test": `v=DKIM1; k=rsa; p=${rsaKey}`,
};
const lookUp: LookUp = (name) => Promise.resolve(RECORDS[name] ? [[RECORDS[name]]] : []);
const silence: LookUp = () => Promise.resolve(undefined);

const HERE: SealIdentity = {
  domain: "here.test",
  selector: "rsa",
  privateKey: RSA.privateKey,
  authservId: "mx.here.test",
};
const HERE_ED: SealIdentity = { ...HERE, selector: "ed", privateKey: ED.privateKey };
const NEXT: SealIdentity = {
  domain: "next.test",
  selector: "next",
  privateKey: RSA.privateKey,
  authservId: "mx.next.test",
};

const PLAIN = Buffer.from(
  "From: A <a@sender.test>\r\nTo: b@here.test\r\nSubject: x\r\nMessage-ID: <1@test>\r\n" +
    "Date: Sun, 01 Mar 2026 10:00:00 +0000\r\n\r\nA text.  \r\n\r\n",
);

/** With a footnote, which breaks every signature over the body. */
const footnoted = (message: Uint8Array) =>
  Buffer.concat([message, Buffer.from("-- \r\nfootnote\r\n")]);

async function signed(): Promise<Uint8Array> {
  const key = { signingDomain: "sender.test", selector: "s", privateKey: RSA.privateKey };
  const { signatures } = await dkimSign(PLAIN, { ...key, signatureData: [key] });
  return Buffer.concat([Buffer.from(signatures), PLAIN]);
}

/** Seals what a gate with a footnote would pass on. */
async function sealed(
  original: Uint8Array,
  identity: SealIdentity = HERE,
  dns: LookUp = lookUp,
): Promise<Buffer> {
  const result = await sealMessage(original, footnoted(original), identity, dns);
  assert.ok("fields" in result, JSON.stringify(result));
  return Buffer.concat([Buffer.from(result.fields), footnoted(original)]);
}

/** The chain as a receiver finds it. */
async function chainOf(message: Uint8Array): Promise<string> {
  const resolver = async (name: string) => (await lookUp(name))!.map((each) => [...each]);
  const { arc: data, results } = await dkimVerify(Buffer.from(message), { resolver });
  const { status } = await arc(data as ARCData, { resolver });
  return `${status.result} dkim=${results[0]?.status.result}`;
}

const field = (message: Uint8Array, name: string) =>
  new RegExp(`^${name}: (?:.*\\r\\n)(?:[ \\t].*\\r\\n)*`, "m")
    .exec(Buffer.from(message).toString("latin1"))?.[0].replace(/\r\n[ \t]+/g, " ") ?? "";

Deno.test("sealMessage() seals with RSA and Ed25519 what a receiver can check", async () => {
  const original = await signed();
  assert.equal(await chainOf(footnoted(original)), "none dkim=neutral", "the footnote breaks it");
  for (const identity of [HERE, HERE_ED]) {
    const message = await sealed(original, identity);
    assert.equal(await chainOf(message), "pass dkim=neutral");
    assert.match(field(message, "ARC-Seal"), /i=1;.*cv=none;/);
    const results = field(message, "ARC-Authentication-Results");
    assert.match(
      results,
      /^ARC-Authentication-Results: i=1; mx\.here\.test;.*dkim=pass .*; arc=none/,
    );
    for (const line of message.toString("latin1").split("\r\n")) assert.ok(line.length < 998);
    const changed = Buffer.from(message.toString("latin1").replace("A text.", "A lie."), "latin1");
    assert.match(await chainOf(changed), /^fail/);
  }
});

Deno.test("sealMessage() goes on with a chain that held until here", async () => {
  const first = await sealed(await signed());
  const second = await sealed(first, NEXT);
  assert.match(field(second, "ARC-Seal"), /i=2;.*cv=pass;/);
  assert.match(field(second, "ARC-Authentication-Results"), /i=2; mx\.next\.test;.*arc=pass/);
  assert.match(await chainOf(second), /^pass/);
});

Deno.test("sealMessage() says that a chain was broken before, and whose fault it is not", async () => {
  const first = await sealed(await signed());
  const broken = Buffer.from(first.toString("latin1").replace("A text.", "A lie."), "latin1");
  const second = await sealed(broken, NEXT);
  assert.match(field(second, "ARC-Seal"), /i=2;.*cv=fail;/);
  assert.match(field(second, "ARC-Authentication-Results"), /arc=fail/);
  const third = await sealMessage(second, footnoted(second), HERE, lookUp);
  assert.deepEqual(third, { unsealed: "the chain before has failed already" });
});

Deno.test("sealMessage() makes no guess about a chain whose keys it cannot have", async () => {
  const first = await sealed(await signed());
  assert.deepEqual(await sealMessage(first, footnoted(first), NEXT, silence), {
    unsealed: "keys of the chain before cannot be had now",
  });
  // Without a chain there is nothing to guess; of signatures it says that they could not be checked.
  const message = await sealed(await signed(), HERE, silence);
  assert.match(field(message, "ARC-Seal"), /cv=none;/);
  assert.match(field(message, "ARC-Authentication-Results"), /dkim=temperror/);
});

Deno.test("sealMessage() makes the same seal for LF and CRLF lines", async () => {
  const original = await signed();
  const lf = (octets: Uint8Array) =>
    Buffer.from(Buffer.from(octets).toString("latin1").replaceAll("\r\n", "\n"), "latin1");
  const result = await sealMessage(lf(original), lf(footnoted(original)), HERE, lookUp);
  assert.ok("fields" in result);
  assert.match(result.fields, /dkim=pass/);
  const message = Buffer.concat([Buffer.from(result.fields), footnoted(original)]);
  assert.match(await chainOf(message), /^pass/);
});

Deno.test("sealMessage() is bounded over hostile headers", async () => {
  const many = Array.from(
    { length: 400 },
    (_, i) =>
      `DKIM-Signature: v=1; a=rsa-sha256; d=d${i}.test; s=s; h=from; bh=x; b=x; c=${
        "(".repeat(50)
      }`,
  );
  const sets = Array.from(
    { length: 60 },
    (_, i) =>
      `ARC-Seal: i=${i + 1}; a=rsa-sha256; cv=pass; d=d.test; s=s; b=x\r\n` +
      `ARC-Message-Signature: i=${i + 1}; a=rsa-sha256; d=d.test; s=s; h=from; bh=x; b=x\r\n` +
      `ARC-Authentication-Results: i=${i + 1}; ${"\x1b[31m".repeat(20)}${"x".repeat(2000)}`,
  );
  let asked = 0;
  const counting: LookUp = (name) => {
    asked++;
    return lookUp(name);
  };
  for (const fields of [many, sets, ["ARC-Seal: i=99999999999; cv=none", "ARC-Seal: i=-1"]]) {
    const original = Buffer.concat([Buffer.from(`${fields.join("\r\n")}\r\n`), PLAIN]);
    asked = 0;
    const result = await sealMessage(original, footnoted(original), HERE, counting);
    assert.ok(asked <= 60, `${asked} look-ups`);
    if ("fields" in result) {
      assert.match(result.fields, /^ARC-Seal: [\x20-\x7e\t\r\n]+\r\n$/);
      assert.ok(result.fields.split("\r\n").every((line) => line.length < 998));
      assert.doesNotMatch(result.fields, /\r\n\r\n/);
    }
  }
});

const DKIMPY = `
import json, sys, dkim
records = json.loads(sys.argv[1])
def txt(name, timeout=5):
    name = name.decode() if isinstance(name, bytes) else name
    record = records.get(name.rstrip("."))
    return record.encode() if record else None
cv, results, comment = dkim.arc_verify(sys.stdin.buffer.read(), dnsfunc=txt)
print(cv.decode() if isinstance(cv, bytes) else cv, comment)
`;

peerTest(["arcverify"], "dkimpy finds the seals good, one after the other", async () => {
  const first = await sealed(await signed());
  const second = await sealed(first, NEXT);
  for (const message of [first, second]) {
    const { stdout, stderr } = await run("/usr/bin/python3", [
      "-c",
      DKIMPY,
      JSON.stringify(RECORDS),
    ], { input: message });
    assert.match(stdout, /^pass /, stdout + stderr);
  }
});
