/**
 * A compiled policy as one file that nodes and fleets load: the tree, the document it was compiled from, where it came from, and
 * signatures (Ed25519, RFC 8032). Pure: octets and keys in, octets and facts out.
 */
import * as z from "zod";
import { PosternError } from "../errors.ts";
import { type DecisionTree, TREE_VERSION } from "./tree.ts";

/** What stands before the payload when it is signed, so that a signature of something else never fits. */
const SIGNED_PREFIX = "postern policy bundle 1\n";
const FORMAT = "postern-policy-bundle";
/** Largest bundle that is read, octets: a document of 100,000 rules takes some 40 MB with its tree. */
export const MAX_BUNDLE_OCTETS = 256 << 20;
/** Most signatures of one bundle. */
const MAX_SIGNATURES = 16;

const base64 = z.string().regex(/^[A-Za-z0-9+/]+=*$/);
const envelopeSchema = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(1),
  payload: z.string(),
  signatures: z.array(z.strictObject({ key: z.string(), signature: base64 })).max(MAX_SIGNATURES),
});
const payloadSchema = z.strictObject({
  tree: z.looseObject({ version: z.number(), hash: z.string() }),
  document: z.unknown(),
  path: z.string(),
  revision: z.string().optional(),
  built: z.number(),
});

/** What a bundle holds. */
export interface BundleContents {
  readonly tree: DecisionTree;
  /** The checked document, for explain, diff and replay. */
  readonly document: unknown;
  /** Path of the document when it was built. */
  readonly path: string;
  /** Git revision of the document, `+` behind it where the work tree had changes. */
  readonly revision?: string;
  /** Milliseconds since 1970. */
  readonly built: number;
}

/** A bundle as read. */
export interface Bundle extends BundleContents {
  /** Keys whose signature holds: `ed25519:BASE64`. */
  readonly signedBy: readonly string[];
}

const encoder = new TextEncoder();
const KEY_TEXT = /^ed25519:([A-Za-z0-9+/]{43}=)$/;

function invalid(message: string, cause?: unknown): PosternError {
  return new PosternError("policy/bundle", message, cause === undefined ? undefined : { cause });
}

/**
 * Makes a key pair for signing.
 *
 * @returns `privateKey` as PKCS#8 in PEM (as `openssl genpkey -algorithm ed25519`), `publicKey` as `ed25519:BASE64`.
 */
export async function makeSigningKey(): Promise<{ privateKey: string; publicKey: string }> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw invalid("Cannot make an Ed25519 key pair");
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  const lines = toBase64(pkcs8).match(/.{1,64}/g) ?? [];
  return {
    privateKey: `-----BEGIN PRIVATE KEY-----\n${lines.join("\n")}\n-----END PRIVATE KEY-----\n`,
    publicKey: await publicKeyText(pair.publicKey),
  };
}

/**
 * Writes a bundle.
 *
 * @param contents What it holds; plain data.
 * @param privateKeys PKCS#8 in PEM, one signature each.
 * @returns The file's text.
 * @throws {PosternError} `policy/bundle` when a key is none.
 */
export async function writeBundle(
  contents: BundleContents,
  privateKeys: readonly string[],
): Promise<string> {
  const payload = JSON.stringify(contents);
  const signatures = [];
  for (const pem of privateKeys) {
    const { privateKey, publicKey } = await readPrivateKey(pem);
    const octets = await crypto.subtle.sign(
      "Ed25519",
      privateKey,
      encoder.encode(SIGNED_PREFIX + payload),
    );
    signatures.push({ key: publicKey, signature: toBase64(new Uint8Array(octets)) });
  }
  return JSON.stringify({ format: FORMAT, version: 1, payload, signatures }) + "\n";
}

/**
 * Reads a bundle and checks its signatures.
 *
 * @param text The file.
 * @param requiredKey `ed25519:BASE64`: refuse what this key did not sign.
 * @throws {PosternError} `policy/bundle` when it is no bundle, a signature is false or the required one is missing;
 * `policy/version` when its tree is of a version that this program does not read.
 */
export async function readBundle(text: string, requiredKey?: string): Promise<Bundle> {
  if (text.length > MAX_BUNDLE_OCTETS) {
    throw invalid(`The bundle is larger than ${MAX_BUNDLE_OCTETS} octets`);
  }
  const envelope = parse(envelopeSchema, text, "The file is not a policy bundle");
  const signedBy: string[] = [];
  const signed = encoder.encode(SIGNED_PREFIX + envelope.payload);
  for (const { key, signature } of envelope.signatures) {
    if (
      !await crypto.subtle.verify(
        "Ed25519",
        await importPublicKey(key),
        fromBase64(signature),
        signed,
      )
    ) {
      throw invalid(
        `The bundle's signature by ${key} is false: it was changed after it was signed`,
      );
    }
    signedBy.push(key);
  }
  if (requiredKey !== undefined && !signedBy.includes(requiredKey)) {
    const by = signedBy.length === 0
      ? "it is not signed"
      : `it is signed by ${signedBy.join(", ")}`;
    throw invalid(`The bundle must be signed by ${requiredKey}; ${by}`);
  }
  const payload = parse(payloadSchema, envelope.payload, "The bundle's payload is malformed");
  if (payload.tree.version !== TREE_VERSION) {
    throw new PosternError(
      "policy/version",
      `The bundle's tree is of version ${payload.tree.version}, this program reads ${TREE_VERSION}: build it again from ${payload.path}`,
    );
  }
  const { revision, ...rest } = payload;
  return {
    ...rest,
    ...(revision === undefined ? {} : { revision }),
    tree: payload.tree as unknown as DecisionTree,
    signedBy,
  };
}

/** True where a text is a public key as {@link makeSigningKey} gives it. */
export function isPublicKey(text: string): boolean {
  return KEY_TEXT.test(text);
}

function parse<T>(schema: z.ZodType<T>, text: string, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid(`${what}: it is not JSON`, cause);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw invalid(`${what}: ${issue?.path.join(".") || "it"}: ${issue?.message}`);
}

function toBase64(octets: Uint8Array): string {
  return btoa(Array.from(octets, (octet) => String.fromCharCode(octet)).join(""));
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

async function publicKeyText(key: CryptoKey): Promise<string> {
  return `ed25519:${toBase64(new Uint8Array(await crypto.subtle.exportKey("raw", key)))}`;
}

async function importPublicKey(text: string): Promise<CryptoKey> {
  const match = KEY_TEXT.exec(text);
  if (!match) {
    throw invalid(`${JSON.stringify(text.slice(0, 80))} is no key: ed25519:BASE64 is wanted`);
  }
  return await crypto.subtle.importKey("raw", fromBase64(match[1]!), "Ed25519", true, ["verify"]);
}

async function readPrivateKey(pem: string): Promise<{ privateKey: CryptoKey; publicKey: string }> {
  const body = /-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----/.exec(pem);
  if (!body) throw invalid("The signing key is not a PEM file with BEGIN PRIVATE KEY (PKCS#8)");
  try {
    const octets = fromBase64(body[1]!.replace(/\s/g, ""));
    const privateKey = await crypto.subtle.importKey("pkcs8", octets, "Ed25519", true, ["sign"]);
    const { x } = await crypto.subtle.exportKey("jwk", privateKey);
    const raw = fromBase64((x ?? "").replace(/-/g, "+").replace(/_/g, "/"));
    return { privateKey, publicKey: `ed25519:${toBase64(raw)}` };
  } catch (cause) {
    throw invalid("The signing key is not an Ed25519 key", cause);
  }
}
