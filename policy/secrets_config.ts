/** Parts of postern.config.ts that hold or name secrets of this node: passwords of archives, the key of ARC seals. */
import * as z from "zod";
import { time } from "./config_parts.ts";

/** Longest password that is tried on archives, characters. */
export const MAX_PASSWORD_CHARACTERS = 128;
/** Most passwords of archives, list and file together: each costs time on each encrypted archive. */
export const MAX_PASSWORDS = 100;

/** `archives` */
export const archivesSchema = z.strictObject({
  passwords: z.array(z.string().min(1).max(MAX_PASSWORD_CHARACTERS)).max(MAX_PASSWORDS).default([])
    .describe("tried on every encrypted archive and document, before the words of the message"),
  passwordFile: z.string().optional().describe("file with more of them, one a line, in UTF-8"),
});

/** A domain name in ASCII. */
const domain = z.string().regex(
  /^(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+$/,
  "a domain name such as example.org",
);

/** `arc`: RFC 8617. */
export const arcSchema = z.strictObject({
  domain: domain.describe("domain that seals: d= of its signatures"),
  selector: z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62})$/, "a selector such as arc2026")
    .describe("the public key is the TXT record SELECTOR._domainkey.DOMAIN"),
  keyFile: z.string().describe(
    "PEM file with the private key: RSA of at least 1024 bits, or Ed25519",
  ),
  authservId: z.string().regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})$/,
    "a name such as mx.example.org",
  )
    .optional().describe("who says so in ARC-Authentication-Results; default: hostname"),
  nameServer: z.string().regex(
    /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?$/,
    "ADDRESS[:PORT]",
  )
    .optional().describe("name server that is asked for keys of others; default: the system's"),
  time: time.default("5s").describe("longest wait for all keys of one message"),
});

/** `arc`, checked. */
export type ArcConfig = z.output<typeof arcSchema>;
