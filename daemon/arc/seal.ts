/** Makes an ARC set (RFC 8617) over a message that Postern changed. Pure: keys of others come by the resolver that is handed in. */
import { Buffer } from "node:buffer";
import type { ARCData } from "mailauth";
import { arc, createSeal } from "mailauth/lib/arc/index.js";
import { dkimVerify } from "mailauth/lib/dkim/verify.js";
import { MAX_LINE, MAX_LOOKUPS, MAX_RESULTS } from "./limits.ts";

/** Who seals. */
export interface SealIdentity {
  readonly domain: string;
  readonly selector: string;
  /** PEM */
  readonly privateKey: string;
  readonly authservId: string;
}

/** TXT records of a name: `[]` where there are none; `undefined` where that cannot be found out now. */
export type LookUp = (name: string) => Promise<readonly (readonly string[])[] | undefined>;

/** The fields to be put before the message, or why there are none. */
export type SealResult = { readonly fields: string } | { readonly unsealed: string };

/**
 * Seals. What is said of signatures and of the chain before is what holds for the message as it came; what is signed is the
 * message as it goes on.
 *
 * - A chain that holds is continued with `cv=pass`, one that does not with `cv=fail` (RFC 8617, section 5.1.2), none with `cv=none`.
 * - A chain of which nobody can tell now (no answer of DNS) is left as it is: `cv` would be a guess.
 *
 * @param original As it came.
 * @param message As it goes on.
 */
export async function sealMessage(
  original: Uint8Array,
  message: Uint8Array,
  identity: SealIdentity,
  lookUp: LookUp,
): Promise<SealResult> {
  const asked = { count: 0, unanswered: false };
  const resolver = async (name: string, type: string): Promise<string[][]> => {
    if (type !== "TXT") throw dnsError("ENODATA");
    if (++asked.count > MAX_LOOKUPS) asked.unanswered = true;
    const texts = asked.count > MAX_LOOKUPS ? undefined : await lookUp(name);
    if (!texts) {
      asked.unanswered = true;
      throw dnsError("ETIMEOUT");
    }
    if (texts.length === 0) throw dnsError("ENOTFOUND");
    return texts.map((each) => [...each]);
  };
  const checked = await dkimVerify(Buffer.from(original), { resolver });
  // The library's own types do not agree with each other on what a message without a chain has.
  const chain = checked.arc ? await arc(checked.arc as ARCData, { resolver }) : undefined;
  const cv = chain?.status.result ?? "none";
  if (chain && cv === "fail") {
    if (asked.unanswered) return { unsealed: "keys of the chain before cannot be had now" };
    if (!chain.status.shouldSeal) return { unsealed: "the chain before has failed already" };
  }
  const results = checked.results.slice(0, MAX_RESULTS).map(({ info }) => info);
  const arcResult = chain?.info ?? "arc=none";
  const { headers, errors } = await createSeal(Buffer.from(message), {
    seal: {
      signingDomain: identity.domain,
      selector: identity.selector,
      privateKey: identity.privateKey,
      authResults: [identity.authservId, ...results, arcResult].map(folded).join(";\r\n "),
      cv,
      signTime: new Date(),
    },
  });
  const [error] = errors;
  if (headers.length !== 3) {
    return { unsealed: error?.err?.message ?? "the library made no seal" };
  }
  return { fields: `${headers.join("\r\n")}\r\n` };
}

/** An error as resolvers have it. */
function dnsError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** One result, in lines that are short enough; what cannot be folded is cut. */
function folded(info: string): string {
  const words = info.replace(/[^\x20-\x7e]+/g, " ").split(/ +/).filter((word) => word !== "");
  let line = "";
  const lines: string[] = [];
  for (const word of words.map((each) => each.slice(0, MAX_LINE))) {
    if (line !== "" && line.length + word.length > 100) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line].join("\r\n ");
}
