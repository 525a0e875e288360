/** Conditions that one attachment must meet as a whole. */
import { extensionOf, trimName } from "../attributes.ts";
import type { AttachmentAtom, DecisionTree, TreeKeys } from "../tree.ts";
import type { AttachmentFact } from "../types.ts";
import { matchesGlob } from "./glob.ts";

/** Tells whether a mail has an attachment of which all holds that an {@link AttachmentAtom} asks. */
export class AttachmentMatcher {
  readonly #atom: AttachmentAtom;
  readonly #names: SetOfTexts | undefined;
  readonly #types: SetOfTexts | undefined;
  readonly #extensions: SetOfTexts | undefined;

  constructor(tree: DecisionTree, atom: AttachmentAtom) {
    this.#atom = atom;
    if (atom.name !== undefined) this.#names = new SetOfTexts(tree, atom.name);
    if (atom.type !== undefined) this.#types = new SetOfTexts(tree, atom.type);
    if (atom.extension !== undefined) this.#extensions = new SetOfTexts(tree, atom.extension);
  }

  matches(attachments: readonly AttachmentFact[]): boolean {
    for (let i = 0; i < attachments.length; i++) if (this.#matches(attachments[i]!)) return true;
    return false;
  }

  #matches(part: AttachmentFact): boolean {
    const { encrypted, macro } = this.#atom;
    if (encrypted !== undefined && part.encrypted !== encrypted) return false;
    if (macro !== undefined && part.macro !== macro) return false;
    if (this.#types && !this.#types.has(part.type)) return false;
    if (this.#extensions && !part.names.some((name) => this.#extensions!.has(extensionOf(name)))) {
      return false;
    }
    return !this.#names ||
      part.names.some((name) => this.#names!.has(name) || this.#names!.has(trimName(name)));
  }
}

/** The texts of one set atom, gathered from the tables. */
class SetOfTexts {
  readonly #exact = new Set<string>();
  readonly #patterns: string[] = [];

  constructor(tree: DecisionTree, atom: number) {
    const subsets = new Set([atom]);
    // Sets within sets are at most one list deep, but a second look costs nothing.
    for (let before = 0; before !== subsets.size;) {
      before = subsets.size;
      for (const [part, ...wholes] of tree.supersets) {
        if (wholes.some((whole) => subsets.has(whole))) subsets.add(part);
      }
    }
    const each = ({ keys, atoms }: TreeKeys, take: (key: string) => void) =>
      keys.forEach((key, i) => {
        if ([atoms[i]!].flat().some((one) => subsets.has(one))) take(key);
      });
    const attribute = tree.atoms[atom];
    for (const table of tree.tables) {
      if (table.attribute !== attribute) continue;
      each(table.exact, (key) => this.#exact.add(key));
      each(table.suffixes, (key) => this.#patterns.push(`*${key}`));
      each(table.globs, (key) => this.#patterns.push(key));
    }
  }

  has(text: string): boolean {
    const lower = text.toLowerCase();
    return this.#exact.has(lower) ||
      this.#patterns.some((pattern) => matchesGlob(pattern, lower, 0, lower.length));
  }
}
