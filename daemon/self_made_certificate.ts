/** Certificates that the daemon makes for itself, for agents that are to take TLS before anybody has got them a proper one. */
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_subjectAltName,
  id_kp_serverAuth,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from "@peculiar/asn1-x509";
import { Buffer } from "node:buffer";
import {
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import { isIP } from "node:net";
import { join } from "node:path";
import { domainToASCII } from "node:url";
import { PosternError } from "../errors.ts";
import { selfMadePath } from "./state.ts";

/** A certificate and its key. */
export interface SelfMade {
  /** PEM. */
  readonly certificate: string;
  /** PEM (PKCS #8). */
  readonly key: string;
  /** SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` shows it. */
  readonly fingerprint: string;
  /** File of the certificate. */
  readonly path: string;
}

/** ecdsa-with-SHA256: RFC 5758, section 3.2. */
const ECDSA_SHA256 = "1.2.840.10045.4.3.2";
/** RFC 5280, appendix A.1. */
const COMMON_NAME = "2.5.4.3";
/** Longest common name, characters (ub-common-name): RFC 5280, appendix A.1. */
const MAX_COMMON_NAME = 64;
const DAY_MS = 86_400_000;
/** How long one holds: about ten years, ms. */
const LIFE_MS = 3652 * DAY_MS;
/** How long before its end another is made, ms: a daemon may run on for a while. */
const RENEW_MS = 30 * DAY_MS;
/** Clients whose clocks are behind take it, too, ms. */
const BACKDATED_MS = DAY_MS;

/**
 * The certificate of a host name: the one that was made before, or another where that runs out, bears another name or is broken.
 *
 * @param state The state directory; it is there.
 * @param hostname Name or address that clients connect to.
 * @param now ms since 1970.
 * @throws {PosternError} `"store/failed"` where it cannot be kept.
 */
export async function selfMadeCertificate(
  state: string,
  hostname: string,
  now: number = Date.now(),
): Promise<SelfMade> {
  const name = certificateName(hostname);
  const directory = selfMadePath(state);
  const path = join(directory, `${fileName(name)}.pem`);
  const keyPath = join(directory, `${fileName(name)}.key`);
  try {
    const kept = await readKept(path, keyPath);
    if (kept && isGood(kept, name, now)) return { ...kept, ...described(kept.certificate, path) };
    const made = makeCertificate(name, now);
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
    // The key first: a certificate without its key is no use, and the next start sees that the two do not fit.
    await replace(keyPath, made.key, 0o600);
    await replace(path, made.certificate, 0o644);
    return { ...made, ...described(made.certificate, path) };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PosternError(
      "store/failed",
      `Cannot keep a self-made certificate in ${directory}: ${why}`,
      { cause },
    );
  }
}

/**
 * Makes a certificate (ECDSA on P-256, for servers, no authority) and its key.
 *
 * @param name As {@link certificateName} gives it.
 * @param now When it begins to hold, ms since 1970.
 * @returns PEM of both.
 * @see RFC 5280, section 4.1; RFC 5480.
 */
export function makeCertificate(name: string, now: number): { certificate: string; key: string } {
  const { publicKey, privateKey: key } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const algorithm = new AlgorithmIdentifier({ algorithm: ECDSA_SHA256 });
  const commonName = new AttributeTypeAndValue({
    type: COMMON_NAME,
    value: new AttributeValue({ utf8String: name.slice(0, MAX_COMMON_NAME) }),
  });
  const subject = new Name([new RelativeDistinguishedName([commonName])]);
  const content = new TBSCertificate({
    version: Version.v3,
    serialNumber: serialNumber(),
    signature: algorithm,
    issuer: subject,
    subject,
    validity: new Validity({
      notBefore: new Date(now - BACKDATED_MS),
      notAfter: new Date(now + LIFE_MS),
    }),
    subjectPublicKeyInfo: AsnConvert.parse(new Uint8Array(publicKey), SubjectPublicKeyInfo),
    extensions: new Extensions([
      extension(id_ce_basicConstraints, new BasicConstraints({ cA: false }), true),
      extension(id_ce_extKeyUsage, new ExtendedKeyUsage([id_kp_serverAuth])),
      extension(
        id_ce_subjectAltName,
        new SubjectAlternativeName([
          new GeneralName(isIP(name) ? { iPAddress: name } : { dNSName: name }),
        ]),
      ),
    ]),
  });
  const signature = sign("sha256", new Uint8Array(AsnConvert.serialize(content)), key);
  const whole = new Certificate({
    tbsCertificate: content,
    signatureAlgorithm: algorithm,
    signatureValue: new Uint8Array(signature).buffer,
  });
  return { certificate: pem(new Uint8Array(AsnConvert.serialize(whole))), key };
}

/** The name as a certificate bears it: an address without brackets, or a domain in ASCII and small letters. */
export function certificateName(hostname: string): string {
  const bare = hostname.replace(/^\[(?:IPv6:)?(.*)\]$/i, "$1");
  if (isIP(bare)) return bare;
  const domain = domainToASCII(bare).toLowerCase();
  return /^[a-z0-9_-][a-z0-9._-]*$/.test(domain) ? domain : "localhost";
}

/** One of 16 octets, positive: RFC 5280, section 4.1.2.2. */
function serialNumber(): ArrayBuffer {
  const octets = new Uint8Array(randomBytes(16));
  octets[0] = (octets[0]! & 0x3f) | 0x40;
  return octets.buffer;
}

function extension(extnID: string, value: object, critical = false): Extension {
  return new Extension({
    extnID,
    critical,
    extnValue: new OctetString(AsnConvert.serialize(value)),
  });
}

/** Whether this is what would be made: it holds for a while, bears the name, and the two fit. */
function isGood(kept: { certificate: string; key: string }, name: string, now: number): boolean {
  try {
    const { tbsCertificate } = AsnConvert.parse(derOf(kept.certificate), Certificate);
    const { notBefore, notAfter } = tbsCertificate.validity;
    if (notBefore.getTime().getTime() > now) return false;
    if (notAfter.getTime().getTime() - RENEW_MS < now) return false;
    const names = tbsCertificate.extensions?.find(({ extnID }) => extnID === id_ce_subjectAltName);
    if (!names) return false;
    const bears = AsnConvert.parse(names.extnValue, SubjectAlternativeName)
      .some(({ dNSName, iPAddress }) => dNSName === name || iPAddress === name);
    const publicKey = createPublicKey(kept.key).export({ type: "spki", format: "der" });
    const certified = AsnConvert.serialize(tbsCertificate.subjectPublicKeyInfo);
    return bears && Buffer.from(certified).equals(publicKey);
  } catch {
    return false; // broken
  }
}

function described(certificate: string, path: string): { fingerprint: string; path: string } {
  return { fingerprint: new X509Certificate(certificate).fingerprint256, path };
}

async function readKept(
  path: string,
  keyPath: string,
): Promise<{ certificate: string; key: string } | undefined> {
  try {
    const [certificate, key] = await Promise.all([
      Deno.readTextFile(path),
      Deno.readTextFile(keyPath),
    ]);
    return { certificate, key };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Puts a file in its place at once: whoever reads it reads all of the old or all of the new one. */
async function replace(path: string, text: string, mode: number): Promise<void> {
  const fresh = `${path}.new`;
  await Deno.remove(fresh).catch(() => {}); // of one that died on the way; a mode is given to new files alone
  await Deno.writeTextFile(fresh, text, { mode, createNew: true });
  await Deno.rename(fresh, path);
}

/** Of the host name, or of an address, which may have colons; no way out of the directory. */
function fileName(name: string): string {
  return encodeURIComponent(name).slice(0, 200);
}

function derOf(certificate: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(certificate.replace(/-----[^-]+-----|\s/g, ""), "base64"));
}

function pem(der: Uint8Array): string {
  const lines = Buffer.from(der).toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}
