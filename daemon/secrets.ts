/** The files with secrets that the configuration names, beside those of single agents. */
import { createPrivateKey } from "node:crypto";
import { PosternError } from "../errors.ts";
import type { Config } from "../policy/config.ts";
import { MAX_PASSWORD_CHARACTERS, MAX_PASSWORDS } from "../policy/secrets_config.ts";
import { pemFiles } from "./agent_settings.ts";
import { ArchivePasswords } from "./archive_passwords.ts";

/** What they hold. */
export interface Secrets {
  readonly passwords: ArchivePasswords;
  /** Of ARC seals: PEM. Absent where none are made. */
  readonly arcKey?: string;
}

/** Shortest RSA key that a seal may be made with, bits: RFC 8301, section 3.2. */
const MIN_RSA_BITS = 1024;

/** Paths of these files and of those that agents name, absolute: root reads them where the daemon's user may not. */
export function namedFiles({ agents, archives, arc }: Config): ReadonlySet<string> {
  const own = [archives.passwordFile, arc?.keyFile].filter((path) => path !== undefined);
  return new Set([...agents.flatMap((agent) => pemFiles(agent)), ...own]);
}

/**
 * Reads them.
 *
 * @param handed Texts of files that only root could read, by path: taken where a file cannot be read any more.
 * @throws {PosternError} `document/unreadable`, `document/invalid`.
 */
export async function readSecrets(
  { archives, arc }: Config,
  handed: Readonly<Record<string, string>> = {},
): Promise<Secrets> {
  const { passwords, passwordFile } = archives;
  const more = passwordFile === undefined
    ? []
    : passwordLines(passwordFile, await read("archives.passwordFile", passwordFile, handed));
  const all = [...new Set([...passwords, ...more])];
  if (all.length > MAX_PASSWORDS) {
    throw new PosternError(
      "document/invalid",
      `archives: ${all.length} passwords; at most ${MAX_PASSWORDS} are tried, list and file together`,
    );
  }
  const arcKey = arc && await read("arc.keyFile", arc.keyFile, handed);
  if (arc && arcKey !== undefined) checkKey(arc.keyFile, arcKey);
  return { passwords: new ArchivePasswords(all), ...(arcKey === undefined ? {} : { arcKey }) };
}

/** One a line; blanks in and around them count, since they may be part of a password. */
function passwordLines(path: string, text: string): string[] {
  return text.replace(/^\ufeff/, "").split(/\r?\n/).flatMap((line, i) => {
    if (line === "") return [];
    if (line.length <= MAX_PASSWORD_CHARACTERS) return [line];
    throw new PosternError(
      "document/invalid",
      `${path}, line ${i + 1}: a password has at most ${MAX_PASSWORD_CHARACTERS} characters`,
    );
  });
}

function checkKey(path: string, pem: string): void {
  const wrong = (what: string, cause?: unknown) =>
    new PosternError(
      "document/invalid",
      `${path}, which arc.keyFile names: ${what}; it has to be a PEM file with an RSA key of at least ${MIN_RSA_BITS} bits or ` +
        "an Ed25519 key, without a passphrase",
      { cause },
    );
  let key;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw wrong("not a private key that can be read", cause);
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type !== "rsa" && type !== "ed25519") throw wrong(`a key of the kind ${type}`);
  const bits = details?.modulusLength;
  if (bits !== undefined && bits < MIN_RSA_BITS) throw wrong(`a key of ${bits} bits`);
}

async function read(
  what: string,
  path: string,
  handed: Readonly<Record<string, string>>,
): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    const text = handed[path];
    if (text !== undefined && !(cause instanceof Deno.errors.NotFound)) return text;
    const why = cause instanceof Deno.errors.NotFound ? "there is no such file" : String(cause);
    throw new PosternError(
      "document/unreadable",
      `Cannot read ${path}, which ${what} names: ${why}`,
      {
        cause,
      },
    );
  }
}
