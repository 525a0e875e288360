/** A policy that comes as a bundle: what of it is believed, and what is made again. */
import { MAX_BUNDLE_OCTETS, readBundle } from "../../policy/bundle.ts";
import { compilePolicy } from "../../policy/compile.ts";
import type { DecisionTree } from "../../policy/tree.ts";
import { PosternError } from "../../errors.ts";

/** A policy as its bundle gives it. */
export interface BundledPolicy {
  readonly tree: DecisionTree;
  readonly document: unknown;
  /** Git revision of the document that it was built from. */
  readonly revision?: string;
  /** Keys whose signature holds: `ed25519:BASE64`. */
  readonly signedBy: readonly string[];
}

/**
 * Reads a policy bundle. Its tree is used as it is only where the key that the node requires signed it; from any other bundle the
 * document alone is taken, compiled again, and must come to the hash that the bundle gives.
 *
 * @param file Absolute path.
 * @param requiredKey `ed25519:BASE64`, the node's `policyKey`: refuse what this key did not sign.
 * @throws {PosternError} `document/unreadable`; `policy/bundle` where it is no bundle, a signature is false or the required one is
 * missing, or tree and document are not of one another; `policy/version`; `document/invalid` for its document.
 */
export async function readPolicyBundle(file: string, requiredKey?: string): Promise<BundledPolicy> {
  const bundle = await named(file, async () => await readBundle(await readText(file), requiredKey));
  const { document, signedBy, revision } = bundle;
  let { tree } = bundle;
  if (requiredKey === undefined) {
    tree = compilePolicy(document, { file });
    if (tree.hash !== bundle.tree.hash) {
      throw new PosternError(
        "policy/bundle",
        `${file}: the bundle says that its policy is ${
          shown(bundle.tree.hash)
        }, but its document comes to ${shown(tree.hash)}: it was changed after it was built`,
      );
    }
  }
  return { tree, document, signedBy, ...(revision === undefined ? {} : { revision }) };
}

/** Refuses a plain document on a node that takes signed policies only. */
export function refusePlain(file: string, requiredKey: string): PosternError {
  return new PosternError(
    "policy/bundle",
    `${file}: this node's policyKey takes only a policy that ${requiredKey} signed, and a document cannot be: name the bundle that \`postern policy build --sign KEY\` makes of it`,
  );
}

async function readText(file: string): Promise<string> {
  try {
    const { size } = await Deno.stat(file);
    if (size > MAX_BUNDLE_OCTETS) {
      throw new PosternError("policy/bundle", `It is larger than ${MAX_BUNDLE_OCTETS} octets`);
    }
    return await Deno.readTextFile(file);
  } catch (cause) {
    if (cause instanceof PosternError) throw cause;
    const why = cause instanceof Deno.errors.NotFound
      ? "there is no such file"
      : cause instanceof Deno.errors.PermissionDenied
      ? "permission denied"
      : String(cause);
    throw new PosternError("document/unreadable", `Cannot read the bundle: ${why}`, { cause });
  }
}

/** Puts the file's name before what went wrong. */
async function named<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    throw new PosternError(error.code, `${file}: ${error.message}`, { cause: error.cause });
  }
}

/** As much of a hash as people compare; what a bundle gives may be anything. */
function shown(hash: string): string {
  return JSON.stringify(hash.slice(0, 16));
}
