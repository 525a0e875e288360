/** Whether one set holds all that another does: shown key by key, never guessed. */
import { attributeRow } from "../attributes.ts";
import { matchesGlob } from "../decide/glob.ts";
import { maskOf, type Network, parseNetwork } from "../network.ts";
import { type AtomKey, treeSets } from "../tree_keys.ts";
import type { SetRef } from "./samples.ts";

/** Most keys that are compared. */
const MAX_KEYS = 200_000;
/** Most globs of the wider set that each key is compared with. */
const MAX_GLOBS = 500;

/** @returns true where every value of the first set is in the second, for certain. */
export function isSubset(part: SetRef, whole: SetRef): boolean {
  if (part.tree === whole.tree && part.atom === whole.atom) return true;
  const keys = treeSets(part.tree).all(part.atom);
  if (keys.length === 0 || keys.length > MAX_KEYS) return false;
  const kind = attributeRow(part.tree.attributes[part.tree.atoms[part.atom] as number]!).row.kind;
  const wide = new WideSet(treeSets(whole.tree).all(whole.atom));
  return keys.every((key) =>
    kind === "address"
      ? wide.hasAddress(key)
      : kind === "network"
      ? wide.hasNetwork(key)
      : wide.hasText(key)
  );
}

class WideSet {
  readonly #exact = new Set<string>();
  readonly #domains = new Set<string>();
  readonly #suffixes = new Set<string>();
  readonly #globs: string[] = [];
  readonly #networks: Network[] = [];

  constructor(keys: readonly AtomKey[]) {
    for (const { place, key } of keys) {
      if (place === "exact") this.#exact.add(key);
      else if (place === "domains") this.#domains.add(key);
      else if (place === "suffixes") this.#suffixes.add(key);
      else if (place === "globs") this.#globs.push(key);
      else this.#networks.push(parseNetwork(key)!);
    }
    this.#globs.length = Math.min(this.#globs.length, MAX_GLOBS);
  }

  /** An ending of the text that begins with a dot is here. */
  #hasSuffix(text: string): boolean {
    for (let dot = text.indexOf("."); dot >= 0; dot = text.indexOf(".", dot + 1)) {
      if (this.#suffixes.has(text.slice(dot))) return true;
    }
    return false;
  }

  hasAddress({ place, key }: AtomKey): boolean {
    if (place === "suffixes") return this.#hasSuffix(key);
    if (place === "domains") return this.#domains.has(key) || this.#hasSuffix(key);
    if (this.#exact.has(key)) return true;
    const at = key.lastIndexOf("@");
    return at >= 0 && this.hasAddress({ place: "domains", key: key.slice(at + 1) });
  }

  hasNetwork({ key }: AtomKey): boolean {
    const inner = parseNetwork(key)!;
    return this.#networks.some(({ family, bits, words }) =>
      family === inner.family && bits <= inner.bits &&
      words.every((word, w) =>
        ((word ^ inner.words[w]!) & maskOf(Math.min(32, Math.max(0, bits - 32 * w)))) === 0
      )
    );
  }

  hasText({ place, key }: AtomKey): boolean {
    if (place === "exact") {
      return this.#exact.has(key) || this.#hasSuffix(key) ||
        this.#globs.some((glob) => matchesGlob(glob, key, 0, key.length));
    }
    const glob = place === "suffixes" ? `*${key}` : key;
    const end = glob.slice(glob.lastIndexOf("*") + 1);
    if (!end.includes("?") && this.#hasSuffix(end)) return true;
    return this.#globs.some((wide) => isGlobWithin(glob, wide));
  }
}

/** What stands for any character: one that no glob names. */
const ANYTHING = "\uffff";

/**
 * Whether all that one glob matches the other does. Each `*` of the first is tried with every length up to one more than the
 * other is long: a longer one goes on in a `*` of the other as far as it likes.
 */
function isGlobWithin(narrow: string, wide: string): boolean {
  if (narrow === wide) return true;
  const parts = narrow.replaceAll("?", ANYTHING).split("*");
  if (parts.length > 3) return false;
  const lengths = Array.from({ length: wide.length + 2 }, (_, length) => length);
  const texts = (index: number): string[] =>
    index === parts.length - 1
      ? [parts[index]!]
      : texts(index + 1).flatMap((rest) =>
        lengths.map((length) => parts[index]! + ANYTHING.repeat(length) + rest)
      );
  if (lengths.length ** (parts.length - 1) > 2000) return false;
  return texts(0).every((text) => matchesGlob(wide, text, 0, text.length));
}
