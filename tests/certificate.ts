/** A certificate for localhost and an authority that made it, anew for each test. */
import { peer } from "./peers/peer.ts";
import { run } from "./peers/process.ts";

/** PEM files. */
export interface Certificate {
  /** The server's certificate. */
  readonly certificatePath: string;
  readonly keyPath: string;
  /** The authority's certificate. */
  readonly authorityPath: string;
  /** Text of that. */
  readonly authorityPem: string;
}

/** Options of a new key without a passphrase, and of a short life. */
const NEW = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];

/** Makes a certificate for `localhost` and 127.0.0.1, and its authority. Needs openssl. */
export async function certificate(directory: string): Promise<Certificate> {
  const authorityPath = `${directory}/authority.pem`;
  const authorityKey = `${directory}/authority.key`;
  const certificatePath = `${directory}/certificate.pem`;
  const keyPath = `${directory}/key.pem`;
  await openssl([
    ...["req", "-x509", ...NEW, "-subj", "/CN=Test authority"],
    ...["-addext", "basicConstraints=critical,CA:TRUE"],
    ...["-keyout", authorityKey, "-out", authorityPath],
  ]);
  await openssl([
    ...["req", "-x509", ...NEW, "-CA", authorityPath, "-CAkey", authorityKey],
    ...["-subj", "/CN=localhost", "-addext", "basicConstraints=critical,CA:FALSE"],
    ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
    ...["-keyout", keyPath, "-out", certificatePath],
  ]);
  // The gateway reads it as another user when it was started as root.
  await Deno.chmod(keyPath, 0o644);
  const authorityPem = await Deno.readTextFile(authorityPath);
  return { certificatePath, keyPath, authorityPath, authorityPem };
}

async function openssl(args: readonly string[]): Promise<void> {
  const made = await run(await peer("openssl"), args);
  if (made.code !== 0) throw new Error(`openssl: ${made.stderr}`);
}
