import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { PosternError } from "../errors.ts";
import { temporaryDirectory } from "../tests/temporary.ts";
import { certificateName, makeCertificate, selfMadeCertificate } from "./self_made_certificate.ts";

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2030, 0, 1);

Deno.test("selfMadeCertificate makes an ECDSA certificate of its own for a server, good for ten years", async () => {
  await using directory = await temporaryDirectory();
  const made = await selfMadeCertificate(directory.path, "MX.Example.org", NOW);
  const x509 = new X509Certificate(made.certificate);
  assert.equal(x509.subject, "CN=mx.example.org");
  assert.equal(x509.issuer, "CN=mx.example.org");
  assert.equal(x509.checkHost("mx.example.org"), "mx.example.org");
  assert.equal(x509.checkHost("other.example.org"), undefined);
  assert.equal(x509.ca, false);
  assert.equal(x509.publicKey.asymmetricKeyType, "ec");
  const years = (Date.parse(x509.validTo) - NOW) / (365.25 * DAY_MS);
  assert.ok(years > 9.9 && years < 10.1, String(years));
  assert.equal(made.fingerprint, x509.fingerprint256);
  assert.match(made.fingerprint, /^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/);
});

Deno.test("selfMadeCertificate keeps the key to the daemon's user", async () => {
  await using directory = await temporaryDirectory();
  const made = await selfMadeCertificate(directory.path, "mx.example.org", NOW);
  const mode = async (path: string) => ((await Deno.stat(path)).mode ?? 0) & 0o777;
  assert.equal(await mode(`${directory.path}/tls`), 0o700);
  assert.equal(await mode(made.path.replace(/pem$/, "key")), 0o600);
  assert.equal(await Deno.readTextFile(made.path), made.certificate);
});

Deno.test("selfMadeCertificate comes again as it was for the same name, and anew for another", async () => {
  await using directory = await temporaryDirectory();
  const first = await selfMadeCertificate(directory.path, "mx.example.org", NOW);
  assert.deepEqual(
    await selfMadeCertificate(directory.path, "mx.example.org", NOW + DAY_MS),
    first,
  );
  const other = await selfMadeCertificate(directory.path, "mail.example.org", NOW);
  assert.notEqual(other.fingerprint, first.fingerprint);
  assert.equal(new X509Certificate(other.certificate).subject, "CN=mail.example.org");
});

/** What makes a certificate that is there no good any more. */
const SPOILT: Readonly<Record<string, (path: string) => Promise<number>>> = {
  "it has run out": () => Promise.resolve(NOW + 3660 * DAY_MS),
  "it runs out within a month": () => Promise.resolve(NOW + 3640 * DAY_MS),
  "the clock was wrong when it was made": () => Promise.resolve(NOW - 10 * DAY_MS),
  "the file is damaged": async (path) => {
    await Deno.writeTextFile(path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----");
    return NOW;
  },
  "the file is empty": async (path) => {
    await Deno.truncate(path, 0);
    return NOW;
  },
  "the key is gone": async (path) => {
    await Deno.remove(path.replace(/pem$/, "key"));
    return NOW;
  },
  "the key is another's": async (path) => {
    const { key } = makeCertificate("mx.example.org", NOW);
    await Deno.writeTextFile(path.replace(/pem$/, "key"), key);
    return NOW;
  },
  "it bears another name": async (path) => {
    const { certificate, key } = makeCertificate("other.example.org", NOW);
    await Deno.writeTextFile(path, certificate);
    await Deno.writeTextFile(path.replace(/pem$/, "key"), key);
    return NOW;
  },
};

for (const [what, spoil] of Object.entries(SPOILT)) {
  Deno.test(`selfMadeCertificate makes another where ${what}`, async () => {
    await using directory = await temporaryDirectory();
    const first = await selfMadeCertificate(directory.path, "mx.example.org", NOW);
    const now = await spoil(first.path);
    const second = await selfMadeCertificate(directory.path, "mx.example.org", now);
    assert.notEqual(second.fingerprint, first.fingerprint);
    assert.deepEqual(await selfMadeCertificate(directory.path, "mx.example.org", now), second);
  });
}

const NAMES: readonly [hostname: string, name: string][] = [
  ["mx.example.org", "mx.example.org"],
  ["Müller.example", "xn--mller-kva.example"],
  ["[192.0.2.1]", "192.0.2.1"],
  ["[IPv6:2001:db8::1]", "2001:db8::1"],
  ["../../etc/passwd", "localhost"],
  ["", "localhost"],
  ["..", "localhost"],
];

for (const [hostname, name] of NAMES) {
  Deno.test(`selfMadeCertificate for the host name ${JSON.stringify(hostname)} stays in its directory`, async () => {
    assert.equal(certificateName(hostname), name);
    await using directory = await temporaryDirectory();
    const first = await selfMadeCertificate(directory.path, hostname, NOW);
    assert.deepEqual(await selfMadeCertificate(directory.path, hostname, NOW), first);
    assert.equal((await Array.fromAsync(Deno.readDir(`${directory.path}/tls`))).length, 2);
  });
}

Deno.test("selfMadeCertificate says where it cannot be kept", async () => {
  await using directory = await temporaryDirectory();
  await Deno.writeTextFile(`${directory.path}/tls`, "no directory");
  await assert.rejects(
    selfMadeCertificate(directory.path, "mx.example.org", NOW),
    (error) =>
      error instanceof PosternError && error.code === "store/failed" &&
      error.message.includes(`${directory.path}/tls`),
  );
});
