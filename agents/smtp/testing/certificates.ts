/** Certificates for tests: a small authority and a leaf of it, since a certificate that signs itself is refused as an end entity. */
import { join } from "node:path";

/** PEM texts. */
export interface TestCertificates {
  readonly ca: string;
  /** For `localhost` and 127.0.0.1. */
  readonly certificate: string;
  readonly key: string;
}

async function openssl(directory: string, ...args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", {
    args: [...args],
    cwd: directory,
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** Makes an authority and a leaf with openssl, which must be installed. */
export async function makeCertificates(): Promise<TestCertificates> {
  const directory = await Deno.makeTempDir({ prefix: "postern-tls-" });
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  try {
    await openssl(
      directory,
      "req",
      "-x509",
      ...ec,
      "-keyout",
      "ca.key",
      "-out",
      "ca.pem",
      "-days",
      "2",
      "-subj",
      "/CN=Test authority",
      "-addext",
      "basicConstraints=critical,CA:TRUE",
    );
    await openssl(
      directory,
      "req",
      ...ec,
      "-keyout",
      "leaf.key",
      "-out",
      "leaf.csr",
      "-subj",
      "/CN=localhost",
    );
    const extensions = "basicConstraints=CA:FALSE\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n";
    await Deno.writeTextFile(join(directory, "extensions"), extensions);
    await openssl(
      directory,
      "x509",
      "-req",
      "-in",
      "leaf.csr",
      "-CA",
      "ca.pem",
      "-CAkey",
      "ca.key",
      "-CAcreateserial",
      "-out",
      "leaf.pem",
      "-days",
      "2",
      "-extfile",
      "extensions",
    );
    const read = (name: string) => Deno.readTextFile(join(directory, name));
    return {
      ca: await read("ca.pem"),
      certificate: await read("leaf.pem"),
      key: await read("leaf.key"),
    };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
