/** A certificate for localhost, made anew for each test. */
import { peer } from "./peers/peer.ts";
import { run } from "./peers/process.ts";

/** Files of a self-signed certificate for `localhost` and 127.0.0.1; it is its own authority. Made by openssl. */
export async function certificate(
  directory: string,
): Promise<{ readonly certificatePath: string; readonly keyPath: string; readonly pem: string }> {
  const certificatePath = `${directory}/certificate.pem`;
  const keyPath = `${directory}/key.pem`;
  const made = await run(await peer("openssl"), [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-days",
    "2",
    "-subj",
    "/CN=localhost",
    "-addext",
    "subjectAltName=DNS:localhost,IP:127.0.0.1",
    "-keyout",
    keyPath,
    "-out",
    certificatePath,
  ]);
  if (made.code !== 0) throw new Error(`openssl: ${made.stderr}`);
  // The gateway reads it as another user when it was started as root.
  await Deno.chmod(keyPath, 0o644);
  return { certificatePath, keyPath, pem: await Deno.readTextFile(certificatePath) };
}
