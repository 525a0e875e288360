import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { configSchema } from "../policy/config.ts";
import type { ScanSettings } from "../engine/types.ts";
import { temporaryDirectory } from "../tests/temporary.ts";
import { namedFiles, readSecrets } from "./secrets.ts";

const SETTINGS: ScanSettings = {
  mode: "mail",
  antivirus: true,
  antispam: false,
  limits: { messageOctets: 1, depth: 1, files: 1, octets: 1, ratio: 1, timeMs: 1 },
};
const privateKeyEncoding = { type: "pkcs8", format: "pem" } as const;
const publicKeyEncoding = { type: "spki", format: "pem" } as const;
const pem = {
  ed25519: generateKeyPairSync("ed25519", { privateKeyEncoding, publicKeyEncoding }).privateKey,
  rsa: generateKeyPairSync("rsa", { modulusLength: 1024, privateKeyEncoding, publicKeyEncoding })
    .privateKey,
  short: generateKeyPairSync("rsa", { modulusLength: 512, privateKeyEncoding, publicKeyEncoding })
    .privateKey,
  ec: generateKeyPairSync("ec", { namedCurve: "P-256", privateKeyEncoding, publicKeyEncoding })
    .privateKey,
};

const arcOf = (keyFile: string) =>
  configSchema.parse({ arc: { domain: "example.org", selector: "s", keyFile } });

Deno.test("readSecrets() takes keys that seals can be made with, and says what is wrong with others", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/key.pem`;
  for (const kind of ["ed25519", "rsa"] as const) {
    await Deno.writeTextFile(path, pem[kind]);
    assert.equal((await readSecrets(arcOf(path))).arcKey, pem[kind]);
  }
  for (
    const [text, message] of [
      [pem.short, /a key of 512 bits/],
      [pem.ec, /a key of the kind ec/],
      ["no key", /not a private key/],
      ["", /not a private key/],
    ] as const
  ) {
    await Deno.writeTextFile(path, text);
    await assert.rejects(readSecrets(arcOf(path)), message);
  }
  await Deno.remove(path);
  await assert.rejects(readSecrets(arcOf(path)), /arc\.keyFile names: there is no such file/);
  // What only root could read, at the start.
  await Deno.mkdir(path);
  assert.equal((await readSecrets(arcOf(path), { [path]: pem.rsa })).arcKey, pem.rsa);
  assert.deepEqual([...namedFiles(arcOf(path))], [path]);
});

Deno.test("readSecrets() reads passwords, and puts them before a scan's own", async () => {
  await using directory = await temporaryDirectory();
  const passwordFile = `${directory.path}/passwords`;
  const config = (passwords: readonly string[]) =>
    configSchema.parse({ archives: { passwords, passwordFile } });
  await Deno.writeTextFile(passwordFile, "\ufeffone\r\n with blanks \n\none\n");
  const { passwords } = await readSecrets(config(["listed", "one"]));
  const settings = { ...SETTINGS, passwords: ["own"] };
  const made = passwords.in(settings);
  assert.deepEqual(made.passwords, ["listed", "one", " with blanks ", "own"]);
  assert.equal(passwords.in(settings), made, "the same object for the same settings");
  const without = { ...SETTINGS, antivirus: false };
  assert.equal(passwords.in(without), without);
  await Deno.writeTextFile(passwordFile, "x".repeat(129));
  await assert.rejects(readSecrets(config([])), /line 1: a password has at most 128 characters/);
  await Deno.writeTextFile(passwordFile, Array.from({ length: 101 }, (_, i) => `p${i}\n`).join(""));
  await assert.rejects(readSecrets(config([])), /101 passwords; at most 100/);
});
